package discover_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/armor"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/stretchr/testify/require"
)

// The example of draft-koch-openpgp-webkey-service, Section 3.1.
func TestWKDName(t *testing.T) {
	skipFIPS(t)
	require.Equal(t, "iy9q119eutrkn8s1mk4r39qejnbu3n5q", discover.WKDName("Joe.Doe"))
	require.Equal(t, "iy9q119eutrkn8s1mk4r39qejnbu3n5q", discover.WKDName("joe.doe"))
	require.NotEqual(t, discover.WKDName("bücher"), discover.WKDName("bÜcher")) // only ASCII is mapped
	require.Equal(t, discover.WKDName("bücher"), discover.WKDName("Bücher"))
}

const bobsPath = "/.well-known/openpgpkey/example.com/hu/"

// give answers with b for Bob by the advanced method.
func give(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, bobsPath) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(b)
	}
}

func TestWKD(t *testing.T) {
	bob := key(t, "Bob <Bob@example.com>")
	var seen atomic.Pointer[http.Request]
	web, _ := serveWeb(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r)
		give(bob)(w, r)
	}, here())
	found, err := web.WKD(context.Background(), "Bob@Example.COM", pgp.ParseCertificate)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, bob, found[0].Certificate.Marshal())
	require.Equal(t, "Bob@example.com", found[0].Address)
	require.Equal(t, "Web Key Directory at openpgpkey.example.com", found[0].Source)

	r := seen.Load()
	require.Equal(t, "GET", r.Method)
	require.Equal(t, bobsPath+discover.WKDName("bob"), r.URL.Path)
	require.Equal(t, "l=Bob", r.URL.RawQuery)
	for _, h := range []string{"Cookie", "Authorization", "Referer"} {
		require.Empty(t, r.Header.Values(h))
	}
	require.Equal(t, "identity", r.Header.Get("Accept-Encoding"))
	require.Empty(t, r.TLS.PeerCertificates)
}

// What a domain attests is taken by the policy of that name alone, for the
// certificate that came and no other.
func TestAttested(t *testing.T) {
	bob := key(t, "Bob <bob@example.com>")
	web, _ := serveWeb(t, give(bob), here())
	found, err := web.WKD(context.Background(), "bob@example.com", pgp.ParseCertificate)
	require.NoError(t, err)
	cert, attested := found[0].Certificate, found[0].Attested()

	_, err = keyring.Verify(cert, attested)
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, "AcceptDomainAttested")
	policy := keyring.Policy{AcceptDomainAttested: true}
	v, err := policy.Verify(cert, attested)
	require.NoError(t, err)
	require.Equal(t, "given out by Web Key Directory at openpgpkey.example.com for bob@example.com", v.Evidence())
	_, err = keyring.Policy{AcceptDomainAttested: true, FingerprintOnly: true}.Verify(cert, attested)
	require.ErrorIs(t, err, keyring.ErrRefused)

	other, err := pgp.ParseCertificate(key(t, "Bob <bob@example.com>"))
	require.NoError(t, err)
	_, err = policy.Verify(other, attested)
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, "gave out another certificate")
	_, err = policy.Verify(cert, (*discover.Result)(nil).Attested())
	require.ErrorIs(t, err, keyring.ErrRefused)
	_, err = policy.Verify(cert, (&discover.Result{Candidate: found[0].Candidate}).Attested())
	require.ErrorIs(t, err, keyring.ErrRefused)
}

// The direct method is for domains without an openpgpkey subdomain alone.
func TestWKDMethods(t *testing.T) {
	bob := key(t, "Bob <bob@example.com>")
	direct := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/openpgpkey/hu/"+discover.WKDName("bob") || !strings.HasPrefix(r.Host, "example.com:") {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(bob)
	}
	ask := func(hosts map[string][]string) ([]discover.Result, error) {
		web, _ := serveWeb(t, direct, hosts)
		return web.WKD(context.Background(), "bob@example.com", pgp.ParseCertificate)
	}
	found, err := ask(map[string][]string{"example.com": {"127.0.0.1"}})
	require.NoError(t, err)
	require.Equal(t, "Web Key Directory at example.com", found[0].Source)

	_, err = ask(here()) // the subdomain is there and has nothing
	require.ErrorIs(t, err, discover.ErrNotFound)
	_, err = ask(map[string][]string{"openpgpkey.example.com": {""}, "example.com": {"127.0.0.1"}}) // nobody knows whether it is there
	require.Error(t, err)
	require.NotErrorIs(t, err, discover.ErrNotFound)
	require.NotErrorIs(t, err, keyring.ErrRefused)
	_, err = ask(map[string][]string{"openpgpkey.example.com": {"127.1.2.3"}, "example.com": {"127.0.0.1"}}) // it is there, and nobody answers
	require.Error(t, err)
	require.NotErrorIs(t, err, discover.ErrNotFound)
	_, err = ask(nil)
	require.ErrorIs(t, err, discover.ErrNotFound)
	require.ErrorContains(t, err, "there is no server example.com")
}

func TestWKDNothing(t *testing.T) {
	for _, policy := range []bool{false, true} {
		web, _ := serveWeb(t, func(w http.ResponseWriter, r *http.Request) {
			if !policy || r.URL.Path != "/.well-known/openpgpkey/example.com/policy" {
				http.NotFound(w, r)
			}
		}, here())
		skipFIPS(t)
		_, err := web.WKD(context.Background(), "bob@example.com", pgp.ParseCertificate)
		require.ErrorIs(t, err, discover.ErrNotFound)
		if policy {
			require.ErrorContains(t, err, "the Web Key Directory at openpgpkey.example.com has no key for bob@example.com")
		} else {
			require.ErrorContains(t, err, "openpgpkey.example.com has no Web Key Directory that knows bob@example.com")
		}
	}
}

// Of what comes, only what is for the address is taken.
func TestWKDUserIDs(t *testing.T) {
	bob, second := key(t, "Bob <bob@example.com>"), key(t, "Bob (new) <bob@example.com>", "bob@example.com")
	both := key(t, "Alice <alice@example.com>", "Bob <bob@example.com>", "not an address", "Mallory <bob@example.com> <m@example.net>")
	alice := key(t, "Alice <alice@example.com>")
	nobody := key(t)
	secret, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.com"})
	require.NoError(t, err)
	armored, err := secret.Marshal(nil)
	require.NoError(t, err)
	unarmored, err := armor.NewReader(bufio.NewReader(bytes.NewReader(armored)))
	require.NoError(t, err)
	private, err := io.ReadAll(unarmored)
	require.NoError(t, err)
	for _, c := range []struct {
		name  string
		body  []byte
		found int
		why   string
	}{
		{"one", bob, 1, ""},
		{"two", append(bytes.Clone(bob), second...), 2, ""},
		{"other user IDs are left out", both, 1, ""},
		{"other certificates are left out", append(bytes.Clone(alice), bob...), 1, ""},
		{"another address", alice, 0, "does not state the address"},
		{"no address", nobody, 0, "does not state the address"},
		{"a secret key", private, 0, "secret key"},
		{"cut off", bob[:len(bob)-1], 0, "cut off"},
		{"cut off in the second", append(bytes.Clone(bob), second[:40]...), 0, "cut off"},
		{"something behind it", append(bytes.Clone(bob), "\n"...), 0, "cut off"},
		{"armor", []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n"), 0, "no OpenPGP packets"},
		{"nothing", nil, 0, "no OpenPGP key"},
		{"16 times", bytes.Repeat(bob, 16), 16, ""},
		{"17 times", bytes.Repeat(bob, 17), 0, "more than 16 certificates"},
	} {
		t.Run(c.name, func(t *testing.T) {
			web, _ := serveWeb(t, give(c.body), here())
			found, err := web.WKD(context.Background(), "bob@example.com", pgp.ParseCertificate)
			require.Len(t, found, c.found)
			if c.why != "" {
				require.ErrorIs(t, err, keyring.ErrRefused)
				require.ErrorContains(t, err, c.why)
				return
			}
			require.NoError(t, err)
			for _, f := range found {
				require.Equal(t, []string{"bob@example.com"}, f.Certificate.Addresses())
				require.NotContains(t, string(f.Certificate.Marshal()), "lice")
				require.NotContains(t, string(f.Certificate.Marshal()), "allory")
			}
		})
	}
}

func TestWKDAddresses(t *testing.T) {
	skipFIPS(t)
	for _, address := range []string{"", "bob", "@example.com", "bob@127.0.0.1", "bob@[127.0.0.1]", "bob@example.com:8080", "bob@example.com/x", "bob@a@example.com", "bob@user:pass@example.com", "bob@example..com"} {
		_, err := (&discover.Web{}).WKD(context.Background(), address, pgp.ParseCertificate)
		require.ErrorIs(t, err, keyring.ErrRefused, address)
	}
}

// Each answer that is refused differs in one thing from the first, which is
// taken.
func TestWKDAnswers(t *testing.T) {
	bob := key(t, "Bob <bob@example.com>")
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := z.Write(make([]byte, 64<<20))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	plain := func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(bob) }
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		why    string
		not    bool // no refusal, but an error of the network
	}{
		{"as it should be", plain, "", false},
		{"status 500", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500); plain(w, r) }, "status 500", true},
		{"status 204", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, "status 204", true},
		{"status 206", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(206); plain(w, r) }, "status 206", true},
		{"a type for browsers", typed("text/html; charset=utf-8", plain), "text/html", false},
		{"a type that is none", typed("key", plain), "of type \"key\"", false},
		{"a type without a name", typed("text/plain", plain), "", false},
		{"gzip", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(zipped.Bytes())
		}, "encoded as \"gzip\"", false},
		{"gzip, not said", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "")
			_, _ = w.Write(zipped.Bytes())
		}, "no OpenPGP packets", false},
		{"too large", func(w http.ResponseWriter, r *http.Request) {
			for range 3 << 10 {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		}, "more than 2097152 octets", false},
		{"said to be too large", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "2097153")
			plain(w, r)
		}, "answered with 2097153 octets", false},
		{"said to be longer", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(bob)+1))
			plain(w, r)
		}, "unexpected EOF", true},
		{"said to be shorter", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(bob)-1))
			_, _ = w.Write(bob[:len(bob)-1])
		}, "cut off", false},
		{"a header without an end", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X", strings.Repeat("x", 128<<10)) }, "exceeded", true},
		{"a redirect on the host", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/elsewhere" {
				http.Redirect(w, r, "/elsewhere", http.StatusFound)
				return
			}
			if r.Referer() != "" {
				t.Errorf("Referer: %s", r.Referer())
			}
			if r.Header.Get("Cookie") != "" {
				t.Error("Cookie")
			}
			plain(w, r)
		}, "", false},
		{"a redirect to another host", redirect("https://example.com/"), "another host", false},
		{"a redirect to another port", redirect("https://openpgpkey.example.com:1/"), "another host", false},
		{"a redirect to this host", redirect("https://127.0.0.1/"), "another host", false},
		{"a redirect without TLS", redirect("http://openpgpkey.example.com/"), "without TLS", false},
		{"a redirect to a file", redirect("file:///etc/passwd"), "without TLS", false},
		{"a redirect with a password", func(w http.ResponseWriter, r *http.Request) { redirect("https://a:b@"+r.Host+"/")(w, r) }, "with a password", false},
		{"a redirect in a circle", func(w http.ResponseWriter, r *http.Request) { redirect(r.URL.Path)(w, r) }, "more than 3 times", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			web, _ := serveWeb(t, func(w http.ResponseWriter, r *http.Request) {
				http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
				w.Header().Set("Content-Type", "application/octet-stream")
				c.answer(w, r)
			}, here())
			found, err := web.WKD(context.Background(), "bob@example.com", pgp.ParseCertificate)
			if c.why == "" {
				require.NoError(t, err)
				require.Len(t, found, 1)
				return
			}
			require.ErrorContains(t, err, c.why)
			require.Equal(t, !c.not, errors.Is(err, keyring.ErrRefused), err)
			require.NotErrorIs(t, err, discover.ErrNotFound)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func typed(kind string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Type", kind); h(w, r) }
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	}
}

// A server that never ends its answer is given up.
func TestWKDSlow(t *testing.T) {
	skipFIPS(t)
	done := make(chan struct{})
	web, _ := serveWeb(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte{0x98})
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-done:
		}
	}, here())
	t.Cleanup(func() { close(done) })
	web.Timeout = 300 * time.Millisecond
	_, err := web.WKD(context.Background(), "bob@example.com", pgp.ParseCertificate)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	web.Timeout = 0
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = web.WKD(ctx, "bob@example.com", pgp.ParseCertificate)
	require.ErrorIs(t, err, context.Canceled)
}

// Somebody answers at all these addresses, so that only the rule can refuse.
func TestWKDPrivate(t *testing.T) {
	bob := key(t, "Bob <bob@example.com>")
	web, _ := serveWeb(t, give(bob), here())
	_, err := web.WKD(context.Background(), "bob@example.com", pgp.ParseCertificate)
	require.NoError(t, err)
	web.AllowPrivate = false
	_, err = web.WKD(context.Background(), "bob@example.com", pgp.ParseCertificate)
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, "127.0.0.1, which is of this host: set AllowPrivate if it is meant")
}

// A name that has a public address when somebody looks, and another one when
// the connection is made.
func TestWKDRebinding(t *testing.T) {
	bob := key(t, "Bob <bob@example.com>")
	web, _ := serveWeb(t, give(bob), map[string][]string{"openpgpkey.example.com": {"93.184.216.34", "127.0.0.1"}})
	web.AllowPrivate = false
	ips, err := web.Resolver.LookupNetIP(context.Background(), "ip4", "openpgpkey.example.com.")
	require.NoError(t, err)
	require.Equal(t, "93.184.216.34", ips[0].Unmap().String())
	_, err = web.WKD(context.Background(), "bob@example.com", pgp.ParseCertificate)
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, "127.0.0.1")
}

// A server has to have a certificate for the name that is asked.
func TestWKDServers(t *testing.T) {
	bob := key(t, "Bob <bob@example.com>")
	web, server := serveWeb(t, give(bob), here())
	ours := web.Client.Transport.(*http.Transport).TLSClientConfig
	for _, c := range []struct {
		name   string
		client *http.Client
		ours   bool
		why    string
	}{
		{"its authority", web.Client, false, ""},
		{"nobody's", nil, false, "unknown authority"},
		{"the default", http.DefaultClient, false, "unknown authority"},
		{"the default transport", &http.Client{Transport: http.DefaultTransport}, false, "unknown authority"},
		{"unverified", &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}, false, "does not verify servers"},
		{"verified as another", &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{ServerName: "example.net", RootCAs: ours.RootCAs}}}, false, ""},
		{"with a proxy", &http.Client{Transport: &http.Transport{TLSClientConfig: ours, Proxy: http.ProxyURL(must(t, server.URL))}}, false, "proxy"},
		{"with a proxy for others", &http.Client{Transport: &http.Transport{TLSClientConfig: ours, Proxy: http.ProxyURL(nil)}}, false, ""},
		{"dials by itself", server.Client(), false, "dial function"},
		{"of another type", &http.Client{Transport: roundTrip(web.Client.Transport.RoundTrip)}, false, "cannot be checked"},
		{"of another type, answered for", &http.Client{Transport: roundTrip(onHost(server.Listener.Addr().String(), web.Client.Transport))}, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := *web
			w.Client, w.UnguardedTransport = c.client, c.ours
			_, err := w.WKD(context.Background(), "bob@example.com", pgp.ParseCertificate)
			if c.why == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.why)
			require.Equal(t, c.why != "unknown authority", errors.Is(err, keyring.ErrRefused), err)
		})
	}
	w := *web
	w.Resolver = resolver(t, map[string][]string{"openpgpkey.example.net": {"127.0.0.1"}})
	_, err := w.WKD(context.Background(), "bob@example.net", pgp.ParseCertificate)
	require.ErrorContains(t, err, "certificate is valid for")
}

// The names in a server's certificate are anybody's text.
func TestWKDHostileServer(t *testing.T) {
	skipFIPS(t)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"\x1b[2J\r\n.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	web := &discover.Web{AllowPrivate: true, Resolver: resolver(t, here())}
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	web.SetPort(port)
	_, err = web.WKD(context.Background(), "bob@example.com", pgp.ParseCertificate)
	require.ErrorContains(t, err, `[2J`)
	require.NotContains(t, err.Error(), "\x1b")
	require.NotContains(t, err.Error(), "\n")
}

// SHA-1 is a refusal where it is not allowed, and not a panic.
func TestWKDFIPS(t *testing.T) {
	if !fips140.Enforced() {
		t.Skip("SHA-1 is allowed without GODEBUG=fips140=only")
	}
	_, err := (&discover.Web{}).WKD(context.Background(), "bob@example.com", pgp.ParseCertificate)
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, "fips140")
	f, err := keyring.ParseFingerprint(strings.Repeat("ab", 20))
	require.NoError(t, err)
	_, err = (&discover.KeyServer{URL: "hkps://keys.example.com"}).Get(context.Background(), f, pgp.ParseCertificate)
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, "fips140")
}

// Whatever packets come, what is left of them is a part of them in their order,
// with nothing more to leave out.
func FuzzOnlyUser(f *testing.F) {
	bob, err := mailbox.Parse("bob@example.com")
	require.NoError(f, err)
	f.Add([]byte("\xb4\x11<bob@example.com>\x88\x01x"))
	f.Add([]byte("\xcd\x0falice@example.com\xc2\x01x\xce\x01x"))
	f.Add([]byte("\xb5\x00\x0fbob@example.com\xb6\x00\x00\x00\x01x"))
	f.Add([]byte("\xcd\xff\x00\x00\x00\x0fbob@example.com\xd1\xc0\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		out := discover.OnlyUser(b, bob)
		require.Equal(t, out, discover.OnlyUser(out, bob))
		i := 0
		for _, c := range b {
			if i < len(out) && out[i] == c {
				i++
			}
		}
		require.Equal(t, len(out), i)
	})
}
