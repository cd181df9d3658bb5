package main

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/pgp"
)

// TestFloodedCertificate: certificates on key servers carry 150,000 signatures
// of strangers. Each is looked for among the others, which must not take the
// square of their number, and comes out once.
func TestFloodedCertificate(t *testing.T) {
	allowed(t)
	k, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	require.NoError(t, err)
	c := k.Certificate()
	var whole []byte // of the user ID and what is before it
	packets(c.Marshal(), func(tag int, _, p []byte) {
		if tag == tagPublicKey || tag == tagUserID {
			whole = append(whole, p...)
		}
	})
	const many = 150_000
	flood := slices.Clone(whole)
	for i := range many {
		body := []byte{4, 0x10, 22, 8, 0, 0, 0, 10, 9, 16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}
		body = binary.BigEndian.AppendUint32(body, uint32(i))
		flood = append(append(flood, 0xC2, byte(len(body))), body...)
	}
	others := certifications{}
	for range 2 {
		others.take(rawCert{c, flood})
	}
	require.Len(t, others["<bob@example.org>"], many)
	require.Len(t, others, 1)
}
