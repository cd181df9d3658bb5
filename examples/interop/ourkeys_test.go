package interop_test

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// ourKey is a kind of key that we make, and who reads it.
type ourKey struct {
	name    string
	options pgp.KeyOptions
	peers   []string
}

func ourKeys() []ourKey {
	four := []string{"gpg", "sq", "sqop", "rnp", "pgpainless", "bc", "openpgpjs", "gopenpgp"}
	six := []string{"openpgpjs", "gopenpgp"}
	quantum := []string{"gopenpgp"}
	return []ourKey{
		{"version 4, Curve25519", pgp.KeyOptions{}, four},
		{"version 4, RSA-3072", pgp.KeyOptions{Algorithm: "rsa3072"}, four},
		{"version 4, P-384", pgp.KeyOptions{Algorithm: "p384"}, four},
		{"version 6, Curve25519", pgp.KeyOptions{Profile: envelope.Modern}, six},
		{"version 6, Curve448", pgp.KeyOptions{Profile: envelope.Modern, Algorithm: "curve448"}, six},
		{"ML-DSA-65 and ML-KEM-768", pgp.KeyOptions{Profile: envelope.PostQuantum}, quantum},
		{"ML-DSA-87 and ML-KEM-1024", pgp.KeyOptions{Profile: envelope.PostQuantum, Algorithm: "mldsa87+mlkem1024"}, quantum},
	}
}

// TestOurKeys: peers seal to the keys that we generate and extend, sign with
// them, and open what is sealed to them.
func TestOurKeys(t *testing.T) {
	w := newWorld(t)
	content := []byte("a key that somebody else made\n")
	for _, o := range ourKeys() {
		t.Run(o.name, func(t *testing.T) {
			o.options.Address = "bob@example.org"
			k, err := pgp.GenerateKey(o.options)
			require.NoError(t, err)
			k, err = k.Extend(pgp.Forever)
			require.NoError(t, err)
			bob, err := keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint()))
			require.NoError(t, err)
			public, err := pgp.MarshalArmored(k.Certificate())
			require.NoError(t, err)
			secret, err := k.Marshal(nil)
			require.NoError(t, err)
			cert, key := file(t, public), file(t, secret)
			var sealed bytes.Buffer
			s, err := envelope.Seal(&sealed, bob)
			require.NoError(t, err)
			_, err = s.Write(content)
			require.NoError(t, err)
			require.NoError(t, s.Close())
			for _, peer := range o.peers {
				t.Run(peer, func(t *testing.T) {
					driver := filepath.Join(w.drivers, "peer-"+peer)
					for _, p := range programs[peer] { // not every driver says its version
						if _, err := exec.LookPath(p); err != nil {
							missing(t, peer+" ("+p+")")
						}
					}
					m, err := (&envelope.Opener{Identities: []envelope.Identity{k.Identity()}}).Open(bytes.NewReader(must(t, content, driver, "seal-pgp", "--cert", cert)))
					require.NoError(t, err)
					defer m.Close()
					got, err := io.ReadAll(m)
					require.NoError(t, err)
					require.Equal(t, content, got)
					require.Equal(t, content, must(t, sealed.Bytes(), driver, "open-pgp", "--key", key))
					sig := must(t, content, driver, "sign-pgp", "--key", key)
					verify(t, bob, sig, content)
				})
			}
		})
	}
}

func verify(t *testing.T, by *keyring.Verified, sig, content []byte) {
	t.Helper()
	o := &envelope.Opener{Formats: []envelope.Format{pgp.Format()}, Senders: []*keyring.Verified{by}}
	_, err := o.VerifyDetached(bytes.NewReader(sig), bytes.NewReader(content))
	require.NoError(t, err)
}

// TestOurLockedKeys: peers unlock the keys that we protect, and only with the
// right password. (gpg's turn is in package pgp.)
func TestOurLockedKeys(t *testing.T) {
	newWorld(t) // skips where there are no peers
	content := []byte("locked\n")
	for _, o := range ourKeys()[:3] {
		t.Run(o.name, func(t *testing.T) {
			o.options.Address = "bob@example.org"
			k, err := pgp.GenerateKey(o.options)
			require.NoError(t, err)
			bob, err := keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint()))
			require.NoError(t, err)
			secret, err := k.Marshal([]byte("sesame"))
			require.NoError(t, err)
			key, right, wrong := file(t, secret), file(t, []byte("sesame")), file(t, []byte("thyme"))
			for _, peer := range []string{"sqop", "pgpainless-cli"} {
				t.Run(peer, func(t *testing.T) {
					if _, err := exec.LookPath(peer); err != nil {
						missing(t, peer)
					}
					verify(t, bob, must(t, content, peer, "sign", "--with-key-password="+right, key), content)
					_, err := run(content, peer, "sign", "--with-key-password="+wrong, key)
					var exit *exec.ExitError
					require.True(t, errors.As(err, &exit))
					require.Equal(t, 67, exit.ExitCode(), "the key stays locked")
				})
			}
		})
	}
}
