package interop_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// openpgpPeer is a program at the other end. What it lacks stands in no cell.
type openpgpPeer interface {
	// make makes what c says: it encrypts, signs, or both.
	make(t *testing.T, c openpgpCell, k *openpgpKey, content []byte) []byte
	// read returns the content of msg after checking what c says is signed; a
	// signature alone is checked over content.
	read(t *testing.T, c openpgpCell, k *openpgpKey, msg, content []byte) []byte
}

// TestOpenPGPCells fills openpgp.txt.
func TestOpenPGPCells(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the peers are programs that take their time to start")
	}
	cells, count := readOpenPGPCells(t)
	w := newOpenPGPWorld(t)
	w.js = newOpenPGPJS(t, w.world)
	green := fillByPeer(t, cells, func(c openpgpCell) string { return c.peer }, func(t *testing.T, peer string) func(*testing.T, openpgpCell) {
		p := w.openpgpPeer(t, peer)
		return func(t *testing.T, c openpgpCell) { w.fill(t, p, c) }
	})
	tally(t, "OpenPGP cells", green, count)
}

func (w *openpgpWorld) openpgpPeer(t *testing.T, name string) openpgpPeer {
	switch name {
	case "thunderbird":
		return openpgpThunderbird{w, w.peer(t, name).(*thunderbird)}
	case "openpgpjs":
		return w.js
	}
	w.peer(t, name) // which says what is missing
	switch name {
	case "gpg":
		return openpgpGPG{w}
	case "rnp":
		return openpgpRNP{w}
	case "sq":
		return openpgpSQ{w}
	case "sqop":
		return stateless{w, "sqop"}
	case "pgpainless":
		return stateless{w, "pgpainless-cli"}
	}
	return openpgpDriven{w, name}
}

// fill runs one cell.
func (w *openpgpWorld) fill(t *testing.T, p openpgpPeer, c openpgpCell) {
	var k *openpgpKey
	if c.key != "-" {
		k = w.openpgp(t, c.key)
	}
	ours := ourProgram(boxProgram{w})
	if c.program == "sop" {
		ours = stateless{w, w.sop}
	}
	content := c.content()
	switch c.direction {
	case "seal":
		msg := ours.make(t, c, k, content)
		same(t, content, p.read(t, c, k, msg, content))
		w.described(t, c, msg)
		return
	case "unusable":
		_, err := run(content, w.box, boxProgram{w}.sealArgs(t, c, k)...)
		requireExit(t, err, 2)
		return
	}
	msg := p.make(t, c, k, content)
	switch c.direction {
	case "open":
		same(t, content, ours.read(t, c, k, msg, content))
		w.described(t, c, msg)
	case "legacy", "refuse":
		requireExit(t, ours.refuses(t, c, k, msg, content), 1, 4, 5, 3, 29, 41)
		if c.direction == "legacy" {
			same(t, content, boxProgram{w}.legacy(t, k, msg))
		}
	case "wrong":
		same(t, content, ours.read(t, c, k, msg, content))
		write(t, w.password+".wrong", []byte("another\n"))
		_, err := run(msg, w.box, "open", "--with-passphrase", w.password+".wrong")
		requireExit(t, err, 4)
	default:
		same(t, content, ours.read(t, c, k, msg, content))
		if c.kind == "detached" && c.flipped() == "content" {
			changed := bytes.Clone(content)
			changed[len(changed)/2] ^= 1
			requireExit(t, ours.refuses(t, c, k, msg, changed), 5, 3)
			return
		}
		requireExit(t, ours.refuses(t, c, k, w.flip(t, c, msg), content), 3, 4, 5, 29, 41)
	}
}

// described holds the container that a message shows against the cell's.
func (w *openpgpWorld) described(t *testing.T, c openpgpCell, msg []byte) {
	if c.kind != "message" && c.kind != "password" || c.first("rewrapped", "resealed") != "" {
		return
	}
	want := map[string]string{"seipd1": "SEIPDv1", "seipd2": "SEIPDv2", "aead": "LibrePGP", "sed": "SED"}
	container, _, _ := bytes.Cut([]byte(c.words()[0]), []byte("-"))
	out := string(must(t, msg, w.box, "inspect"))
	require.Contains(t, out, want[string(container)])
	if m := c.mode(); m != "" {
		require.Contains(t, out, map[string]string{"ocb": "OCB", "eax": "EAX", "gcm": "GCM"}[m])
		require.Contains(t, out, map[string]string{"aes128": "AES-128", "aes192": "AES-192", "aes256": "AES-256"}[c.cipher()])
	}
}

// flip flips one bit of a binary message or signature, or of text.
func (w *openpgpWorld) flip(t *testing.T, c openpgpCell, msg []byte) []byte {
	if c.kind == "clear" {
		return flipClear(t, c, msg)
	}
	b := must(t, msg, w.sop, "dearmor")
	at := 0
	switch c.flipped() {
	case "key":
		// Packet header, version, how the key is named, algorithm: 13 octets of
		// version 3, 39 of version 6. What follows is the encrypted session key.
		at = 30
		if b[2] == 6 || b[3] == 6 {
			at = 60
		}
	case "content":
		at = len(b) - 100
	default: // the code, the last tag, or a signature's value
		at = len(b) - 3
	}
	b[at] ^= 0x10
	return b
}

func flipClear(t *testing.T, c openpgpCell, msg []byte) []byte {
	msg = bytes.Clone(msg)
	begin := bytes.Index(msg, []byte("-----BEGIN PGP SIGNATURE"))
	require.Positive(t, begin)
	if c.flipped() == "content" {
		msg[begin-20] ^= 1
		return msg
	}
	line := bytes.Index(msg[begin:], []byte("\n\n")) + begin + 100
	if msg[line] == 'A' {
		msg[line] = 'B'
	} else {
		msg[line] = 'A'
	}
	return msg
}

// requireExit requires one of these exit codes.
func requireExit(t *testing.T, err error, codes ...int) {
	t.Helper()
	var exit *exec.ExitError
	require.True(t, errors.As(err, &exit), "it went well: %v", err)
	require.Contains(t, codes, exit.ExitCode(), err)
}

// ourProgram is box or sop.
type ourProgram interface {
	openpgpPeer
	// refuses returns the error of reading msg, of which nothing may come out.
	refuses(t *testing.T, c openpgpCell, k *openpgpKey, msg, content []byte) error
}

// boxProgram is examples/box.
type boxProgram struct{ w *openpgpWorld }

func (p boxProgram) unlock(k *openpgpKey, args []string) []string {
	if k != nil && k.passphrase != "" {
		args = append(args, "--passphrase-file", k.passphrase)
	}
	return args
}

func (p boxProgram) sealArgs(t *testing.T, c openpgpCell, k *openpgpKey) []string {
	args := []string{"seal"}
	if c.kind == "password" {
		args = append(args, "--to-passphrase", p.w.password)
		if k == nil {
			args = append(args, "--format", "pgp")
		}
		if c.words()[0] == "seipd2-ocb" {
			args = append(args, "--profile", "modern")
		}
	}
	if k != nil {
		args = append(args, "--to", k.public+"="+k.fingerprint)
	}
	if c.is("two") {
		o := p.w.second(t)
		args = append(args, "--to", o.public+"="+o.fingerprint)
	}
	if c.is("signed") {
		args = p.unlock(k, append(args, "--sign", k.secret))
	}
	if c.is("hidden") {
		args = append(args, "--hide")
	}
	if c.is("armored") {
		args = append(args, "--armor")
	}
	return args
}

func (p boxProgram) make(t *testing.T, c openpgpCell, k *openpgpKey, content []byte) []byte {
	t.Helper()
	switch c.kind {
	case "message", "password":
		if again := c.first("rewrapped", "resealed"); again != "" {
			return p.again(t, again, k, content)
		}
		return must(t, content, p.w.box, p.sealArgs(t, c, k)...)
	case "revocation":
		return read(t, k.public[:len(k.public)-len(".pub")]+".rev")
	}
	args := p.unlock(k, []string{"sign", "--key", k.secret})
	switch c.kind {
	case "text":
		args = append(args, "--text")
	case "inline":
		args = append(args, "--opaque")
	}
	if c.is("armored") {
		args = append(args, "--armor")
	}
	return must(t, content, p.w.box, args...)
}

// again seals to another key, and makes a message for k of that.
func (p boxProgram) again(t *testing.T, how string, k *openpgpKey, content []byte) []byte {
	first := "gpg:curve25519"
	if len(k.fingerprint) == 64 {
		first = "box:modern"
	}
	o := p.w.openpgp(t, first)
	msg := file(t, must(t, content, p.w.box, "seal", "--to", o.public+"="+o.fingerprint))
	command := map[string]string{"rewrapped": "rewrap", "resealed": "reseal"}[how]
	return must(t, nil, p.w.box, command, "--key", o.secret, "--to", k.public+"="+k.fingerprint, msg)
}

func (p boxProgram) readArgs(t *testing.T, c openpgpCell, k *openpgpKey, msg, content []byte) (in []byte, args []string) {
	switch c.kind {
	case "message", "password":
		args = []string{"open"}
		if c.kind == "password" {
			args = append(args, "--with-passphrase", p.w.password)
		}
		if k != nil && c.kind == "message" {
			args = p.unlock(k, append(args, "--key", k.secret))
		}
		if c.is("signed") {
			args = append(args, "--from", k.public+"="+k.fingerprint)
		}
		return msg, args
	case "inline", "clear":
		return nil, []string{"verify", "--from", k.public + "=" + k.fingerprint, "--opaque", file(t, msg)}
	}
	return content, []string{"verify", "--from", k.public + "=" + k.fingerprint, file(t, msg), "-"}
}

func (p boxProgram) read(t *testing.T, c openpgpCell, k *openpgpKey, msg, content []byte) []byte {
	t.Helper()
	in, args := p.readArgs(t, c, k, msg, content)
	plain := must(t, in, p.w.box, args...)
	switch c.kind {
	case "detached", "text":
		return content
	case "clear":
		return lines(plain, content)
	}
	return plain
}

// lines returns content if plain is the same text. In the cleartext framework
// line ends are nobody's (RFC 9580, Section 7.1), and programs differ about the
// last one: Sequoia drops it when it signs, and adds one when it verifies.
func lines(plain, content []byte) []byte {
	same := bytes.ReplaceAll(plain, []byte("\r\n"), []byte("\n"))
	if bytes.Equal(bytes.TrimRight(same, "\n"), bytes.TrimRight(content, "\n")) {
		return content
	}
	return plain
}

func (p boxProgram) refuses(t *testing.T, c openpgpCell, k *openpgpKey, msg, content []byte) error {
	in, args := p.readArgs(t, c, k, msg, content)
	out := filepath.Join(t.TempDir(), "out")
	if c.kind != "detached" && c.kind != "text" {
		args = append(args[:len(args):len(args)], "-o", out)
	}
	_, err := run(in, p.w.box, args...)
	_, statErr := os.Stat(out)
	require.ErrorIs(t, statErr, os.ErrNotExist, "something was written")
	return err
}

// legacy opens what was refused, by name.
func (p boxProgram) legacy(t *testing.T, k *openpgpKey, msg []byte) []byte {
	return must(t, msg, p.w.box, "open", "--key", k.secret, "--legacy", "nomdc")
}
