package discover_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"golang.org/x/net/dns/dnsmessage"
)

// serving is an HTTPS server for the examples that answers with Bob's key.
func serving() (server *httptest.Server, bob *pgp.Key) {
	bob, err := pgp.GenerateKey(pgp.KeyOptions{Name: "Bob", Address: "bob@example.com"})
	if err != nil {
		log.Fatal(err)
	}
	return httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(bob.Certificate().Marshal())
	})), bob
}

// Bob's provider gives out his key. That is no proof that it is his: the
// policy has to say that the word of his domain is enough.
func ExampleWeb_WKD() {
	server, _ := serving()
	defer server.Close()

	// A program leaves both out, or has its own authorities in the Client. This
	// one is connected to a server of the test.
	web := discover.Web{Client: server.Client(), UnguardedTransport: true}
	found, err := web.WKD(context.Background(), "bob@example.com", pgp.ParseCertificate)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = keyring.Verify(found[0].Certificate, found[0].Attested())
	fmt.Println("by default:", errors.Is(err, keyring.ErrRefused))

	policy := keyring.Policy{AcceptDomainAttested: true}
	bob, err := policy.Verify(found[0].Certificate, found[0].Attested())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(bob.Evidence())
	// Output:
	// by default: true
	// given out by Web Key Directory at openpgpkey.example.com for bob@example.com
}

// Does a key server know of a revocation of Bob's key, or of a new subkey? It
// is asked by the whole fingerprint.
func ExampleKeyServer_Get() {
	server, bob := serving()
	defer server.Close()

	keys := discover.KeyServer{
		URL: server.URL, // "hkps://keys.example.org"
		Web: discover.Web{Client: server.Client(), UnguardedTransport: true},
	}
	found, err := keys.Get(context.Background(), bob.Certificate().Fingerprint(), pgp.ParseCertificate)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(found.Certificate.Fingerprint() == bob.Certificate().Fingerprint())
	// Output: true
}

// Whoever wants to can be Bob on a key server: what it finds for an address is
// compared with a fingerprint that came by another way.
func ExampleKeyServer_Search() {
	server, bob := serving()
	defer server.Close()
	onTheTelephone := bob.Certificate().Fingerprint()

	keys := discover.KeyServer{URL: server.URL, Web: discover.Web{Client: server.Client(), UnguardedTransport: true}}
	found, err := keys.Search(context.Background(), "bob@example.com", pgp.ParseCertificate)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range found {
		if bob, err := keyring.Verify(c.Certificate, keyring.Expect(onTheTelephone)); err == nil {
			fmt.Println(c.Address, bob.Evidence())
		}
	}
	// Output: bob@example.com expected fingerprint
}

// resolving is a DNS server for the examples that answers with one record.
func resolving(data []byte) (server string, stop func()) {
	server, stop, err := dnsServer(func(q dnsmessage.Question) reply {
		return reply{ad: true, records: []dnsmessage.Resource{unknown(q.Name.String(), q.Type, data)}}
	})
	if err != nil {
		log.Fatal(err)
	}
	return server, stop
}

// The resolver on this host validates by DNSSEC: what it validated is what the
// domain says.
func ExampleDNS_OpenPGPKey() {
	bob, err := pgp.GenerateKey(pgp.KeyOptions{Name: "Bob", Address: "bob@example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	server, stop := resolving(bob.Certificate().Marshal())
	defer stop()
	d := discover.DNS{Server: server, Trusted: true} // "127.0.0.1:53"
	found, err := d.OpenPGPKey(context.Background(), "bob@example.com", pgp.ParseCertificate)
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := keyring.Policy{AcceptDomainAttested: true}.Verify(found[0].Certificate, found[0].Attested())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(v.Evidence())
	// Output: given out by OPENPGPKEY record of example.com for bob@example.com, validated by DNSSEC
}

// The resolver is somewhere in the network, so that its answer is a hint: the
// certificate is a candidate.
func ExampleDNS_SMIMEA() {
	bob, err := smime.GenerateKey(smime.KeyOptions{Name: "Bob", Address: "bob@example.com", Algorithm: "p256"})
	if err != nil {
		fmt.Println(err)
		return
	}
	server, stop := resolving(append([]byte{3, 0, 0}, bob.Certificate().Marshal()...))
	defer stop()
	d := discover.DNS{Server: server}
	found, err := d.SMIMEA(context.Background(), "bob@example.com", smime.ParseCertificate)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(found[0].Certificate.Addresses(), found[0].Notes)
	// Output: [bob@example.com] [the resolver is not one that is trusted: anybody on the way could have answered]
}
