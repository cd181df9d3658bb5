package pgp_test

import (
	"bytes"
	"compress/flate"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// limited opens msg and returns the limit that stopped it, "" if none did.
func limited(t *testing.T, o *envelope.Opener, msg []byte) string {
	t.Helper()
	_, _, err := open(o, bytes.NewReader(msg))
	if err == nil {
		return ""
	}
	var l *envelope.LimitError
	require.ErrorAs(t, err, &l)
	return l.What
}

// Each limit, at the limit and one beyond.
func TestLimits(t *testing.T) {
	k, other := key(t, "curve25519"), key(t, "p256")
	lit := literal("text")

	o := opener(k)
	o.Limits.Recipients = 5
	foreign := func(n int) []byte { return craft{decoys: n, decoyFor: other}.seal(t, k, lit) }
	require.Empty(t, limited(t, o, foreign(4)))
	require.Equal(t, "recipients", limited(t, o, foreign(5)))

	// Session key packets that name nobody are tried, up to a number.
	o = opener(k)
	o.Limits.PrivateKeys = 3
	hidden := func(n int) []byte { return craft{hidden: true, decoys: n, decoyFor: key(t, "other")}.seal(t, k, lit) }
	require.Empty(t, limited(t, o, hidden(2)))
	require.Equal(t, "private-key operations", limited(t, o, hidden(3)))
	// Where one names the key, the others are not tried.
	require.Empty(t, limited(t, o, craft{decoys: 10, decoyFor: key(t, "other")}.seal(t, k, lit)))

	ops, sig := signature{by: k}.make(t, "text")
	signed := func(n int) []byte {
		return craft{}.seal(t, k, cat(bytes.Repeat(ops, n), lit, bytes.Repeat(sig, n)))
	}
	o = opener(k)
	o.Limits.Signatures = 3
	require.Empty(t, limited(t, o, signed(3)))
	require.Equal(t, "signatures", limited(t, o, signed(4)))
	before := func(n int) []byte { return craft{}.seal(t, k, cat(bytes.Repeat(sig, n), lit)) }
	require.Empty(t, limited(t, o, before(3)))
	require.Equal(t, "signatures", limited(t, o, before(4)))

	idle := func(n int) []byte {
		return craft{v2: true}.seal(t, k, cat(bytes.Repeat(pkt(10, []byte("PGP")), n), lit))
	}
	require.Empty(t, limited(t, o, idle(64)))
	require.Equal(t, "packets that carry nothing", limited(t, o, idle(65)))

	outerIdle := func(n int) []byte { return cat(bytes.Repeat(pkt(10, []byte("PGP")), n), craft{}.seal(t, k, lit)) }
	require.Empty(t, limited(t, o, outerIdle(64)))
	require.Equal(t, "packets that carry nothing", limited(t, o, outerIdle(65)))

	pkesk := func(n int) []byte { return cat(pkt(1, []byte{3}, make([]byte, n-1)), craft{}.seal(t, k, lit)) }
	require.Empty(t, limited(t, o, pkesk(4096)))
	require.Equal(t, "octets in one session key packet", limited(t, o, pkesk(4097)))

	sigs := func(n int) []byte { return craft{}.seal(t, k, cat(pkt(2, []byte{4}, make([]byte, n-1)), lit)) }
	require.Empty(t, limited(t, o, sigs(512<<10)))
	require.Equal(t, "octets in one signature packet", limited(t, o, sigs(512<<10+1)))
	o.Limits.HeaderBytes = 1000
	require.Empty(t, limited(t, o, sigs(1000)))
	require.Equal(t, "octets that are not content", limited(t, o, sigs(1001)))
	require.Equal(t, "octets that are not content", limited(t, o, craft{}.seal(t, k, cat(pkt(2, make([]byte, 999)), pkt(2, make([]byte, 2)), lit))))
	_, err := o.VerifyDetached(bytes.NewReader(pkt(2, make([]byte, 1001))), bytes.NewReader(nil))
	require.Error(t, err) // no Senders
}

// Compressed content is read to the limit and not beyond, and what grows more
// than two hundredfold is taken for a bomb once it is large.
func TestDecompressionLimits(t *testing.T) {
	t.Parallel()
	k := key(t, "curve25519")
	for _, v2 := range []bool{false, true} {
		for _, algo := range []byte{1, 2} {
			text := bytes.Repeat([]byte("0123456789abcdef"), 100)
			inside := literal(string(text))
			o := opener(k)
			o.Limits.Decompressed = int64(len(inside))
			msg := craft{v2: v2}.seal(t, k, press(t, algo, inside))
			require.Empty(t, limited(t, o, msg))
			o.Limits.Decompressed--
			require.Equal(t, "octets of decompressed content", limited(t, o, msg))

			o = opener(k)
			zeros := func(n int) []byte { return craft{v2: v2}.seal(t, k, press(t, algo, literal(string(make([]byte, n))))) }
			require.Empty(t, limited(t, o, zeros(3<<20))) // a thousandfold, as a blank scan has it
		}
	}
}

// press compresses with best speed into one packet of a definite length.
func press(t *testing.T, algo byte, inside []byte) []byte {
	t.Helper()
	if algo == 2 {
		return compressed(t, 2, inside)
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	require.NoError(t, err)
	_, err = w.Write(inside)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NotEmpty(t, out.Bytes())
	return pkt(8, []byte{1}, out.Bytes())
}

// A bomb in SEIPDv1 whose MDC is wrong is ErrDecrypt like any other damage:
// that it is a bomb is known only of what was authenticated.
func TestLimitAfterAuthentication(t *testing.T) {
	k := key(t, "curve25519")
	msg := craft{}.seal(t, k, press(t, 1, literal(string(make([]byte, 3<<20)))))
	o := opener(k)
	o.Limits.Decompressed = 1 << 20
	require.NotEmpty(t, limited(t, o, msg))
	msg[len(msg)-1] ^= 1
	_, _, err := open(o, bytes.NewReader(msg))
	require.Equal(t, envelope.ErrDecrypt, err)
}

// Many recipients, of every kind of key, and each of them opens it.
func TestManyRecipients(t *testing.T) {
	t.Parallel()
	kinds := []string{"curve25519", "p256", "p384", "p521", "rsa3072", "v6"}
	var to []*keyring.Verified
	for range 5 {
		for _, kind := range kinds {
			to = append(to, verified(t, key(t, kind)))
		}
	}
	text := content(t, 1000)
	msg, receipt := seal(t, &envelope.Sealer{}, text, to...)
	require.Len(t, receipt.Recipients, len(to))
	for _, kind := range kinds {
		got, _, err := open(opener(key(t, kind)), bytes.NewReader(msg))
		require.NoError(t, err, kind)
		require.Equal(t, text, got)
	}
	_, _, err := open(opener(key(t, "other")), bytes.NewReader(msg))
	require.Equal(t, envelope.ErrNotForYou, err)
}

// A source that returns nothing and no error for ever is given up.
func TestIdleSource(t *testing.T) {
	k := key(t, "curve25519")
	msg := craft{}.seal(t, k, literal("text"))
	for _, at := range []int{20, len(msg) - 5} {
		_, _, err := open(opener(k), io.MultiReader(bytes.NewReader(msg[:at]), idleReader{}))
		require.ErrorIs(t, err, io.ErrNoProgress)
	}
}

type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }
