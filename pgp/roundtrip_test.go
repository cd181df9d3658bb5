package pgp_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// key returns a key of this kind, made once.
func key(t testing.TB, kind string) *pgp.Key {
	t.Helper()
	k, err := makeKey(kind)
	require.NoError(t, err)
	return k
}

var made sync.Map // kind -> func() (*pgp.Key, error)

func makeKey(kind string) (*pgp.Key, error) {
	f, _ := made.LoadOrStore(kind, sync.OnceValues(func() (*pgp.Key, error) {
		if kind == "rsa3072" { // takes too long to make
			f, err := os.Open("testdata/rsa3072.key")
			if err != nil {
				return nil, err
			}
			defer f.Close()
			return pgp.ParseKey(f, nil)
		}
		o := pgp.KeyOptions{Address: "bob@example.org", Name: "Bob", Algorithm: kind}
		switch kind {
		case "v6":
			o.Profile, o.Algorithm = envelope.Modern, ""
		case "other", "third":
			o.Algorithm = ""
		case "other6":
			o.Profile, o.Algorithm = envelope.Modern, ""
		}
		return pgp.GenerateKey(o)
	}))
	return f.(func() (*pgp.Key, error))()
}

func verified(t testing.TB, k *pgp.Key) *keyring.Verified {
	t.Helper()
	v, err := keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint()))
	require.NoError(t, err)
	return v
}

func content(t testing.TB, n int) []byte {
	b := make([]byte, n)
	_, err := rand.Read(b)
	require.NoError(t, err)
	return b
}

// seal seals text and returns the message with its receipt.
func seal(t testing.TB, s *envelope.Sealer, text []byte, to ...*keyring.Verified) ([]byte, *envelope.Receipt) {
	t.Helper()
	var out bytes.Buffer
	w, err := s.Seal(&out, to...)
	require.NoError(t, err)
	defer w.Abort()
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes(), w.Receipt()
}

// open opens a message and returns what came out and the final report.
func open(o *envelope.Opener, src io.Reader) ([]byte, *envelope.Report, error) {
	m, err := o.Open(src)
	if err != nil {
		return nil, nil, err
	}
	defer m.Close()
	got, err := io.ReadAll(m)
	return got, m.Report(), err
}

func opener(k *pgp.Key) *envelope.Opener {
	return &envelope.Opener{Identities: []envelope.Identity{k.Identity()}}
}

// sources are the ways that a message can arrive.
var sources = map[string]func([]byte) io.Reader{
	"seekable": func(b []byte) io.Reader { return bytes.NewReader(b) },
	"pipe":     func(b []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(b)} },
}

func TestRoundTrip(t *testing.T) {
	kinds := map[string]string{ // and the container that Auto chooses
		"curve25519": "SEIPDv1", "rsa3072": "SEIPDv1", "p256": "SEIPDv1",
		"p384": "SEIPDv1", "p521": "SEIPDv1", "v6": "SEIPDv2",
	}
	for kind, container := range kinds {
		k := key(t, kind)
		to := verified(t, k)
		sizes := []int{0, 65537}
		if kind == "curve25519" || kind == "v6" { // one of each container
			sizes = []int{0, 1, 65535, 65536, 65537, 1<<20 + 3}
		}
		for _, signed := range []bool{false, true} {
			for _, armor := range []bool{false, true} {
				for _, n := range sizes {
					if n > 1<<20 && signed != armor {
						continue // what is large takes its time: twice for each container
					}
					t.Run(fmt.Sprint(kind, "/signed=", signed, "/armor=", armor, "/", n), func(t *testing.T) {
						t.Parallel()
						s := &envelope.Sealer{Armor: armor}
						o := opener(k)
						if signed {
							s.Signers = []envelope.Signer{k.Signer()}
							o.Senders, o.RequireSignature = []*keyring.Verified{to}, true
						}
						text := content(t, n)
						msg, receipt := seal(t, s, text, to)
						require.Equal(t, container, receipt.Container)
						ways := map[string]io.Reader{}
						for name, f := range sources {
							ways[name] = f(msg)
						}
						if n < 2 {
							ways["one octet at a time"] = iotest.OneByteReader(bytes.NewReader(msg))
						}
						for name, src := range ways {
							got, report, err := open(o, src)
							require.NoError(t, err, name)
							require.True(t, bytes.Equal(text, got), name)
							require.Equal(t, armor, report.Armored)
							require.Equal(t, receipt.Recipients, report.Recipients)
							require.Equal(t, 0, report.OpenedBy)
							if signed {
								require.Len(t, report.Signatures, 1)
								require.True(t, report.Signatures[0].Valid())
								require.Equal(t, to.Fingerprint(), report.Signatures[0].Sender.Fingerprint())
								require.Empty(t, report.Findings)
							}
						}
					})
				}
			}
		}
	}
}

func formatOf() envelope.Format { return pgp.Format() }
