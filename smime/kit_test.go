package smime_test

import (
	"bufio"
	"bytes"
	"crypto/fips140"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// kitSize is how many vectors the kit has: one that is lost must not go unnoticed.
const kitSize = 78

// kitDecisions reads what was decided about the rows that the kit leaves open.
func kitDecisions(t *testing.T) map[string]string {
	f, err := os.Open("testdata/cms-kit-decisions.txt")
	require.NoError(t, err)
	defer f.Close()
	out := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := s.Text(); line != "" && !strings.HasPrefix(line, "#") {
			name, rest, ok := strings.Cut(line, "\t")
			require.True(t, ok, line)
			out[name], _, _ = strings.Cut(rest, "\t")
		}
	}
	return out
}

func kitDir(t testing.TB) string {
	if fips140.Enforced() {
		t.Skip("skipped: the kit is AES-GCM with nonces of its own, which GODEBUG=fips140=only does not allow")
	}
	dir := os.Getenv("DKB_VECTORS")
	if dir == "" {
		t.Skip("DKB_VECTORS is not set: the CMS negative kit was not run")
	}
	return filepath.Join(dir, "crafted", "cms-kit")
}

// TestKit runs the CMS negative kit. "error" means an error and not one octet,
// whether the source can seek or not.
func TestKit(t *testing.T) {
	t.Parallel()
	dir := kitDir(t)
	decisions := kitDecisions(t)
	var manifest struct {
		Vectors []struct{ File, Expect, Comment string }
	}
	raw, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &manifest))
	require.Len(t, manifest.Vectors, kitSize)
	plain, err := os.ReadFile(filepath.Join(dir, "plaintext.bin"))
	require.NoError(t, err)
	who := personFromPEM(t, filepath.Join(dir, "recipient.cert.pem"), filepath.Join(dir, "recipient.key.pem"))

	count := map[string]int{}
	for _, v := range manifest.Vectors {
		expect := v.Expect
		if expect == "policy" {
			expect = decisions[v.File]
			require.NotEmpty(t, expect, "%s is left to policy and not decided", v.File)
		}
		count[expect]++
		msg, err := os.ReadFile(filepath.Join(dir, v.File))
		require.NoError(t, err)
		for name, src := range map[string]func() io.Reader{
			"seek": func() io.Reader { return bytes.NewReader(msg) },
			"pipe": func() io.Reader { return pipe(msg) },
		} {
			t.Run(v.File+"/"+name, func(t *testing.T) {
				o := envelope.Opener{Identities: who.identities()}
				got, report, err := open(o, src())
				switch expect {
				case "success":
					require.NoError(t, err, v.Comment)
					require.True(t, bytes.Equal(plain, got))
					require.False(t, report.Unauthenticated)
				case "success-empty":
					require.NoError(t, err, v.Comment)
					require.Empty(t, got)
				case "error":
					require.Error(t, err, v.Comment)
					require.Empty(t, got)
					if err != envelope.ErrDecrypt {
						require.ErrorIs(t, err, envelope.ErrFormat)
					}
				case "error-no-recipient":
					require.ErrorIs(t, err, envelope.ErrNotForYou)
					require.Empty(t, got)
				case "legacy":
					require.Equal(t, envelope.ErrDecrypt, err)
					require.Empty(t, got)
					o.Legacy.UnauthenticatedCBC = true
					got, report, err := open(o, src())
					require.NoError(t, err)
					require.True(t, bytes.Equal(plain, got))
					require.True(t, report.Unauthenticated)
				default:
					t.Fatalf("expectation %q is not known", expect)
				}
				o.Legacy.UnauthenticatedCBC = true
				if expect == "error" {
					got, _, err := open(o, src())
					require.Error(t, err, "permission for CBC must not change it: %s", v.Comment)
					require.Empty(t, got)
				}
			})
		}
	}
	t.Logf("%d vectors: %v", len(manifest.Vectors), count)
}
