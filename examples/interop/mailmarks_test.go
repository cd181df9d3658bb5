package interop_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"regexp"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/internal/marks"
)

// boundary is one of MIME.
var boundary = regexp.MustCompile(`boundary="?[^"\s;]+`)

// marksOf returns the marks of m, the address first.
func marksOf(t *testing.T, m *member) []marks.Mark {
	t.Helper()
	all := []marks.Mark{marks.New("the address", []byte(m.address))}
	if m.format == "smime" {
		c := certificateOf(t, m)
		one, two := sha1.Sum(c.Raw), sha256.Sum256(c.Raw)
		require.NotEmpty(t, c.SubjectKeyId)
		return append(all, marks.New("the serial number", c.SerialNumber.Bytes()), marks.New("the key identifier", c.SubjectKeyId),
			marks.New("the SHA-1 fingerprint", one[:]), marks.New("the fingerprint", two[:]), marks.New("the subject", c.RawSubject))
	}
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(read(t, m.public)))
	require.NoError(t, err)
	fingerprints := [][]byte{ring[0].PrimaryKey.Fingerprint}
	for _, k := range ring[0].Subkeys {
		fingerprints = append(fingerprints, k.PublicKey.Fingerprint)
	}
	for _, f := range fingerprints {
		id := f[len(f)-8:]
		if len(f) == 32 { // RFC 9580, Section 5.5.4.3: of version 6 the first eight octets
			id = f[:8]
		}
		all = append(all, marks.New("a fingerprint", f), marks.New("a key ID", id))
	}
	return all
}
