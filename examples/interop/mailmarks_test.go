package interop_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/stretchr/testify/require"
)

// boundary is one of MIME.
var boundary = regexp.MustCompile(`boundary="?[^"\s;]+`)

// mark is something by which a person or their key is known.
type mark struct {
	what  string
	forms [][]byte
}

// newMark takes it in all forms in which it could stand somewhere: raw, in
// hexadecimal, and in base64 behind no, one and two other octets.
func newMark(what string, b []byte) mark {
	m := mark{what: what}
	lower := hex.EncodeToString(b)
	m.forms = append(m.forms, b, []byte(lower), []byte(strings.ToUpper(lower)))
	for offset := range 3 {
		s := base64.RawStdEncoding.EncodeToString(append(make([]byte, offset), b...))
		// The characters that hold bits of a neighbour too are left out.
		from, to := (8*offset+5)/6, (8*(offset+len(b)))/6
		m.forms = append(m.forms, []byte(s[from:to]))
	}
	return m
}

// in reports whether the mark is in b, across line ends too.
func (m mark) in(b []byte) bool {
	joined := bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r"), nil), []byte("\n"), nil)
	for _, form := range m.forms {
		if bytes.Contains(b, form) || bytes.Contains(joined, form) {
			return true
		}
	}
	return false
}

// TestMark: a mark is found in each form, and one octet beside it is not.
func TestMark(t *testing.T) {
	m := newMark("a key", []byte("\x01\x02secret"))
	for _, s := range []string{"\x01\x02secret", "0102736563726574", "01027365\r\n63726574"} {
		require.True(t, m.in([]byte("a"+s+"b")), s)
	}
	require.True(t, newMark("a key", []byte{0xAB, 0xCD, 0xEF}).in([]byte("ABCDEF")))
	for offset := range 4 {
		b := append(bytes.Repeat([]byte{0xFF}, offset), "\x01\x02secret\xFF\xFF"...)
		require.True(t, m.in([]byte(base64.StdEncoding.EncodeToString(b))), offset)
		b[offset+3] ^= 1
		require.False(t, m.in([]byte(base64.StdEncoding.EncodeToString(b))), offset)
	}
	require.False(t, m.in([]byte("\x01\x02secre")))
}

// marksOf returns the marks of m, the address first.
func marksOf(t *testing.T, m *member) []mark {
	t.Helper()
	marks := []mark{newMark("the address", []byte(m.address))}
	if m.format == "smime" {
		c := certificateOf(t, m)
		one, two := sha1.Sum(c.Raw), sha256.Sum256(c.Raw)
		require.NotEmpty(t, c.SubjectKeyId)
		return append(marks, newMark("the serial number", c.SerialNumber.Bytes()), newMark("the key identifier", c.SubjectKeyId),
			newMark("the SHA-1 fingerprint", one[:]), newMark("the fingerprint", two[:]), newMark("the subject", c.RawSubject))
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
		marks = append(marks, newMark("a fingerprint", f), newMark("a key ID", id))
	}
	return marks
}
