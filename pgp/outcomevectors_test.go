package pgp

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// What one file may cost, whatever is done with it. Argon2 with 64 MiB, which
// this package writes, is within it, and nothing that a vector asks for beyond.
const (
	vectorSeconds = 5 * time.Second
	vectorOctets  = 160 << 20 // allocated in all, not at a time
)

// outcomeLine is one line of a table in testdata: a file, what is done with
// it, what comes of that, and who says so.
type outcomeLine struct{ file, how, want, source string }

// readOutcomes reads the table of one corpus. Lines that begin with # are its
// comments; the columns are separated by tabs.
func readOutcomes(t *testing.T, name string) (lines []outcomeLine) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "vectors-"+name+".txt"))
	require.NoError(t, err)
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if s.Text() == "" || s.Text()[0] == '#' {
			continue
		}
		c := strings.Split(s.Text(), "\t")
		require.Len(t, c, 4, s.Text())
		require.NotEmpty(t, c[3], s.Text())
		lines = append(lines, outcomeLine{c[0], c[1], c[2], c[3]})
	}
	require.NotEmpty(t, lines)
	return lines
}

// vectorFiles holds the files of a corpus: those below dir, and with unpack
// what is in its archive.
type vectorFiles struct {
	root string
	more map[string][]byte // from an archive
}

func (v vectorFiles) read(t *testing.T, name string) []byte {
	t.Helper()
	if b, ok := v.more[name]; ok {
		return b
	}
	if text, err := strconv.Unquote(name); err == nil { // content that no file has
		return []byte(text)
	}
	root := v.root
	if strings.HasPrefix(name, "testdata/") {
		root = "" // a key of our own
	}
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	require.NoError(t, err)
	if strings.HasPrefix(name, "crafted/") && strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(b))
		require.NoError(t, err)
		b, err = io.ReadAll(z)
		require.NoError(t, err)
	}
	return b
}

// under lists the files below the folders, and those from an archive.
func (v vectorFiles) under(t *testing.T, dirs ...string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for n := range v.more {
		names[n] = true
	}
	for _, dir := range dirs {
		require.NoError(t, filepath.WalkDir(filepath.Join(v.root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(v.root, path)
			names[filepath.ToSlash(rel)] = true
			return err
		}))
	}
	return names
}

// part returns the n-th key of a file with several: "FILE#n" from 0; without
// "#", the file as it is.
func (v vectorFiles) part(t *testing.T, name string) []byte {
	t.Helper()
	file, at, ok := strings.Cut(name, "#")
	b := v.read(t, file)
	if !ok {
		return b
	}
	n, err := strconv.Atoi(at)
	require.NoError(t, err)
	keys := ringKeys(b)
	require.Greater(t, len(keys), n, name)
	return keys[n]
}

// ringKeys takes a file with several keys apart. What follows a packet that
// cannot be read is left out.
func ringKeys(b []byte) (keys [][]byte) {
	raw, _, err := dearmorKey(b)
	if err != nil {
		return nil
	}
	_ = splitKeyPackets(raw, func(tag int, body []byte) error {
		if tag == keyTagPublic || tag == keyTagSecret {
			keys = append(keys, nil)
		}
		if n := len(keys) - 1; n >= 0 {
			keys[n] = appendKeyPacket(keys[n], tag, body)
		}
		return nil
	})
	return keys
}

// vectorRun does what a line says and tells what came of it in a word or two.
func vectorRun(t *testing.T, v vectorFiles, l outcomeLine) string {
	t.Helper()
	b := v.read(t, l.file)
	how := strings.Fields(l.how)
	o := &envelope.Opener{Formats: []envelope.Format{Format()}, Time: func() time.Time { return vectorTime }}
	switch how[0] {
	case "public":
		return outcome(b, false, "")
	case "secret":
		return outcome(b, true, how[1])
	case "ring":
		var all []string
		for _, k := range ringKeys(b) {
			all = append(all, outcome(k, how[1] != "public", how[1]))
		}
		return strings.Join(all, ", ")
	case "inspect":
		r, err := envelope.Inspect(bytes.NewReader(b), Format())
		if err != nil {
			return failureWord(err)
		}
		return r.Container
	case "open", "open-nomdc":
		o.Legacy.NoMDC = how[0] == "open-nomdc"
		o.Identities = []envelope.Identity{vectorKey(t, v, how[1], how[2]).Identity()}
		o.Senders = vectorSenders(t, v, how[3:])
		return opened(o.Open(bytes.NewReader(b)))
	case "passphrase":
		p, err := envelope.OpenPassphrase(how[1])
		require.NoError(t, err)
		o.Passphrases = []*envelope.Passphrase{p}
		o.Senders = vectorSenders(t, v, how[2:])
		return opened(o.Open(bytes.NewReader(b)))
	case "verify":
		o.Senders = vectorSenders(t, v, how[1:])
		return opened(o.Verify(bytes.NewReader(b)))
	case "detached":
		o.Senders = vectorSenders(t, v, how[2:])
		if _, err := o.VerifyDetached(bytes.NewReader(b), bytes.NewReader(v.read(t, how[1]))); err != nil {
			return failureWord(err)
		}
		return "valid"
	}
	require.Fail(t, "what to do with it is not known", l.how)
	return ""
}

// vectorKey reads a key for opening. A key too weak to be sealed to opens.
func vectorKey(t *testing.T, v vectorFiles, name, passphrase string) *Key {
	t.Helper()
	k, err := ParseKey(bytes.NewReader(v.part(t, name)), []byte(strings.TrimPrefix(passphrase, "-")))
	require.NoError(t, err, name)
	return k
}

// vectorSenders reads certificates, also those that a secret key file holds.
// Their fingerprints are taken on trust here.
func vectorSenders(t *testing.T, v vectorFiles, names []string) (senders []*keyring.Verified) {
	t.Helper()
	for _, name := range names {
		b := v.part(t, name)
		c, err := ParseCertificate(b)
		if err != nil {
			k, err2 := ParseKey(bytes.NewReader(b), nil)
			require.NoError(t, err2, "%s: %v", name, err)
			c = k.Certificate()
		}
		s, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
		require.NoError(t, err)
		senders = append(senders, s)
	}
	return senders
}

// opened reads a message to its end: the first octets of the SHA-256 of its
// content, and for each signature whether it is valid; or the kind of error.
func opened(m *envelope.Message, err error) string {
	if err != nil {
		return failureWord(err)
	}
	defer m.Close()
	h := sha256.New()
	if _, err := io.Copy(h, m); err != nil {
		return failureWord(err)
	}
	out := fmt.Sprintf("opens %x", h.Sum(nil)[:4])
	for _, s := range m.Report().Signatures {
		if s.Valid() && s.Sender != nil {
			out += " valid"
		} else {
			out += " not-valid"
		}
	}
	return out
}

func failureWord(err error) string {
	for word, known := range map[string]error{
		"decrypt": envelope.ErrDecrypt, "format": envelope.ErrFormat, "not-for-you": envelope.ErrNotForYou,
		"limit": envelope.ErrLimit, "signature": envelope.ErrSignature,
	} {
		if errors.Is(err, known) {
			return word
		}
	}
	return "an error of no kind: " + err.Error()
}

// vectorEverything gives a file to everything that reads one: whatever comes
// out, it is an error of a known kind, or none.
func vectorEverything(b []byte, own *Key, sender *keyring.Verified) (kinds []string) {
	o := &envelope.Opener{Identities: []envelope.Identity{own.Identity()}}
	s := &envelope.Opener{Senders: []*keyring.Verified{sender}}
	_, inspected := envelope.Inspect(bytes.NewReader(b), Format())
	_, detached := s.VerifyDetached(bytes.NewReader(b), strings.NewReader("content"))
	for _, err := range []error{inspected, detached} {
		if err != nil {
			kinds = append(kinds, failureWord(err))
		}
	}
	_, _ = ParseCertificate(b)
	_, _ = ParseKey(bytes.NewReader(b), []byte("password"))
	return append(kinds, opened(o.Open(bytes.NewReader(b))), opened(s.Verify(bytes.NewReader(b))))
}

// bounded runs f and holds its time and its allocations against the bounds.
func bounded(t *testing.T, what string, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	f()
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	require.Less(t, took, vectorSeconds, "%s took too long", what)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(vectorOctets), "%s allocated too much", what)
}

// runOutcomes holds every file below the folders against the table: each has
// a line at least, and each line its file.
func runOutcomes(t *testing.T, name string, v vectorFiles, dirs ...string) {
	t.Helper()
	own, err := GenerateKey(KeyOptions{Address: "bob@example.org"})
	require.NoError(t, err)
	sender, err := keyring.Verify(own.Certificate(), keyring.Expect(own.Certificate().Fingerprint()))
	require.NoError(t, err)
	files, lines := v.under(t, dirs...), readOutcomes(t, name)
	held, decisions := map[string]bool{}, 0
	for _, l := range lines {
		require.True(t, files[l.file], "%s: the table names it, and it is not there", l.file)
		if strings.HasPrefix(l.source, "own: ") {
			decisions++
			t.Logf("%s, %s: %s (%s)", l.file, l.how, l.want, l.source)
		}
		t.Run(l.file+" "+l.how, func(t *testing.T) {
			bounded(t, l.file, func() { require.Equal(t, l.want, vectorRun(t, v, l), l.source) })
			if held[l.file] {
				return
			}
			held[l.file] = true
			bounded(t, l.file, func() {
				for _, kind := range vectorEverything(v.read(t, l.file), own, sender) {
					require.NotContains(t, kind, "no kind")
					require.NotContains(t, kind, " valid")
				}
			})
		})
	}
	for f := range files {
		require.True(t, held[f], "%s: the table does not name it", f)
	}
	t.Logf("%s: %d files, %d lines, %d own decisions (%.1f %%)", name, len(files), len(lines), decisions, 100*float64(decisions)/float64(len(lines)))
	require.LessOrEqual(t, decisions*20, len(lines), "own decisions: at most one in twenty")
}

// vectorRoot is where the vectors of other projects are.
func vectorRoot(t *testing.T) vectorFiles {
	t.Helper()
	root := os.Getenv("DKB_VECTORS")
	if root == "" {
		t.Skip("set DKB_VECTORS to the folder of test vectors")
	}
	return vectorFiles{root: root}
}

func TestOutcomesCrafted(t *testing.T) { runOutcomes(t, "crafted", vectorRoot(t), "crafted/pgp") }

func TestOutcomesPQC(t *testing.T) { runOutcomes(t, "pqc", vectorRoot(t), "openpgp-pqc") }
