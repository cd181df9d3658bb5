package publicnet

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// Dialer connects to public addresses. The zero value is ready; it is not
// changed by its methods, which may be called concurrently.
type Dialer struct {
	Resolver *net.Resolver // nil: net.DefaultResolver
	Private  bool          // any address will do
}

// DialContext connects like the method of net.Dialer, where the address is one
// that may be connected to; else the error wraps an [*AddressError].
//
// The system is asked to connect to the very address that is checked: a name
// that resolves to another one the next time (DNS rebinding) gains nothing, and
// each of several addresses is checked when its turn comes.
func (d Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	inner := net.Dialer{Resolver: d.Resolver}
	if !d.Private {
		inner.ControlContext = control
	}
	return inner.DialContext(ctx, network, absolute(address))
}

// control is asked with what the socket is about to connect to.
func control(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil { // an address without a host is this host's
		return Check(netip.Addr{})
	}
	return Check(ap.Addr())
}

// absolute has a name end in a dot, so that the resolver does not try it below
// the domains of its search list, of which the name says nothing.
func absolute(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || strings.HasSuffix(host, ".") || !strings.Contains(host, ".") || net.ParseIP(host) != nil || strings.Contains(host, "%") {
		return address
	}
	return net.JoinHostPort(host+".", port)
}
