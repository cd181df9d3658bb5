package discover

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/doublekeybox/doublekeybox/internal/publicnet"
)

// DNS is how certificates are looked up in DNS. It is a plain value, is not
// changed by its methods, and may be used concurrently.
type DNS struct {
	// Server is the resolver, "127.0.0.1:53". It is the caller's: no mail
	// address says which one is asked.
	Server string

	// Trusted says that the resolver validates by DNSSEC, and that nobody can
	// change its answers on their way: it is on this host, or asked over TLS.
	// Only then its word that an answer was validated (the AD bit) makes that
	// answer the domain's. Anybody who can send a packet can set the bit: with
	// Trusted for a resolver across a network, whoever is on that network is
	// believed.
	Trusted bool

	// Dial connects to Server by "udp" and "tcp"; nil: by net.Dialer. It has to
	// let the system choose the port, since that is what somebody who forges
	// answers has to guess beside the ID.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// TCP asks by "tcp" alone: DNS over TLS (RFC 7858) is that with a Dial that
	// returns a *tls.Conn.
	TCP bool

	// Timeout is for all that one call does; 0: 10 seconds.
	Timeout time.Duration
}

const (
	// defaultDNSTimeout is that of two attempts, of 5 seconds as everywhere.
	defaultDNSTimeout = 10 * time.Second

	// dnsAttempts is how often a question is sent by UDP, which loses some.
	dnsAttempts = 2

	// maxUDP is the size of an answer by UDP in octets that comes through
	// everywhere without fragments, which can be forged one by one. What is
	// larger comes by TCP.
	maxUDP = 1232

	// maxStrays is how many packets that are no answer are read while waiting
	// for one: the timer ends it as well.
	maxStrays = 64
)

// lookup asks for the records of a type at a name.
func (d *DNS) lookup(ctx context.Context, name string, kind dnsmessage.Type) (*dnsAnswer, error) {
	timeout := d.Timeout
	if timeout <= 0 {
		timeout = defaultDNSTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	n, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return nil, refuse("%.80q is too long for a name in DNS", name)
	}
	q := dnsmessage.Question{Name: n, Type: kind, Class: dnsmessage.ClassINET}
	a, err := d.ask(ctx, q, timeout)
	switch {
	case err != nil && (ctx.Err() != nil || publicnet.IsTimeout(err)):
		return nil, fmt.Errorf("discover: the resolver %.80q does not answer: %w", d.Server, cmp.Or(ctx.Err(), context.DeadlineExceeded))
	case err != nil:
		return nil, fmt.Errorf("discover: the resolver %.80q: %w", d.Server, publicnet.Printable(err))
	case a.rcode == dnsmessage.RCodeNameError, a.rcode == dnsmessage.RCodeSuccess && len(a.data) == 0:
		return nil, fmt.Errorf("%w: DNS has nothing at %s", ErrNotFound, name)
	case a.rcode == dnsmessage.RCodeServerFailure:
		// What a resolver that validates says of forged answers, RFC 4035,
		// Section 5.5.
		return nil, fmt.Errorf("discover: the resolver %.80q failed for %s: its servers do not answer, or what they answer is not authentic", d.Server, name)
	case a.rcode != dnsmessage.RCodeSuccess:
		return nil, fmt.Errorf("discover: the resolver %.80q answered with code %d for %s", d.Server, a.rcode, name)
	}
	return a, nil
}

// ask asks by UDP, and by TCP where the answer does not fit.
func (d *DNS) ask(ctx context.Context, q dnsmessage.Question, timeout time.Duration) (*dnsAnswer, error) {
	var last error
	for range dnsAttempts {
		if d.TCP || ctx.Err() != nil {
			break
		}
		a, err := d.exchange(ctx, "udp", q, timeout/dnsAttempts)
		if err == nil && !a.cut {
			return a, nil
		}
		if last = err; err == nil {
			break
		}
	}
	if last != nil {
		return nil, last
	}
	a, err := d.exchange(ctx, "tcp", q, timeout)
	if err == nil && a.cut {
		return nil, errors.New("it cut an answer off that was asked for by TCP")
	}
	return a, err
}

// exchange sends one question and reads its answer.
func (d *DNS) exchange(ctx context.Context, network string, q dnsmessage.Question, timeout time.Duration) (*dnsAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	dial := d.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, network, d.Server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// A deadline that has passed ends what is being read or written.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	id, packed, err := question(q)
	if err != nil {
		return nil, err
	}
	if network == "tcp" {
		return overTCP(conn, packed, id, q)
	}
	return overUDP(conn, packed, id, q)
}

func overUDP(conn net.Conn, packed []byte, id uint16, q dnsmessage.Question) (*dnsAnswer, error) {
	if _, err := conn.Write(packed); err != nil {
		return nil, err
	}
	buf := make([]byte, maxUDP+1)
	for range maxStrays {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		if n > maxUDP {
			continue // longer than it was told to be
		}
		a, err := parseAnswer(buf[:n], id, q)
		if errors.Is(err, errNotOurs) {
			continue // the true one may still come
		}
		return a, err
	}
	return nil, fmt.Errorf("%d packets came that are no answer", maxStrays)
}

func overTCP(conn net.Conn, packed []byte, id uint16, q dnsmessage.Question) (*dnsAnswer, error) {
	// RFC 7766, Section 8: in one segment with its length.
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:])) // 64 KiB at most
	if _, err := io.ReadFull(conn, b); err != nil {
		return nil, err
	}
	return parseAnswer(b, id, q)
}

// question returns a query under a random ID.
func question(q dnsmessage.Question) (id uint16, packed []byte, err error) {
	var random [2]byte
	_, _ = rand.Read(random[:]) // never fails
	id = binary.BigEndian.Uint16(random[:])
	// The AD bit in a query asks for it in the answer, RFC 6840, Section 5.7.
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id, RecursionDesired: true, AuthenticData: true})
	var opt dnsmessage.ResourceHeader
	if err := errors.Join(
		b.StartQuestions(), b.Question(q), b.StartAdditionals(),
		opt.SetEDNS0(maxUDP, dnsmessage.RCodeSuccess, false),
		b.OPTResource(opt, dnsmessage.OPTResource{}),
	); err != nil {
		return 0, nil, err
	}
	packed, err = b.Finish()
	return id, packed, err
}
