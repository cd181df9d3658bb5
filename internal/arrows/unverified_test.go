package arrows

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// What believes certificates without evidence, and takes session keys in and
// out, is for one program. Tests count: what they may do others would copy.
func TestUnverifiedIsForOneProgram(t *testing.T) {
	const unverified = module + "/internal/unverified"
	const format = `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}{{range .TestImports}} {{.}}{{end}}{{range .XTestImports}} {{.}}{{end}} ;`
	importers := func(dir, what string) (out []string) {
		var pkg string
		for _, f := range list(t, dir, "-f", format, "./...") {
			switch {
			case f == ";":
				pkg = ""
			case pkg == "":
				pkg = f
			case f == what:
				out = append(out, pkg)
			}
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	examples := filepath.Join(root(t), "examples")
	require.Contains(t, importers(root(t), module+"/internal/seam"), module+"/envelope", "the list is read wrongly")
	for _, pkg := range importers(root(t), unverified) {
		t.Errorf("%s imports %s", pkg, unverified)
	}
	require.Equal(t, []string{module + "/examples/sop"}, importers(examples, unverified))
	// Who can spell the names of that package can do what unverified does.
	require.Empty(t, importers(examples, module+"/internal/seam"))
}
