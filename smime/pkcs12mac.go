package smime

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/x509"
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"software.sslmate.com/src/go-pkcs12"
)

// maxMACKey is the size in octets of the longest key that is derived with
// PBKDF2 for a file: Bouncy Castle makes MAC keys of 256.
const maxMACKey = 1024

// macKeyID says that a key is derived for a MAC (RFC 7292, Appendix B.3).
const macKeyID = 3

// bmpPassword returns a passphrase as PKCS#12 derives from it: UTF-16 with two
// zero octets at its end (RFC 7292, Appendix B.1). BMPString has no surrogates.
func bmpPassword(passphrase []byte) ([]byte, bool) {
	if !utf8.Valid(passphrase) {
		return nil, false
	}
	var out []byte
	for _, r := range string(passphrase) {
		if utf16.RuneLen(r) != 1 {
			return nil, false
		}
		out = append(out, byte(r>>8), byte(r))
	}
	return append(out, 0, 0), true
}

// verify checks the MAC, and returns the password in the form that it was made
// with.
//
// QUIRK: some derive from no octets at all where the passphrase is empty, and
// not from two zero octets; both are tried.
func (f *pfx) verify(passphrase []byte) (password []byte, ok bool) {
	password, ok = bmpPassword(passphrase)
	if !ok {
		return nil, false
	}
	if f.mac.oid == oidPBMAC1 {
		return password, f.verifyPBMAC1(passphrase)
	}
	h, ok := hashByOID(f.mac.oid)
	if !ok || h == crypto.MD5 || !f.mac.plain() {
		return nil, false
	}
	forms := [][]byte{password}
	if len(passphrase) == 0 {
		forms = append(forms, nil)
	}
	for _, p := range forms {
		m := hmac.New(h.New, deriveKey(h, macKeyID, p, f.salt, f.iterations, h.Size()))
		m.Write(f.authSafe)
		if hmac.Equal(m.Sum(nil), f.digest) {
			return p, true
		}
	}
	return nil, false
}

// verifyPBMAC1 checks the MAC of RFC 9879, which derives with PBKDF2 from the
// passphrase in UTF-8. A key shorter than 20 octets could be found by trying
// (Section 5), and the length must be stated.
func (f *pfx) verifyPBMAC1(passphrase []byte) bool {
	s := cryptobyte.String(f.mac.params)
	var kdf, mac algorithm
	if !s.ReadASN1(&s, asn1.SEQUENCE) || !readAlgorithm(&s, &kdf, asn1.SEQUENCE) ||
		!readAlgorithm(&s, &mac, asn1.SEQUENCE) || !s.Empty() || kdf.oid != oidPBKDF2 {
		return false
	}
	p, ok := readPBKDF2(kdf.params)
	prf, known := hmacByOID(p.prf.oid)
	h, knownMAC := hmacByOID(mac.oid)
	if !ok || !known || !knownMAC || p.size < 20 {
		return false
	}
	key, err := pbkdf2.Key(prf.New, string(passphrase), p.salt, int(p.iterations), int(p.size))
	if err != nil {
		return false
	}
	m := hmac.New(h.New, key)
	m.Write(f.authSafe)
	return hmac.Equal(m.Sum(nil), f.digest)
}

// MarshalPKCS12 returns k as a PKCS#12 file, which mail programs import. The
// passphrase must not be empty; it protects both key and certificate, with
// PBES2 (PBKDF2 with SHA-256, 600,000 iterations, AES-256) and a MAC. A key in a
// hardware module cannot be marshalled, nor can one of X448, Ed448, ML-KEM or
// ML-DSA, for which [Key.Marshal] is; and with fips140=only none can, which is an
// [*envelope.NotApprovedError].
func (k *Key) MarshalPKCS12(passphrase []byte) ([]byte, error) {
	return k.marshalPKCS12(passphrase, writeIterations)
}

func (k *Key) marshalPKCS12(passphrase []byte, iterations int) ([]byte, error) {
	switch {
	case k == nil || k.in == nil:
		return nil, errNoKey
	case len(bytes.TrimSpace(passphrase)) == 0 || !utf8.Valid(passphrase):
		return nil, errors.New("smime: a PKCS#12 file needs a passphrase, in UTF-8")
	case fipsOnly():
		return nil, notApproved("PKCS#12")
	}
	// go-pkcs12 writes what crypto/x509 has a form for.
	if der, err := x509.MarshalPKCS8PrivateKey(k.in.private); err == nil {
		clear(der)
	} else if der, err := marshalPKCS8(k.in.private); err == nil {
		clear(der)
		return nil, fmt.Errorf("smime: a key of %s is not written as PKCS#12, since hardly a program would read it: Key.Marshal writes it as PEM", k.in.cert.key.name)
	}
	p12, err := pkcs12.Modern2023.WithIterations(iterations).Encode(k.in.private, k.in.cert.x, nil, string(passphrase))
	if err != nil {
		return nil, fmt.Errorf("smime: writing PKCS#12: %w", err)
	}
	return p12, nil
}
