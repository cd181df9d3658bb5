package smime_test

import (
	"bytes"
	"encoding/pem"
	"errors"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

// certsOnly makes a SignedData that carries certificates.
func certsOnly(certs ...[]byte) []byte {
	signedData := []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2}
	data := []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1}
	context := asn1.Tag(0).ContextSpecific().Constructed()
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes(signedData) })
		b.AddASN1(context, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1(asn1.SET, func(*cryptobyte.Builder) {})
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes(data) })
				})
				b.AddASN1(context, func(b *cryptobyte.Builder) {
					for _, c := range certs {
						b.AddBytes(c)
					}
				})
				b.AddASN1(asn1.SET, func(*cryptobyte.Builder) {})
			})
		})
	})
	return b.BytesOrPanic()
}

func block(kind string, b []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b})
}

func TestParseCertificates(t *testing.T) {
	p := newPKI(t, nil)
	bob, ca := p.bob.x.Raw, p.ca.x.Raw
	for name, c := range map[string]struct {
		in   []byte
		want [][]byte
	}{
		"DER":                          {bob, [][]byte{bob}},
		"PEM":                          {block("CERTIFICATE", bob), [][]byte{bob}},
		"text around":                  {bytes.Join([][]byte{[]byte("Bob\n"), block("CERTIFICATE", bob), []byte("CA\n"), block("X509 CERTIFICATE", ca)}, nil), [][]byte{bob, ca}},
		"twice":                        {append(block("CERTIFICATE", bob), block("CERTIFICATE", bob)...), [][]byte{bob}},
		"certs-only":                   {certsOnly(bob, ca), [][]byte{bob, ca}},
		"certs-only, PEM":              {block("PKCS7", certsOnly(ca, bob)), [][]byte{ca, bob}},
		"certs-only, CMS":              {block("CMS", certsOnly(ca)), [][]byte{ca}},
		"attribute certificate beside": {certsOnly(bob, []byte{0xa2, 0}), [][]byte{bob}},
	} {
		got, err := smime.ParseCertificates(c.in)
		require.NoError(t, err, name)
		require.Len(t, got, len(c.want), name)
		for i, w := range c.want {
			require.Equal(t, w, got[i].Marshal(), name)
		}
	}
}

func TestParseCertificatesRefuses(t *testing.T) {
	p := newPKI(t, nil)
	bob := p.bob.x.Raw
	many := bytes.Repeat(block("CERTIFICATE", []byte{0x30, 0}), 4097)
	for name, c := range map[string]struct {
		in    []byte
		want  string
		limit bool
	}{
		"empty":            {nil, "neither certificates", false},
		"text":             {[]byte("hello"), "neither certificates", false},
		"a private key":    {append(block("CERTIFICATE", bob), block("PRIVATE KEY", []byte{0x30, 0})...), "private key", false},
		"another block":    {block("X509 CRL", bob), `"X509 CRL"`, false},
		"none":             {certsOnly(), "no certificate", false},
		"one is damaged":   {certsOnly(bob, []byte{0x30, 2, 5, 0}), "certificate number 2 of 2", false},
		"PKCS#12":          {[]byte{0x30, 3, 2, 1, 3}, "private key", false},
		"data after it":    {append(certsOnly(bob), 0), "neither certificates", false},
		"too many":         {many, "4096", true},
		"too large":        {make([]byte, 4<<20+1), "4194304", true},
		"not a SignedData": {[]byte{0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1, 0xa0, 0}, "neither certificates", false},
	} {
		_, err := smime.ParseCertificates(c.in)
		require.ErrorContains(t, err, c.want, name)
		require.Equal(t, c.limit, errors.Is(err, envelope.ErrLimit), name)
	}
}

// What OpenSSL makes of a chain is read.
func TestParseCertificatesOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not here")
	}
	p := newPKI(t, nil)
	in := append(block("CERTIFICATE", p.bob.x.Raw), block("CERTIFICATE", p.ca.x.Raw)...)
	cmd := exec.Command(openssl, "crl2pkcs7", "-nocrl", "-certfile", "/dev/stdin", "-outform", "DER")
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	require.NoError(t, err)
	got, err := smime.ParseCertificates(out)
	require.NoError(t, err)
	require.Len(t, got, 2)
}
