package ldap

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// tlv makes one element of BER.
func tlv(tag byte, content ...[]byte) []byte {
	b := bytes.Join(content, nil)
	n := len(b)
	return append([]byte{tag, 0x84, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, b...)
}

func message(id byte, op []byte) []byte { return tlv(0x30, tlv(2, []byte{id}), op) }

// result is an LDAPResult: of a search (5), of StartTLS (24).
func result(tag, code byte, text string) []byte {
	return tlv(0x60|tag, tlv(10, []byte{code}), tlv(4), tlv(4, []byte(text)))
}

func entry(dn string, attributes ...[]byte) []byte {
	return tlv(0x64, tlv(4, []byte(dn)), tlv(0x30, attributes...))
}

func attribute(name string, values ...[]byte) []byte {
	var list [][]byte
	for _, v := range values {
		list = append(list, tlv(4, v))
	}
	return tlv(0x30, tlv(4, []byte(name)), tlv(0x31, list...))
}

// answering is a server that answers the first request with its message ID and
// these operations, and keeps what it was asked for.
type answering struct {
	url   string
	tls   *tls.Config
	asked chan *ber.Packet
}

// serve starts one. begin is what it says to StartTLS; nil: TLS from the
// beginning.
func serve(t *testing.T, begin []byte, answer func(id byte) []byte) *answering {
	t.Helper()
	s, stop, err := listen(begin, answer)
	require.NoError(t, err)
	t.Cleanup(stop)
	return s
}

// BobsDirectory is for the example: Bob's employer has his certificate.
func BobsDirectory() (d *Directory, bob *keyring.Certificate, stop func(), err error) {
	k, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	if err != nil {
		return nil, nil, nil, err
	}
	s, stop, err := listen(nil, func(id byte) []byte {
		return append(message(id, entry("cn=Bob", attribute("userCertificate;binary", k.Certificate().Marshal()))), message(id, result(5, 0, ""))...)
	})
	if err != nil {
		return nil, nil, nil, err
	}
	return s.directory(), k.Certificate(), stop, nil
}

func listen(begin []byte, answer func(id byte) []byte) (s *answering, stop func(), err error) {
	web := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		web.Close()
		return nil, nil, err
	}
	stop = func() { l.Close(); web.Close() }
	s = &answering{asked: make(chan *ber.Packet, 4)}
	s.tls = &tls.Config{RootCAs: web.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	s.url = "ldaps://" + l.Addr().String()
	if begin != nil {
		s.url = "ldap://" + l.Addr().String()
	}
	one := func(conn net.Conn) {
		defer conn.Close()
		if begin != nil {
			asked := make([]byte, len(startTLS))
			if _, err := io.ReadFull(conn, asked); err != nil || string(asked) != startTLS {
				return
			}
			if _, err := conn.Write(begin); err != nil {
				return
			}
		}
		secure := tls.Server(conn, &tls.Config{Certificates: web.TLS.Certificates})
		b, err := newChecked(secure).message()
		if err != nil {
			return
		}
		p, err := ber.DecodePacketErr(b)
		if err != nil {
			return
		}
		s.asked <- p
		_, _ = secure.Write(answer(byte(p.Children[0].Value.(int64))))
		_, _ = io.Copy(io.Discard, secure) // until the other side is done
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go one(conn)
		}
	}()
	return s, stop, nil
}

func (s *answering) directory() *Directory {
	return &Directory{URL: s.url, Base: "dc=example,dc=org", TLS: s.tls, AllowPrivate: true}
}

func certificate(t *testing.T, address string) []byte {
	t.Helper()
	k, err := smime.GenerateKey(smime.KeyOptions{Address: address, Algorithm: "p256"})
	require.NoError(t, err)
	return k.Certificate().Marshal()
}

var started = message(1, result(24, 0, ""))

func TestSearch(t *testing.T) {
	bob, other := certificate(t, "bob@example.org"), certificate(t, "bob@example.net")
	for _, begin := range [][]byte{nil, started} {
		s := serve(t, begin, func(id byte) []byte {
			return append(message(id, entry("cn=Bob",
				attribute("userCertificate;binary", bob),
				attribute("userCertificate", bob),
				attribute("USERSMIMECERTIFICATE", other, []byte("x")),
				attribute("cn", []byte("Bob")),
			)), message(id, result(5, 0, ""))...)
		})
		found, problems, err := s.directory().Search(context.Background(), "bob@EXAMPLE.org", smime.ParseCertificate)
		require.NoError(t, err)
		require.Len(t, found, 2)
		require.Equal(t, bob, found[0].Certificate.Marshal())
		require.Equal(t, `LDAP directory 127.0.0.1, "cn=Bob", userCertificate 1`, found[0].Source)
		require.Equal(t, "bob@example.org", found[0].Address)
		require.Empty(t, found[0].Notes)
		require.Equal(t, []string{"the certificate does not state bob@example.org"}, found[1].Notes)
		require.Len(t, problems, 1)
		_, err = keyring.Verify(found[0].Certificate, keyring.Evidence{})
		require.ErrorIs(t, err, keyring.ErrRefused)

		asked := (<-s.asked).Children[1]
		require.EqualValues(t, goldap.ApplicationSearchRequest, asked.Tag)
		require.Equal(t, "dc=example,dc=org", asked.Children[0].Value)
		require.EqualValues(t, goldap.ScopeWholeSubtree, asked.Children[1].Value)
		require.EqualValues(t, goldap.NeverDerefAliases, asked.Children[2].Value)
		require.EqualValues(t, maxEntries, asked.Children[3].Value)
		require.EqualValues(t, 30, asked.Children[4].Value)
		filter, err := goldap.DecompileFilter(asked.Children[6])
		require.NoError(t, err)
		require.Equal(t, "(mail=bob@example.org)", filter)
	}
}

// What is a wildcard or another part of a filter asks for itself.
func TestSearchFilter(t *testing.T) {
	s := serve(t, nil, func(id byte) []byte { return message(id, result(5, 0, "")) })
	_, _, err := s.directory().Search(context.Background(), "*@example.org", smime.ParseCertificate)
	require.ErrorIs(t, err, discover.ErrNotFound)
	filter := (<-s.asked).Children[1].Children[6]
	require.EqualValues(t, goldap.FilterEqualityMatch, filter.Tag)
	require.Equal(t, "*@example.org", filter.Children[1].Data.String())
	for _, address := range []string{"", "bob", "@example.org", "bob)(cn=*@example.org", "bob\\@example.org", "bob@example.org)(cn=*"} {
		_, _, err := s.directory().Search(context.Background(), address, smime.ParseCertificate)
		require.ErrorIs(t, err, keyring.ErrRefused, address)
	}
	require.Empty(t, s.asked)
}

// Each answer that is refused differs in one thing from the first.
func TestSearchAnswers(t *testing.T) {
	bob := certificate(t, "bob@example.org")
	good := entry("cn=Bob", attribute("userCertificate;binary", bob))
	times := func(n int, op []byte) func(id byte) []byte {
		return func(id byte) []byte {
			return append(bytes.Repeat(message(id, op), n), message(id, result(5, 0, ""))...)
		}
	}
	large := func(n int) []byte { return entry("cn=Bob", attribute("cn", make([]byte, n))) }
	nested := func(n int) []byte {
		b := tlv(4)
		for range n {
			b = tlv(0x30, b)
		}
		return tlv(0x64, tlv(4), b)
	}
	raw := func(b string) func(byte) []byte { return func(byte) []byte { return []byte(b) } }
	for _, c := range []struct {
		name   string
		answer func(id byte) []byte
		found  int
		why    string
		is     error
	}{
		{"as it should be", times(1, good), 1, "", nil},
		{"nothing", times(0, nil), 0, "no certificate of bob@example.org", discover.ErrNotFound},
		{"no certificate", times(1, entry("cn=Bob")), 0, "no certificate of bob@example.org", discover.ErrNotFound},
		{"another attribute", times(1, entry("cn=Bob", attribute("cACertificate;binary", bob))), 0, "no certificate of bob@example.org", discover.ErrNotFound},
		{"64 entries", times(64, good), 64, "", nil},
		{"65 entries", times(65, good), 0, "more than 64 entries", keyring.ErrRefused},
		{"more than the limit, says the server", func(id byte) []byte {
			return append(message(id, good), message(id, result(5, 4, "too many"))...)
		}, 0, "more than 64 entries", keyring.ErrRefused},
		{"no such object", func(id byte) []byte { return message(id, result(5, 32, "evil\n\x1b[2J")) }, 0, "No Such Object", nil},
		{"a referral", func(id byte) []byte { return message(id, result(5, 10, "")) }, 0, "Referral", nil},
		{"a reference", func(id byte) []byte {
			return append(append(message(id, good), message(id, tlv(0x73, tlv(4, []byte("ldap://evil.example/"))))...), message(id, result(5, 0, ""))...)
		}, 1, "", nil},
		{"a large message", times(1, large(maxMessage-100)), 0, "no certificate", discover.ErrNotFound},
		{"a message that is too large", times(1, large(maxMessage)), 0, "at most 1048576 are read", keyring.ErrRefused},
		{"messages that are too large", times(5, large(maxMessage-100)), 0, "more than 4194304 octets", keyring.ErrRefused},
		{"a length that is too large", raw("\x30\x84\xff\xff\xff\xff"), 0, "at most 1048576 are read", keyring.ErrRefused},
		{"an indefinite length", raw("\x30\x80\x02\x01\x01"), 0, "not well-formed", keyring.ErrRefused},
		{"a length of five octets", raw("\x30\x85\x00\x00\x00\x00\x00"), 0, "not well-formed", keyring.ErrRefused},
		{"no message", raw("HTTP/1.1 400 Bad Request\r\n"), 0, "no message of LDAP", keyring.ErrRefused},
		{"an element that ends too late", raw("\x30\x05\x02\x01\x01\x65\x0f"), 0, "not well-formed", keyring.ErrRefused},
		{"many elements", times(1, tlv(0x64, tlv(4), tlv(0x30), bytes.Repeat([]byte{4, 0}, maxElements-100))), 0, "no certificate", discover.ErrNotFound},
		{"too many elements", times(1, tlv(0x64, tlv(4), tlv(0x30), bytes.Repeat([]byte{4, 0}, maxElements))), 0, "more than 16384 elements", keyring.ErrRefused},
		{"deep", times(1, nested(maxDepth-2)), 0, "", nil},
		{"too deep", times(1, nested(maxDepth-1)), 0, "nested deeper than 16", keyring.ErrRefused},
		{"no operation", func(id byte) []byte { return tlv(0x30, tlv(2, []byte{id})) }, 0, "child", nil},
		{"cut off", func(id byte) []byte { return message(id, good)[:100] }, 0, "does not answer", context.DeadlineExceeded},
		{"another ID", func(id byte) []byte { return times(1, good)(id + 1) }, 0, "does not answer", context.DeadlineExceeded},
		{"silence", raw(""), 0, "does not answer", context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, nil, c.answer)
			d := s.directory()
			if errors.Is(c.is, context.DeadlineExceeded) {
				d.Timeout = 300 * time.Millisecond
			}
			found, problems, err := d.Search(context.Background(), "bob@example.org", smime.ParseCertificate)
			require.Len(t, found, c.found)
			if c.name == "a reference" {
				require.ErrorContains(t, problems[0], "1 referrals to other directories were not followed")
			}
			if c.why == "" {
				if c.found > 0 {
					require.NoError(t, err)
				} else { // the library has a say
					require.NotErrorIs(t, err, keyring.ErrRefused)
				}
				return
			}
			require.ErrorContains(t, err, c.why)
			require.Equal(t, errors.Is(c.is, keyring.ErrRefused), errors.Is(err, keyring.ErrRefused), err)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), "\x1b")
		})
	}
}

// Without TLS nothing is asked, and nothing that came before it counts.
func TestSearchTLS(t *testing.T) {
	bob := certificate(t, "bob@example.org")
	answer := func(id byte) []byte {
		return append(message(id, entry("cn=Bob", attribute("userCertificate;binary", bob))), message(id, result(5, 0, ""))...)
	}
	for _, c := range []struct {
		name  string
		begin []byte
		why   string
		is    bool
	}{
		{"as it should be", started, "", false},
		{"refused", message(1, result(24, 2, "no\x1b")), "does not begin with TLS", true},
		{"another ID", message(2, result(24, 0, "")), "not well-formed", true},
		{"another operation", message(1, result(5, 0, "")), "not well-formed", true},
		{"no operation", tlv(0x30, tlv(2, []byte{1})), "not well-formed", true},
		{"no message", []byte("220 mail.example.org ESMTP\r\n"), "no message of LDAP", true},
		{"something behind it", append(bytes.Clone(started), answer(1)...), "tls:", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, _, err := serve(t, c.begin, answer).directory().Search(context.Background(), "bob@example.org", smime.ParseCertificate)
			if c.why == "" {
				require.NoError(t, err)
				require.Len(t, found, 1)
				return
			}
			require.ErrorContains(t, err, c.why)
			require.Equal(t, c.is, errors.Is(err, keyring.ErrRefused))
			require.NotContains(t, err.Error(), "\x1b")
		})
	}
	s := serve(t, nil, answer)
	port := s.url[strings.LastIndexByte(s.url, ':'):]
	for _, c := range []struct {
		name string
		edit func(d *Directory)
		why  string
		is   bool
	}{
		{"as it should be", func(d *Directory) {}, "", false},
		{"nobody's certificate", func(d *Directory) { d.TLS = nil }, "unknown authority", false},
		{"the certificate of another", func(d *Directory) { d.URL = "ldaps://localhost" + port }, "not localhost", false},
		{"the name of another", func(d *Directory) { d.TLS.ServerName = "localhost" }, "", false},
		{"unverified", func(d *Directory) { d.TLS.InsecureSkipVerify = true }, "does not verify the server", true},
		{"private", func(d *Directory) { d.AllowPrivate = false }, "127.0.0.1, which is of this host", true},
		{"HTTP", func(d *Directory) { d.URL = "https://127.0.0.1" + port }, "no address of a directory", true},
		{"a socket", func(d *Directory) { d.URL = "ldapi://%2Ftmp%2Fx" }, "no address of a directory", true},
		{"a password", func(d *Directory) { d.URL = "ldaps://a:b@127.0.0.1" + port }, "has a password in it", true},
		{"a name to search", func(d *Directory) { d.URL += "/dc=example" }, "no address of a directory", true},
		{"no host", func(d *Directory) { d.URL = "ldaps://" }, "no address of a directory", true},
		{"nothing", func(d *Directory) { d.URL = "" }, "no address of a directory", true},
		{"who asks is not believed", func(d *Directory) { d.Bind = func(*goldap.Conn) error { return errors.New("no\x1b") } }, `no\x1b`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := s.directory()
			d.TLS = d.TLS.Clone()
			c.edit(d)
			_, _, err := d.Search(context.Background(), "bob@example.org", smime.ParseCertificate)
			if c.why == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.why)
			require.Equal(t, c.is, errors.Is(err, keyring.ErrRefused), err)
			require.NotContains(t, err.Error(), "a:b")
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _, err := s.directory().Search(ctx, "bob@example.org", smime.ParseCertificate, pgp.ParseCertificate)
	require.ErrorIs(t, err, context.Canceled)
}

// Whatever comes, what is called well-formed is what the library reads, with as
// many elements.
func FuzzCount(f *testing.F) {
	f.Add(message(1, entry("cn=Bob", attribute("userCertificate;binary", []byte("x"), []byte("y")))))
	f.Add(message(2, result(5, 0, "")))
	f.Add([]byte(startTLS))
	f.Add([]byte{0x30, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newChecked(&octets{Reader: bytes.NewReader(b)})
		m, err := c.message()
		if err != nil {
			return
		}
		require.True(t, bytes.HasPrefix(b, m))
		n, err := count(m)
		require.NoError(t, err)
		require.Equal(t, maxElements-n, c.elements)
		p, err := ber.DecodePacketErr(m)
		if err != nil {
			return // it looks into values as well: numbers, times
		}
		var walk func(p *ber.Packet) int
		walk = func(p *ber.Packet) int {
			sum := 1
			for _, child := range p.Children {
				sum += walk(child)
			}
			return sum
		}
		require.Equal(t, walk(p), n)
	})
}

// octets is a connection that only has something to read.
type octets struct {
	net.Conn
	io.Reader
}

func (o *octets) Read(p []byte) (int, error) { return o.Reader.Read(p) }

func TestLength(t *testing.T) {
	for _, c := range []struct {
		in      string
		n, head int
		ok      bool
	}{
		{"\x00", 0, 1, true}, {"\x7f", 127, 1, true}, {"\x81\x80", 128, 2, true}, {"\x81\x01", 1, 2, true},
		{"\x84\x00\x00\x01\x00", 256, 5, true}, {"\x84\xff\xff\xff\xff", maxAnswer + 1, 5, true},
		{"", 0, 0, false}, {"\x80", 0, 0, false}, {"\x81", 0, 0, false}, {"\x84\x00\x00\x00", 0, 0, false}, {"\x85\x00\x00\x00\x00\x00", 0, 0, false}, {"\xff", 0, 0, false},
	} {
		n, head, err := length([]byte(c.in))
		require.Equal(t, c.ok, err == nil, "%q", c.in)
		require.Equal(t, []int{c.n, c.head}, []int{n, head}, "%q", c.in)
	}
}
