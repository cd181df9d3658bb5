// Package arrows holds the packages of this module to the directions in which
// they may depend on each other, and to what they may show.
package arrows

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/doublekeybox/doublekeybox"

// list runs go list in dir, a module's root.
func list(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if e, ok := err.(*exec.ExitError); ok {
		require.NoError(t, err, string(e.Stderr))
	}
	require.NoError(t, err)
	return strings.Fields(string(out))
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	require.NoError(t, err)
	return dir
}

// packages returns those of this module, without tests.
func packages(t *testing.T) []string {
	t.Helper()
	all := list(t, root(t), "./...")
	require.Contains(t, all, module+"/envelope")
	return all
}

// beside returns the packages of another module of this repository, "transport"
// or "examples".
func beside(t *testing.T, dir string) []string {
	t.Helper()
	all := list(t, filepath.Join(root(t), dir), "./...")
	require.NotEmpty(t, all, dir)
	return all
}

// imports returns what each package of the module in dir imports, without tests.
func imports(t *testing.T, dir string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	pkg := ""
	for _, f := range list(t, dir, "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}} ;`, "./...") {
		switch {
		case f == ";":
			pkg = ""
		case pkg == "":
			pkg = f
			all[pkg] = nil
		default:
			all[pkg] = append(all[pkg], f)
		}
	}
	require.NotEmpty(t, all, dir)
	return all
}

// layer is what a package may import of what is not std. The first prefix that
// fits a package decides.
type layer struct {
	prefix string
	may    []string
}

// layers is the only way in which dependencies point:
//
//	internal <- keyring <- envelope <- pgp, smime   <- examples
//	                       envelope <- envelope/mail <- transport, examples
//
// Adding an entry is a change of the design, not of this test.
func layers() []layer {
	const x = "golang.org/x/"
	return []layer{
		{"internal/seam", nil},
		{"internal/mailbox", []string{x + "net/idna", x + "text", module + "/internal"}},
		{"internal/mimeparse", []string{x + "text", module + "/internal"}},
		{"internal/filename", []string{x + "text", module + "/internal"}},
		{"internal/confusable", []string{x + "text", module + "/internal"}},
		{"internal/", []string{x + "crypto", x + "sys", module + "/internal"}},
		{"keyring/discover", []string{x, module + "/internal", module + "/keyring"}},
		{"keyring/identities", []string{x + "crypto", module + "/internal", module + "/keyring"}},
		{"keyring", []string{x + "crypto", module + "/internal"}},
		{"envelope/mail", []string{"github.com/emersion/go-message", module + "/internal", module + "/keyring", module + "/envelope"}},
		{"envelope", []string{module + "/internal", module + "/keyring", module + "/envelope"}},
		{"pgp", []string{"github.com/ProtonMail/go-crypto", "github.com/cloudflare/circl", x + "crypto", module + "/internal", module + "/keyring", module + "/envelope"}},
		{"smime", []string{"github.com/cloudflare/circl", "filippo.io/mldsa", "software.sslmate.com/src/go-pkcs12", x + "crypto", module + "/internal", module + "/keyring", module + "/envelope"}},
	}
}

// under reports whether the package path is prefix or below it.
func under(path, prefix string) bool {
	prefix = strings.TrimSuffix(prefix, "/")
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

// in returns the first of the layers that pkg is in.
func in(layers []layer, pkg string) (layer, bool) {
	for _, l := range layers {
		if under(pkg, module+"/"+l.prefix) {
			return l, true
		}
	}
	return layer{}, false
}

func isStd(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// wrong returns those of imports that a package of l may not have.
func (l layer) wrong(imports []string) (wrong []string) {
	for _, i := range imports {
		if isStd(i) {
			continue
		}
		if !slices.ContainsFunc(l.may, func(p string) bool { return under(i, p) }) {
			wrong = append(wrong, i)
		}
	}
	return wrong
}

// wrongWay returns what pkg imports and may not.
func wrongWay(pkg string, imports []string) []string {
	l, ok := in(layers(), pkg)
	if !ok {
		return []string{"(the package is in no layer)"}
	}
	return l.wrong(imports)
}

func TestArrowsPointOneWay(t *testing.T) {
	for pkg, imports := range imports(t, root(t)) {
		for _, wrong := range wrongWay(pkg, imports) {
			t.Errorf("%s may not import %s", pkg, wrong)
		}
	}
}

// The formats never meet, and what is below never pulls in what is above: also
// not by way of another package, which direct imports do not show.
func TestDepsStayApart(t *testing.T) {
	const (
		goCrypto = "github.com/ProtonMail/go-crypto"
		gomail   = "github.com/emersion/go-message"
	)
	for _, c := range []struct {
		pkg    string
		never  []string
		always string // so that a renamed package does not make this test say nothing
	}{
		{"internal/...", []string{module + "/keyring", module + "/envelope", module + "/pgp", module + "/smime", goCrypto, gomail}, module + "/internal/seam"},
		{"keyring/...", []string{module + "/envelope", module + "/pgp", module + "/smime", goCrypto, gomail}, module + "/keyring"},
		{"envelope", []string{module + "/pgp", module + "/smime", goCrypto, gomail}, module + "/keyring"},
		{"pgp/...", []string{module + "/smime", module + "/internal/ber", "software.sslmate.com/src/go-pkcs12", gomail}, goCrypto},
		{"smime/...", []string{module + "/pgp", goCrypto, gomail}, module + "/internal/ber"},
	} {
		deps := list(t, root(t), "-deps", "./"+c.pkg)
		require.Contains(t, strings.Join(deps, "\n")+"\n", c.always, c.pkg)
		for _, d := range deps {
			for _, n := range c.never {
				if under(d, n) {
					t.Errorf("%s depends on %s", c.pkg, d)
				}
			}
		}
	}
}

// A program links what it imports and nothing of the other format.
func TestProgramsLinkOneFormat(t *testing.T) {
	examples := filepath.Join(root(t), "examples")
	for program, c := range map[string]struct{ with, without []string }{
		"onlysmime": {[]string{module + "/smime"}, []string{module + "/pgp", "github.com/ProtonMail/go-crypto"}},
		"onlypgp":   {[]string{module + "/pgp"}, []string{module + "/smime", module + "/internal/ber", "software.sslmate.com/src/go-pkcs12"}},
		"box":       {[]string{module + "/smime", module + "/pgp"}, nil},
	} {
		deps := list(t, examples, "-deps", "./"+program)
		for _, w := range c.with {
			require.Contains(t, deps, w, program)
		}
		for _, d := range deps {
			// The independent CMS implementation, the peer of our tests.
			if under(d, "go.mozilla.org/pkcs7") {
				t.Errorf("%s links %s", program, d)
			}
			for _, w := range c.without {
				if under(d, w) {
					t.Errorf("%s links %s", program, d)
				}
			}
		}
	}
	for _, d := range list(t, root(t), "-deps", "./...") {
		if under(d, "go.mozilla.org/pkcs7") {
			t.Errorf("the library links %s", d)
		}
	}
}

// The check itself refuses what it is there to refuse.
func TestWrongWay(t *testing.T) {
	for _, c := range []struct {
		pkg, imported string
		wrong         bool
	}{
		{"keyring", module + "/internal/seam", false},
		{"keyring", module + "/envelope", true},
		{"envelope", module + "/keyring", false},
		{"envelope", module + "/smime", true},
		{"envelope", "golang.org/x/crypto/argon2", true},
		{"smime", "golang.org/x/crypto/cryptobyte", false},
		{"smime", "golang.org/x/cryptography", true},
		{"smime", "github.com/ProtonMail/go-crypto/openpgp", true},
		{"pgp", "github.com/ProtonMail/go-crypto/openpgp", false},
		{"pgp", module + "/smime", true},
		{"internal/seam", module + "/internal/ber", true},
		{"internal/ber", module + "/keyring", true},
		{"elsewhere", "fmt", true},
	} {
		got := wrongWay(module+"/"+c.pkg, []string{"fmt", c.imported})
		require.Equal(t, c.wrong, len(got) > 0, fmt.Sprintf("%s imports %s", c.pkg, c.imported))
	}
}
