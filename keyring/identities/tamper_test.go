package identities_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/identities"
	"github.com/doublekeybox/doublekeybox/smime"
)

// Whichever octet of a file changes, no key comes out: threats to a key whose
// public part somebody changed begin with the first signature.
func TestEveryOctet(t *testing.T) {
	t.Parallel()
	k := newSMIME(t, "bob@example.org")
	d, _ := added(t, k)
	f := k.Certificate().Fingerprint()
	all, err := d.List()
	require.NoError(t, err)
	path := all[0].File
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	refused := func(b []byte, what string, at int) {
		require.NoError(t, os.WriteFile(path, b, 0o600))
		n := 0
		got, err := d.Unlock(f, func(identities.Info) ([]byte, error) { n++; return []byte("right"), nil })
		if err == nil || got != nil || n > 1 {
			t.Fatalf("%s %d: %v, %d times asked", what, at, err, n)
		}
		if !errors.Is(err, identities.ErrUnlock) && !errors.As(err, new(*identities.LimitError)) {
			t.Fatalf("%s %d: %v", what, at, err)
		}
		if n == 1 && err != identities.ErrUnlock { // the very value: nothing may be told apart
			t.Fatalf("%s %d: %v tells more than a wrong passphrase", what, at, err)
		}
	}
	header := bytes.Index(file, []byte("\ncertificate\n"))
	for i := range file {
		bits := []byte{1, 2, 0x20} // digits, and the case of letters
		if i > header {
			bits = bits[i%3:][:1] // base64, where one is like the next
		}
		for _, bit := range bits {
			b := bytes.Clone(file)
			b[i] ^= bit
			refused(b, "octet", i)
		}
		if i%7 == 0 || i > len(file)-8 || file[i] == '\n' {
			refused(file[:i], "cut at", i)
		}
	}
	refused(append(bytes.Clone(file), '\n'), "longer", len(file))
	require.NoError(t, os.WriteFile(path, file, 0o600))
	_, err = d.Unlock(f, asked("right"))
	require.NoError(t, err, "the file as it was")
}

// The public part of one key beside the secret of another, and everything else
// of the header, under the same passphrase.
func TestSwappedParts(t *testing.T) {
	t.Parallel()
	alice, bob := newSMIME(t, "alice@example.org"), newSMIME(t, "bob@example.org")
	d, dir := added(t, alice, bob)
	file := func(k key) (path, text string) {
		path = filepath.Join(dir, k.Certificate().Fingerprint().String()+".identity")
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		return path, string(b)
	}
	alicePath, aliceText := file(alice)
	_, bobText := file(bob)
	secretOf := func(s string) string { return s[strings.Index(s, "\nsecret\n"):] }
	lineOf := func(s, name string) string {
		_, rest, ok := strings.Cut(s, "\n"+name)
		require.True(t, ok)
		line, _, _ := strings.Cut(rest, "\n")
		return "\n" + name + line
	}
	// Alice's name, certificate and fingerprint; from Bob's file what is named.
	take := func(names ...string) string {
		s := aliceText
		for _, n := range names {
			s = strings.Replace(s, lineOf(aliceText, n), lineOf(bobText, n), 1)
		}
		return s
	}
	withSecret := func(s string) string { return strings.Replace(s, secretOf(aliceText), secretOf(bobText), 1) }
	f := alice.Certificate().Fingerprint()
	for name, text := range map[string]string{
		"Bob's secret":                      withSecret(aliceText),
		"Bob's secret, salt and nonce":      withSecret(take("argon2id ", "aes-256-gcm ")),
		"Bob's, but for the certificate":    withSecret(take("argon2id ", "aes-256-gcm ", "added ")),
		"Bob's salt":                        take("argon2id "),
		"Bob's nonce":                       take("aes-256-gcm "),
		"another time":                      strings.Replace(aliceText, lineOf(aliceText, "added "), "\nadded 2000-01-01T00:00:00.000Z", 1),
		"another cost":                      strings.Replace(aliceText, "passes=1", "passes=2", 1),
		"another certificate's fingerprint": take("fingerprint "),
		"all of Bob's, in Alice's file":     bobText,
	} {
		require.NotEqual(t, aliceText, text, name)
		require.NoError(t, os.WriteFile(alicePath, []byte(text), 0o600))
		_, err := d.Unlock(f, asked("right"))
		require.ErrorIs(t, err, identities.ErrUnlock, name)
	}
	require.NoError(t, os.WriteFile(alicePath, []byte(take()), 0o600))
	_, err := d.Unlock(f, asked("right"))
	require.NoError(t, err)
}

// A whole file under another name would unlock another key than was asked for.
func TestOtherName(t *testing.T) {
	t.Parallel()
	alice, bob := newSMIME(t, "alice@example.org"), newSMIME(t, "bob@example.org")
	d, dir := added(t, bob)
	path := func(k key) string { return filepath.Join(dir, k.Certificate().Fingerprint().String()+".identity") }
	require.NoError(t, os.Rename(path(bob), path(alice)))
	_, err := d.Unlock(alice.Certificate().Fingerprint(), never(t))
	require.ErrorIs(t, err, identities.ErrUnlock)
	require.NoError(t, os.Rename(path(alice), path(bob)))
	_, err = d.Unlock(bob.Certificate().Fingerprint(), asked("right"))
	require.NoError(t, err)
}

// Limits and permissions are looked at before anybody is asked.
func TestRefusedBeforeAsking(t *testing.T) {
	t.Parallel()
	k := newSMIME(t, "bob@example.org")
	d, _ := added(t, k)
	f := k.Certificate().Fingerprint()
	all, err := d.List()
	require.NoError(t, err)
	path := all[0].File
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	for old, changed := range map[string]string{"memory=8 ": "memory=262145 ", "passes=1 ": "passes=11 ", "lanes=1 ": "lanes=17 "} {
		require.NoError(t, os.WriteFile(path, bytes.Replace(file, []byte(old), []byte(changed), 1), 0o600))
		_, err := d.Unlock(f, never(t))
		require.ErrorAs(t, err, new(*identities.LimitError), changed)
	}
	require.NoError(t, os.Remove(path))
	_, err = d.Unlock(f, never(t))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = d.Unlock(keyring.Fingerprint{}, never(t))
	require.Error(t, err)
}

// A wrong passphrase is the same error as damage, an empty one is none, and
// what the callback returns comes through.
func TestUnlockErrors(t *testing.T) {
	t.Parallel()
	k := newSMIME(t, "bob@example.org")
	d, _ := added(t, k)
	f := k.Certificate().Fingerprint()
	_, err := d.Unlock(f, asked("Right"))
	require.Equal(t, identities.ErrUnlock, err)
	_, err = d.Unlock(f, asked(""))
	require.ErrorContains(t, err, "empty")
	cancelled := errors.New("cancelled")
	_, err = d.Unlock(f, func(identities.Info) ([]byte, error) { return nil, cancelled })
	require.ErrorIs(t, err, cancelled)
	_, err = d.Unlock(f, asked("right"))
	require.NoError(t, err)
}

// A parser that returns another key is not believed.
func TestParserIsHeldToTheCertificate(t *testing.T) {
	t.Parallel()
	k, other := newSMIME(t, "bob@example.org"), newSMIME(t, "eve@example.org")
	_, dir := added(t, k)
	for _, c := range []struct {
		returns *smime.Key
		good    bool
	}{{k, true}, {other, false}} {
		d, err := identities.Open(dir, func([]byte) (*smime.Key, error) { return c.returns, nil }, smime.ParseCertificate)
		require.NoError(t, err)
		_, err = d.Unlock(k.Certificate().Fingerprint(), asked("right"))
		require.Equal(t, c.good, err == nil, "%v", err)
	}
}
