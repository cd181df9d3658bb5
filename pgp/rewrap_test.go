package pgp_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// rewrap adds readers to msg, which k opens.
func rewrap(t *testing.T, k *pgp.Key, msg []byte, s *envelope.Sealer, to ...*keyring.Verified) ([]byte, *envelope.Receipt, error) {
	t.Helper()
	var out bytes.Buffer
	r, err := envelope.Rewrap(&out, bytes.NewReader(msg), opener(k), s, to...)
	if err != nil {
		require.Zero(t, out.Len(), "something was written")
	}
	return out.Bytes(), r, err
}

// TestRewrap: everybody who could open still can, the added ones too, and the
// encrypted packet is the same octet for octet, whatever there is around it.
func TestRewrap(t *testing.T) {
	for kind, added := range map[string]string{"curve25519": "p256", "v6": "other6"} {
		for _, from := range []bool{false, true} {
			for _, armor := range []bool{false, true} {
				k, next := key(t, kind), key(t, added)
				p := envelope.NewPassphrase()
				text := content(t, 100_000)
				msg, before := seal(t, &envelope.Sealer{Armor: from, Signers: []envelope.Signer{k.Signer()}}, text, verified(t, k))
				s := &envelope.Sealer{Armor: armor}
				if kind == "curve25519" {
					s.Passphrases = []*envelope.Passphrase{p}
				}
				out, r, err := rewrap(t, k, msg, s, verified(t, next))
				require.NoError(t, err)
				require.True(t, r.ContentKeyReused)
				require.Equal(t, before.Container, r.Container)
				require.Equal(t, before.Content, r.Content)
				require.Equal(t, armor, r.Armored)
				require.Len(t, r.Recipients, 2+len(s.Passphrases))
				require.Equal(t, before.Recipients[0], r.Recipients[len(r.Recipients)-1])
				require.NotEmpty(t, r.Reason)
				if !from && !armor {
					_, old := outer(t, msg)
					_, now := outer(t, out)
					require.True(t, bytes.Equal(old, now))
					require.True(t, bytes.HasSuffix(out, msg), "what was there is a copy")
				}
				for _, o := range []*envelope.Opener{opener(k), opener(next)} {
					o.Senders = []*keyring.Verified{verified(t, k)}
					got, report, err := open(o, bytes.NewReader(out))
					require.NoError(t, err)
					require.True(t, bytes.Equal(text, got))
					// The signature named those whom it was made for.
					require.Equal(t, o.Identities[0] == k.Identity(), report.Signatures[0].Valid())
				}
				if len(s.Passphrases) > 0 && !armor {
					got, _, err := open(spoken(t, p.Reveal()), bytes.NewReader(out))
					require.NoError(t, err)
					require.True(t, bytes.Equal(text, got))
				}
				_, _, err = open(opener(key(t, "other")), bytes.NewReader(out))
				require.True(t, err == envelope.ErrNotForYou, err)
			}
		}
	}
}

// TestRewrapRefuses: each case has a twin that is done, and differs in one thing.
func TestRewrapRefuses(t *testing.T) {
	k, six, other6 := key(t, "curve25519"), key(t, "v6"), key(t, "other6")
	p := []*envelope.Passphrase{envelope.NewPassphrase()}
	lit := literal("text")
	v1, v2 := craft{}.seal(t, k, lit), craft{v2: true}.seal(t, six, lit)
	eight := v1
	for range 8 {
		eight = cat(pkt(3, []byte{4, 9, 1, 8}, make([]byte, 8)), eight)
	}
	damaged := bytes.Clone(v1)
	damaged[len(damaged)-1] ^= 1
	for name, c := range map[string]struct {
		by   *pgp.Key
		msg  []byte
		s    envelope.Sealer
		to   []*pgp.Key
		want string // "": done
	}{
		"v1":                        {k, v1, envelope.Sealer{}, []*pgp.Key{six}, ""},
		"v1, Modern":                {k, v1, envelope.Sealer{Profile: envelope.Modern}, []*pgp.Key{six}, ""},
		"v1, Compatible":            {k, v1, envelope.Sealer{Profile: envelope.Compatible}, []*pgp.Key{six}, ""},
		"v1, no lowering":           {k, v1, envelope.Sealer{RefuseLowering: true}, []*pgp.Key{six}, "lowering is refused"},
		"v1, AES-128":               {k, craft{cipher: packet.CipherAES128}.seal(t, k, lit), envelope.Sealer{}, []*pgp.Key{six}, ""},
		"v1 and a passphrase":       {k, v1, envelope.Sealer{Passphrases: p}, nil, ""},
		"seven passphrases and one": {k, eight[18:], envelope.Sealer{Passphrases: p}, nil, ""},
		"eight passphrases and one": {k, eight, envelope.Sealer{Passphrases: p}, nil, "more than 8 passphrase packets"},
		"eight, and a key":          {k, eight, envelope.Sealer{}, []*pgp.Key{six}, ""},
		"damaged":                   {k, damaged, envelope.Sealer{}, []*pgp.Key{six}, "cannot decrypt"},
		"v2":                        {six, v2, envelope.Sealer{}, []*pgp.Key{other6}, ""},
		"v2, Compatible":            {six, v2, envelope.Sealer{Profile: envelope.Compatible}, []*pgp.Key{other6}, "which the Compatible profile never is"},
		"v2 and who reads v1":       {six, v2, envelope.Sealer{}, []*pgp.Key{other6, k}, "does not say that it reads SEIPDv2"},
		"v2 with GCM":               {six, craft{v2: true, mode: packet.AEADModeGCM}.seal(t, six, lit), envelope.Sealer{}, []*pgp.Key{other6}, "does not say that it reads GCM"},
		"v2 with EAX":               {six, craft{v2: true, mode: packet.AEADModeEAX}.seal(t, six, lit), envelope.Sealer{}, []*pgp.Key{other6}, "nothing says who reads that"},
		"v2 and a passphrase":       {six, v2, envelope.Sealer{Passphrases: p}, nil, "only a passphrase"},
		"the same, Modern":          {six, v2, envelope.Sealer{Passphrases: p, Profile: envelope.Modern}, nil, ""},
		"PostQuantum":               {six, v2, envelope.Sealer{Passphrases: p, Profile: envelope.PostQuantum}, nil, "sealed to somebody by \"X25519\" too"},
		"LibrePGP":                  {k, libre(t, k, lit), envelope.Sealer{}, []*pgp.Key{six}, "read and not written"},
	} {
		t.Run(name, func(t *testing.T) {
			var to []*keyring.Verified
			for _, x := range c.to {
				to = append(to, verified(t, x))
			}
			out, _, err := rewrap(t, c.by, c.msg, &c.s, to...)
			if c.want == "" {
				require.NoError(t, err)
				for _, x := range append(c.to, c.by) {
					got, _, err := open(opener(x), bytes.NewReader(out))
					require.NoError(t, err)
					require.Equal(t, "text", string(got))
				}
				return
			}
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

// TestRewrapFraming: what is copied is copied as it was: parts, packets that
// say nothing, and those of versions that nobody here knows.
func TestRewrapFraming(t *testing.T) {
	k, next := key(t, "curve25519"), key(t, "other")
	head, body := outer(t, craft{}.seal(t, k, literal(strings.Repeat("x", 1000))))
	for name, msg := range map[string][]byte{
		"as it was": cat(head, pkt(18, body)),
		"marker":    cat(pkt(10, []byte("PGP")), head, pkt(21, []byte("x")), pkt(18, body), pkt(21, []byte("y"))),
		"unknown":   cat(pkt(1, []byte{9, 1, 2}), pkt(3, []byte{9, 1, 2}), head, pkt(60, []byte("x")), pkt(18, body)),
		"parts":     cat(head, []byte{0xC0 | 18, 224 + 9}, body[:512], []byte{224 + 0}, body[512:513], []byte{255}, be32(len(body)-513), body[513:]),
	} {
		out, r, err := rewrap(t, k, msg, &envelope.Sealer{}, verified(t, next))
		require.NoError(t, err, name)
		require.True(t, bytes.HasSuffix(out, msg), name)
		found, err := envelope.Inspect(bytes.NewReader(out), pgp.Format())
		require.NoError(t, err)
		require.ElementsMatch(t, r.Recipients, found.Recipients)
		for _, x := range []*pgp.Key{k, next} {
			got, _, err := open(opener(x), bytes.NewReader(out))
			require.NoError(t, err, name)
			require.Len(t, got, 1000)
		}
	}
}

func be32(n int) []byte { return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)} }
