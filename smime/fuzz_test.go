package smime_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// fixed is the same person in every process: fuzzing runs in several, and what
// one sealed another has to open. Its certificate is signed with Ed25519, which
// takes no randomness.
var fixed = sync.OnceValue(func() *person {
	key := must(ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32)))
	issuer := &x509.Certificate{Subject: pkix.Name{CommonName: "issuer"}}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "fixed"},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	by := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))
	return personOf("fixed", must(x509.CreateCertificate(rand.Reader, t, issuer, key.Public(), by)), key)
})

const fuzzContent = "content that must come out whole or not at all"

// fuzzSeeds adds a message of each form, and the kit's where it is at hand. It
// returns who can open and who has signed: one person.
func fuzzSeeds(f *testing.F, sealedOnes bool) *person {
	who := fixed()
	n := 0
	add := func(b []byte) { f.Add(b); n++ }
	if sealedOnes {
		for _, armor := range []bool{false, true} {
			for _, x := range forms(who) {
				x.seal.Armor = armor
				add(sealed(f, x.seal, []byte(fuzzContent), who.verified))
			}
		}
		add(crafted{to: who, plain: []byte(fuzzContent)}.bytes(f))
		add(crafted{to: who, plain: []byte(fuzzContent), attrs: tlv(0xa1, attribute(ctAttrOID, data))}.bytes(f))
		for _, k := range contentCiphers() {
			if k.tag > 0 {
				add(k.in(f, crafted{to: who, plain: []byte(fuzzContent)}, k.tag > 12).bytes(f))
			}
		}
		if dir := os.Getenv("DKB_VECTORS"); dir != "" {
			names, err := filepath.Glob(filepath.Join(dir, "crafted", "*", "*.der"))
			require.NoError(f, err)
			require.NotEmpty(f, names)
			for _, name := range names {
				if b, err := os.ReadFile(name); err == nil && len(b) < 64<<10 {
					add(b)
				}
			}
		}
	} else {
		for _, armor := range []bool{false, true} {
			add(signedMessage(f, envelope.Sealer{Signers: who.signers(), Armor: armor}, []byte(fuzzContent), false))
			add(signedMessage(f, envelope.Sealer{Signers: who.signers(), Armor: armor}, []byte(fuzzContent), true))
		}
		add(message(signedParts{by: who, content: []byte(fuzzContent)}.bytes(f)))
		add(message(signedParts{by: who, content: []byte(fuzzContent), infos: [][]byte{}}.bytes(f)))
	}
	if n == 0 {
		f.Fatal("no seeds")
	}
	return who
}

// FuzzOpen: what opens without an error is the content that was sealed, and
// every other input is an error that callers know.
func FuzzOpen(f *testing.F) {
	who := fuzzSeeds(f, true)
	f.Fuzz(func(t *testing.T, msg []byte) {
		got, _, err := open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(msg))
		// Whoever has the certificate can seal to it: only what the seeds hold
		// is known to be right, and to seal takes more than to mutate.
		if err == nil {
			require.Equal(t, fuzzContent, string(got))
		} else {
			require.True(t, refusal(err), "%v", err)
			require.Empty(t, got)
		}
		piped, _, err2 := open(envelope.Opener{Identities: who.identities()}, pipe(msg))
		require.Equal(t, err == nil, err2 == nil)
		require.Equal(t, got, piped)
		if err == nil {
			_, err = envelope.Inspect(bytes.NewReader(msg), smime.Format())
			require.NoError(t, err, "what opens can be inspected")
		}
	})
}

// FuzzInspect: what is found does not depend on how the source is read, and
// takes no key.
func FuzzInspect(f *testing.F) {
	fuzzSeeds(f, true)
	fuzzSeeds(f, false)
	f.Fuzz(func(t *testing.T, msg []byte) {
		r, err := envelope.Inspect(bytes.NewReader(msg), smime.Format())
		if err != nil {
			require.True(t, refusal(err), "%v", err)
			require.Nil(t, r)
			return
		}
		require.Equal(t, "S/MIME", r.Format)
		require.Equal(t, r.Encrypted, len(r.Recipients) > 0)
		for _, s := range r.Signatures {
			require.False(t, s.Valid(), "nobody checked it")
		}
		_, err = envelope.Inspect(io.MultiReader(bytes.NewReader(msg), bytes.NewReader([]byte("x"))), smime.Format())
		require.Error(t, err, "something after the message")
	})
}

// FuzzSignedData: content that verifies is the content that was signed.
func FuzzSignedData(f *testing.F) {
	who := fuzzSeeds(f, false)
	f.Fuzz(func(t *testing.T, msg []byte) {
		o := envelope.Opener{Senders: []*keyring.Verified{who.verified}}
		got, r, err := verify(o, bytes.NewReader(msg))
		if err != nil {
			require.True(t, refusal(err), "%v", err)
			require.Empty(t, got)
		} else {
			require.Equal(t, fuzzContent, string(got))
			require.NotEmpty(t, r.Signatures)
		}
		_, err = o.VerifyDetached(bytes.NewReader(msg), bytes.NewReader([]byte("other content")))
		require.Error(t, err)
		require.True(t, refusal(err), "%v", err)
	})
}
