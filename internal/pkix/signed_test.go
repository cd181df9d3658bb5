package pkix

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// tlv returns an element in DER of less than 64 KiB.
func tlv(tag byte, parts ...[]byte) []byte {
	var in []byte
	for _, p := range parts {
		in = append(in, p...)
	}
	return append([]byte{tag, 0x82, byte(len(in) >> 8), byte(len(in))}, in...)
}

// The certificates of a SignedData are found whatever is signed and whoever
// signed, and nothing else is taken for one.
func TestSignedCertificates(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Bob"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	oid := func(last byte) []byte { return []byte{6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, last} }
	version, digests, content := []byte{2, 1, 1}, tlv(0x31), tlv(0x30, oid(1), tlv(0xA0, tlv(4, []byte("Hello"))))
	info := func(kind []byte, signed ...[]byte) []byte { return tlv(0x30, kind, tlv(0xA0, tlv(0x30, signed...))) }
	attribute := tlv(0xA2, []byte{2, 1, 1})
	signers := tlv(0x31, tlv(0x30, version))
	good := info(oid(2), version, digests, content, tlv(0xA0, cert, attribute, cert), signers)
	for name, c := range map[string]struct {
		raw       []byte
		max, most int
		n         int
		ok        bool
	}{
		"two, and another's attributes": {good, 1 << 20, 9, 2, true},
		"as many as asked for":          {good, 1 << 20, 1, 1, true},
		"none":                          {info(oid(2), version, digests, content, signers), 1 << 20, 9, 0, true},
		"an empty set":                  {info(oid(2), version, digests, content, tlv(0xA0), signers), 1 << 20, 9, 0, true},
		"encrypted data":                {info(oid(3), version, digests, content, tlv(0xA0, cert), signers), 1 << 20, 9, 0, false},
		"no content":                    {info(oid(2), version, digests), 1 << 20, 9, 0, false},
		"no version":                    {info(oid(2), digests, content, tlv(0xA0, cert), signers), 1 << 20, 9, 0, false},
		"something behind":              {append(good[:len(good):len(good)], 5, 0), 1 << 20, 9, 0, false},
		"too large":                     {good, 100, 9, 0, false},
		"cut":                           {good[:len(good)-1], 1 << 20, 9, 0, false},
		"a certificate":                 {cert, 1 << 20, 9, 0, false},
		"nothing":                       {nil, 1 << 20, 9, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := SignedCertificates(c.raw, int64(c.max), c.most)
			require.Equal(t, c.ok, err == nil, err)
			require.Len(t, all, c.n)
			for _, one := range all {
				require.Equal(t, cert, one)
			}
		})
	}
}
