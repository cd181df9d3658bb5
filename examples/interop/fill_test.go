package interop_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/stretchr/testify/require"
)

// fill runs one cell.
func fill(t *testing.T, w *world, p peer, c cell) {
	content := c.content()
	if c.direction == "seal" {
		msg := content
		switch c.container {
		case "mail":
		case "detached", "opaque":
			msg = sign(t, w, c, content)
		default:
			msg = seal(t, w, c, content)
		}
		same(t, content, p.open(t, c, msg, content))
		return
	}
	msg := p.seal(t, c, content)
	switch c.container {
	case "detached":
		verifyDetached(t, w, c, msg, content)
	case "opaque":
		same(t, content, verifyOpaque(t, w, c, msg))
	default:
		same(t, content, open(t, w, c, msg))
	}
}

// same compares without printing 5 MiB.
func same(t *testing.T, want, got []byte) {
	t.Helper()
	if !bytes.Equal(want, got) {
		t.Fatalf("content differs: %d octets %x, want %d octets %x", len(got), sha256.Sum256(got), len(want), sha256.Sum256(want))
	}
}

// planned returns the container that a cell's message must have, and what the
// name of its content encryption must hold.
func planned(c cell) (container, content string) {
	switch c.container[:3] {
	case "cbc":
		return "EnvelopedData", "CBC"
	case "gcm":
		return "AuthEnvelopedData", "GCM"
	}
	if c.container == "seipd2" {
		return "SEIPDv2", "AES-256"
	}
	return "SEIPDv1", "" // its algorithm is a secret of the recipients
}

// seal seals as c says, and holds the receipt against it.
func seal(t *testing.T, w *world, c cell, content []byte) []byte {
	k := w.key(t, c)
	s := &envelope.Sealer{Armor: c.armored(), Entity: c.signing == "entity"}
	if c.format == "smime" {
		s.Profile = envelope.Modern
		if c.cbc() {
			s.Profile = envelope.Compatible
			s.Legacy.UnauthenticatedCBC = !c.signed()
		}
	}
	if c.signed() {
		s.Signers = []envelope.Signer{k.signer}
	}
	var msg bytes.Buffer
	wr, err := s.Seal(&msg, k.cert)
	require.NoError(t, err)
	defer wr.Abort()
	_, err = io.Copy(wr, bytes.NewReader(content))
	require.NoError(t, err)
	require.NoError(t, wr.Close())
	r := wr.Receipt()
	container, algorithm := planned(c)
	require.Equal(t, container, r.Container)
	require.Contains(t, r.Content, algorithm)
	require.Equal(t, c.armored(), r.Armored)
	require.Equal(t, []keyring.Fingerprint{k.cert.Fingerprint()}, r.Sealed)
	require.Len(t, r.Recipients, 1)
	require.EqualValues(t, len(content), r.Bytes)
	return msg.Bytes()
}

func sign(t *testing.T, w *world, c cell, content []byte) []byte {
	s := &envelope.Sealer{Armor: c.armored(), Signers: []envelope.Signer{w.key(t, c).signer}}
	begin := s.Sign
	if c.container == "detached" {
		begin = s.SignDetached
	}
	var msg bytes.Buffer
	wr, err := begin(&msg)
	require.NoError(t, err)
	defer wr.Abort()
	_, err = io.Copy(wr, bytes.NewReader(content))
	require.NoError(t, err)
	require.NoError(t, wr.Close())
	return msg.Bytes()
}

// source is seekable for some sizes and not for others, so that both ways of
// reading a message twice meet every peer.
func source(c cell, msg []byte) io.Reader {
	if c.size%2 == 0 {
		return bytes.NewReader(msg)
	}
	return io.MultiReader(bytes.NewReader(msg))
}

// open opens what a peer sealed. CBC without a signature must be refused
// first, and then open by name only, reported as what it is.
func open(t *testing.T, w *world, c cell, msg []byte) []byte {
	k := w.key(t, c)
	o := &envelope.Opener{Identities: []envelope.Identity{k.identity}}
	if c.signed() {
		o.Senders, o.RequireSignature = []*keyring.Verified{k.cert}, true
	}
	unauthenticated := c.cbc() && !c.signed()
	if unauthenticated {
		_, err := o.Open(source(c, msg))
		require.ErrorIs(t, err, envelope.ErrDecrypt, "released unauthenticated")
		o.Legacy.UnauthenticatedCBC = true
	}
	m, err := o.Open(source(c, msg))
	require.NoError(t, err)
	defer m.Close()
	plain, err := io.ReadAll(m)
	require.NoError(t, err)
	r := m.Report()
	container, algorithm := planned(c)
	require.Equal(t, container, r.Container)
	require.Contains(t, r.Content, algorithm)
	require.Equal(t, c.armored(), r.Armored)
	require.Equal(t, 0, r.OpenedBy)
	require.Equal(t, unauthenticated, r.Unauthenticated)
	requireSigned(t, c, k, r)
	return plain
}

func requireSigned(t *testing.T, c cell, k *key, r *envelope.Report) {
	t.Helper()
	if !c.signed() {
		require.Empty(t, r.Signatures)
		return
	}
	require.Len(t, r.Signatures, 1)
	require.True(t, r.Signatures[0].Valid(), r.Signatures[0].Problem())
	require.NotNil(t, r.Signatures[0].Sender)
	require.Equal(t, k.cert.Fingerprint(), r.Signatures[0].Sender.Fingerprint())
}

func verifyOpaque(t *testing.T, w *world, c cell, msg []byte) []byte {
	k := w.key(t, c)
	o := &envelope.Opener{Senders: []*keyring.Verified{k.cert}}
	m, err := o.Verify(source(c, msg))
	require.NoError(t, err)
	defer m.Close()
	plain, err := io.ReadAll(m)
	require.NoError(t, err)
	requireSigned(t, c, k, m.Report())
	return plain
}

// verifyDetached also holds the signature against content that differs in one
// octet, which must be refused.
func verifyDetached(t *testing.T, w *world, c cell, sig, content []byte) {
	k := w.key(t, c)
	o := &envelope.Opener{Senders: []*keyring.Verified{k.cert}}
	r, err := o.VerifyDetached(bytes.NewReader(sig), source(c, content))
	require.NoError(t, err)
	requireSigned(t, c, k, r)
	changed := append(bytes.Clone(content), 0)
	changed[len(content)/2] ^= 1
	_, err = o.VerifyDetached(bytes.NewReader(sig), source(c, changed))
	require.ErrorIs(t, err, envelope.ErrSignature)
}
