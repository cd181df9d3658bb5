package interop_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// thunderbird is one running program for all cells; testdata/thunderbird.py
// tells it what to do.
type thunderbird struct {
	w   *world
	box string // the program that writes mails

	mu  sync.Mutex // of the conversation
	in  io.Writer
	out *bufio.Reader

	loading sync.Mutex
	has     map[string]bool // keys that it has
}

func newThunderbird(t *testing.T, w *world) peer {
	tb := &thunderbird{w: w, has: map[string]bool{}}
	tb.box = w.path("box")
	must(t, nil, "go", "build", "-o", tb.box, "../box")
	profile := w.path("thunderbird")
	require.NoError(t, os.Mkdir(profile, 0o700))
	cmd := exec.Command("python3", filepath.Join("testdata", "thunderbird.py"), w.drivers, profile)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	tb.in, tb.out = in, bufio.NewReader(out)
	tb.do(t, nil, "version", nil)
	ca := w.path("ca.der")
	must(t, nil, "openssl", "x509", "-in", w.ca(t), "-outform", "DER", "-out", ca)
	tb.do(t, nil, "import-smime", map[string]string{"ca": ca})
	return tb
}

// do gives one order and waits for the answer, which goes into result.
func (tb *thunderbird) do(t *testing.T, result any, what string, args map[string]string) {
	t.Helper()
	order := map[string]string{"do": what}
	for k, v := range args {
		order[k] = v
	}
	line, err := json.Marshal(order)
	require.NoError(t, err)
	tb.mu.Lock()
	defer tb.mu.Unlock()
	_, err = tb.in.Write(append(line, '\n'))
	require.NoError(t, err)
	var answer struct {
		OK    json.RawMessage
		Error string
	}
	line, err = tb.out.ReadBytes('\n')
	require.NoError(t, err, "Thunderbird ended")
	require.NoError(t, json.Unmarshal(line, &answer))
	require.Empty(t, answer.Error, what)
	if result != nil {
		require.NoError(t, json.Unmarshal(answer.OK, result))
	}
}

func (tb *thunderbird) load(t *testing.T, c cell) *key {
	k := tb.w.key(t, c)
	tb.loading.Lock()
	defer tb.loading.Unlock()
	switch {
	case tb.has[k.name]:
	case c.format == "pgp":
		tb.do(t, nil, "import-pgp", map[string]string{"key": k.secret})
	default:
		p12 := k.secret + ".p12"
		must(t, nil, "openssl", "pkcs12", "-export", "-in", k.public, "-inkey", k.secret, "-out", p12, "-passout", "pass:pw")
		tb.do(t, nil, "import-smime", map[string]string{"p12": p12})
	}
	tb.has[k.name] = true
	return k
}

func (tb *thunderbird) seal(t *testing.T, c cell, _ []byte) []byte {
	t.Fatal(errors.New("thunderbird is not driven to seal"))
	return nil
}

func (tb *thunderbird) open(t *testing.T, c cell, msg, content []byte) []byte {
	t.Helper()
	k := tb.load(t, c)
	if c.container == "mail" {
		return tb.mail(t, c, k, content)
	}
	in, out := file(t, msg), filepath.Join(t.TempDir(), "content")
	switch {
	case c.container == "detached":
		tb.do(t, nil, "verify-pgp", map[string]string{"in": file(t, content), "sig": in, "cert": k.public})
		return content
	case c.format == "pgp":
		tb.do(t, nil, "open-pgp", map[string]string{"in": in, "out": out})
		return read(t, out)
	}
	tb.do(t, nil, "open-smime", map[string]string{"in": in, "out": out})
	return read(t, out)
}

// attachment is a name that needs more than ASCII, quotes and a space.
const attachment = "Beleg Nr. 7 (März).pdf"

// mail has the program box write a mail, which a person would open by
// clicking at it, and saves the attachment that Thunderbird shows.
func (tb *thunderbird) mail(t *testing.T, c cell, k *key, content []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	in, eml, saved := filepath.Join(dir, attachment), filepath.Join(dir, "mail.eml"), filepath.Join(dir, "saved")
	write(t, in, content)
	require.NoError(t, os.Mkdir(saved, 0o700))
	args := []string{"seal", "--mail", "--to", k.public + "=" + k.fingerprint, "-o", eml}
	if c.signed() {
		args = append(args, "--sign", k.both)
	}
	must(t, nil, tb.box, append(args, in)...)
	var shown struct {
		Names                         []string
		Encrypted, Signed, Technology string
	}
	tb.do(t, &shown, "mail", map[string]string{"in": eml, "out": saved})
	require.Equal(t, []string{attachment}, shown.Names)
	require.Equal(t, map[string]string{"pgp": "OpenPGP", "smime": "S/MIME"}[c.format], shown.Technology)
	require.Contains(t, shown.Encrypted, "ok", "Thunderbird shows that it is encrypted")
	return read(t, filepath.Join(saved, attachment))
}
