package main

import (
	"bytes"
	"crypto"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"
)

// signedWrong encrypts content to the key of to, with a signature by each of
// good over it, and one by bad over something else, all made now.
func signedWrong(t *testing.T, v2 bool, to *openpgp.Entity, content string, bad *openpgp.Entity, good ...*openpgp.Entity) []byte {
	t.Helper()
	c := &packet.Config{DefaultCipher: packet.CipherAES256, DefaultHash: crypto.SHA512, AEADConfig: &packet.AEADConfig{}}
	key := bytes.Repeat([]byte{7}, 32)
	var inner bytes.Buffer
	signers := append(good, bad)
	var sigs []*packet.Signature
	for i, s := range signers {
		over := content
		if s == bad {
			over = "something else"
		}
		id := s.PrimaryKey.KeyId
		sig := &packet.Signature{
			Version: 4, SigType: packet.SigTypeBinary, PubKeyAlgo: s.PrimaryKey.PubKeyAlgo, Hash: crypto.SHA512,
			CreationTime: time.Now(), IssuerKeyId: &id,
		}
		h := crypto.SHA512.New()
		io.WriteString(h, over)
		require.NoError(t, sig.Sign(h, s.PrivateKey, c))
		sigs = append(sigs, sig)
		one := &packet.OnePassSignature{Version: 3, SigType: sig.SigType, Hash: sig.Hash, PubKeyAlgo: sig.PubKeyAlgo, KeyId: *sig.IssuerKeyId, IsLast: i == len(signers)-1}
		require.NoError(t, one.Serialize(&inner))
	}
	lit, err := packet.SerializeLiteral(struct {
		io.Writer
		io.Closer
	}{&inner, io.NopCloser(nil)}, true, "", 0)
	require.NoError(t, err)
	_, err = io.WriteString(lit, content)
	require.NoError(t, err)
	require.NoError(t, lit.Close())
	for i := range sigs { // the one announced last comes first
		require.NoError(t, sigs[len(sigs)-1-i].Serialize(&inner))
	}
	var out bytes.Buffer
	require.NoError(t, packet.SerializeEncryptedKeyAEAD(&out, to.Subkeys[0].PublicKey, packet.CipherAES256, v2, key, c))
	w, err := packet.SerializeSymmetricallyEncrypted(&out, packet.CipherAES256, v2, packet.CipherSuite{Cipher: packet.CipherAES256, Mode: packet.AEADModeOCB}, key, c)
	require.NoError(t, err)
	_, err = w.Write(inner.Bytes())
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// A signature that is wrong is worth nothing, and takes nothing from the
// content and from the other signatures: the draft, "decrypt", leaves the
// judgement to who reads the VERIFICATIONS.
func TestWrongSignatureIsNone(t *testing.T) {
	allowed(t)
	c := &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, DefaultHash: crypto.SHA512}
	dir := t.TempDir()
	entity := func(name string) *openpgp.Entity {
		made := *c
		if name == "late" { // its time is over
			made.Time, made.KeyLifetimeSecs = func() time.Time { return time.Now().Add(-48 * time.Hour) }, 3600
		}
		e, err := openpgp.NewEntity("", "", name+"@example.org", &made)
		require.NoError(t, err)
		var sec, pub bytes.Buffer
		require.NoError(t, e.SerializePrivate(&sec, nil))
		require.NoError(t, e.Serialize(&pub))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".sec"), sec.Bytes(), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".pgp"), pub.Bytes(), 0o600))
		return e
	}
	to, bad, good, late := entity("to"), entity("bad"), entity("good"), entity("late")
	const content = "content\n"
	for name, v2 := range map[string]bool{"SEIPDv1": false, "SEIPDv2": true} {
		for _, signed := range []struct {
			name  string
			by    []*openpgp.Entity
			lines int
		}{{"alone", nil, 0}, {"beside a right one", []*openpgp.Entity{good}, 1}, {"beside one made too late", []*openpgp.Entity{late}, 0}} {
			t.Run(name+"/"+signed.name, func(t *testing.T) {
				message := signedWrong(t, v2, to, content, bad, signed.by...)
				lines := filepath.Join(t.TempDir(), "lines")
				var stdout, stderr bytes.Buffer
				code := run([]string{
					"decrypt", "--verifications-out=" + lines, "--verify-with=" + filepath.Join(dir, "bad.pgp"),
					"--verify-with=" + filepath.Join(dir, "good.pgp"), "--verify-with=" + filepath.Join(dir, "late.pgp"), filepath.Join(dir, "to.sec"),
				}, bytes.NewReader(message), &stdout, &stderr)
				require.Zero(t, code, stderr.String())
				require.Equal(t, content, stdout.String())
				b, err := os.ReadFile(lines)
				require.NoError(t, err)
				require.Equal(t, signed.lines, strings.Count(string(b), "\n"), "%s", b)
				require.Equal(t, signed.lines, strings.Count(string(b), "good.pgp"))
			})
		}
	}
}
