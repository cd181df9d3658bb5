package pgp

import (
	"crypto/rand"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// trial is one session key packet and one private key that it may be for.
type trial struct {
	packet   sessionKey
	key      *packet.PrivateKey
	identity int
}

// Open implements seam.Format.
func (format) Open(src io.Reader, p *seam.OpenPlan) (seam.Session, error) {
	if err := approved("opening an OpenPGP message"); err != nil {
		return nil, err
	}
	s := &session{plan: p}
	keys := identityKeys(p)
	var candidates trials
	in, err := readSealed(src, p.Limits, func(k sessionKey, r seam.Recipient) {
		s.facts.Recipients = append(s.facts.Recipients, r)
		if k.password != nil {
			s.passwords.add(k.password)
		}
		for _, t := range keys {
			if k.raw != nil && k.names(&t.key.PublicKey) {
				candidates.add(trial{k, t.key, t.identity}, p.Limits.PrivateTrial)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	if in.container == containerSED && !p.Legacy.NoMDC {
		return nil, errNoMDC
	}
	s.first, s.mode = in, in.mode
	s.facts.Format, s.facts.Encrypted, s.facts.Armored = formatName, true, in.armor != nil
	s.facts.Container, s.facts.Content, s.facts.Auth = in.container, in.content(), in.auth()
	if s.handed() {
		s.tell()
		return s, nil
	}
	fit, err := candidates.fitting(in)
	var tried []*password
	if err != nil || fit[0].packet.hidden() {
		// Which that is can be seen, so that the time that passphrases take
		// does not tell whether a private key worked.
		var perr error
		if tried, perr = s.passwords.tried(in.container, len(p.Passphrases), s.reads); perr != nil && err != nil {
			return nil, perr
		}
	}
	if err != nil && len(tried) == 0 {
		return nil, err
	}
	if len(fit) > p.Limits.PrivateTrial {
		return nil, &envelope.LimitError{What: "private-key operations", Max: int64(p.Limits.PrivateTrial)}
	}
	var prefix []byte
	if len(tried) > 0 && in.plainCFB() {
		if prefix, err = in.peekPrefix(); err != nil {
			return nil, err
		}
	}
	s.unlock(fit, tried, prefix)
	s.tell()
	return s, nil
}

// identityKeys lists every private key that can decrypt.
func identityKeys(p *seam.OpenPlan) (keys []trial) {
	for i, id := range p.Identities {
		if k, ok := id.(*privateKey); ok {
			for _, key := range k.decryptionKeys() {
				keys = append(keys, trial{key: key, identity: i})
			}
		}
	}
	return keys
}

// trials are those that a message offers, by version of the session key
// packet (3 or 6), and by whether it names its key.
type trials struct{ named3, hidden3, named6, hidden6 []trial }

// add keeps at most one more than the limit, to know that it was passed.
func (ts *trials) add(t trial, limit int) {
	to := &ts.named3
	switch {
	case t.packet.version == 6 && t.packet.hidden():
		to = &ts.hidden6
	case t.packet.version == 6:
		to = &ts.named6
	case t.packet.hidden():
		to = &ts.hidden3
	}
	if len(*to) <= limit {
		*to = append(*to, t)
	}
}

// fitting returns the trials whose version belongs to the container: a session
// key of one must not serve the other, and is to be ignored (RFC 9580, Section
// 10.3.2.1). Those that name nobody count only where none names the key.
func (ts *trials) fitting(in *sealed) ([]trial, error) {
	named, hidden, other := ts.named3, ts.hidden3, len(ts.named6)+len(ts.hidden6)
	if in.container == containerV2 {
		named, hidden, other = ts.named6, ts.hidden6, len(ts.named3)+len(ts.hidden3)
	}
	switch {
	case len(named) > 0:
		return named, nil
	case len(hidden) > 0:
		return hidden, nil
	case other > 0:
		return nil, malformed("its session key packets are of a version that does not belong in front of %s", in.container)
	}
	return nil, envelope.ErrNotForYou
}

// unlock decrypts the session key with the first trial that does, and with a
// random one where none does: the error must come where that of damaged content
// comes, or who sees the difference learns something about the padding of RSA
// (RFC 3218, Section 2.3, which is about CMS; the attack is the same). So it is
// with every algorithm, since a message that is cut off too has to look cut off
// whatever its session key packet holds. All trials are made even after one
// that brought a key: their number is in the message, and tells nothing. So
// does OpenedBy, which without such a one is the identity that was tried first.
//
// Passphrases come last, and are all tried even so.
func (s *session) unlock(fit []trial, tried []*password, prefix []byte) {
	s.facts.OpenedBy = -1
	if len(fit) > 0 {
		s.facts.OpenedBy = fit[0].identity
	}
	s.cipher = packet.CipherAES256
	if s.first.cipher != 0 {
		s.cipher = s.first.cipher
	}
	s.key = make([]byte, s.cipher.KeySize())
	rand.Read(s.key) // never fails
	found := false
	for _, t := range fit {
		cipher, key := s.decryptKey(t)
		switch {
		case key == nil:
		case found:
			clear(key)
		default:
			found = true
			s.cipher, s.key, s.facts.OpenedBy = cipher, key, t.identity
		}
	}
	if u, ok := s.byPassphrase(tried, prefix); ok && !found {
		s.cipher, s.key, s.facts.OpenedBy = u.cipher, u.key, -1
	}
}

// decryptKey returns the session key that the trial brings if it fits, or nil.
func (s *session) decryptKey(t trial) (packet.CipherFunction, []byte) {
	if !t.packet.markedPoint() {
		return 0, nil
	}
	k, err := readKeyPacket[*packet.EncryptedKey](tagPKESK, t.packet.raw)
	if err != nil || keyGuard(func() error { return k.Decrypt(t.key, config()) }) != nil {
		return 0, nil
	}
	cipher := s.first.cipher // version 6 does not say, RFC 9580, Section 5.1.2
	if t.packet.version == 3 {
		cipher = k.CipherFunc
		if s.first.container == containerLibre && cipher != s.first.cipher {
			return 0, nil
		}
	}
	if !s.reads(cipher) || cipher.KeySize() != len(k.Key) {
		return 0, nil
	}
	return cipher, k.Key
}

// config is what go-crypto is always called with: where it is given none it
// chooses AES-128 and SHA-256.
func config() *packet.Config {
	return &packet.Config{
		DefaultCipher: packet.CipherAES256,
		DefaultHash:   hashToSign,
		AEADConfig:    &packet.AEADConfig{DefaultMode: packet.AEADModeOCB, ChunkSize: writtenChunk},
	}
}
