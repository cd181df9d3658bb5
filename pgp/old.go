package pgp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	//lint:ignore SA1019 it is read where the caller allows it by name
	"golang.org/x/crypto/cast5"
)

// errNoMDC refuses packet 9, RFC 9580, Section 5.7.
//
// The session key of SEIPDv1 serves packet 9 too: whoever carries a message can
// cut version and MDC off, exchange the packet's type, and have a reader take
// what they changed. So the message never decides, and a caller that reads
// such archives says so by name.
var errNoMDC = malformed("encrypted without integrity protection (packet 9): whoever carried it can have changed it. Legacy.NoMDC allows to read it")

// reads reports whether content under cipher is read from this message: AES
// always, what was usual before where the caller allows it by name.
func (s *session) reads(cipher packet.CipherFunction) bool {
	switch cipher {
	case packet.Cipher3DES:
		return s.facts.Container == containerSED || s.facts.Container == containerV1 && s.plan.Legacy.TripleDES
	case packet.CipherCAST5:
		return s.facts.Container == containerSED // which Open refused without Legacy.NoMDC
	}
	return cipherName(cipher) != ""
}

// weakFinding says what a person should know of the cipher that the content
// was found to have.
func weakFinding(cipher packet.CipherFunction) []string {
	name := oldName(cipher)
	if name == "" {
		return nil
	}
	return []string{"the content is encrypted with " + name + ", whose blocks of 64 bits repeat by chance in long messages"}
}

// oldName names a cipher that is read where the caller allows it, "" for all others.
func oldName(cipher packet.CipherFunction) string {
	switch cipher {
	case packet.Cipher3DES:
		return "triple DES"
	case packet.CipherCAST5:
		return "CAST5"
	}
	return ""
}

// newBlock returns a cipher that session.reads allows.
func newBlock(f packet.CipherFunction, key []byte) (cipher.Block, error) {
	switch f {
	case packet.Cipher3DES:
		return des.NewTripleDESCipher(key)
	case packet.CipherCAST5:
		return cast5.NewCipher(key)
	}
	return aes.NewCipher(key)
}
