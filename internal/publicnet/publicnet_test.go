package publicnet

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each address that is refused has a twin beside its block that is not.
func TestCheck(t *testing.T) {
	for _, c := range []struct{ addr, why string }{
		{"0.0.0.0", "is of this host"}, {"0.255.255.255", "is of this host"}, {"1.0.0.0", ""},
		{"9.255.255.255", ""}, {"10.0.0.0", "is of a private network"}, {"10.255.255.255", "is of a private network"}, {"11.0.0.0", ""},
		{"100.63.255.255", ""}, {"100.64.0.0", "is shared behind a provider's NAT"}, {"100.127.255.255", "is shared behind a provider's NAT"}, {"100.128.0.0", ""},
		{"126.255.255.255", ""}, {"127.0.0.1", "is of this host"}, {"127.255.255.255", "is of this host"}, {"128.0.0.0", ""},
		{"169.253.255.255", ""}, {"169.254.169.254", "is of the local link"}, {"169.255.0.0", ""},
		{"172.15.255.255", ""}, {"172.16.0.0", "is of a private network"}, {"172.31.255.255", "is of a private network"}, {"172.32.0.0", ""},
		{"191.255.255.255", ""}, {"192.0.0.1", "is reserved"}, {"192.0.1.1", ""}, {"192.0.2.1", "is for documentation"}, {"192.0.3.0", ""},
		{"192.88.99.1", "is reserved"}, {"192.88.100.1", ""},
		{"192.167.255.255", ""}, {"192.168.0.1", "is of a private network"}, {"192.169.0.0", ""},
		{"198.17.255.255", ""}, {"198.18.0.0", "is for measurements"}, {"198.19.255.255", "is for measurements"}, {"198.20.0.0", ""},
		{"198.51.99.255", ""}, {"198.51.100.1", "is for documentation"}, {"198.51.101.0", ""},
		{"203.0.112.255", ""}, {"203.0.113.1", "is for documentation"}, {"203.0.114.0", ""},
		{"223.255.255.255", ""}, {"224.0.0.1", "is of many hosts"}, {"239.255.255.255", "is of many hosts"},
		{"240.0.0.0", "is reserved"}, {"255.255.255.255", "is reserved"},
		{"::", "is not public"}, {"::1", "is not public"}, {"::7f00:1", "is not public"},
		{"::ffff:127.0.0.1", "contains one of IPv4"}, {"::ffff:93.184.216.34", "contains one of IPv4"}, {"93.184.216.34", ""},
		{"64:ff9b::7f00:1", "is not public"}, {"64:ff9b:1::7f00:1", "is not public"}, {"100::1", "is not public"},
		{"1fff:ffff::", "is not public"}, {"2000::", ""}, {"3ffe::1", ""}, {"3fff::1", "is for documentation"}, {"3fff:1000::", ""}, {"4000::", "is not public"},
		{"2001::1", "is reserved"}, {"2001:1ff::1", "is reserved"}, {"2001:200::1", ""},
		{"2001:db7:ffff::1", ""}, {"2001:db8::1", "is for documentation"}, {"2001:db9::1", ""},
		{"2002:7f00:1::1", "contains one of IPv4"}, {"2003::1", ""},
		{"fc00::1", "is not public"}, {"fd12:3456::1", "is not public"}, {"fe80::1", "is not public"}, {"fec0::1", "is not public"}, {"ff02::1", "is not public"},
		{"2606:2800:220:1::1", ""}, {"2606:2800:220:1::1%eth0", "is of the local link"},
	} {
		err := Check(netip.MustParseAddr(c.addr))
		if c.why == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, c.addr+" "+c.why)
	}
	require.Error(t, Check(netip.Addr{}))
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add(netip.MustParseAddr("2606:2800:220:1::1").AsSlice())
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok || Check(a) != nil {
			return
		}
		// What net/netip knows to be of no public service is never let through.
		require.True(t, a.IsGlobalUnicast() && !a.IsPrivate() && !a.IsLoopback() && !a.Is4In6(), a)
	})
}

// Somebody listens, so that nothing but the check can refuse.
func TestDial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	for _, address := range []string{l.Addr().String(), "localhost:" + port, "[::ffff:127.0.0.1]:" + port, "0.0.0.0:" + port, ":" + port} {
		conn, err := Dialer{}.DialContext(context.Background(), "tcp", address)
		var refused *AddressError
		require.ErrorAs(t, err, &refused, address)
		require.Nil(t, conn)
	}
	conn, err := Dialer{Private: true}.DialContext(context.Background(), "tcp", l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

func TestPrintable(t *testing.T) {
	require.NoError(t, Printable(nil))
	for in, want := range map[string]string{
		"dial tcp: timeout":            "dial tcp: timeout",
		"valid for \x1b[2J":            `"valid for \x1b[2J"`,
		"two\nlines":                   `"two\nlines"`,
		"not UTF-8: \xff":              "not UTF-8: \uFFFD",
		"turned \u202e round":          `"turned \u202e round"`,
		strings.Repeat("ä", 200):       strings.Repeat("ä", 200),
		"a" + strings.Repeat("ä", 200): "a" + strings.Repeat("ä", 199) + "…",
	} {
		inner := errors.New(in)
		err := Printable(inner)
		require.EqualError(t, err, want)
		require.ErrorIs(t, err, inner)
	}
}

func TestAbsolute(t *testing.T) {
	for in, want := range map[string]string{
		"openpgpkey.example.org:443":  "openpgpkey.example.org.:443",
		"openpgpkey.example.org.:443": "openpgpkey.example.org.:443",
		"localhost:443":               "localhost:443",
		"192.0.2.1:443":               "192.0.2.1:443",
		"[2001:db8::1]:443":           "[2001:db8::1]:443",
		"[fe80::1%eth0.1]:443":        "[fe80::1%eth0.1]:443",
		"without a port":              "without a port",
	} {
		require.Equal(t, want, absolute(in))
	}
}
