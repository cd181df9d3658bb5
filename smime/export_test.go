package smime

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"testing/iotest"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/base64lines"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// What tests see of the inside.

// FixedRSA returns a key of testdata: to make one takes up to seconds.
func FixedRSA(name string) *rsa.PrivateKey {
	b, err := os.ReadFile("testdata/" + name + ".pem")
	if err != nil {
		panic(err)
	}
	block, _ := pem.Decode(b)
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return k.(*rsa.PrivateKey)
}

func CertificateFromDER(der []byte) (*keyring.Certificate, error) {
	c, err := parseCertificate(der)
	if err != nil {
		return nil, err
	}
	return c.public(), nil
}

func NewPEMWriter(dst io.Writer) io.WriteCloser      { return newPEMWriter(dst) }
func Dearmor(src io.Reader) (io.Reader, bool, error) { return dearmor(src) }
func NewMIMEBase64(dst io.Writer) io.WriteCloser     { return base64lines.NewWriter(dst) }
func NewBase64Reader(src io.Reader) io.Reader        { return newBase64Reader(src) }
func IsSignedEntity(head []byte, named bool) bool    { return sniffEntity(head, named) != notNested }
func EntityBody(plain io.Reader) (io.Reader, error)  { return entityBody(plain) }
func Context(n uint8) byte                           { return byte(context(n)) }
func Sniff(b []byte) bool                            { return format{}.Sniff(b) }
func BERReader(src io.Reader) *ber.Reader            { return ber.NewReader(src) }
func CheckContentAlgorithm(der []byte) (string, error) {
	a, err := parseContentAlgorithm(der)
	return a.name, err
}

const (
	MaxEntityHeader    = maxEntityHeader
	SignedEntityHeader = signedEntityHeader
)

// WrapFor returns a RecipientInfo with a content key of the test's choice.
func WrapFor(c *keyring.Certificate, cek []byte, v15 bool) ([]byte, error) {
	in := seam.Opaque[seam.Certificate](*c).Unwrap().(*certificate)
	der, _, _, err := wrapFor(in, cek, v15)
	return der, err
}

// SignerInfoOf returns a SignerInfo over a digest of the test's choice.
func SignerInfoOf(k *Key, contentType, digest []byte, now time.Time) ([]byte, error) {
	der, _, err := (&signer{key: k.in}).signerInfo(contentType, digest, now)
	return der, err
}

// FirstPart returns the signed part of a multipart/signed, read an octet at a
// time.
func FirstPart(plain io.Reader) ([]byte, error) {
	m, err := enterMultipartSigned(iotest.OneByteReader(plain), seam.Limits{})
	if err != nil {
		return nil, err
	}
	return io.ReadAll(iotest.OneByteReader(m.content()))
}

// WrapForPassphrase returns a PasswordRecipientInfo that costs what the test
// likes.
func WrapForPassphrase(passphrase string, cek []byte, iterations int) ([]byte, error) {
	der, _, err := wrapForPassphrase([]byte(passphrase), cek, iterations)
	return der, err
}

// SucceededAt is SucceededIn at another time.
func SucceededAt(old *keyring.Verified, message []byte, now time.Time) keyring.Evidence {
	return succession{old: old, message: message, now: func() time.Time { return now }}.evidence()
}
