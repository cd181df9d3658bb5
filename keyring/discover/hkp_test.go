package discover_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/doublekeybox/doublekeybox/internal/armor"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/stretchr/testify/require"
)

// armored is what key servers answer with.
func armored(t *testing.T, certs ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := armor.NewWriter(&b, armor.PublicKey, true)
	_, err := w.Write(bytes.Join(certs, nil))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// keyServer starts one that answers everything with b.
func keyServer(t *testing.T, b []byte) (*discover.KeyServer, *atomic.Pointer[http.Request]) {
	t.Helper()
	asked := new(atomic.Pointer[http.Request])
	web, server := serveWeb(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r)
		w.Header().Set("Content-Type", "application/pgp-keys; charset=UTF-8")
		_, _ = w.Write(b)
	}, nil)
	return &discover.KeyServer{Web: *web, URL: "hkps://" + server.Listener.Addr().String()}, asked
}

func TestKeyServerGet(t *testing.T) {
	bob, eve := key(t, "Bob <bob@example.com>"), key(t, "Bob <bob@example.com>")
	cert, err := pgp.ParseCertificate(bob)
	require.NoError(t, err)
	f := cert.Fingerprint()
	typed, err := keyring.ParseFingerprint(f.Grouped())
	require.NoError(t, err)
	for _, c := range []struct {
		name string
		body []byte
		why  string
	}{
		{"armored", armored(t, bob), ""},
		{"binary", bob, ""},
		{"beside another", armored(t, eve, bob), ""},
		{"another", armored(t, eve), "this is another key"},
		{"no certificate", []byte("<html>not found</html>"), "key server 127.0.0.1"},
		{"nothing", nil, "key server 127.0.0.1"},
		{"too much", bytes.Repeat([]byte{0}, 16<<20+1), "16777216 octets"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, asked := keyServer(t, c.body)
			found, err := s.Get(context.Background(), typed, pgp.ParseCertificate)
			require.Equal(t, "/pks/lookup", asked.Load().URL.Path)
			require.Equal(t, "0x"+f.String(), asked.Load().URL.Query().Get("search"))
			require.Equal(t, "get", asked.Load().URL.Query().Get("op"))
			if c.why != "" {
				require.ErrorIs(t, err, keyring.ErrRefused)
				require.ErrorContains(t, err, c.why)
				return
			}
			require.NoError(t, err)
			require.Equal(t, bob, found.Certificate.Marshal())
			require.Equal(t, "key server 127.0.0.1", strings.SplitN(found.Source, ",", 2)[0])
		})
	}
	s, _ := keyServer(t, armored(t, eve))
	_, err = s.Get(context.Background(), f, pgp.ParseCertificate)
	var mismatch *keyring.MismatchError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, f, mismatch.Want)

	s, asked := keyServer(t, armored(t, bob))
	s.URL += "/base/"
	s.Path = func(f keyring.Fingerprint) string { return "/pks/v2/vfpget/04" + f.String() }
	_, err = s.Get(context.Background(), f, pgp.ParseCertificate)
	require.NoError(t, err)
	require.Equal(t, "/base/pks/v2/vfpget/04"+f.String(), asked.Load().URL.Path)
	s.Path = func(f keyring.Fingerprint) string { return "@example.net/" + f.String() }
	_, err = s.Get(context.Background(), f, pgp.ParseCertificate)
	require.ErrorIs(t, err, keyring.ErrRefused)
}

// No fingerprint but the whole one of an OpenPGP key is asked for, and a
// server only over TLS.
func TestKeyServerRefuses(t *testing.T) {
	parse := func(s string) keyring.Fingerprint {
		f, err := keyring.ParseFingerprint(s)
		require.NoError(t, err)
		return f
	}
	whole := parse(strings.Repeat("ab", 32))
	for _, f := range []keyring.Fingerprint{{}, parse("x-smimefpr:sha256:" + strings.Repeat("ab", 32)), parse("sha1:" + strings.Repeat("ab", 20))} {
		_, err := (&discover.KeyServer{URL: "hkps://keys.example.com"}).Get(context.Background(), f, pgp.ParseCertificate)
		require.ErrorIs(t, err, keyring.ErrRefused)
		require.ErrorContains(t, err, "fingerprint of an OpenPGP key")
	}
	for _, u := range []string{"", "keys.example.com", "hkp://keys.example.com", "http://keys.example.com", "hkps:keys.example.com", "hkps://", "hkps://a:b@keys.example.com", "hkps://a@keys.example.com", "https://keys.example.com?x", "https://keys.example.com#x", "file:///etc/passwd", "hkps://a b"} {
		s := discover.KeyServer{URL: u}
		_, err := s.Get(context.Background(), whole, pgp.ParseCertificate)
		require.ErrorIs(t, err, keyring.ErrRefused, u)
		require.ErrorContains(t, err, "hkps://", u)
		require.NotContains(t, err.Error(), "a:b")
		_, err = s.Search(context.Background(), "bob@example.com", pgp.ParseCertificate)
		require.ErrorIs(t, err, keyring.ErrRefused, u)
	}
}

func TestKeyServerSearch(t *testing.T) {
	bob, eve := key(t, "Bob <bob@example.com>", "Bob <bob@example.net>"), key(t, "Bob! <bob@example.com>")
	alice := key(t, "Alice <alice@example.com>", "bob@example.com.example.net")
	s, asked := keyServer(t, armored(t, alice, bob, eve))
	found, err := s.Search(context.Background(), "bob@EXAMPLE.com", pgp.ParseCertificate)
	require.NoError(t, err)
	require.Equal(t, "bob@example.com", asked.Load().URL.Query().Get("search"))
	require.Len(t, found, 2)
	require.Equal(t, bob, found[0].Certificate.Marshal()) // as it came: nobody says that the other user ID is wrong
	require.Equal(t, eve, found[1].Certificate.Marshal())
	require.Equal(t, "bob@example.com", found[1].Address)

	s, _ = keyServer(t, armored(t, alice))
	_, err = s.Search(context.Background(), "bob@example.com", pgp.ParseCertificate)
	require.ErrorIs(t, err, discover.ErrNotFound)
	_, err = s.Search(context.Background(), "0xDEADBEEF", pgp.ParseCertificate)
	require.ErrorIs(t, err, keyring.ErrRefused)
	_, err = s.Search(context.Background(), "@example.com", pgp.ParseCertificate)
	require.ErrorIs(t, err, keyring.ErrRefused)
}

// Somebody added 100,000 signatures to Bob's key, as it happened to others. It
// comes, and nothing is kept of them.
func TestKeyServerFlood(t *testing.T) {
	bob := key(t, "Bob <bob@example.com>")
	user := []byte("Bob <bob@example.com>")
	at := bytes.Index(bob, user) + len(user)
	flood := make([]byte, 0, 14<<20)
	for i := range 100_000 {
		sig := binary.BigEndian.AppendUint32([]byte{4, 0x10, 22, 8, 0, 6, 5, 2}, uint32(1_700_000_000+i)) // a certification, made then
		sig = append(sig, 0, 10, 9, 16)                                                                   // by a key with this ID
		sig = binary.BigEndian.AppendUint64(sig, uint64(i))
		sig = append(sig, 0, 0) // of a digest that begins so
		for range 2 {
			sig = append(append(sig, 0, 255, 0x7f), bytes.Repeat([]byte{byte(i)}, 31)...)
		}
		flood = append(append(flood, 0xC2, byte(len(sig))), sig...)
	}
	whole := append(append(bytes.Clone(bob[:at]), flood...), bob[at:]...)
	cert, err := pgp.ParseCertificate(bob)
	require.NoError(t, err)
	s, _ := keyServer(t, whole)
	found, err := s.Get(context.Background(), cert.Fingerprint(), pgp.ParseCertificate)
	require.NoError(t, err)
	require.Less(t, len(found.Certificate.Marshal()), 20<<10)
	require.Equal(t, []string{"bob@example.com"}, found.Certificate.Addresses())
}
