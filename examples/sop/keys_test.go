package main

import (
	"bytes"
	"crypto"
	"crypto/fips140"
	"os"
	"path/filepath"
	"testing"
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// allowed skips a test that makes keys, which GODEBUG=fips140=only forbids.
func allowed(t *testing.T) {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("GODEBUG=fips140=only: no OpenPGP key is made")
	}
}

// makeKeys makes the keys that the scripts use: NAME.sec with the secret and
// NAME.pgp without.
func makeKeys(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, b []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	save := func(name, password string, k *pgp.Key) {
		sec, err := k.Marshal([]byte(password))
		require.NoError(t, err)
		write(name+".sec", sec)
		cert, err := pgp.MarshalArmored(k.Certificate())
		require.NoError(t, err)
		write(name+".pgp", cert)
	}
	generate := func(name, password string, o pgp.KeyOptions) *pgp.Key {
		o.Address = name + "@example.org"
		k, err := pgp.GenerateKey(o)
		require.NoError(t, err)
		save(name, password, k)
		return k
	}
	alice := generate("alice", "", pgp.KeyOptions{})
	bob := generate("bob", "", pgp.KeyOptions{})
	generate("carol", "", pgp.KeyOptions{Profile: envelope.Modern})
	generate("dora", "", pgp.KeyOptions{Profile: envelope.PostQuantum})
	generate("locked", "sesame", pgp.KeyOptions{})
	generate("signonly", "", pgp.KeyOptions{SigningOnly: true})
	gone := generate("revoked", "", pgp.KeyOptions{})
	write("formerly.pgp", gone.Certificate().Marshal())
	revoked, err := gone.Revoke(pgp.Compromised, "stolen")
	require.NoError(t, err)
	save("revoked", "", revoked)
	write("both.pgp", append(alice.Certificate().Marshal(), bob.Certificate().Marshal()...))
	write("expired.sec", expired(t))
	cert, err := pgp.ParseKey(bytes.NewReader(expired(t)), nil)
	require.NoError(t, err)
	save("expired", "", cert)
	write("mailonly.pgp", mailOnly(t))
	write("elgamal.pgp", unusable(alice.Certificate().Marshal()))
	return dir
}

// expired is a key whose time was over long ago.
func expired(t *testing.T) []byte {
	t.Helper()
	made := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	e, err := openpgp.NewEntity("", "", "expired@example.org", &packet.Config{
		Time: func() time.Time { return made }, KeyLifetimeSecs: 3600, Algorithm: packet.PubKeyAlgoEdDSA, DefaultHash: crypto.SHA256,
	})
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, e.SerializePrivate(&b, nil))
	return b.Bytes()
}

// unusable gives the encryption subkey of a certificate another algorithm,
// Elgamal, whose signature is wrong then too: it says what it is all the same.
func unusable(cert []byte) []byte {
	for at := 0; at < len(cert); {
		tag, n, err := packetAt(cert[at:])
		if err != nil {
			return nil
		}
		if _, body, _ := packetHead(cert[at:]); tag == tagPublicSub {
			cert[at+body+5] = 16
		}
		at += n
	}
	return cert
}

// mailOnly is a certificate whose encryption key is for communications only.
func mailOnly(t *testing.T) []byte {
	t.Helper()
	c := &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, DefaultHash: crypto.SHA256}
	e, err := openpgp.NewEntity("", "", "mailonly@example.org", c)
	require.NoError(t, err)
	sub := &e.Subkeys[0]
	sig := sub.Bindings[0].Packet
	sig.FlagEncryptStorage = false
	require.NoError(t, sig.SignKey(sub.PublicKey, e.PrivateKey, c))
	var b bytes.Buffer
	require.NoError(t, e.Serialize(&b))
	return b.Bytes()
}
