package discover_test

import (
	"context"
	"encoding/binary"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// reply is what the DNS server of a test says to one question.
type reply struct {
	rcode   dnsmessage.RCode
	ad      bool
	records []dnsmessage.Resource
	edit    func(network string, m *dnsmessage.Message) // the last word on it
	silent  bool
	before  [][]byte // packets that are sent first, as they are
}

// serveDNS starts a DNS server on this host and returns its address.
func serveDNS(t *testing.T, answer func(q dnsmessage.Question) reply) string {
	t.Helper()
	server, stop, err := dnsServer(answer)
	require.NoError(t, err)
	t.Cleanup(stop)
	return server
}

// dnsServer is serveDNS where there is no test: stop ends it.
func dnsServer(answer func(q dnsmessage.Question) reply) (server string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	u, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil { // somebody else has that port by UDP: the next one, then
		defer l.Close()
		return dnsServer(answer)
	}
	respond := func(network string, b []byte) (out [][]byte) {
		var m dnsmessage.Message
		if m.Unpack(b) != nil || len(m.Questions) != 1 {
			return nil
		}
		r := answer(m.Questions[0])
		if r.silent {
			return r.before
		}
		m.Response, m.RCode, m.AuthenticData, m.Answers, m.Additionals = true, r.rcode, r.ad, slices.Clone(r.records), nil
		if r.edit != nil {
			r.edit(network, &m)
		}
		packed, err := m.Pack()
		if err != nil {
			panic(err) // a mistake of the test
		}
		return append(r.before, packed)
	}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := u.ReadFrom(buf)
			if err != nil {
				return
			}
			for _, b := range respond("udp", buf[:n]) {
				_, _ = u.WriteTo(b, from)
			}
		}
	}()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				var n [2]byte
				if _, err := io.ReadFull(conn, n[:]); err != nil {
					return
				}
				b := make([]byte, binary.BigEndian.Uint16(n[:]))
				if _, err := io.ReadFull(conn, b); err != nil {
					return
				}
				for _, b := range respond("tcp", b) {
					_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
				}
				_, _ = io.Copy(io.Discard, conn) // until the other side is done
			}()
		}
	}()
	return l.Addr().String(), func() { l.Close(); u.Close() }, nil
}

// resource makes a record at a name.
func resource(name string, body dnsmessage.ResourceBody) dnsmessage.Resource {
	h := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: 60}
	switch b := body.(type) {
	case *dnsmessage.UnknownResource:
		h.Type = b.Type
	case *dnsmessage.CNAMEResource:
		h.Type = dnsmessage.TypeCNAME
	case *dnsmessage.AResource:
		h.Type = dnsmessage.TypeA
	}
	return dnsmessage.Resource{Header: h, Body: body}
}

// resolver returns one that knows these hosts and no others. Of a host with
// several addresses it says another one each time that it is asked, and of one
// with an empty one that it cannot say.
func resolver(t *testing.T, hosts map[string][]string) *net.Resolver {
	t.Helper()
	asked := map[string]int{}
	server := serveDNS(t, func(q dnsmessage.Question) reply {
		list, ok := hosts[strings.TrimSuffix(q.Name.String(), ".")]
		if !ok {
			return reply{rcode: dnsmessage.RCodeNameError}
		}
		if list[0] == "" {
			return reply{rcode: dnsmessage.RCodeServerFailure}
		}
		if q.Type != dnsmessage.TypeA {
			return reply{}
		}
		i := min(asked[q.Name.String()], len(list)-1) // one server, one packet at a time
		asked[q.Name.String()]++
		return reply{records: []dnsmessage.Resource{resource(q.Name.String(), &dnsmessage.AResource{A: netip.MustParseAddr(list[i]).As4()})}}
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server)
	}}
}

// here are the hosts that a test's HTTPS server stands for: those in its
// certificate.
func here() map[string][]string {
	return map[string][]string{"openpgpkey.example.com": {"127.0.0.1"}, "example.com": {"127.0.0.1"}}
}

// serveWeb starts an HTTPS server, and returns how it is asked.
func serveWeb(t *testing.T, h http.HandlerFunc, hosts map[string][]string) (*discover.Web, *httptest.Server) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	tls := server.Client().Transport.(*http.Transport).TLSClientConfig
	w := &discover.Web{Client: &http.Client{Transport: &http.Transport{TLSClientConfig: tls}}, AllowPrivate: true, Resolver: resolver(t, hosts)}
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	w.SetPort(port)
	return w, server
}

// key makes an OpenPGP key with these user IDs, and returns its certificate.
func key(t *testing.T, users ...string) []byte {
	t.Helper()
	skipFIPS(t)
	k, err := pgp.GenerateKey(pgp.KeyOptions{UserIDs: append([]string{}, users...)})
	require.NoError(t, err)
	return k.Certificate().Marshal()
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// onHost sends all requests to one address.
func onHost(address string, given http.RoundTripper) roundTrip {
	t := given.(*http.Transport).Clone()
	t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	return t.RoundTrip
}

func must(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	require.NoError(t, err)
	return u
}
