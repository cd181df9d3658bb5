package pgp_test

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// One test for each thing that go-crypto v1.5.2 does and we must not.

// sessionKeys decrypts the PKESKs of msg with k.
func sessionKeys(t *testing.T, k *pgp.Key, msg []byte) (keys []*packet.EncryptedKey) {
	t.Helper()
	r := packet.NewReader(bytes.NewReader(msg))
	for {
		p, err := r.Next()
		require.NoError(t, err)
		e, ok := p.(*packet.EncryptedKey)
		if !ok {
			return keys
		}
		for _, sub := range entity(t, k).Subkeys {
			if e.Decrypt(sub.PrivateKey, lenient) == nil {
				keys = append(keys, e)
			}
		}
	}
}

// Trap: without a Config, and with one whose DefaultCipher is not set, AES-128
// is written whatever the recipient prefers.
func TestTrapDefaultCipher(t *testing.T) {
	for _, kind := range []string{"curve25519", "v6"} {
		k := key(t, kind)
		for _, profile := range []envelope.Profile{envelope.Auto, envelope.Modern, envelope.Compatible} {
			msg, receipt := seal(t, &envelope.Sealer{Profile: profile}, []byte("text"), verified(t, k))
			keys := sessionKeys(t, k, msg)
			require.Len(t, keys, 1)
			require.Len(t, keys[0].Key, 32)
			if receipt.Container == "SEIPDv1" {
				require.Equal(t, packet.CipherAES256, keys[0].CipherFunc)
			} else {
				require.Contains(t, receipt.Content, "AES-256")
			}
		}
	}
}

// Trap: of the modes that recipients share GCM is taken before OCB, which all
// must read. Here OCB is written unless all list GCM.
func TestTrapModeOrder(t *testing.T) {
	k := key(t, "v6")
	_, receipt := seal(t, &envelope.Sealer{}, []byte("text"), verified(t, k))
	require.Contains(t, []string{"AES-256-OCB", "AES-256-GCM"}, receipt.Content)
	for _, mode := range []packet.AEADMode{packet.AEADModeEAX, packet.AEADModeOCB, packet.AEADModeGCM} {
		for _, cipher := range []packet.CipherFunction{packet.CipherAES128, packet.CipherAES192, packet.CipherAES256} {
			got, _, err := open(opener(k), bytes.NewReader(craft{v2: true, mode: mode, cipher: cipher}.seal(t, k, literal("text"))))
			require.NoError(t, err)
			require.Equal(t, "text", string(got))
		}
	}
}

// Trap: one recipient without SEIPDv2 lowers the container for all, and nothing says so.
func TestTrapLowering(t *testing.T) {
	a, b := key(t, "v6"), key(t, "curve25519")
	_, receipt := seal(t, &envelope.Sealer{}, []byte("text"), verified(t, a), verified(t, b))
	require.Equal(t, "SEIPDv1", receipt.Container)
	require.Len(t, receipt.LoweredBy, 1)
	require.Equal(t, b.Certificate().Fingerprint(), receipt.LoweredBy[0].Fingerprint())
	_, receipt = seal(t, &envelope.Sealer{}, []byte("text"), verified(t, a))
	require.Empty(t, receipt.LoweredBy)
	_, receipt = seal(t, &envelope.Sealer{Profile: envelope.Compatible}, []byte("text"), verified(t, a))
	require.Equal(t, "SEIPDv1", receipt.Container)
	require.Empty(t, receipt.LoweredBy)

	var out bytes.Buffer
	_, err := (&envelope.Sealer{RefuseLowering: true}).Seal(&out, verified(t, a), verified(t, b))
	var lowered *envelope.LoweredError
	require.ErrorAs(t, err, &lowered)
	require.Equal(t, []keyring.Fingerprint{b.Certificate().Fingerprint()}, lowered.Recipients)
	require.Zero(t, out.Len())
	seal(t, &envelope.Sealer{RefuseLowering: true}, []byte("text"), verified(t, a))
}

// Trap: Read of the AEAD reader returns io.EOF without looking at the final
// tag; only Close does. The chunks here are whole, the tag after them is not.
func TestTrapFinalTag(t *testing.T) {
	k := key(t, "v6")
	for _, n := range []int{0, 1, 64<<10 - 12, 64<<10 - 11} {
		text := content(t, n)
		msg := craft{v2: true}.seal(t, k, literal(string(text)))
		got, _, err := open(opener(k), bytes.NewReader(msg))
		require.NoError(t, err)
		require.Equal(t, text, got)
		msg[len(msg)-1] ^= 1
		got, _, err = open(opener(k), bytes.NewReader(msg))
		require.Equal(t, envelope.ErrDecrypt, err)
		require.True(t, bytes.HasPrefix(text, got))
	}
}

// Trap: content of SEIPDv1 comes out before the MDC was looked at, and the
// literal of a broken message before the grammar was.
func TestTrapMDC(t *testing.T) {
	k := key(t, "curve25519")
	text := content(t, 100_000)
	msg := craft{}.seal(t, k, literal(string(text)))
	m, err := opener(k).Open(bytes.NewReader(msg))
	require.NoError(t, err)
	require.NoError(t, m.Close())
	for _, at := range []int{len(msg) - 1, len(msg) - 21, len(msg) - 22, len(msg) - 23, len(msg) / 2} {
		other := bytes.Clone(msg)
		other[at] ^= 1
		_, err = opener(k).Open(bytes.NewReader(other)) // before anything can be read
		require.Equal(t, envelope.ErrDecrypt, err)
	}
}

// Trap: SymmetricallyEncrypted decrypts packet 9, which nothing protects.
func TestTrapSED(t *testing.T) {
	k := key(t, "curve25519")
	msg := craft{}.seal(t, k, literal("text"))
	head, body := outer(t, msg)
	require.NotPanics(t, func() {
		_, _, err := open(opener(k), bytes.NewReader(cat(head, pkt(18, body))))
		require.NoError(t, err)
		for _, b := range [][]byte{body, body[1:], body[1 : len(body)-22]} {
			_, _, err = open(opener(k), bytes.NewReader(cat(head, pkt(9, b))))
			require.ErrorIs(t, err, envelope.ErrFormat)
			require.ErrorContains(t, err, "packet 9")
		}
	})
}

// Trap: a literal packet, or one that is only signed, passes ReadMessage as if
// it had been sealed.
func TestTrapNotEncrypted(t *testing.T) {
	k := key(t, "curve25519")
	ops, sig := signature{by: k}.make(t, "text")
	for name, msg := range map[string][]byte{
		"literal": literal("text"), "signed": cat(ops, literal("text"), sig), "compressed": compressed(t, 1, literal("text")),
	} {
		_, _, err := open(opener(k), bytes.NewReader(msg))
		require.ErrorIs(t, err, envelope.ErrFormat, name)
		require.ErrorContains(t, err, "not sealed", name)
	}
}

// Trap: IsVerified is true for an unknown key, and SignatureError nil where
// nothing was verified.
func TestTrapUnknownSigner(t *testing.T) {
	k, stranger := key(t, "curve25519"), key(t, "other")
	msg, _ := seal(t, &envelope.Sealer{Signers: []envelope.Signer{stranger.Signer()}}, []byte("text"), verified(t, k))
	_, report, err := open(opener(k), bytes.NewReader(msg))
	require.NoError(t, err)
	require.Len(t, report.Signatures, 1)
	require.False(t, report.Signatures[0].Valid())
	require.Nil(t, report.Signatures[0].Sender)
	o := opener(k)
	o.Senders = []*keyring.Verified{verified(t, stranger)}
	_, report, err = open(o, bytes.NewReader(msg))
	require.NoError(t, err)
	require.True(t, report.Signatures[0].Valid())
}

// Trap: a good signature fails for a hidden recipient, who is not among those
// it names. Here all recipients are named, hidden or not, and a message that
// names nobody in its session key packet opens.
func TestTrapHiddenRecipient(t *testing.T) {
	for _, kind := range []string{"curve25519", "rsa3072", "v6"} {
		k := key(t, kind)
		for _, v2 := range []bool{false, true} {
			msg := craft{v2: v2, hidden: true}.seal(t, k, literal("text"))
			got, report, err := open(opener(k), bytes.NewReader(msg))
			require.NoError(t, err, kind)
			require.Equal(t, "text", string(got))
			require.True(t, report.Recipients[0].Hidden)
			require.Empty(t, report.Recipients[0].ID)
			_, _, err = open(opener(key(t, "p256")), bytes.NewReader(msg))
			require.Error(t, err)
		}
	}
}

// Trap: PKESK and encrypted data of different versions are joined, so that a
// key for one container decrypts in the other.
func TestTrapPairing(t *testing.T) {
	k := key(t, "v6")
	for _, v2 := range []bool{false, true} {
		_, _, err := open(opener(k), bytes.NewReader(craft{v2: v2}.seal(t, k, literal("text"))))
		require.NoError(t, err)
		_, _, err = open(opener(k), bytes.NewReader(craft{v2: v2, mixed: true}.seal(t, k, literal("text"))))
		require.ErrorIs(t, err, envelope.ErrFormat)
	}
}

// Trap: the Argon2 parameters of a session key packet are run as they are,
// 2 TiB of memory. Here they are read first, and matter only to who needs them.
func TestTrapArgon2(t *testing.T) {
	k := key(t, "curve25519")
	argon2 := func(m byte) []byte { // version 4, AES-256, salt, passes, lanes, memory
		return pkt(3, []byte{4, 9, 4}, make([]byte, 16), []byte{1, 4, m}, make([]byte, 33))
	}
	msg := craft{}.seal(t, k, literal("text"))
	got, report, err := open(opener(k), bytes.NewReader(cat(argon2(31), msg)))
	require.NoError(t, err)
	require.Equal(t, "text", string(got))
	require.Len(t, report.Recipients, 2)
	_, body := outer(t, msg)
	_, _, err = open(opener(k), bytes.NewReader(cat(argon2(31), pkt(18, body))))
	require.ErrorIs(t, err, envelope.ErrNotForYou)
	require.Equal(t, "KiB of Argon2 memory", limited(t, spoken(t, "x"), cat(argon2(31), pkt(18, body))))
	_, _, err = open(spoken(t, "x"), bytes.NewReader(cat(argon2(5), pkt(18, body)))) // 32 KiB
	require.True(t, err == envelope.ErrDecrypt, err)
}

// Trap: AEADConfig.Mode and the decrypters panic on numbers they do not know,
// and a chunk is allocated as large as the packet says.
func TestTrapUnknownSuite(t *testing.T) {
	k := key(t, "v6")
	head, body := outer(t, craft{v2: true}.seal(t, k, literal("text")))
	_, _, err := open(opener(k), bytes.NewReader(cat(head, pkt(18, body))))
	require.NoError(t, err)
	for at, values := range map[int][]byte{0: {0, 3, 255}, 1: {0, 1, 2, 3, 4, 6, 10, 11, 255}, 2: {0, 4, 255}, 3: {17, 24, 63, 255}} {
		for _, v := range values {
			other := bytes.Clone(body)
			other[at] = v
			require.NotPanics(t, func() {
				_, _, err := open(opener(k), bytes.NewReader(cat(head, pkt(18, other))))
				require.ErrorIs(t, err, envelope.ErrFormat, "octet %d is %d", at, v)
				_, err = envelope.Inspect(bytes.NewReader(cat(head, pkt(18, other))), formatOf())
				require.ErrorIs(t, err, envelope.ErrFormat)
			})
		}
	}
}

// Trap: the readers replace errors of the source by their own or by io.EOF.
func TestTrapSourceErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken disk")
	for _, kind := range []string{"curve25519", "v6"} {
		k := key(t, kind)
		for _, armor := range []bool{false, true} {
			msg, _ := seal(t, &envelope.Sealer{Armor: armor}, content(t, 3000), verified(t, k))
			for at := 1; at < len(msg); at += 37 {
				src := io.MultiReader(bytes.NewReader(msg[:at]), iotest.ErrReader(broken))
				_, _, err := open(opener(k), src)
				require.ErrorIs(t, err, broken, "%s at %d", kind, at)
				src = io.MultiReader(bytes.NewReader(msg[:at]), iotest.ErrReader(broken))
				_, err = envelope.Inspect(src, formatOf())
				require.ErrorIs(t, err, broken)
			}
		}
	}
}

// Trap: the length of the subpackets of a version 4 signature is written
// modulo 65,536, so that naming 3,000 recipients makes it unreadable.
func TestTrapManyIntended(t *testing.T) {
	t.Parallel()
	a, bob := key(t, "curve25519"), key(t, "p256")
	many := []*keyring.Verified{verified(t, bob)}
	for range 1800 {
		many = append(many, verified(t, key(t, "v6")))
	}
	for _, n := range []int{100, len(many)} {
		msg, _ := seal(t, &envelope.Sealer{Signers: []envelope.Signer{a.Signer()}}, []byte("text"), many[:n]...)
		o := opener(bob)
		o.Senders = []*keyring.Verified{verified(t, a)}
		_, report, err := open(o, bytes.NewReader(msg))
		require.NoError(t, err)
		require.Len(t, report.Recipients, n)
		require.True(t, report.Signatures[0].Valid(), report.Signatures[0].Problem())
		require.Equal(t, n > 100, len(report.Findings) > 0) // names nobody, and says so
	}
}

// Trap: partialLengthWriter buffers as much as one Write brings.
func TestTrapLargeWrite(t *testing.T) {
	t.Parallel()
	k := key(t, "v6")
	text := content(t, 4<<20)
	var out written
	w, err := envelope.Seal(&out, verified(t, k))
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	// All but a few parts went on at once.
	require.Greater(t, out.n.Load(), int64(len(text)-1<<20))
	require.NoError(t, w.Close())
	got, _, err := open(opener(k), &out.Buffer)
	require.NoError(t, err)
	require.True(t, bytes.Equal(text, got))
}

// written counts what it has, which may be asked while more is written.
type written struct {
	bytes.Buffer
	n atomic.Int64
}

func (w *written) Write(p []byte) (int, error) {
	w.n.Add(int64(len(p)))
	return w.Buffer.Write(p)
}

// A Writer that is aborted, at whatever time, leaves nothing that opens.
func TestAbort(t *testing.T) {
	for _, kind := range []string{"curve25519", "v6"} {
		k := key(t, kind)
		for _, armor := range []bool{false, true} {
			for _, n := range []int{0, 1, 100, 200_000} {
				var out bytes.Buffer
				w, err := (&envelope.Sealer{Armor: armor, Signers: []envelope.Signer{k.Signer()}}).Seal(&out, verified(t, k))
				require.NoError(t, err)
				_, err = w.Write(make([]byte, n))
				require.NoError(t, err)
				w.Abort()
				require.ErrorIs(t, w.Close(), envelope.ErrClosed)
				got, _, err := open(opener(k), bytes.NewReader(out.Bytes()))
				require.ErrorIs(t, err, envelope.ErrFormat)
				if kind == "curve25519" {
					require.Empty(t, got)
				}
			}
		}
	}
}

// A destination that fails at any octet fails the message, with its own error.
func TestDestinationErrors(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	k := key(t, "v6")
	for _, armor := range []bool{false, true} {
		s := &envelope.Sealer{Armor: armor, Time: func() time.Time { return time.Now() }}
		msg, _ := seal(t, s, make([]byte, 100_000), verified(t, k))
		for at := 0; at < len(msg); at += 1 + len(msg)/20 {
			w, err := s.Seal(&failing{at, full}, verified(t, k))
			if err == nil {
				_, err = w.Write(make([]byte, 100_000))
			}
			if err == nil {
				err = w.Close()
			}
			require.ErrorIs(t, err, full)
		}
	}
}

type failing struct {
	left int
	err  error
}

func (f *failing) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return f.left, f.err
	}
	f.left -= len(p)
	return len(p), nil
}

// Trap: RSA padding that is wrong is an error of its own, at once, and so is
// the wrapped key of the others. Here the message is read on with a random key,
// and fails where damaged content does.
func TestTrapPadding(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"rsa3072", "curve25519", "p256", "v6"} {
		k := key(t, kind)
		for _, v2 := range []bool{false, true} {
			wrongSessionKey(t, k, v2)
		}
	}
}

func wrongSessionKey(t *testing.T, k *pgp.Key, v2 bool) {
	t.Helper()
	msg := craft{v2: v2}.seal(t, k, literal("text"))
	_, _, err := open(opener(k), bytes.NewReader(msg))
	require.NoError(t, err)
	head, body := outer(t, msg)
	whole := pkt(18, body)
	for at := len(head) - 1; at > len(head)-30; at -= 9 { // in the wrapped key
		other := bytes.Clone(head)
		other[at] ^= 1
		m, err := opener(k).Open(bytes.NewReader(cat(other, whole)))
		if v2 { // nothing of a secret shows before the first chunk
			require.NoError(t, err)
			_, err = io.ReadAll(m)
		}
		require.Equal(t, envelope.ErrDecrypt, err)
		// Whoever has no key sees that it is cut off, and so do we.
		_, _, err = open(opener(k), bytes.NewReader(cat(other, whole[:len(whole)-1])))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		_, _, err = open(opener(k), bytes.NewReader(cat(other, whole, literal("x"))))
		require.Equal(t, envelope.ErrDecrypt, err)
	}
}
