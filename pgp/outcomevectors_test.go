package pgp

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// What one file may cost, whatever is done with it. Argon2 with 64 MiB, which
// this package writes, is within it, and nothing that a vector asks for beyond.
const (
	vectorMost   = 20 * time.Second // ten times that where the race detector watches
	vectorOctets = 512 << 20        // allocated in all
	vectorHeap   = 192 << 20        // in use at a time, with garbage that is not yet collected
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

// vectorFiles holds the files of a corpus: those on disk, and with unpack what
// is in its archive.
type vectorFiles struct {
	root string
	more map[string][]byte // from an archive
	not  string            // what begins so has another table; "": nothing
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
			if v.not == "" || !strings.HasPrefix(filepath.ToSlash(rel), v.not) {
				names[filepath.ToSlash(rel)] = true
			}
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

// heapInUse is what the heap holds now, what is garbage included.
func heapInUse() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// bounded runs f and holds its time and its memory against the bounds.
func bounded(t *testing.T, what string, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	held, most := heapInUse(), uint64(0)
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for tick := time.NewTicker(2 * time.Millisecond); ; {
			select {
			case <-tick.C:
				most = max(most, heapInUse())
			case <-done:
				tick.Stop()
				return
			}
		}
	}()
	began := time.Now()
	f()
	took := time.Since(began)
	close(done)
	<-watched
	runtime.ReadMemStats(&after)
	require.Less(t, took, vectorMost*RaceFactor, "%s took too long", what)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(vectorOctets), "%s allocated too much", what)
	require.Less(t, most, held+vectorHeap, "%s held too much", what)
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
	named, decisions := map[string]bool{}, 0
	for _, l := range lines {
		require.True(t, files[l.file], "%s: the table names it, and it is not there", l.file)
		if strings.HasPrefix(l.source, "own: ") {
			decisions++
			t.Logf("%s, %s: %s (%s)", l.file, l.how, l.want, l.source)
		}
		more := named[l.file]
		named[l.file] = true
		t.Run(l.file+" "+l.how, func(t *testing.T) {
			bounded(t, l.file, func() { require.Equal(t, l.want, vectorRun(t, v, l), l.source) })
			if more {
				return
			}
			bounded(t, l.file, func() {
				for _, kind := range vectorEverything(v.read(t, l.file), own, sender) {
					require.NotContains(t, kind, "no kind")
					require.NotContains(t, kind, " valid")
				}
			})
		})
	}
	for f := range files {
		require.True(t, named[f], "%s: the table does not name it", f)
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

// unpack reads the files that rnp's fuzzing found out of their archive.
func (v *vectorFiles) unpack(t *testing.T, archive string) {
	t.Helper()
	f, err := os.Open(filepath.Join(v.root, archive))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	v.more = map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if h.Typeflag != tar.TypeReg {
			continue
		}
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		v.more["rnp/fuzz-crashers/"+strings.TrimPrefix(h.Name, "src/tests/data/")] = b
	}
	require.Len(t, v.more, 36)
}

func TestOutcomesCrafted(t *testing.T) { runOutcomes(t, "crafted", vectorRoot(t), "crafted/pgp") }

func TestOutcomesPQC(t *testing.T) { runOutcomes(t, "pqc", vectorRoot(t), "openpgp-pqc") }

func TestOutcomesRFC9580(t *testing.T) { runOutcomes(t, "rfc9580", vectorRoot(t), "rpgp/rfc9580") }

func TestOutcomesRNP(t *testing.T) {
	v := vectorRoot(t)
	v.unpack(t, "rnp/fuzz-crashers.tar.gz")
	runOutcomes(t, "rnp", v, "rnp")
}

func TestOutcomesRPGP(t *testing.T) {
	v := vectorRoot(t)
	v.not = "rpgp/rfc9580/" // has a table of its own
	runOutcomes(t, "rpgp", v, "rpgp")
}
