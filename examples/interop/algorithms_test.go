package interop_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/stretchr/testify/require"
)

// cmsPeer is a program at the other end of algorithms.txt.
type cmsPeer interface {
	// make seals or signs as c says.
	make(t *testing.T, c algorithmCell, content []byte) []byte
	// read opens or verifies what we made.
	read(t *testing.T, c algorithmCell, msg, content []byte) []byte
}

// The secrets that are no key pairs. The passphrase is too weak to seal with
// unasked, which the peers do not mind.
const secretPassword = "correct horse battery staple"

var secretKEK = strings.Repeat("0123456789abcdef", 4)

// kek is the key-encryption key of a cell, in hexadecimal.
func (c algorithmCell) kek() string {
	var bits int
	fmt.Sscanf(c.key, "kek%d", &bits)
	return secretKEK[:bits/4]
}

// content is that of the cells in cells.txt.
func (c algorithmCell) bytes() []byte { return cell{size: c.size}.content() }

// keys are the names of the key pairs of the recipient or the signers.
func (c algorithmCell) keys() []string {
	if c.key == "password" || strings.HasPrefix(c.key, "kek") {
		return nil
	}
	return strings.Split(c.key, "+")
}

// inner is who signs what is sealed: whoever it is sealed to, if that key can.
func (c algorithmCell) inner() string {
	if k := c.keys(); k != nil && !strings.HasPrefix(k[0], "x") {
		return k[0]
	}
	return "rsa2048"
}

func (w *world) smime(t *testing.T, alg string) *key {
	t.Helper()
	return w.key(t, cell{format: "smime", key: alg})
}

// TestAlgorithms fills algorithms.txt.
func TestAlgorithms(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the peers are programs that take their time to start")
	}
	cells, count := readAlgorithmCells(t)
	w := newWorld(t)
	green := fillByPeer(t, cells, func(c algorithmCell) string { return c.peer }, func(t *testing.T, peer string) func(*testing.T, algorithmCell) {
		p := w.cmsPeer(t, peer)
		return func(t *testing.T, c algorithmCell) { fillAlgorithm(t, w, p, c) }
	})
	tally(t, "cells of algorithms", green, count)
}

// fillAlgorithm runs one cell.
func fillAlgorithm(t *testing.T, w *world, p cmsPeer, c algorithmCell) {
	content := c.bytes()
	if c.direction == "seal" {
		same(t, content, p.read(t, c, sealAlgorithm(t, w, c, content), content))
		return
	}
	msg := p.make(t, c, content)
	if c.direction == "refuse" {
		l, _ := c.legacy()
		require.Error(t, readAlgorithm(t, w, c, msg, content, &l))
		return
	}
	if c.signature() {
		require.NoError(t, readAlgorithm(t, w, c, msg, content, nil))
	} else {
		openAlgorithm(t, w, c, msg, content)
	}
	if c.flipped() != "" {
		refuseFlipped(t, w, c, msg, content)
	}
}

// sealAlgorithm seals or signs as c says.
func sealAlgorithm(t *testing.T, w *world, c algorithmCell, content []byte) []byte {
	var msg bytes.Buffer
	var wr *envelope.Writer
	var err error
	s := ourSealer(t, w, c)
	switch {
	case c.content == "detached":
		wr, err = s.SignDetached(&msg)
	case c.signature():
		wr, err = s.Sign(&msg)
	default:
		var to []*keyring.Verified
		for _, k := range c.keys() {
			to = append(to, w.smime(t, k).cert)
		}
		wr, err = s.Seal(&msg, to...)
	}
	require.NoError(t, err)
	defer wr.Abort()
	_, err = io.Copy(wr, bytes.NewReader(content))
	require.NoError(t, err)
	require.NoError(t, wr.Close())
	return msg.Bytes()
}

func ourSealer(t *testing.T, w *world, c algorithmCell) *envelope.Sealer {
	s := new(envelope.Sealer)
	switch {
	case c.cbc():
		s.Profile = envelope.Compatible
		s.Legacy.UnauthenticatedCBC = c.inside == "unsigned"
	case c.method == "pss", !c.signature():
		s.Profile = envelope.Modern
	}
	switch {
	case c.inside == "signed":
		s.Signers = []envelope.Signer{w.smime(t, c.inner()).signer}
	case c.signature():
		s.Signers = []envelope.Signer{w.smime(t, c.key).signer}
	}
	if c.key == "password" {
		p, err := envelope.WeakPassphrase(secretPassword)
		require.NoError(t, err)
		s.Passphrases, s.Format = []*envelope.Passphrase{p}, smime.Format()
	}
	return s
}

// legacy is what a cell's message needs to be allowed, by name.
func (c algorithmCell) legacy() (l envelope.Legacy, needed bool) {
	l.TripleDES = c.content == "des3-cbc"
	l.RC2 = strings.HasPrefix(c.content, "rc2-")
	l.RSA1024 = c.key == "rsa1024"
	l.UnauthenticatedCBC = c.cbc() && c.inside != "signed"
	return l, l != envelope.Legacy{}
}

// openAlgorithm opens what a peer sealed, which must be refused first where it
// needs to be allowed.
func openAlgorithm(t *testing.T, w *world, c algorithmCell, msg, content []byte) {
	t.Helper()
	l, needed := c.legacy()
	if needed {
		require.Error(t, readAlgorithm(t, w, c, msg, content, &envelope.Legacy{}))
	}
	require.NoError(t, readAlgorithm(t, w, c, msg, content, &l))
}

// refuseFlipped flips a bit in the middle of the part that the cell names.
func refuseFlipped(t *testing.T, w *world, c algorithmCell, msg, content []byte) {
	t.Helper()
	if c.content == "detached" && c.flipped() == "content" {
		content = bytes.Clone(content)
		content[len(content)/2] ^= 0x10
	} else {
		n := part(t, msg, c.flipped())
		msg = bytes.Clone(msg)
		msg[(n.body+n.end)/2] ^= 0x10
	}
	l, _ := c.legacy()
	err := readAlgorithm(t, w, c, msg, content, &l)
	switch {
	case c.signature():
		require.ErrorIs(t, err, envelope.ErrSignature)
	case c.flipped() == "ephemeral" && errors.Is(err, envelope.ErrFormat): // no point of the curve, for all to see
	default:
		require.Equal(t, envelope.ErrDecrypt, err)
	}
}

// readAlgorithm opens or verifies a message of a peer. The error is that of
// the library; what the report says is held against the cell.
func readAlgorithm(t *testing.T, w *world, c algorithmCell, msg, content []byte, l *envelope.Legacy) error {
	t.Helper()
	if c.signature() {
		return verifyAlgorithm(t, w, c, msg, content)
	}
	o := ourOpener(t, w, c)
	o.Legacy = *l
	m, err := o.Open(algorithmSource(c, msg))
	if err != nil {
		return err
	}
	defer m.Close()
	plain, err := io.ReadAll(m)
	if err != nil {
		require.Empty(t, plain, "released before it failed")
		return err
	}
	same(t, content, plain)
	r := m.Report()
	require.Equal(t, c.cbc() && c.inside != "signed", r.Unauthenticated)
	if c.inside == "signed" {
		require.Len(t, r.Signatures, 1)
		require.True(t, r.Signatures[0].Valid(), r.Signatures[0].Problem())
	} else {
		require.Empty(t, r.Signatures)
	}
	return nil
}

func algorithmSource(c algorithmCell, msg []byte) io.Reader {
	return source(cell{size: c.size}, msg)
}

func ourOpener(t *testing.T, w *world, c algorithmCell) *envelope.Opener {
	o := new(envelope.Opener)
	switch {
	case c.key == "password":
		p, err := envelope.OpenPassphrase(secretPassword)
		require.NoError(t, err)
		o.Passphrases, o.Formats = []*envelope.Passphrase{p}, []envelope.Format{smime.Format()}
	case c.method == "kek":
		key, err := hex.DecodeString(c.kek())
		require.NoError(t, err)
		shared, err := smime.SharedKey([]byte("kek-1"), key)
		require.NoError(t, err)
		o.Identities = []envelope.Identity{shared}
	default:
		for _, k := range c.keys() {
			o.Identities = append(o.Identities, w.smime(t, k).identity)
		}
	}
	if c.inside == "signed" {
		o.Senders, o.RequireSignature = []*keyring.Verified{w.smime(t, c.inner()).cert}, true
	}
	return o
}

// verifyAlgorithm verifies a signature of a peer: SHA-1 and MD5 are too weak
// to prove anything, everything else proves it.
func verifyAlgorithm(t *testing.T, w *world, c algorithmCell, msg, content []byte) error {
	t.Helper()
	o := new(envelope.Opener)
	for _, k := range c.keys() {
		o.Senders = append(o.Senders, w.smime(t, k).cert)
	}
	var r *envelope.Report
	var err error
	if c.content == "detached" {
		r, err = o.VerifyDetached(bytes.NewReader(msg), algorithmSource(c, content))
	} else {
		var m *envelope.Message
		m, err = o.Verify(algorithmSource(c, msg))
		if err == nil {
			defer m.Close()
			var plain []byte
			plain, err = io.ReadAll(m)
			r = m.Report()
			if err == nil {
				same(t, content, plain)
			}
		}
	}
	weak := c.hash() == "sha1" || c.hash() == "md5"
	if weak && c.direction == "open" {
		require.ErrorIs(t, err, envelope.ErrSignature)
		require.ErrorContains(t, err, "weak")
		return nil
	}
	if err != nil {
		return err
	}
	require.Len(t, r.Signatures, len(c.keys()))
	for i := range r.Signatures {
		require.True(t, r.Signatures[i].Valid(), r.Signatures[i].Problem())
		require.NotNil(t, r.Signatures[i].Sender)
	}
	return nil
}
