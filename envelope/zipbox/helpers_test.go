package zipbox_test

import (
	"bytes"
	"crypto/fips140"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
)

const chunk = 128 << 10

// testPassphrase is what the archives of the tests open with.
const testPassphrase = "k8x2-mv9q-7tzr-4hwb-npc3"

func passphrase(t testing.TB, text string) *envelope.Passphrase {
	t.Helper()
	p, err := envelope.WeakPassphrase(text)
	require.NoError(t, err)
	return p
}

// needsSHA1 ends a test that FIPS mode leaves nothing of.
func needsSHA1(t testing.TB) {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("the format needs SHA-1, which is not allowed with GODEBUG=fips140=only; TestFIPS holds that it says so")
	}
}

type file struct {
	name    string
	content []byte
}

func octets(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>9)
	}
	return b
}

// someFiles have every length at which something is different.
func someFiles() []file {
	return []file{
		{"empty.txt", nil},
		{"one", []byte("x")},
		{"Größe 東京 привет.pdf", []byte("Unicode")},
		{"before.bin", octets(chunk - 1)},
		{"chunk.bin", octets(chunk)},
		{"behind.bin", octets(chunk + 1)},
		{"long.bin", octets(9*chunk + 5)},
		{"zeros.bin", make([]byte, 100_000)},
	}
}

var testTime = time.Date(2024, 2, 29, 12, 34, 56, 0, time.UTC)

func lock(t testing.TB, l zipbox.Locker, p *envelope.Passphrase, files ...file) []byte {
	t.Helper()
	needsSHA1(t)
	l.Weak = true
	var b bytes.Buffer
	w, err := l.Lock(&b, p)
	require.NoError(t, err)
	defer w.Abort()
	for _, f := range files {
		dst, err := w.Create(f.name, testTime)
		require.NoError(t, err)
		_, err = dst.Write(f.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.Equal(t, int64(b.Len()), w.Receipt().Size)
	require.Equal(t, len(files), w.Receipt().Files)
	return b.Bytes()
}

// open opens an archive and reads all that is in it.
func open(o zipbox.Opener, src io.Reader, p *envelope.Passphrase) (map[string][]byte, zipbox.Report, error) {
	a, err := o.Open(src, p)
	if err != nil {
		return nil, zipbox.Report{}, err
	}
	defer a.Close()
	got := map[string][]byte{}
	for _, f := range a.Files() {
		r := f.Open()
		b, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			return got, a.Report(), err
		}
		got[f.Name] = b
	}
	return got, a.Report(), nil
}

// same holds that got is what files are.
func same(t testing.TB, files []file, got map[string][]byte) {
	t.Helper()
	require.Len(t, got, len(files))
	for _, f := range files {
		b, ok := got[f.name]
		require.True(t, ok, "%q is missing", f.name)
		require.True(t, bytes.Equal(f.content, b), "%q is different", f.name)
	}
}
