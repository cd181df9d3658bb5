package pgp_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// Session key packets that name nobody, as many as a message may have, cost no
// private-key operation; that they are for others costs nothing either.
func TestSessionKeyFlood(t *testing.T) {
	t.Parallel()
	k := key(t, "curve25519")
	msg := craft{hidden: true}.seal(t, k, literal("text"))
	head, body := outer(t, msg)
	flood := func(n int, one []byte) []byte { return cat(bytes.Repeat(one, n), pkt(18, body)) }
	require.Equal(t, "", limited(t, opener(k), flood(32, head)))
	require.Equal(t, "private-key operations", limited(t, opener(k), flood(33, head)))
	require.Equal(t, "private-key operations", limited(t, opener(k), flood(20_000, head)))
	require.Equal(t, "recipients", limited(t, opener(k), flood(20_001, head)))
	stranger := bytes.Clone(head)
	copy(stranger[len(head)-len(packetBody(head))+1:], "12345678")
	_, _, err := open(opener(k), bytes.NewReader(flood(20_000, stranger)))
	require.Equal(t, envelope.ErrNotForYou, err)
	r, err := envelope.Inspect(bytes.NewReader(flood(20_000, stranger)), pgp.Format())
	require.NoError(t, err)
	require.Len(t, r.Recipients, 20_000)
	require.Equal(t, "key ID 3132333435363738", r.Recipients[0].ID)
}

// packetBody is the body of the one short packet that b is.
func packetBody(b []byte) []byte {
	if b[1] < 192 {
		return b[2:]
	}
	return b[3:]
}

// A signature over text is right for either kind of line ends, and says so: who
// carried the message can have exchanged them.
func TestTextSignatureIsReported(t *testing.T) {
	k := key(t, "v6")
	o := opener(k)
	o.Senders = []*keyring.Verified{verified(t, k)}
	const says = "does not tell one kind of line ends from another"
	for kind, reported := range map[packet.SignatureType]bool{packet.SigTypeBinary: false, packet.SigTypeText: true} {
		ops, sig := signature{by: k, kind: kind}.make(t, "a\nb\n")
		inside := cat(ops, literal("a\nb\n"), sig)
		_, r, err := open(o, bytes.NewReader(craft{v2: true}.seal(t, k, inside)))
		require.NoError(t, err)
		require.Equal(t, reported, strings.Contains(join(r.Findings), says))
		m, err := o.Verify(bytes.NewReader(inside))
		require.NoError(t, err)
		_, err = io.ReadAll(m)
		require.NoError(t, err)
		require.Equal(t, reported, strings.Contains(join(m.Report().Findings), says))
		for _, text := range []string{"a\nb\n", "a\r\nb\r\n", "a\r\nb\n"} {
			r, err = o.VerifyDetached(bytes.NewReader(sig), strings.NewReader(text))
			if !reported && text != "a\nb\n" {
				require.ErrorIs(t, err, envelope.ErrSignature)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, reported, strings.Contains(join(r.Findings), says))
		}
		for _, text := range []string{"a\nb", "a\n\nb\n", "a\r\r\nb\n", "a\rb\n", "a \nb\n"} {
			_, err = o.VerifyDetached(bytes.NewReader(sig), strings.NewReader(text))
			require.ErrorIs(t, err, envelope.ErrSignature, "%q", text)
		}
	}
}

// A signature inside another message, or made for another key, proves nothing:
// each part of one is tried in the place of the other.
func TestTransferredSignature(t *testing.T) {
	alice, bob, eve := key(t, "v6"), key(t, "curve25519"), key(t, "other6")
	ops, sig := signature{by: alice}.make(t, "pay 10")
	evesOps, evesSig := signature{by: eve}.make(t, "pay 10")
	otherOps, otherSig := signature{by: alice}.make(t, "pay 1000")
	o := opener(bob)
	o.Senders, o.RequireSignature = []*keyring.Verified{verified(t, alice)}, true
	lit := literal("pay 10")
	for name, inside := range map[string][]byte{
		"as it was":                         cat(ops, lit, sig),
		"over another text":                 cat(ops, literal("pay 1000"), sig),
		"of another text":                   cat(otherOps, lit, otherSig),
		"announced for another text":        cat(otherOps, lit, sig),
		"by eve":                            cat(evesOps, lit, evesSig),
		"by eve, announced by alice":        cat(ops, lit, evesSig),
		"by alice, announced by eve":        cat(evesOps, lit, sig),
		"two, exchanged":                    cat(ops, evesOps, lit, sig, evesSig),
		"two":                               cat(ops, evesOps, lit, evesSig, sig),
		"on an empty text":                  cat(ops, literal(""), sig),
		"literal split over two":            cat(ops, literal("pay"), literal(" 10"), sig),
		"name of the file holds the text":   cat(ops, pkt(11, []byte{'b', 6}, []byte("pay 10"), make([]byte, 4)), sig),
		"compressed with another text":      cat(ops, compressed(t, 1, literal("pay 1000")), sig),
		"one-pass signature, no signature":  cat(ops, lit),
		"signature in a packet of padding":  cat(lit, pkt(21, sig)),
		"signature of a message that is in": cat(ops, lit, sig, lit),
	} {
		for _, v2 := range []bool{false, true} {
			to := bob
			if v2 {
				to = alice
				o.Identities = []envelope.Identity{alice.Identity()}
			} else {
				o.Identities = []envelope.Identity{bob.Identity()}
			}
			got, _, err := open(o, bytes.NewReader(craft{v2: v2}.seal(t, to, inside)))
			if name == "as it was" || name == "two" {
				require.NoError(t, err, name)
				require.Equal(t, "pay 10", string(got))
				continue
			}
			require.Error(t, err, name)
			failure(t, err)
			require.Empty(t, got, name)
		}
	}
}

// Keys, certificates, Sealers and Openers are shared: the race detector looks.
func TestConcurrentUse(t *testing.T) {
	a, b := key(t, "v6"), key(t, "curve25519")
	to := []*keyring.Verified{verified(t, a), verified(t, b)}
	s := &envelope.Sealer{Signers: []envelope.Signer{a.Signer(), b.Signer()}}
	o := opener(a)
	o.Identities = append(o.Identities, b.Identity())
	o.Senders, o.RequireSignature = to, true
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			errs[i] = func() error {
				var out bytes.Buffer
				w, err := s.Seal(&out, to[i%2:]...)
				if err != nil {
					return err
				}
				fmt.Fprintf(w, "text %d", i)
				if err := w.Close(); err != nil {
					return err
				}
				got, _, err := open(o, &out)
				if err == nil && string(got) != fmt.Sprintf("text %d", i) {
					err = fmt.Errorf("another text: %q", got)
				}
				if _, err := a.Marshal(nil); err != nil {
					return err
				}
				return err
			}()
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

// Lengths of one octet at their largest, in session key packets, signatures and
// one-pass signatures: 255 and one more is not zero.
func TestLargestLengths(t *testing.T) {
	k := key(t, "v6")
	msg := craft{v2: true}.seal(t, k, literal("text"))
	_, body := outer(t, msg)
	o := opener(k)
	o.Senders = []*keyring.Verified{verified(t, k)}
	for n := 250; n < 256; n++ {
		for _, more := range []int{0, 1, 300} {
			fill := bytes.Repeat([]byte{6}, n+more)
			pkesk := pkt(1, []byte{6, byte(n)}, fill)
			sig := pkt(2, []byte{6, 0, 27, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(n)}, fill)
			ops := pkt(4, []byte{6, 0, 10, 27, byte(n)}, fill)
			require.NotPanics(t, func() {
				_, _, err := open(o, bytes.NewReader(cat(pkesk, pkt(18, body))))
				require.ErrorIs(t, err, envelope.ErrFormat)
				_, err = envelope.Inspect(bytes.NewReader(cat(pkesk, pkt(18, body))), pgp.Format())
				require.ErrorIs(t, err, envelope.ErrFormat)
				for _, signed := range [][]byte{cat(sig, literal("text")), cat(ops, literal("text"), sig)} {
					_, err = o.Verify(bytes.NewReader(signed))
					require.Error(t, err)
					failure(t, err)
					envelope.Inspect(bytes.NewReader(signed), pgp.Format())
					open(o, bytes.NewReader(craft{v2: true}.seal(t, k, signed)))
				}
				_, err = o.VerifyDetached(bytes.NewReader(sig), strings.NewReader("text"))
				require.ErrorIs(t, err, envelope.ErrSignature)
			}, "%d and %d", n, more)
		}
	}
}
