package mail

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// file is a part with this name and content.
func file(path, name, mediaType, content string) *Part {
	return &Part{
		Path: path, Name: name, SafeName: SafeName(name), MediaType: mediaType,
		open: func() io.Reader { return strings.NewReader(content) },
	}
}

func openRoot(t *testing.T) (*os.Root, string) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	return root, dir
}

// holds requires that exactly these files are in dir.
func holds(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	got := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		got[e.Name()] = string(text)
	}
	require.Equal(t, want, got)
}

func TestSave(t *testing.T) {
	root, dir := openRoot(t)
	names, err := Save(root,
		file("1.1", "", "text/plain", "hello"),
		file("1.2", "", "text/html", "<p>"),
		file("1.3", "../../x.pdf", "application/pdf", "one"),
		file("1.4", "_.._.._x.pdf", "application/pdf", "two"),
		file("1.5", "", "image/png", ""),
	)
	require.NoError(t, err)
	require.Equal(t, []string{"part-1.1.txt", "part-1.2.html", "_.._.._x.pdf", "_.._.._x (2).pdf", "part-1.5.bin"}, names)
	holds(t, dir, map[string]string{
		"part-1.1.txt": "hello", "part-1.2.html": "<p>", "_.._.._x.pdf": "one", "_.._.._x (2).pdf": "two", "part-1.5.bin": "",
	})
	for _, name := range names {
		info, err := os.Lstat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode())
	}
}

// All parts of a message can be given: those that hold others have no file.
func TestSaveAllParts(t *testing.T) {
	for _, c := range []struct {
		mediaType string
		children  []*Part
		want      string
	}{
		{"multipart/mixed", []*Part{{}}, ""},
		{"multipart/mixed", nil, ""},
		{"application/pkcs7-mime", []*Part{{}}, ""},
		{"application/pkcs7-mime", nil, "part-1.bin"},
		{"message/rfc822", []*Part{{}}, "part-1.eml"},
	} {
		root, dir := openRoot(t)
		p := file("1", "", c.mediaType, "x")
		p.children = c.children
		names, err := Save(root, p, file("1.1", "a.txt", "text/plain", "hello"))
		require.NoError(t, err)
		require.Equal(t, []string{c.want, "a.txt"}, names, c.mediaType)
		want := map[string]string{"a.txt": "hello"}
		if c.want != "" {
			want[c.want] = "x"
		}
		holds(t, dir, want)

		broken := file("1.2", "b.txt", "text/plain", "")
		broken.open = func() io.Reader { return iotest.ErrReader(errors.New("gone")) }
		_, err = Save(root, p, broken)
		require.Error(t, err)
		holds(t, dir, want)
	}
}

// A link that somebody put there is neither followed nor replaced.
func TestSaveFollowsNoLink(t *testing.T) {
	root, dir := openRoot(t)
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "x.pdf")))
	names, err := Save(root, file("1", "x.pdf", "", "mine"))
	require.NoError(t, err)
	require.Equal(t, []string{"x (2).pdf"}, names)
	require.NoFileExists(t, outside)
	target, err := os.Readlink(filepath.Join(dir, "x.pdf"))
	require.NoError(t, err)
	require.Equal(t, outside, target)
}

// What cannot be read to its end leaves nothing, also of those before it; and
// what was there before stays.
func TestSaveAllOrNone(t *testing.T) {
	root, dir := openRoot(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.txt"), []byte("was there"), 0o600))
	broken := errors.New("broken")
	bad := file("1.2", "b.txt", "", "")
	bad.open = func() io.Reader { return io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)) }
	names, err := Save(root, file("1.1", "a.txt", "", "new"), bad)
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "part 1.2")
	require.Empty(t, names)
	holds(t, dir, map[string]string{"a.txt": "was there"})

	bad.open = func() io.Reader { return strings.NewReader("half") } // the one thing
	names, err = Save(root, file("1.1", "a.txt", "", "new"), bad)
	require.NoError(t, err)
	require.Equal(t, []string{"a (2).txt", "b.txt"}, names)
}

func TestSaveManyOfOneName(t *testing.T) {
	root, dir := openRoot(t)
	for n := 1; n < maxSameName; n++ {
		require.NoError(t, os.WriteFile(filepath.Join(dir, numbered("a", n)), nil, 0o600))
	}
	names, err := Save(root, file("1", "a", "", ""))
	require.NoError(t, err)
	require.Equal(t, []string{"a (1000)"}, names)
	_, err = Save(root, file("1", "a", "", ""))
	require.ErrorIs(t, err, fs.ErrExist)
	_, err = Save(root, file("1", "b", "", ""))
	require.NoError(t, err)
}
