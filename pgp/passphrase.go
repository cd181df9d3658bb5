package pgp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/cfb"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// What the passphrases of one message may cost in all: each passphrase that
// was given with each packet. Who wrote the message chose that.
const (
	// Each packet costs what it asks for, and GnuPG writes one.
	maxPasswords = 8

	// 16 times the most that one packet can ask for, which is what is written
	// here: two packets and eight passphrases, or the other way round. A second
	// or two.
	maxIteratedOctets = 1 << 30
)

// passwords are the passphrase packets of a message.
type passwords struct {
	list []*password
	kept [3]int // how many of version 4, 5 and 6
}

// add keeps at most one more of each version than the limit, to know that it
// was passed: which of them count is known only when the container is.
func (c *passwords) add(p *password) {
	if p.version < 4 || p.version > 6 {
		return
	}
	if n := &c.kept[p.version-4]; *n <= maxPasswords {
		*n++
		c.list = append(c.list, p)
	}
}

// fitting returns those that belong in front of a container: a session key of
// one container must not serve another (RFC 9580, Section 10.3.2.1). GnuPG
// writes versions 4 and 5 in front of its own.
func (c *passwords) fitting(container string) (fit []*password) {
	for _, p := range c.list {
		switch {
		case p.version == 4 && container != containerV2, // packet 9 too
			p.version == 5 && container == containerLibre,
			p.version == 6 && container == containerV2:
			fit = append(fit, p)
		}
	}
	return fit
}

// tried returns the packets that so many passphrases are tried with. The error
// says why there are none, unless nobody is to be told because there is no
// packet or no passphrase.
func (c *passwords) tried(container string, passphrases int, reads func(packet.CipherFunction) bool) (fit []*password, err error) {
	if passphrases == 0 || len(c.list) == 0 {
		return nil, nil
	}
	all := c.fitting(container)
	if len(all) == 0 {
		return nil, malformed("its passphrase packets are of a version that does not belong in front of %s", container)
	}
	if err := checkPasswords(all, passphrases); err != nil {
		return nil, err
	}
	for _, p := range all {
		switch {
		case p.refuse != nil:
			err = p.refuse
		case len(p.key) == 0 && !reads(p.cipher): // where it says itself what the content is encrypted with
			err = malformed("encrypted with %s: not supported in %s, or not without its name in Legacy", oldName(p.cipher), container)
		default:
			fit = append(fit, p)
		}
	}
	if len(fit) > 0 {
		return fit, nil
	}
	return nil, err
}

// checkPasswords refuses what costs too much, before any of it is computed.
func checkPasswords(all []*password, passphrases int) error {
	if len(all) > maxPasswords {
		return &envelope.LimitError{What: "passphrase packets in one message", Max: maxPasswords, Fixed: true}
	}
	var sum s2kCost
	for _, p := range all {
		sum.octets += p.cost.octets * uint64(passphrases) // 8 times 8 times 2^27 at most
		sum.work += p.cost.work * uint64(passphrases)
		if limit := limitIn(p.refuse); limit != nil {
			return limit
		}
	}
	switch {
	case sum.octets > maxIteratedOctets:
		return &envelope.LimitError{What: "octets hashed for the passphrases of one message", Max: maxIteratedOctets, Fixed: true}
	case sum.work > maxArgon2Work:
		return &envelope.LimitError{What: "KiB times passes of Argon2 for the passphrases of one message", Max: maxArgon2Work, Fixed: true}
	}
	return nil
}

// unlocked is a session key that a passphrase may have brought.
type unlocked struct {
	cipher packet.CipherFunction
	key    []byte
}

// byPassphrase tries every passphrase with every packet, whether or not one
// before fitted, and returns the first that did.
//
// An AEAD says by itself what fits. Version 4 has nothing that does: where it
// holds no session key, as gpg -c writes it, every passphrase brings a key, and
// where it does one in 256. So SEIPDv1 is asked, whose first octets repeat:
// 65,535 of 65,536 wrong keys are found out, and a wrong one that is taken all
// the same ends in ErrDecrypt at the MDC. RFC 9580, Section 5.13.1 warns of
// that check because it told attackers something (Mister and Zuccherato, 2005).
// Here it tells nobody: without a fit a random key is taken, the whole message
// is read in either case, and what was changed in the repeated octets fails at
// the MDC in either case.
//
// Packet 9 has no MDC, and there it would tell: it is asked only where one of
// several keys has to be chosen.
func (s *session) byPassphrase(tried []*password, head []byte) (got unlocked, ok bool) {
	ask := s.first.container == containerV1 ||
		s.first.container == containerSED && len(tried)*len(s.plan.Passphrases) > 1
	for _, p := range tried {
		for _, text := range s.plan.Passphrases {
			u, fits := p.unlock(text, s.first)
			fits = fits && s.reads(u.cipher)
			if fits && ask {
				fits = repeats(u, head)
			}
			if fits && !ok {
				got, ok = u, true
			} else {
				clear(u.key)
			}
		}
	}
	return got, ok
}

// unlock derives a key, and decrypts the session key with it where there is one.
func (p *password) unlock(passphrase []byte, in *sealed) (u unlocked, ok bool) {
	kek := make([]byte, p.cipher.KeySize())
	err := keyGuard(func() error {
		derive, err := deriver(p.spec)
		if err == nil {
			derive(kek, passphrase)
		}
		return err
	})
	if err != nil {
		return u, false
	}
	if p.version == 4 {
		u = p.unlockV4(kek)
	} else {
		defer clear(kek)
		u.cipher = in.cipher
		aead, ad, err := p.aead(kek)
		if err == nil {
			u.key, err = aead.Open(nil, p.nonce, p.key, ad)
		}
		if err != nil {
			return unlocked{}, false
		}
	}
	// CFB content is of any cipher, as with PKESKs of version 3.
	if !in.plainCFB() && u.cipher != in.cipher {
		return u, false
	}
	return u, cipherName(u.cipher)+oldName(u.cipher) != "" && u.cipher.KeySize() == len(u.key)
}

// unlockV4 is RFC 9580, Section 5.3.1.
func (p *password) unlockV4(kek []byte) unlocked {
	if len(p.key) == 0 {
		return unlocked{p.cipher, kek}
	}
	defer clear(kek)
	plain := bytes.Clone(p.key)
	block, err := newBlock(p.cipher, kek)
	if err != nil { // a size that the cipher does not have
		return unlocked{}
	}
	cfb.NewDecrypter(block).Decrypt(plain) // with an IV of zeros
	return unlocked{packet.CipherFunction(plain[0]), plain[1:]}
}

// repeats reports whether head, the beginning of SEIPDv1's ciphertext, decrypts
// to a block whose last two octets come twice, RFC 9580, Section 5.13.1.
func repeats(u unlocked, head []byte) bool {
	block, err := newBlock(u.cipher, u.key)
	if err != nil || len(head) != prefixLen {
		return false
	}
	size := block.BlockSize()
	plain := bytes.Clone(head[:size+2])
	cfb.NewDecrypter(block).Decrypt(plain)
	return subtle.ConstantTimeCompare(plain[size-2:size], plain[size:]) == 1
}

// plainCFB reports whether the content is in CFB mode: only what brings the key
// says then which cipher it is for, and the content begins with a repetition.
func (s *sealed) plainCFB() bool { return s.mode == 0 }

// prefixLen is the octets that come before the content of SEIPDv1 and packet 9.
const prefixLen = aes.BlockSize + 2

// aead returns what the session key is encrypted with, and what is
// authenticated beside it, RFC 9580, Section 5.3.2; version 5 is
// draft-koch-librepgp, Section 5.3.
func (p *password) aead(kek []byte) (a cipher.AEAD, ad []byte, err error) {
	ad = []byte{0xC0 | tagSKESK, p.version, byte(p.cipher), byte(p.mode)}
	if p.version == 6 {
		if kek, err = hkdf.Key(sha256.New, kek, nil, string(ad), len(kek)); err != nil {
			return nil, nil, err
		}
	}
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, nil, err
	}
	a, err = newAEAD(block, p.mode)
	return a, ad, err
}

// What is written. Iterated S2K hashes the most that it can; Argon2 has the
// second of the two sets of parameters that RFC 9106, Section 4 recommends.
const (
	writtenCount    = 0xFF // 65,011,712 octets
	writtenPasses   = 3
	writtenLanes    = 4
	writtenMemory   = 16 // 2^16 KiB
	writtenV4Digest = 8  // SHA-256
)

// writtenCost is what one of the packets written here costs who tries it.
func writtenCost(v2 bool) s2kCost {
	if v2 {
		return s2kCost{work: writtenPasses << writtenMemory}
	}
	return s2kCost{octets: 65_011_712}
}

// wrapForPassphrase makes a packet that brings the session key to whoever knows
// the passphrase: version 4 in front of SEIPDv1, version 6 of SEIPDv2.
func wrapForPassphrase(passphrase []byte, of packet.CipherFunction, v2 bool, secret []byte) ([]byte, seam.Recipient, error) {
	p := &password{version: 4, cipher: packet.CipherAES256}
	if v2 {
		p.version, p.mode = 6, packet.AEADModeOCB // which whoever reads SEIPDv2 reads
		p.spec = append([]byte{s2kArgon2}, random(16)...)
		p.spec = append(p.spec, writtenPasses, writtenLanes, writtenMemory)
		p.nonce = random(p.mode.IvLength())
	} else {
		p.spec = append([]byte{s2kIterated, writtenV4Digest}, random(8)...)
		p.spec = append(p.spec, writtenCount)
	}
	derive, err := deriver(p.spec)
	if err != nil {
		return nil, seam.Recipient{}, err
	}
	kek := make([]byte, p.cipher.KeySize())
	defer clear(kek)
	derive(kek, passphrase)
	body := []byte{p.version}
	if v2 {
		aead, ad, err := p.aead(kek)
		if err != nil {
			return nil, seam.Recipient{}, err
		}
		body = append(body, byte(3+len(p.spec)+len(p.nonce)), byte(p.cipher), byte(p.mode), byte(len(p.spec)))
		body = append(append(body, p.spec...), p.nonce...)
		body = aead.Seal(body, p.nonce, secret, ad)
	} else {
		block, err := aes.NewCipher(kek)
		if err != nil {
			return nil, seam.Recipient{}, err
		}
		plain := append([]byte{byte(of)}, secret...)
		cfb.NewEncrypter(block).Encrypt(plain)
		body = append(append(append(body, byte(p.cipher)), p.spec...), plain...)
	}
	return append([]byte{0xC0 | tagSKESK, byte(len(body))}, body...), p.recipient(), nil
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

// peekPrefix reads the first octets of the ciphertext, which will be read again.
func (s *sealed) peekPrefix() ([]byte, error) {
	head := make([]byte, prefixLen)
	n, err := io.ReadFull(s.body, head)
	s.body.again = head[:n]
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil // the packet ends there, and no key fits; a source that ends has an error of its own
	}
	return head[:n], err
}
