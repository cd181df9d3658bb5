package pgp_test

import (
	"bytes"
	"crypto"
	"io"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// TestPaddingFlood: empty Padding packets take room where they are, but none
// where they are compressed, and each takes its time. So they are counted,
// wherever they stand.
func TestPaddingFlood(t *testing.T) {
	t.Parallel()
	const most = 64 << 10
	k := key(t, "v6")
	o := opener(k)
	lit := literal("text")
	pads := func(n int) []byte { return bytes.Repeat([]byte{0xC0 | 21, 0}, n) }
	for name, msg := range map[string]func(n int) []byte{
		"around":             func(n int) []byte { return cat(pads(n), craft{v2: true}.seal(t, k, lit)) },
		"behind":             func(n int) []byte { return cat(craft{v2: true}.seal(t, k, lit), pads(n)) },
		"before the content": func(n int) []byte { return craft{v2: true}.seal(t, k, cat(pads(n), lit)) },
		"after the content":  func(n int) []byte { return craft{}.seal(t, k, cat(lit, pads(n))) },
		"compressed":         func(n int) []byte { return craft{}.seal(t, k, compressed(t, 1, cat(lit, pads(n)))) },
	} {
		require.Empty(t, limited(t, o, msg(most)), name)
		require.Equal(t, "Padding packets", limited(t, o, msg(most+1)), name)
	}
	sig := detached(t, false, []byte("text"), k)
	o.Senders = append(o.Senders, verified(t, k))
	_, err := o.VerifyDetached(bytes.NewReader(cat(pads(most), sig)), bytes.NewReader([]byte("text")))
	require.NoError(t, err)
	_, err = o.VerifyDetached(bytes.NewReader(cat(pads(most+1), sig)), bytes.NewReader([]byte("text")))
	require.ErrorIs(t, err, envelope.ErrLimit)
}

// reads counts how many calls the content comes in.
type reads struct{ calls, octets int }

func (r *reads) Write(p []byte) (int, error) {
	r.calls++
	r.octets += len(p)
	return len(p), nil
}

// TestSmallParts: a literal packet in parts of one octet, of which millions fit
// in a compressed packet of no size, does not make its reader write single octets.
func TestSmallParts(t *testing.T) {
	t.Parallel()
	const n = 1 << 20
	k := key(t, "v6")
	head := append([]byte{0xC0 | 11, 224 + 9, 'b'}, make([]byte, 511)...)
	small := cat(head, bytes.Repeat([]byte{224, 'x'}, n), []byte{1, 'y'})
	for name, inside := range map[string][]byte{"compressed": compressed(t, 1, small), "not compressed": small} {
		for _, v2 := range []bool{false, true} {
			m, err := opener(k).Open(bytes.NewReader(craft{v2: v2}.seal(t, k, inside)))
			require.NoError(t, err)
			var w reads
			_, err = io.Copy(&w, m)
			require.NoError(t, err)
			require.NoError(t, m.Close())
			require.Equal(t, 506+n+1, w.octets)
			require.Less(t, w.calls, n/256, name)
		}
	}
}

// TestNobodyAsked: where nobody's signature would be believed, none is digested,
// and what is said of it is the same as where somebody else's would be.
func TestNobodyAsked(t *testing.T) {
	t.Parallel()
	k := key(t, "v6")
	for name, s := range map[string]signature{
		"good": {by: k}, "text": {by: k, kind: packet.SigTypeText}, "not over a document": {by: k, kind: packet.SigTypeGenericCert},
		"weak": {by: key(t, "curve25519"), hash: crypto.SHA1},
		"critical notation": {by: k, change: func(s *packet.Signature) {
			s.Notations = []*packet.Notation{{Name: "n@example.org", IsCritical: true}}
		}},
	} {
		ops, sig := s.make(t, "text")
		msg := craft{v2: true}.seal(t, k, cat(ops, literal("text"), sig))
		o := opener(k)
		_, alone, err := open(o, bytes.NewReader(msg))
		require.NoError(t, err)
		o.Senders = []*keyring.Verified{verified(t, key(t, "other"))}
		_, asked, err := open(o, bytes.NewReader(msg))
		require.NoError(t, err)
		require.Equal(t, asked.Signatures, alone.Signatures, name)
		require.Len(t, alone.Signatures, 1)
		require.False(t, alone.Signatures[0].Valid())
	}
}
