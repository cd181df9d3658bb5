package arrows

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The most that a package may show: more than a person keeps in mind is a sign
// of two packages in one.
const (
	mostTypesAndFuncs   = 30
	mostErrorsAndConsts = 12

	// mostOfKeyring is more, since each reason to refuse a key is a type of its
	// own, and each kind of evidence a function: people need to tell them apart.
	mostOfKeyring = 34
)

// parsed is one package with its files.
type parsed struct {
	path  string // below the module's root
	fset  *token.FileSet
	files map[string]*ast.File // without tests
	tests map[string]*ast.File
	doc   *doc.Package
}

func parse(t *testing.T, path string) *parsed {
	t.Helper()
	p := &parsed{path: path, fset: token.NewFileSet(), files: map[string]*ast.File{}, tests: map[string]*ast.File{}}
	names, err := filepath.Glob(filepath.Join(root(t), path, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, names, path)
	var list []*ast.File
	for _, name := range names {
		f, err := parser.ParseFile(p.fset, name, nil, parser.ParseComments)
		require.NoError(t, err)
		if strings.HasSuffix(name, "_test.go") {
			p.tests[name] = f
		} else {
			p.files[name] = f
			list = append(list, f)
		}
	}
	if len(list) == 0 {
		return p
	}
	p.doc, err = doc.NewFromFiles(p.fset, list, module+"/"+path)
	require.NoError(t, err)
	return p
}

// public returns the packages that users import.
func public(t *testing.T) (out []*parsed) {
	t.Helper()
	for _, pkg := range slices.Concat(packages(t), beside(t, "transport")) {
		path := strings.TrimPrefix(pkg, module+"/")
		if !under(path, "internal") && !under(path, "transport/internal") {
			out = append(out, parse(t, path))
		}
	}
	require.NotEmpty(t, out)
	return out
}

// everything returns all packages of this repository, programs included.
func everything(t *testing.T) (out []*parsed) {
	t.Helper()
	for _, pkg := range slices.Concat(packages(t), beside(t, "transport"), beside(t, "examples")) {
		out = append(out, parse(t, strings.TrimPrefix(pkg, module+"/")))
	}
	return out
}

// Every exported identifier says what it is, methods included; a group of
// constants may share one comment.
func TestDocumented(t *testing.T) {
	for _, p := range public(t) {
		bare := func(name, text string) {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is exported and not documented", p.path, name)
			}
		}
		bare("the package", p.doc.Doc)
		values := func(vs []*doc.Value) {
			for _, v := range vs {
				for _, spec := range v.Decl.Specs {
					s := spec.(*ast.ValueSpec)
					for _, n := range s.Names {
						if n.IsExported() {
							bare(n.Name, v.Doc+s.Doc.Text()+s.Comment.Text())
						}
					}
				}
			}
		}
		values(p.doc.Consts)
		values(p.doc.Vars)
		for _, f := range p.doc.Funcs {
			bare(f.Name, f.Doc)
		}
		for _, ty := range p.doc.Types {
			bare(ty.Name, ty.Doc)
			values(ty.Consts)
			values(ty.Vars)
			for _, f := range ty.Funcs {
				bare(f.Name, f.Doc)
			}
			for _, m := range ty.Methods {
				// Error needs no words: every error has it and it does one thing.
				if m.Name != "Error" {
					bare(ty.Name+"."+m.Name, m.Doc)
				}
			}
		}
	}
}

func TestSurfaceIsSmall(t *testing.T) {
	for _, p := range public(t) {
		what, values := 0, 0
		count := func(vs []*doc.Value) {
			for _, v := range vs {
				for _, n := range v.Names {
					if ast.IsExported(n) {
						values++
					}
				}
			}
		}
		count(p.doc.Consts)
		count(p.doc.Vars)
		what += len(p.doc.Funcs)
		for _, ty := range p.doc.Types {
			what += 1 + len(ty.Funcs)
			count(ty.Consts)
			count(ty.Vars)
		}
		t.Logf("%s: %d exported types and functions, %d errors and constants", p.path, what, values)
		most := mostTypesAndFuncs
		if p.path == "keyring" {
			most = mostOfKeyring
		}
		if what > most {
			t.Errorf("%s exports %d types and functions, at most %d are allowed", p.path, what, most)
		}
		if values > mostErrorsAndConsts {
			t.Errorf("%s exports %d errors and constants, at most %d are allowed", p.path, values, mostErrorsAndConsts)
		}
	}
}

// entryPoints are where a reader begins: what an Example shows, by its name or
// by calling it.
func entryPoints() map[string][]string {
	return map[string][]string{
		"keyring":            {"ParseFingerprint", "Verify", "Expect", "Scan", "Spoken", "Fingerprint_Compared", "FirstUse"},
		"keyring/discover":   {"Read", "Reader_Read", "Reader_Message", "Reader_AutocryptGossip", "Reader_Dir", "NoteOwnerTrust", "Web_WKD", "KeyServer_Get", "KeyServer_Search", "DNS_OpenPGPKey", "DNS_SMIMEA"},
		"keyring/identities": {"Open", "Add", "List", "Unlock"},
		"envelope":           {"Seal", "Sealer_Seal", "Opener_Open", "Opener_Verify", "Opener_VerifyDetached", "Opener_Examine", "Opener_ExamineSigned", "Opener_ExamineDetached", "Sign", "SignDetached", "Inspect", "Rewrap", "Sealer_Reseal", "NewPassphrase", "NewPassphraseOf"},
		"envelope/zipbox":    {"Lock", "Locker_Lock", "Opener_Open", "Opener_OpenInto", "Inspect", "Estimate"},
		"envelope/mail":      {"Composer_Plan", "Composer_SignClear", "Composer_Notify", "Plan_Seal", "Reopen", "Opener_Open"},
		"pgp":                {"Format", "ParseCertificate", "ParseKey", "GenerateKey", "MarshalArmored", "IntroducedBy", "IntroducedThrough"},
		"transport/smtp":     {"Server_Send", "Server_Dial", "Session_Send", "Session_SendSignedOnly", "Session_SendNotice"},
		"transport/ses":      {"Client_Send", "Client_SendNotice"},
		"transport/imap":     {"Server_Dial", "Session_Append", "Session_Search", "Session_List", "Session_Fetch"},
		"transport/link":     {"Parse", "ParseFragment", "Fetch"},
		"transport/link/s3":  {"Store_Check", "Store_Put"},
		"transport/bounce":   {"Paths_Address", "Paths_Origin", "Read"},
		"smime":              {"Format", "ParseCertificate", "ParseKey", "NewKey", "GenerateKey", "ChainTo", "Reads", "CapabilitiesOf", "PKCS12Certificates"},
	}
}

func TestExamples(t *testing.T) {
	for path, names := range entryPoints() {
		p := parse(t, path)
		have := map[string]bool{}
		for _, f := range p.tests {
			for _, e := range doc.Examples(f) {
				if e.Output == "" && !e.EmptyOutput {
					t.Errorf("%s: Example%s has no output and is never run", path, e.Name)
				}
				if e.Name != "" {
					have[e.Name] = true
				}
				ast.Inspect(e.Code, func(n ast.Node) bool {
					if s, ok := n.(*ast.SelectorExpr); ok {
						have[s.Sel.Name] = true
					}
					return true
				})
			}
		}
		for _, n := range names {
			_, method, isMethod := strings.Cut(n, "_")
			if !have[n] && !(isMethod && have[method]) {
				t.Errorf("%s: no Example shows %s", path, n)
			}
		}
	}
}

// No exported variable but errors, nothing that runs by being imported, and no
// randomness that can be predicted.
func TestNoSideEffects(t *testing.T) {
	for _, p := range everything(t) {
		for name, f := range p.files {
			short := filepath.Join(p.path, filepath.Base(name))
			for _, i := range f.Imports {
				switch path := strings.Trim(i.Path.Value, `"`); {
				case path == "math/rand" || path == "math/rand/v2":
					t.Errorf("%s imports %s", short, path)
				case i.Name != nil && i.Name.Name == "_" && !hasNoOther(path):
					t.Errorf("%s imports %s for its side effects", short, path)
				}
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s has an init function", short)
				}
				for _, n := range exportedVars(d) {
					if !strings.HasPrefix(n, "Err") {
						t.Errorf("%s exports the variable %s", short, n)
					}
				}
			}
		}
	}
}

// hasNoOther reports whether path is of std and has no other way to be used than
// a blank import: a digest, for crypto.Hash, which every program that uses TLS
// links; and embed, which stands for a directive of the compiler.
func hasNoOther(path string) bool {
	return slices.Contains([]string{"crypto/md5", "crypto/sha1", "crypto/sha256", "crypto/sha512", "crypto/sha3", "embed"}, path)
}

func exportedVars(d ast.Decl) (names []string) {
	g, ok := d.(*ast.GenDecl)
	if !ok || g.Tok != token.VAR {
		return nil
	}
	for _, s := range g.Specs {
		for _, n := range s.(*ast.ValueSpec).Names {
			if n.IsExported() {
				names = append(names, n.Name)
			}
		}
	}
	return names
}

// Files stay small enough to be read at once, and functions to be understood.
func TestSizes(t *testing.T) {
	const mostLines, medianLines, mostFunction = 500, 200, 80
	var sizes []int
	for _, p := range everything(t) {
		for name, f := range p.files {
			short := filepath.Join(p.path, filepath.Base(name))
			b, err := os.ReadFile(name)
			require.NoError(t, err)
			lines := strings.Count(string(b), "\n")
			sizes = append(sizes, lines)
			if lines > mostLines {
				t.Errorf("%s has %d lines, at most %d are allowed", short, lines, mostLines)
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				n := p.fset.Position(fn.End()).Line - p.fset.Position(fn.Pos()).Line + 1
				if n > mostFunction {
					t.Errorf("%s: %s has %d lines, at most %d are allowed", short, fn.Name.Name, n, mostFunction)
				}
			}
		}
	}
	slices.Sort(sizes)
	t.Logf("%d files, median %d lines, largest %d", len(sizes), sizes[len(sizes)/2], sizes[len(sizes)-1])
	require.LessOrEqual(t, sizes[len(sizes)/2], medianLines)
}
