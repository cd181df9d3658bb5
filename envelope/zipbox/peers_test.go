package zipbox_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
)

// missing skips a test for want of another program, or fails it where those are
// asked for.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("DKB_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is missing, and DKB_REQUIRE_PEERS=1", what)
	}
	t.Skipf("%s is missing", what)
}

// peer is another program that locks and unlocks.
type peer struct {
	name   string
	needs  []string
	lock   func(t testing.TB, archive, dir, passphrase string, bits int, deflate bool)
	unlock func(t testing.TB, archive, dir, passphrase string) error // "": the archive is not encrypted
	kind   string                                                    // what it writes
}

func run(dir, stdin, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "INTEROP_HOME="+interopHome())
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return nil
}

func interopHome() string {
	if home := os.Getenv("INTEROP_HOME"); home != "" {
		return home
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".cache", "interop-peers")
}

func level(deflate bool, on, off string) string {
	if deflate {
		return on
	}
	return off
}

func peers(t testing.TB) []peer {
	script, err := filepath.Abs("testdata/zipjs.mjs")
	require.NoError(t, err)
	return []peer{{
		name: "7z", needs: []string{"7z"}, kind: "AE-2",
		lock: func(t testing.TB, archive, dir, passphrase string, bits int, deflate bool) {
			require.NoError(t, run(dir, "", "7z", "a", "-tzip", "-mcu=on", level(deflate, "-mx1", "-mx0"), fmt.Sprintf("-mem=AES%d", bits), "-p"+passphrase, archive, "."))
		},
		unlock: func(t testing.TB, archive, dir, passphrase string) error {
			return run(dir, "", "7z", "x", "-y", "-p"+passphrase, archive)
		},
	}, {
		name: "bsdtar", needs: []string{"bsdtar"}, kind: "AE-1",
		lock: func(t testing.TB, archive, dir, passphrase string, bits int, deflate bool) {
			if bits == 192 {
				t.Skip("bsdtar writes 128 and 256 bits alone")
			}
			require.NoError(t, run(dir, "", "sh", "-c", fmt.Sprintf("bsdtar --format zip --options zip:encryption=aes%d,zip:compression=%s --passphrase '%s' -cf '%s' *",
				bits, level(deflate, "deflate", "store"), passphrase, archive)))
		},
		unlock: func(t testing.TB, archive, dir, passphrase string) error {
			if passphrase == "" {
				return run(dir, "", "bsdtar", "-xf", archive)
			}
			return run(dir, "", "bsdtar", "--passphrase", passphrase, "-xf", archive)
		},
	}, {
		name: "zip.js", needs: []string{"node", filepath.Join(interopHome(), "node_modules/@zip.js/zip.js/index.cjs")}, kind: "AE-2",
		lock: func(t testing.TB, archive, dir, passphrase string, bits int, deflate bool) {
			require.NoError(t, run(dir, passphrase, "node", script, "lock", archive, dir, fmt.Sprint(bits/64-1), level(deflate, "5", "0")))
		},
		unlock: func(t testing.TB, archive, dir, passphrase string) error {
			return run(dir, passphrase, "node", script, "unlock", archive, dir)
		},
	}}
}

// eachPeer runs a test for each peer that is here.
func eachPeer(t *testing.T, test func(t *testing.T, p peer)) {
	needsSHA1(t)
	if os.Getenv("DKB_PEERS") == "" {
		missing(t, "DKB_PEERS, the folder of other programs")
	}
	for _, p := range peers(t) {
		t.Run(p.name, func(t *testing.T) {
			for _, n := range p.needs {
				if filepath.IsAbs(n) {
					if _, err := os.Stat(n); err != nil {
						missing(t, n)
					}
				} else if _, err := exec.LookPath(n); err != nil {
					missing(t, n)
				}
			}
			test(t, p)
		})
	}
}

// unlock unlocks an archive of ours by another program, twice, as a person does.
func (p peer) unlockOurs(t *testing.T, archive []byte, passphrase string) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	outer, middle, inner := filepath.Join(dir, "x.zip"), filepath.Join(dir, "middle"), filepath.Join(dir, "inner")
	require.NoError(t, os.Mkdir(middle, 0o700))
	require.NoError(t, os.Mkdir(inner, 0o700))
	require.NoError(t, os.WriteFile(outer, archive, 0o600))
	require.NoError(t, p.unlock(t, outer, middle, passphrase))
	require.NoError(t, p.unlock(t, filepath.Join(middle, "attachments.zip"), inner, ""))
	got := map[string][]byte{}
	entries, err := os.ReadDir(inner)
	require.NoError(t, err)
	for _, e := range entries {
		got[e.Name()], err = os.ReadFile(filepath.Join(inner, e.Name()))
		require.NoError(t, err)
	}
	return got
}

func TestPeersUnlock(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		for name, c := range map[string]struct {
			files      []file
			passphrase string
			deflate    bool
		}{
			"lengths":    {someFiles(), testPassphrase, false},
			"deflate":    {someFiles(), testPassphrase, true},
			"1,000":      {manyFiles(), testPassphrase, false},
			"passphrase": {someFiles()[:2], "Größe 東京 e\u0301 'quoted'", false},
		} {
			t.Run(name, func(t *testing.T) {
				archive := lock(t, zipbox.Locker{Deflate: c.deflate}, passphrase(t, c.passphrase), c.files...)
				typed := strings.ReplaceAll(c.passphrase, "e\u0301", "é")
				same(t, c.files, p.unlockOurs(t, archive, typed))
			})
		}
		t.Run("tampered", func(t *testing.T) { // so that the others mean something
			archive := lock(t, zipbox.Locker{}, passphrase(t, testPassphrase), someFiles()...)
			archive[len(archive)/2] ^= 1
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "x.zip"), archive, 0o600))
			require.Error(t, p.unlock(t, filepath.Join(dir, "x.zip"), dir, testPassphrase))
		})
	})
}

// A thousand files that another program locked, each by itself.
func TestPeersLockMany(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		dir, files := t.TempDir(), manyFiles()
		for _, f := range files {
			require.NoError(t, os.WriteFile(filepath.Join(dir, f.name), f.content, 0o600))
		}
		archive := filepath.Join(t.TempDir(), "x.zip")
		p.lock(t, archive, dir, testPassphrase, 256, false)
		f, err := os.Open(archive)
		require.NoError(t, err)
		defer f.Close()
		got, _, err := open(zipbox.Opener{}, f, passphrase(t, testPassphrase))
		require.NoError(t, err)
		same(t, files, got)
		info, err := f.Stat()
		require.NoError(t, err)
		o, err := zipbox.Inspect(f, info.Size())
		require.NoError(t, err)
		require.Len(t, o.Names, len(files))
	})
}

func manyFiles() []file {
	many := make([]file, 1000)
	for i := range many {
		many[i] = file{fmt.Sprintf("file %d ä東.txt", i), []byte(fmt.Sprint(i))}
	}
	return many
}

func TestPeersLock(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		for _, bits := range []int{128, 192, 256} {
			for _, deflate := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d deflate %v", bits, deflate), func(t *testing.T) {
					dir := t.TempDir()
					files := someFiles()
					for _, f := range files {
						require.NoError(t, os.WriteFile(filepath.Join(dir, f.name), f.content, 0o600))
					}
					archive := filepath.Join(t.TempDir(), "x.zip")
					p.lock(t, archive, dir, testPassphrase, bits, deflate)
					f, err := os.Open(archive)
					require.NoError(t, err)
					defer f.Close()
					got, report, err := open(zipbox.Opener{}, f, passphrase(t, testPassphrase))
					require.NoError(t, err)
					same(t, files, got)
					require.Equal(t, fmt.Sprintf("AES-%d", bits), report.Content)
					require.Equal(t, p.kind, report.Container)
					require.False(t, report.Whole)
					_, err = f.Seek(0, 0)
					require.NoError(t, err)
					_, _, err = open(zipbox.Opener{}, f, passphrase(t, testPassphrase+"x"))
					require.Equal(t, envelope.ErrDecrypt, err)
				})
			}
		}
	})
}
