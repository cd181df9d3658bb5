package envelope_test

import (
	"bytes"
	"crypto/fips140"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// The rules, held against the real formats in every container that they write.

type key interface {
	Certificate() *keyring.Certificate
	Identity() envelope.Identity
	Signer() envelope.Signer
}

type container struct {
	name   string
	key    key
	sealer envelope.Sealer
	legacy envelope.Legacy // what opening needs
}

func verify(t testing.TB, k key) *keyring.Verified {
	t.Helper()
	f, err := keyring.ParseFingerprint(k.Certificate().Fingerprint().String())
	require.NoError(t, err)
	v, err := keyring.Verify(k.Certificate(), keyring.Expect(f))
	require.NoError(t, err)
	return v
}

func containers(t testing.TB) []container {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("under fips140=only the formats refuse before they start; their own tests hold that")
	}
	s, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	require.NoError(t, err)
	p4, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	require.NoError(t, err)
	p6, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org", Profile: envelope.Modern})
	require.NoError(t, err)
	cbc := envelope.Legacy{UnauthenticatedCBC: true}
	by := func(k key) []envelope.Signer { return []envelope.Signer{k.Signer()} }
	return []container{
		{"SEIPDv1", p4, envelope.Sealer{}, envelope.Legacy{}},
		{"SEIPDv1 signed", p4, envelope.Sealer{Signers: by(p4)}, envelope.Legacy{}},
		{"SEIPDv2", p6, envelope.Sealer{}, envelope.Legacy{}},
		{"SEIPDv2 signed", p6, envelope.Sealer{Signers: by(p6)}, envelope.Legacy{}},
		{"GCM", s, envelope.Sealer{Profile: envelope.Modern}, envelope.Legacy{}},
		{"GCM signed", s, envelope.Sealer{Profile: envelope.Modern, Signers: by(s)}, envelope.Legacy{}},
		{"GCM signed entity", s, envelope.Sealer{Profile: envelope.Modern, Signers: by(s), Entity: true}, envelope.Legacy{}},
		{"CBC signed", s, envelope.Sealer{Signers: by(s)}, envelope.Legacy{}},
		{"CBC signed entity", s, envelope.Sealer{Signers: by(s), Entity: true}, envelope.Legacy{}},
		{"CBC", s, envelope.Sealer{Profile: envelope.Compatible, Legacy: cbc}, cbc},
	}
}

func (c container) opener() *envelope.Opener {
	return &envelope.Opener{Identities: []envelope.Identity{c.key.Identity()}, Legacy: c.legacy}
}

func (c container) seal(t testing.TB, data []byte) []byte {
	t.Helper()
	s := c.sealer
	return sealed(t.(*testing.T), &s, string(data), verify(t, c.key))
}

func openAll(o *envelope.Opener, src io.Reader) ([]byte, error) {
	m, err := o.Open(src)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return io.ReadAll(m)
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func TestEveryContainerOpens(t *testing.T) {
	t.Parallel()
	for _, c := range containers(t) {
		for _, n := range []int{0, 1, 65_535, 65_536, 65_537, 600_000} {
			data := random(n)
			msg := c.seal(t, data)
			for how, src := range map[string]io.Reader{"file": bytes.NewReader(msg), "pipe": io.MultiReader(bytes.NewReader(msg))} {
				got, err := openAll(c.opener(), src)
				require.NoError(t, err, "%s %d %s", c.name, n, how)
				require.True(t, bytes.Equal(data, got), "%s %d %s", c.name, n, how)
			}
		}
	}
}

// changing is a source that is another one when it is read for the second time.
type changing struct {
	*bytes.Reader
	data   []byte
	at     int
	rewind int
}

func (c *changing) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		c.rewind++
		c.data[c.at] ^= 1
	}
	return c.Reader.Seek(offset, whence)
}

func TestSourceThatChangesBetweenThePasses(t *testing.T) {
	t.Parallel()
	for _, c := range containers(t) {
		data := random(900_000)
		msg := c.seal(t, data)
		for _, part := range []float64{0.001, 0.3, 0.6, 0.9999} {
			mine := bytes.Clone(msg)
			src := &changing{Reader: bytes.NewReader(mine), data: mine, at: int(part * float64(len(mine)))}
			got, err := openAll(c.opener(), src)
			require.True(t, bytes.HasPrefix(data, got), "%s: octets released that the first pass did not see", c.name)
			if src.rewind == 0 {
				require.Equal(t, "SEIPDv2", strings.TrimSuffix(c.name, " signed"), "read once: authenticated in chunks")
				require.NoError(t, err)
				continue
			}
			require.Error(t, err, "%s at %v", c.name, part)
			require.NotEqual(t, len(data), len(got))
		}
	}
}

// A flipped bit anywhere yields an error or the same content, never another.
// Content of which nothing is authenticated is the exception that its name says.
func TestNoFlippedBitIsReleased(t *testing.T) {
	t.Parallel()
	for _, c := range containers(t) {
		if c.legacy.UnauthenticatedCBC {
			continue
		}
		data := random(300)
		msg := c.seal(t, data)
		for i := 0; i < len(msg); i += stride(11) {
			mine := bytes.Clone(msg)
			mine[i] ^= 1 << (i % 8)
			got, err := openAll(c.opener(), bytes.NewReader(mine))
			if err == nil {
				require.True(t, bytes.Equal(data, got), "%s: octet %d changed the content", c.name, i)
			} else {
				// Chunks of SEIPDv2 are released as they are authenticated: what
				// came before the damage is the content's own beginning.
				require.True(t, len(got) == 0 || strings.HasPrefix(c.name, "SEIPDv2") && bytes.HasPrefix(data, got),
					"%s: octet %d released content before the error", c.name, i)
			}
		}
	}
}

func TestNoCutMessageEnds(t *testing.T) {
	t.Parallel()
	for _, c := range containers(t) {
		data := random(300)
		msg := c.seal(t, data)
		for i := 0; i < len(msg); i += stride(11) {
			_, err := openAll(c.opener(), bytes.NewReader(msg[:i]))
			require.Error(t, err, "%s: cut after %d of %d octets", c.name, i, len(msg))
		}
		_, err := openAll(c.opener(), bytes.NewReader(append(bytes.Clone(msg), 'x')))
		require.Error(t, err, "%s: an octet follows", c.name)
	}
}

func TestAbortedMessagesNeverOpen(t *testing.T) {
	t.Parallel()
	for _, c := range containers(t) {
		for _, n := range []int{0, 1000, 700_000} {
			var b bytes.Buffer
			s := c.sealer
			w, err := s.Seal(&b, verify(t, c.key))
			require.NoError(t, err)
			_, err = w.Write(random(n))
			require.NoError(t, err)
			w.Abort()
			require.ErrorIs(t, w.Close(), envelope.ErrClosed)
			_, err = openAll(c.opener(), bytes.NewReader(b.Bytes()))
			require.Error(t, err, "%s, %d octets", c.name, n)
		}
	}
}

// What is kept of a pipe has no name, and holds nothing that can be read
// without the key: neither as it is nor in base64.
func TestSpoolHoldsNoPlaintext(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks through /proc/self/fd")
	}
	secret := []byte("the canary that must not be found on any disk 0123456789")
	data := bytes.Repeat(secret, 20_000)
	for _, c := range containers(t) {
		dir := t.TempDir()
		o := c.opener()
		o.Limits = envelope.Limits{SpoolDir: dir, SpoolMemory: 1}
		m, err := o.Open(io.MultiReader(bytes.NewReader(c.seal(t, data))))
		require.NoError(t, err, c.name)
		names, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, names, "%s: the spool file has a name", c.name)
		found := 0
		fds, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		for _, fd := range fds {
			path := "/proc/self/fd/" + fd.Name()
			if target, err := os.Readlink(path); err != nil || !strings.HasPrefix(target, dir) {
				continue
			}
			found++
			held, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NotEmpty(t, held)
			require.False(t, bytes.Contains(held, secret[:20]), c.name)
			for shift := range 3 {
				text := base64.StdEncoding.EncodeToString(secret[shift:])[4:24]
				require.False(t, bytes.Contains(held, []byte(text)), "%s: in base64", c.name)
			}
		}
		require.Equal(t, !strings.HasPrefix(c.name, "SEIPDv2"), found == 1, "%s: spool files: %d", c.name, found)
		got, err := io.ReadAll(m)
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, got))
		require.NoError(t, m.Close())
	}
}

// Rule 9: nothing is used twice. Equal content for equal recipients is sealed
// to octets that have nothing in common; what is compared leaves out the
// message's head and end, where recipients and structure are.
func TestEverythingIsFresh(t *testing.T) {
	t.Parallel()
	for _, c := range containers(t) {
		seen := map[string]int{}
		for range 20 {
			msg := c.seal(t, make([]byte, 6000))
			middle := msg[len(msg)-5000 : len(msg)-2500]
			for i := 0; i+16 <= len(middle); i += 16 {
				seen[string(middle[i:i+16])]++
			}
		}
		for k, n := range seen {
			require.Equal(t, 1, n, "%s: %x", c.name, k)
		}
	}
}

// Rule 7: what depends on a secret is one error, bare, whatever the cause.
func TestOneDecryptionError(t *testing.T) {
	t.Parallel()
	for _, c := range containers(t) {
		if c.legacy.UnauthenticatedCBC {
			continue
		}
		msg := c.seal(t, random(300))
		texts := map[string]bool{}
		for i := len(msg) - 250; i < len(msg)-60; i += stride(11) { // well inside the content
			mine := bytes.Clone(msg)
			mine[i] ^= 0x80
			_, err := openAll(c.opener(), bytes.NewReader(mine))
			if err == envelope.ErrDecrypt {
				texts[err.Error()] = true
				continue
			}
			require.ErrorIs(t, err, envelope.ErrFormat, "%s at %d", c.name, i)
			require.NotErrorIs(t, err, envelope.ErrDecrypt)
		}
		require.Len(t, texts, 1, c.name)
	}
}

func TestOnlySignedIsNotSealed(t *testing.T) {
	for _, c := range containers(t) {
		if len(c.sealer.Signers) == 0 {
			continue
		}
		var b bytes.Buffer
		w, err := envelope.Sign(&b, c.sealer.Signers...)
		require.NoError(t, err)
		_, err = io.WriteString(w, "for everybody")
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NotNil(t, w.Receipt())
		_, err = openAll(c.opener(), bytes.NewReader(b.Bytes()))
		require.ErrorIs(t, err, envelope.ErrFormat, c.name)
		o := &envelope.Opener{Senders: []*keyring.Verified{verify(t, c.key)}}
		m, err := o.Verify(bytes.NewReader(b.Bytes()))
		require.NoError(t, err, c.name)
		got, err := io.ReadAll(m)
		require.NoError(t, err)
		require.Equal(t, "for everybody", string(got))
		require.False(t, m.Report().Encrypted)
		require.NoError(t, m.Close())
		_, err = o.Verify(bytes.NewReader(c.seal(t, []byte("x"))))
		require.ErrorIs(t, err, envelope.ErrFormat, c.name)
	}
}

// However large the content is, memory stays.
func TestMemoryDoesNotGrow(t *testing.T) {
	if testing.Short() || plainBuild || raceBuild {
		t.Skip("32 MiB for each container; the plain build keeps a message whole in memory, and says so; the race detector keeps more than that")
	}
	for _, c := range containers(t) {
		if strings.Contains(c.name, "entity") {
			continue // as the others, with base64 around
		}
		f, err := os.CreateTemp(t.TempDir(), "")
		require.NoError(t, err)
		s := c.sealer
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		w, err := s.Seal(f, verify(t, c.key))
		require.NoError(t, err)
		const size = 32 << 20 // well more than may grow
		_, err = io.Copy(w, io.LimitReader(zeros{}, size))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		_, err = f.Seek(0, io.SeekStart)
		require.NoError(t, err)
		m, err := c.opener().Open(f)
		if err == nil {
			_, err = io.Copy(io.Discard, m)
			m.Close()
		}
		require.NoError(t, err, c.name)
		runtime.ReadMemStats(&after)
		grown := int64(after.Sys) - int64(before.Sys)
		require.Less(t, grown, int64(24<<20), "%s: %s", c.name, fmt.Sprint(grown>>20, " MiB"))
		require.NoError(t, f.Close())
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
