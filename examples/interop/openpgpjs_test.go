package interop_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// openpgpJS is OpenPGP.js in one process for all cells; testdata/openpgpjs.js
// does what it is told, an order a line.
type openpgpJS struct {
	mu  sync.Mutex // of the conversation
	in  io.Writer
	out *bufio.Reader
}

func newOpenPGPJS(t *testing.T, w *world) *openpgpJS {
	if _, err := exec.LookPath("node"); err != nil {
		missing(t, "openpgpjs (node)")
	}
	home := os.Getenv("INTEROP_HOME")
	if home == "" {
		user, err := os.UserHomeDir()
		require.NoError(t, err)
		home = filepath.Join(user, ".cache", "interop-peers")
	}
	modules := filepath.Join(home, "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "openpgp")); err != nil {
		missing(t, "openpgpjs")
	}
	cmd := exec.Command("node", filepath.Join("testdata", "openpgpjs.js"))
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	return &openpgpJS{in: in, out: bufio.NewReaderSize(out, 1<<20)}
}

// do gives one order and waits for the answer.
func (p *openpgpJS) do(t *testing.T, what string, args map[string]string, data []byte) []byte {
	t.Helper()
	order := map[string]any{"do": what, "data": data}
	for k, v := range args {
		order[k] = v
	}
	line, err := json.Marshal(order)
	require.NoError(t, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err = p.in.Write(append(line, '\n'))
	require.NoError(t, err)
	line, err = p.out.ReadBytes('\n')
	require.NoError(t, err, "OpenPGP.js ended")
	var answer struct {
		Data  []byte
		Error string
	}
	require.NoError(t, json.Unmarshal(line, &answer))
	require.Empty(t, answer.Error, what)
	return answer.Data
}

// args are what an order says of a cell.
func (p *openpgpJS) args(c openpgpCell, k *openpgpKey) map[string]string {
	args := map[string]string{"kind": c.kind, "cipher": c.cipher(), "mode": c.mode(), "compression": c.compression(), "digest": c.digest()}
	for _, w := range []string{"signed", "hidden", "armored", "v4", "argon2"} {
		if c.is(w) {
			args[w] = "yes"
		}
	}
	for _, w := range c.words() {
		if n, ok := strings.CutPrefix(w, "chunk"); ok {
			args["chunk"] = n
		}
	}
	if c.kind == "password" {
		args["password"] = passphrase
	}
	if k != nil {
		args["key"], args["cert"] = k.secret, k.public
		if k.passphrase != "" {
			args["locked"] = passphrase
		}
	}
	return args
}

func (p *openpgpJS) make(t *testing.T, c openpgpCell, k *openpgpKey, content []byte) []byte {
	t.Helper()
	what := "sign"
	if c.kind == "message" || c.kind == "password" {
		what = "encrypt"
	}
	return p.do(t, what, p.args(c, k), content)
}

func (p *openpgpJS) read(t *testing.T, c openpgpCell, k *openpgpKey, msg, content []byte) []byte {
	t.Helper()
	args := p.args(c, k)
	switch c.kind {
	case "message", "password":
		return p.do(t, "decrypt", args, msg)
	case "revocation":
		args["rev"] = string(msg)
		return p.do(t, "revoked", args, nil)
	case "detached", "text":
		args["sig"] = file(t, msg)
		p.do(t, "verify", args, content)
		return content
	}
	plain := p.do(t, "verify", args, msg)
	if c.kind == "clear" {
		return lines(plain, content)
	}
	return plain
}
