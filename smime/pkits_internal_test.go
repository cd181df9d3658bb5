package smime

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/pkix"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// pkitsCase is one line of testdata/pkits.txt.
type pkitsCase struct {
	number, last                  string
	valid                         bool
	policies                      []string
	explicit, noMapping, noAnyPol bool
}

func pkitsTable(t *testing.T) (all []pkitsCase) {
	t.Helper()
	raw, err := os.ReadFile("testdata/pkits.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(raw)) {
		f := strings.Fields(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		c := pkitsCase{number: f[0], valid: f[1] == "valid", last: f[2]}
		require.Contains(t, []string{"valid", "invalid"}, f[1])
		for _, o := range f[3:] {
			switch {
			case strings.HasPrefix(o, "policies="):
				c.policies = strings.Split(strings.TrimPrefix(o, "policies="), ",")
			case o == "explicit":
				c.explicit = true
			case o == "no-mapping":
				c.noMapping = true
			case o == "no-any":
				c.noAnyPol = true
			default:
				t.Fatalf("%s: %q", c.number, o)
			}
		}
		all = append(all, c)
	}
	return all
}

// ownPKITS are the valid paths that are refused all the same, and why. Each is
// safe: nobody is believed who should not be.
func ownPKITS() map[string]string {
	const (
		dsa      = "DSA is not supported"
		relative = "crypto/x509 reads no distribution points with a name relative to the CRL's issuer"
	)
	return map[string]string{
		"4.1.4": dsa, "4.1.5": dsa,
		"4.14.4": relative, "4.14.5": relative, "4.14.29": relative,
	}
}

// ofRevocation reports whether what is wrong with an invalid path of PKITS has
// to do with its CRLs.
func ofRevocation(number string) bool {
	for _, section := range []string{"4.4.", "4.5.", "4.7.4", "4.7.5", "4.14.", "4.15."} {
		if strings.HasPrefix(number, section) {
			return true
		}
	}
	return false
}

// The NIST Public Key Interoperability Test Suite: all certificates and all
// CRLs of it are at hand for every path.
func TestPKITS(t *testing.T) {
	allowed(t, "SHA-1")
	root := os.Getenv("DKB_VECTORS")
	if root == "" {
		t.Skip("DKB_VECTORS is not set: PKITS is not here")
	}
	dir := filepath.Join(root, "bc-test-data", "PKITS")
	a := pkitsAuthorities(t, dir)
	own := ownPKITS()
	valid, invalid, decided := 0, 0, 0
	table := pkitsTable(t)
	for _, c := range table {
		raw, err := os.ReadFile(filepath.Join(dir, "certs", c.last+".crt"))
		require.NoError(t, err, c.number)
		judge := func(revocation bool) error {
			leaf, err := parseCertificate(raw)
			if err != nil {
				return err
			}
			o := a.options(nil)
			if !revocation {
				o.Revocation = nil
			}
			o.ExplicitPolicy, o.InhibitMapping, o.InhibitAny = c.explicit, c.noMapping, c.noAnyPol
			for _, n := range c.policies {
				if o.Policies == nil {
					o.Policies = map[string]bool{}
				}
				o.Policies["\x60\x86\x48\x01\x65\x03\x02\x01\x30"+string([]byte{n[0] - '0'})] = true
			}
			_, err = pkix.Check(pkixOf(leaf), o)
			return err
		}
		got := judge(true)
		if !c.valid && !ofRevocation(c.number) {
			// That something else is wrong is not what refuses it.
			require.Error(t, judge(false), c.number)
		}
		switch reason, ok := own[c.number]; {
		case ok:
			decided++
			require.True(t, c.valid, c.number)
			if got == nil {
				t.Errorf("%s %s: accepted, though: %s", c.number, c.last, reason)
			}
		case c.valid && got != nil:
			t.Errorf("%s %s: refused: %v", c.number, c.last, got)
		case !c.valid && got == nil:
			t.Errorf("%s %s: accepted", c.number, c.last)
		case c.valid:
			valid++
		default:
			invalid++
		}
	}
	t.Logf("PKITS: %d cases: %d valid accepted, %d invalid refused, %d valid refused by our decision (%.1f %%)",
		len(table), valid, invalid, decided, 100*float64(decided)/float64(len(table)))
	for n, reason := range own {
		t.Logf("PKITS %s: %s", n, reason)
	}
	require.Len(t, table, 249)
	require.LessOrEqual(t, 20*decided, len(table), "own decisions")
}

func pkitsAuthorities(t *testing.T, dir string) *Authorities {
	t.Helper()
	a := &Authorities{weak: true, Time: func() time.Time { return time.Date(2010, 6, 1, 0, 0, 0, 0, time.UTC) }}
	names, err := filepath.Glob(filepath.Join(dir, "certs", "*.crt"))
	require.NoError(t, err)
	require.Len(t, names, 405)
	for _, name := range names {
		raw, err := os.ReadFile(name)
		require.NoError(t, err)
		c, err := parseCertificate(raw)
		if err != nil {
			continue // the cases say whether that is right
		}
		if filepath.Base(name) == "TrustAnchorRootCertificate.crt" {
			a.Roots = []*keyring.Certificate{c.public()}
		} else {
			a.Intermediates = append(a.Intermediates, c.public())
		}
	}
	names, err = filepath.Glob(filepath.Join(dir, "crls", "*.crl"))
	require.NoError(t, err)
	require.Len(t, names, 173)
	for _, name := range names {
		raw, err := os.ReadFile(name)
		require.NoError(t, err)
		if _, err := x509.ParseRevocationList(raw); err != nil {
			t.Logf("%s: %v", filepath.Base(name), err)
			continue
		}
		a.Revocation = append(a.Revocation, raw)
	}
	a.once.Do(a.prepare)
	require.NoError(t, a.err)
	return a
}
