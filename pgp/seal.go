package pgp

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// writtenChunk is the chunk size of SEIPDv2: a reader holds one chunk before
// it releases anything, and 16 octets in 65,536 cost nothing.
const writtenChunk = 64 << 10

// Seal implements seam.Format.
func (format) Seal(dst io.Writer, p *seam.SealPlan) (seam.Writer, error) {
	if err := approved("sealing an OpenPGP message"); err != nil {
		return nil, err
	}
	keys, err := encryptionKeys(p)
	if err != nil {
		return nil, err
	}
	w := &writer{text: textEnds(p)}
	suite, v2, err := choose(p, &w.planned)
	if err != nil {
		return nil, err
	}
	var all bool
	if w.signs, all, err = newSignings(p); err != nil {
		return nil, err
	}
	if !all {
		w.planned.Findings = append(w.planned.Findings, "a signature does not name the recipients: there are more than it has room for")
	}
	w.key = make([]byte, suite.Cipher.KeySize())
	rand.Read(w.key) // never fails
	if p.SessionKey != nil {
		p.SessionKey(byte(suite.Cipher), w.key)
	}
	head, err := wrapReaders(p, keys, suite.Cipher, v2, w.key, &w.planned)
	if err != nil {
		return nil, err
	}
	w.output(dst, p.Armor, labelMessage, !v2)
	return w, w.seal(head, suite, v2)
}

// encryptionKeys asks every recipient for the key to use, and names all that
// have none.
func encryptionKeys(p *seam.SealPlan) (keys []*encryptionKey, err error) {
	var bad []error
	for _, x := range p.Recipients {
		c, ok := x.(*certificate)
		if !ok {
			return nil, errors.New("pgp: a recipient of another format")
		}
		k, err := c.encryptionKey(p.Now, p.Profile)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		keys = append(keys, k)
	}
	switch {
	case len(bad) > 0:
		return nil, &envelope.RecipientsError{Reasons: bad}
	case len(keys)+len(p.Passphrases) == 0:
		return nil, errors.New("pgp: no recipient")
	}
	return keys, nil
}

// choose decides on the container: SEIPDv2 if every recipient's certificate
// says that it is read, with GCM, which is faster, only if each lists it. Of
// who has only a passphrase nothing says anything: whoever asks for Modern or
// PostQuantum knows that they read SEIPDv2, of which OCB is a must.
func choose(p *seam.SealPlan, f *seam.Facts) (suite packet.CipherSuite, v2 bool, err error) {
	suite = packet.CipherSuite{Cipher: packet.CipherAES256, Mode: packet.AEADModeGCM}
	f.Format, f.Encrypted, f.Armored, f.OpenedBy = formatName, true, p.Armor, -1
	f.Container, f.Content, f.Auth = containerV1, contentV1, seam.AuthAtEnd
	f.Reason = "SEIPDv1: the Compatible profile"
	if len(p.Passphrases) > 0 {
		suite.Mode = packet.AEADModeOCB
	}
	v2 = p.Profile != seam.Compatible
	if v2 {
		var lowered []keyring.Fingerprint
		for _, x := range p.Recipients {
			c := x.(*certificate)
			if !c.readsSEIPDv2(p.Now) {
				f.LoweredBy = append(f.LoweredBy, c)
				lowered = append(lowered, c.public().Fingerprint())
			}
			if !c.readsGCM(p.Now) {
				suite.Mode = packet.AEADModeOCB
			}
		}
		f.Reason = "SEIPDv1: not every recipient's key says that it reads SEIPDv2"
		v2 = len(lowered) == 0
		if v2 && p.Profile == seam.Auto && len(p.Passphrases) > 0 {
			f.Reason, v2 = "SEIPDv1: what those read with who have only the passphrase is not known", false
		}
		if !v2 && p.RefuseLowering {
			return suite, false, &envelope.LoweredError{Recipients: lowered}
		}
	}
	if v2 {
		f.Reason = "SEIPDv2: the profile, and every recipient's key says that it is read"
		f.Container, f.Content, f.Auth = containerV2, contentV2(suite.Cipher, suite.Mode), seam.AuthChunk
	}
	return suite, v2, nil
}

// wrapReaders wraps the session key for every key and every passphrase, and
// adds to f what a keyless reader must find.
func wrapReaders(p *seam.SealPlan, keys []*encryptionKey, cipher packet.CipherFunction, v2 bool, secret []byte, f *seam.Facts) ([]byte, error) {
	head, err := wrapAll(keys, cipher, v2, p.Hidden, secret)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		f.Recipients = append(f.Recipients, plannedRecipient(k.key, v2, p.Hidden))
	}
	if n := hiddenIn(f); p.Hidden && n > usualTrials {
		f.Findings = append(f.Findings, fmt.Sprintf("the message does not name %d of its recipients, and readers try few keys of those that may be theirs: seal in parts", n))
	}
	for _, text := range p.Passphrases {
		packet, r, err := wrapForPassphrase(text, cipher, v2, secret)
		if err != nil {
			return nil, err
		}
		head = append(head, packet...)
		f.Recipients = append(f.Recipients, r)
	}
	return head, nil
}

// hiddenIn counts the recipients that a message does not name.
func hiddenIn(f *seam.Facts) (n int) {
	for _, r := range f.Recipients {
		if r.Hidden {
			n++
		}
	}
	return n
}

// usualTrials is how many private-key operations readers make for one message:
// the default of envelope.Limits.
const usualTrials = 32

// plannedRecipient is what a keyless reader must find for a key.
func plannedRecipient(key *packet.PublicKey, v2, hidden bool) seam.Recipient {
	r := seam.Recipient{Algorithm: keyAlgorithm(byte(key.PubKeyAlgo)), Hidden: hidden}
	switch {
	case hidden:
	case v2:
		r.ID = keyName(key.Fingerprint, 0)
	default:
		r.ID = keyName(nil, key.KeyId)
	}
	return r
}

// wrapAll encrypts the session key to every key, before a byte is written: a
// key with a point that is none of its curve shows itself only now.
func wrapAll(keys []*encryptionKey, cipher packet.CipherFunction, v2, hidden bool, secret []byte) ([]byte, error) {
	const few = 8 // below, a second worker costs more than it brings
	workers := min(runtime.GOMAXPROCS(0), 4)
	if len(keys) < few {
		workers = 1
	}
	out := make([]bytes.Buffer, len(keys))
	errs := make([]error, len(keys))
	wrap := func(at int) {
		for i := at; i < len(keys); i += workers {
			errs[i] = keyGuard(func() error {
				return packet.SerializeEncryptedKeyAEADwithHiddenOption(&out[i], keys[i].key, cipher, v2, secret, hidden, config())
			})
		}
	}
	var wg sync.WaitGroup
	for at := 1; at < workers; at++ {
		wg.Go(func() { wrap(at) })
	}
	wrap(0) // few are not worth a goroutine
	wg.Wait()
	var bad []error
	var head bytes.Buffer
	for i, err := range errs {
		if err != nil {
			bad = append(bad, &keyring.UnusableError{
				Fingerprint: keys[i].cert.public().Fingerprint(),
				Reason:      fmt.Sprintf("has an encryption key that does not work (%.80q)", err),
			})
		}
		head.Write(out[i].Bytes())
		out[i] = bytes.Buffer{}
	}
	if len(bad) > 0 {
		return nil, &envelope.RecipientsError{Reasons: bad}
	}
	return head.Bytes(), nil
}

// headBuffer joins what comes before the content, in small pieces. Parts of
// packets are larger, and pass by it.
const headBuffer = 2 << 10

// output lays armor and a buffer between the writer and dst.
func (w *writer) output(dst io.Writer, armor bool, label string, checksum bool) {
	buf := bufio.NewWriterSize(dst, headBuffer)
	w.out = buf
	if armor {
		a := newArmorWriter(buf, label, checksum)
		w.out = a
		w.finish = append(w.finish, a.Close)
	}
	w.finish = append(w.finish, buf.Flush)
}

// seal writes what comes before the content.
func (w *writer) seal(head []byte, suite packet.CipherSuite, v2 bool) error {
	if _, err := w.out.Write(head); err != nil {
		return err
	}
	box, err := newBox(w.out, suite, v2, w.key)
	if err != nil {
		return err
	}
	w.box, w.in = box, box
	if v2 { // readers of SEIPDv1 know of no Padding packet
		w.inside = &measured{w: box}
		w.in = w.inside
	}
	return w.begin()
}
