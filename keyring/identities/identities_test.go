package identities_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/identities"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// key is a private key of either format, as a program that reads both has it.
type key interface {
	identities.Key
	Identity() envelope.Identity
	Signer() envelope.Signer
}

func parseKey(secret []byte) (key, error) {
	if bytes.Contains(secret, []byte("BEGIN PGP")) {
		return pgp.ParseKey(bytes.NewReader(secret), nil)
	}
	return smime.ParseKey(bytes.NewReader(secret), nil)
}

// open returns the identities of a directory, whose files cost little.
func open(t testing.TB, dir string) *identities.Identities[key] {
	t.Helper()
	d, err := identities.Open(dir, parseKey, smime.ParseCertificate, pgp.ParseCertificate)
	require.NoError(t, err)
	d.Cheap()
	return d
}

func newDir(t testing.TB) string { return filepath.Join(t.TempDir(), "identities") }

// word returns callbacks that give a passphrase.
func word(s string) func() ([]byte, error) { return func() ([]byte, error) { return []byte(s), nil } }

func asked(s string) func(identities.Info) ([]byte, error) {
	return func(identities.Info) ([]byte, error) { return []byte(s), nil }
}

func never(t testing.TB) func(identities.Info) ([]byte, error) {
	return func(identities.Info) ([]byte, error) {
		t.Error("a passphrase was asked for")
		return []byte("right"), nil
	}
}

func newSMIME(t testing.TB, address string) *smime.Key {
	t.Helper()
	k, err := smime.GenerateKey(smime.KeyOptions{Address: address, Algorithm: "p256"})
	require.NoError(t, err)
	return k
}

// newPGP returns a key of version 6, which has a fingerprint everywhere.
func newPGP(t testing.TB, address string) *pgp.Key {
	t.Helper()
	skipFIPS(t)
	k, err := pgp.GenerateKey(pgp.KeyOptions{Address: address, Profile: envelope.Modern})
	require.NoError(t, err)
	return k
}

// skipFIPS skips what needs Argon2id where it is forbidden; TestFIPS is what
// runs there.
func skipFIPS(t testing.TB) {
	if fips140.Enforced() {
		t.Skip("GODEBUG=fips140=only: no Argon2id; TestFIPS says what is returned instead")
	}
}

// added adds a key to a new directory under the passphrase "right".
func added(t testing.TB, keys ...key) (*identities.Identities[key], string) {
	t.Helper()
	skipFIPS(t)
	dir := newDir(t)
	d := open(t, dir)
	for _, k := range keys {
		_, err := d.Add(k, word("right"))
		require.NoError(t, err)
	}
	return d, dir
}

// What was added opens what is sealed to it, in both formats, by the same
// process and by one that comes later.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]key{"OpenPGP": newPGP(t, "bob@example.org"), "S/MIME": newSMIME(t, "bob@example.org")} {
		d, dir := added(t, k)
		f := k.Certificate().Fingerprint()
		v, err := keyring.Verify(k.Certificate(), keyring.Expect(f))
		require.NoError(t, err)
		var sealed bytes.Buffer
		s := envelope.Sealer{Profile: envelope.Modern}
		w, err := s.Seal(&sealed, v)
		require.NoError(t, err)
		_, err = w.Write([]byte("hello"))
		require.NoError(t, err)
		require.NoError(t, w.Close())

		for _, d := range []*identities.Identities[key]{d, open(t, dir)} {
			all, err := d.List()
			require.NoError(t, err)
			require.Len(t, all, 1)
			require.NoError(t, all[0].Problem)
			require.Equal(t, f, all[0].Fingerprint)
			require.Equal(t, []string{"bob@example.org"}, all[0].Certificate.Addresses())
			require.WithinDuration(t, time.Now(), all[0].Added, time.Hour)
			require.Equal(t, filepath.Join(dir, f.String()+".identity"), all[0].File)

			got, err := d.Unlock(f, func(i identities.Info) ([]byte, error) {
				require.Equal(t, all[0].Fingerprint, i.Fingerprint)
				return []byte("right"), nil
			})
			require.NoError(t, err, name)
			// In ten years too, when the key has expired.
			for _, years := range []int{0, 10} {
				o := envelope.Opener{Identities: []envelope.Identity{got.Identity()}, Formats: []envelope.Format{pgp.Format(), smime.Format()}}
				o.Time = func() time.Time { return time.Now().AddDate(years, 0, 0) }
				m, err := o.Open(bytes.NewReader(sealed.Bytes()))
				require.NoError(t, err, name)
				b, err := io.ReadAll(m)
				require.NoError(t, err, name)
				require.Equal(t, "hello", string(b))
			}
		}
	}
}

// A file that another implementation of Argon2id and AES-GCM made.
func TestOtherImplementation(t *testing.T) {
	t.Parallel()
	skipFIPS(t)
	file, err := os.ReadFile("testdata/carol.identity")
	require.NoError(t, err)
	dir := newDir(t)
	d := open(t, dir)
	const f = "7C0948E9ABE880B9BAD8A0EFC6AE1B348D3C5BE4C9B32BDC1F897AF72B1567E5"
	require.NoError(t, os.WriteFile(filepath.Join(dir, f+".identity"), file, 0o600))
	all, err := d.List()
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC), all[0].Added)
	typed, err := keyring.ParseFingerprint(strings.ToLower(f))
	require.NoError(t, err)
	k, err := d.Unlock(typed, asked("Käse und Brot"))
	require.NoError(t, err)
	require.Equal(t, []string{"carol@example.org"}, k.Certificate().Addresses())
	_, err = d.Unlock(typed, asked("Käse und Brot\n"))
	require.Equal(t, identities.ErrUnlock, err)
}

// Passphrases and secrets are overwritten once they were used.
func TestWiped(t *testing.T) {
	t.Parallel()
	skipFIPS(t)
	k := newSMIME(t, "bob@example.org")
	f := k.Certificate().Fingerprint()
	var seen [][]byte
	keep := func(b []byte) []byte { seen = append(seen, b); return b }
	d, err := identities.Open(newDir(t), func(b []byte) (key, error) { return parseKey(keep(b)) }, smime.ParseCertificate)
	require.NoError(t, err)
	d.Cheap()
	ask := func(s string) func() ([]byte, error) { return func() ([]byte, error) { return keep([]byte(s)), nil } }
	askInfo := func(s string) func(identities.Info) ([]byte, error) {
		return func(identities.Info) ([]byte, error) { return keep([]byte(s)), nil }
	}
	_, err = d.Add(k, ask("right"))
	require.NoError(t, err)
	_, err = d.Unlock(f, askInfo("right"))
	require.NoError(t, err)
	_, err = d.Unlock(f, askInfo("wrong"))
	require.Error(t, err)
	require.NoError(t, d.ChangePassphrase(f, askInfo("right"), ask("other")))
	_, err = d.Add(k, func() ([]byte, error) { return keep([]byte("asked")), errors.New("no") })
	require.Error(t, err)
	require.Len(t, seen, 6, "four passphrases, one wrong, one secret")
	for i, b := range seen {
		require.Equal(t, make([]byte, len(b)), b, "buffer %d", i)
	}
}

func TestAddTwice(t *testing.T) {
	t.Parallel()
	k := newSMIME(t, "bob@example.org")
	d, _ := added(t, k)
	_, err := d.Add(k, func() ([]byte, error) { t.Error("asked"); return nil, nil })
	require.ErrorIs(t, err, fs.ErrExist)
	_, err = d.Unlock(k.Certificate().Fingerprint(), asked("right"))
	require.NoError(t, err)
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	skipFIPS(t)
	dir := newDir(t)
	d := open(t, dir)
	k := newSMIME(t, "bob@example.org")
	_, err := d.Add(nil, word("right"))
	require.Error(t, err)
	_, err = d.Add(&smime.Key{}, word("right"))
	require.Error(t, err)
	_, err = d.Add(k, word(""))
	require.ErrorContains(t, err, "empty")
	cancelled := errors.New("cancelled")
	_, err = d.Add(k, func() ([]byte, error) { return []byte("right"), cancelled })
	require.ErrorIs(t, err, cancelled)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
	_, err = d.Add(k, word("right"))
	require.NoError(t, err)
}

func TestChangePassphrase(t *testing.T) {
	t.Parallel()
	k := newPGP(t, "bob@example.org")
	d, _ := added(t, k)
	f := k.Certificate().Fingerprint()
	before, err := d.List()
	require.NoError(t, err)
	old, err := os.ReadFile(before[0].File)
	require.NoError(t, err)

	err = d.ChangePassphrase(f, asked("wrong"), func() ([]byte, error) { t.Error("asked"); return nil, nil })
	require.Equal(t, identities.ErrUnlock, err)
	require.Error(t, d.ChangePassphrase(f, asked("right"), word("")))
	now, err := os.ReadFile(before[0].File)
	require.NoError(t, err)
	require.Equal(t, old, now)

	require.NoError(t, d.ChangePassphrase(f, asked("right"), word("other")))
	_, err = d.Unlock(f, asked("right"))
	require.Equal(t, identities.ErrUnlock, err)
	got, err := d.Unlock(f, asked("other"))
	require.NoError(t, err)
	require.Equal(t, f, got.Certificate().Fingerprint())
	after, err := d.List()
	require.NoError(t, err)
	require.Equal(t, before[0].Added, after[0].Added)
}

// A key that was given more time takes the place of itself, under the same
// passphrase, and of nothing else.
func TestReplace(t *testing.T) {
	t.Parallel()
	k := newPGP(t, "bob@example.org")
	d, _ := added(t, k)
	f := k.Certificate().Fingerprint()
	before, err := d.List()
	require.NoError(t, err)
	longer, err := k.Extend(pgp.Forever)
	require.NoError(t, err)
	require.NotEqual(t, k.Certificate().Marshal(), longer.Certificate().Marshal())

	_, err = d.Replace(longer, asked("wrong"))
	require.Equal(t, identities.ErrUnlock, err)
	_, err = d.Replace(newPGP(t, "bob@example.org"), never(t))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = d.Replace(nil, never(t))
	require.Error(t, err)
	got, err := d.Unlock(f, asked("right"))
	require.NoError(t, err)
	require.Equal(t, k.Certificate().Marshal(), got.Certificate().Marshal())

	var given [][]byte
	info, err := d.Replace(longer, func(identities.Info) ([]byte, error) {
		given = append(given, []byte("right"))
		return given[0], nil
	})
	require.NoError(t, err)
	require.Equal(t, [][]byte{make([]byte, 5)}, given, "asked once, and overwritten")
	require.False(t, info.Added.Before(before[0].Added))
	require.Equal(t, longer.Certificate().Marshal(), info.Certificate.Marshal())
	got, err = d.Unlock(f, asked("right"))
	require.NoError(t, err)
	require.Equal(t, longer.Certificate().Marshal(), got.Certificate().Marshal())
}

// Nothing random is used twice, also for the same key and passphrase.
func TestFreshEachTime(t *testing.T) {
	t.Parallel()
	k := newSMIME(t, "bob@example.org")
	d, dir := added(t, k)
	f := k.Certificate().Fingerprint()
	seen := map[string]bool{}
	for range 4 {
		b, err := os.ReadFile(filepath.Join(dir, f.String()+".identity"))
		require.NoError(t, err)
		for line := range strings.SplitSeq(string(b), "\n") {
			_, salt, ok := strings.Cut(line, "salt=")
			_, nonce, is := strings.Cut(line, "nonce=")
			if !ok && !is {
				continue
			}
			require.False(t, seen[salt+nonce], line)
			seen[salt+nonce] = true
		}
		require.NoError(t, d.ChangePassphrase(f, asked("right"), word("right")))
	}
	require.Len(t, seen, 8)
}

// Several identities: what was added last is first, and what cannot be used
// hides nothing else.
func TestList(t *testing.T) {
	t.Parallel()
	first, second := newSMIME(t, "bob@example.org"), newPGP(t, "bob@example.org")
	d, dir := added(t, first)
	// The clock counts milliseconds; two of them may be the same.
	require.Eventually(t, func() bool {
		all, err := d.List()
		return err == nil && time.Now().UTC().Truncate(time.Millisecond).After(all[0].Added)
	}, time.Minute, time.Millisecond)
	_, err := d.Add(second, word("other"))
	require.NoError(t, err)
	for name, text := range map[string]string{
		"lost.identity": "x", strings.Repeat("ab", 32) + ".identity": "x", strings.Repeat("AB", 32) + ".identity": "x",
		"README": "x", ".doublekeybox-XYZ.tmp": "x", "." + strings.Repeat("AB", 32) + ".identity": "x",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	all, err := d.List()
	require.NoError(t, err)
	require.Len(t, all, 5)
	require.Equal(t, second.Certificate().Fingerprint(), all[0].Fingerprint)
	require.Equal(t, first.Certificate().Fingerprint(), all[1].Fingerprint)
	for _, i := range all[:2] {
		require.NoError(t, i.Problem)
	}
	for _, i := range all[2:] {
		require.ErrorIs(t, i.Problem, identities.ErrUnlock)
		require.Nil(t, i.Certificate)
	}
	// Another reader of certificates: what it cannot read is a problem of its own.
	one, err := identities.Open(dir, parseKey, smime.ParseCertificate)
	require.NoError(t, err)
	all, err = one.List()
	require.NoError(t, err)
	require.Len(t, all, 5)
	require.NoError(t, all[1].Problem)
	require.ErrorIs(t, all[0].Problem, identities.ErrUnlock)
}

func TestRemove(t *testing.T) {
	t.Parallel()
	k, other := newSMIME(t, "bob@example.org"), newSMIME(t, "eve@example.org")
	d, _ := added(t, k, other)
	require.NoError(t, d.Remove(k.Certificate().Fingerprint()))
	require.ErrorIs(t, d.Remove(k.Certificate().Fingerprint()), fs.ErrNotExist)
	require.Error(t, d.Remove(keyring.Fingerprint{}))
	all, err := d.List()
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, other.Certificate().Fingerprint(), all[0].Fingerprint)
}

// A key whose certificate has expired still unlocks: old mail is opened with it.
func TestExpired(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Bob"}, EmailAddresses: []string{"bob@example.org"},
		NotBefore: time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
	}, &x509.Certificate{Subject: pkix.Name{CommonName: "Bob"}}, private.Public(), private)
	require.NoError(t, err)
	c, err := smime.ParseCertificate(der)
	require.NoError(t, err)
	k, err := smime.NewKey(c, private)
	require.NoError(t, err)
	d, _ := added(t, k)
	all, err := d.List()
	require.NoError(t, err)
	require.NoError(t, all[0].Problem)
	got, err := d.Unlock(c.Fingerprint(), asked("right"))
	require.NoError(t, err)
	require.Equal(t, c.Fingerprint(), got.Certificate().Fingerprint())
}

// Goroutines share one value, and processes one directory.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	shared := newSMIME(t, "shared@example.org")
	d, dir := added(t, shared)
	f := shared.Certificate().Fingerprint()
	var keys []*smime.Key
	for range 8 {
		keys = append(keys, newSMIME(t, "bob@example.org"))
	}
	errs := make(chan error, 8*(4+9)) // what each sends: one for each call and each key
	var wg sync.WaitGroup
	for i, k := range keys {
		mine := d
		if i%2 == 1 {
			mine = open(t, dir)
		}
		wg.Go(func() {
			_, err := mine.Add(k, word("right"))
			errs <- err
			errs <- mine.ChangePassphrase(f, asked("right"), word("right"))
			_, err = mine.Unlock(f, asked("right"))
			errs <- err
			all, err := mine.List()
			errs <- err
			for _, i := range all {
				errs <- i.Problem
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	all, err := d.List()
	require.NoError(t, err)
	require.Len(t, all, 9)
}

// Argon2id is not approved: that is said before anybody is asked, and what needs
// no passphrase works.
func TestFIPS(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	d := open(t, dir)
	file, err := os.ReadFile("testdata/carol.identity")
	require.NoError(t, err)
	const digits = "7C0948E9ABE880B9BAD8A0EFC6AE1B348D3C5BE4C9B32BDC1F897AF72B1567E5"
	require.NoError(t, os.WriteFile(filepath.Join(dir, digits+".identity"), file, 0o600))
	all, err := d.List()
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.NoError(t, all[0].Problem)
	n := 0
	_, err = d.Unlock(all[0].Fingerprint, func(identities.Info) ([]byte, error) { n++; return []byte("Käse und Brot"), nil })
	_, added := d.Add(newSMIME(t, "bob@example.org"), func() ([]byte, error) { n++; return []byte("right"), nil })
	if fips140.Enforced() {
		require.Zero(t, n)
		require.ErrorIs(t, err, identities.ErrNotApproved)
		require.ErrorIs(t, added, identities.ErrNotApproved)
		return
	}
	require.Equal(t, 2, n)
	require.NoError(t, err)
	require.NoError(t, added)
}

func TestOpenNeedsParsers(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	_, err := identities.Open[key](dir, nil, smime.ParseCertificate)
	require.Error(t, err)
	_, err = identities.Open(dir, parseKey)
	require.Error(t, err)
	require.NoDirExists(t, dir)
}
