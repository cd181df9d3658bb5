package discover_test

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

const (
	openPGPKey dnsmessage.Type = 61
	smimea     dnsmessage.Type = 53

	// The name of RFC 7929, Section 3, and RFC 8162, Section 3, for
	// hugh@example.com.
	hugh       = "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._openpgpkey.example.com."
	hughSMIMEA = "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._smimecert.example.com."
)

func unknown(name string, kind dnsmessage.Type, data []byte) dnsmessage.Resource {
	return resource(name, &dnsmessage.UnknownResource{Type: kind, Data: data})
}

func alias(name, to string) dnsmessage.Resource {
	return resource(name, &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(to)})
}

func TestOpenPGPKey(t *testing.T) {
	cert := key(t, "Hugh <hugh@example.com>", "Hugh <h@example.net>")
	server := serveDNS(t, func(q dnsmessage.Question) reply {
		if q.Name.String() != hugh || q.Type != openPGPKey || q.Class != dnsmessage.ClassINET {
			return reply{rcode: dnsmessage.RCodeNameError}
		}
		return reply{ad: true, records: []dnsmessage.Resource{unknown(hugh, openPGPKey, cert)}}
	})
	policy := keyring.Policy{AcceptDomainAttested: true}
	for _, trusted := range []bool{true, false} {
		d := discover.DNS{Server: server, Trusted: trusted}
		found, err := d.OpenPGPKey(context.Background(), "hugh@EXAMPLE.com", pgp.ParseCertificate)
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, []string{"hugh@example.com"}, found[0].Certificate.Addresses())
		require.Equal(t, "hugh@example.com", found[0].Address)
		require.Equal(t, "OPENPGPKEY record of example.com", found[0].Source)
		v, err := policy.Verify(found[0].Certificate, found[0].Attested())
		if !trusted {
			require.ErrorIs(t, err, keyring.ErrRefused)
			require.Contains(t, found[0].Notes[0], "not one that is trusted")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "given out by OPENPGPKEY record of example.com for hugh@example.com, validated by DNSSEC", v.Evidence())
		require.Empty(t, found[0].Notes)
	}
	// The local part is not mapped to lower case.
	_, err := (&discover.DNS{Server: server}).OpenPGPKey(context.Background(), "Hugh@example.com", pgp.ParseCertificate)
	require.ErrorIs(t, err, discover.ErrNotFound)
}

// Each differs in one thing from the first, which is taken.
func TestDNSAnswers(t *testing.T) {
	cert := key(t, "Hugh <hugh@example.com>")
	good := []dnsmessage.Resource{unknown(hugh, openPGPKey, cert)}
	answers := func(r ...dnsmessage.Resource) reply { return reply{ad: true, records: r} }
	edited := func(edit func(network string, m *dnsmessage.Message)) reply {
		return reply{ad: true, records: good, edit: edit}
	}
	chain := func(n int) (list []dnsmessage.Resource) {
		name := hugh
		for range n {
			next := "x." + name
			list = append(list, alias(name, next))
			name = next
		}
		return append(list, unknown(name, openPGPKey, cert))
	}
	for _, c := range []struct {
		name  string
		reply reply
		why   string
		is    error
	}{
		{"as it should be", answers(good...), "", nil},
		{"not validated", reply{records: good}, "", nil},
		{"two records", answers(good[0], good[0]), "", nil},
		{"a record of another type besides", answers(unknown(hugh, smimea, []byte{3, 0, 0, 0}), good[0]), "", nil},
		{"another name besides", answers(alias("other.example.com.", hugh), good[0]), "", nil},
		{"the case of the name", edited(func(_ string, m *dnsmessage.Message) {
			m.Questions[0].Name = dnsmessage.MustNewName(strings.ToUpper(hugh))
		}), "", nil},
		{"8 aliases", answers(chain(8)...), "", nil},
		{"9 aliases", answers(chain(9)...), "more than 8 names lead to one another", nil},
		{"aliases in a circle", answers(alias(hugh, "x."), alias("x.", hugh)), "more than 8 names", nil},
		{"an alias that leads nowhere", answers(alias(hugh, "x.")), "nothing at", discover.ErrNotFound},
		{"the record of another name", answers(unknown("x"+hugh, openPGPKey, cert)), "nothing at", discover.ErrNotFound},
		{"another class", edited(func(_ string, m *dnsmessage.Message) { m.Answers[0].Header.Class = dnsmessage.ClassCHAOS }), "nothing at", discover.ErrNotFound},
		{"nothing", answers(), "nothing at", discover.ErrNotFound},
		{"no such name", reply{rcode: dnsmessage.RCodeNameError, records: good}, "nothing at", discover.ErrNotFound},
		{"failure", reply{rcode: dnsmessage.RCodeServerFailure, records: good}, "not authentic", nil},
		{"refused", reply{rcode: dnsmessage.RCodeRefused, records: good}, "code 5", nil},
		{"64 records", answers(repeat(good[0], 64)...), "", nil},
		{"65 records", answers(repeat(good[0], 65)...), "more than 64 records", nil},
		{"another ID", edited(func(_ string, m *dnsmessage.Message) { m.ID ^= 1 }), "does not answer", context.DeadlineExceeded},
		{"a question", edited(func(_ string, m *dnsmessage.Message) { m.Response = false }), "does not answer", context.DeadlineExceeded},
		{"another operation", edited(func(_ string, m *dnsmessage.Message) { m.OpCode = 4 }), "does not answer", context.DeadlineExceeded},
		{"another question", edited(func(_ string, m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("x" + hugh) }), "does not answer", context.DeadlineExceeded},
		{"another type asked", edited(func(_ string, m *dnsmessage.Message) { m.Questions[0].Type = smimea }), "does not answer", context.DeadlineExceeded},
		{"another class asked", edited(func(_ string, m *dnsmessage.Message) { m.Questions[0].Class = dnsmessage.ClassCHAOS }), "does not answer", context.DeadlineExceeded},
		{"two questions", edited(func(_ string, m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions[0]) }), "does not answer", context.DeadlineExceeded},
		{"no question", edited(func(_ string, m *dnsmessage.Message) { m.Questions = nil }), "does not answer", context.DeadlineExceeded},
		{"nobody answers", reply{silent: true}, "does not answer", context.DeadlineExceeded},
		{"strays before it", reply{ad: true, records: good, before: [][]byte{nil, {0}, make([]byte, 12), make([]byte, 2000)}}, "", nil},
		{"nothing but strays", reply{silent: true, before: repeat(make([]byte, 12), 64)}, "64 packets", nil},
		{"cut by UDP", edited(func(network string, m *dnsmessage.Message) {
			if m.Truncated = network == "udp"; m.Truncated {
				m.Answers = nil
			}
		}), "", nil},
		{"cut by TCP", edited(func(network string, m *dnsmessage.Message) { m.Truncated = true }), "cut an answer off", nil},
		{"no key", answers(unknown(hugh, openPGPKey, []byte("x"))), "cut off", keyring.ErrRefused},
		{"no key and a key", answers(unknown(hugh, openPGPKey, []byte("x")), good[0]), "", nil},
		{"an empty record", answers(unknown(hugh, openPGPKey, nil)), "no OpenPGP key", keyring.ErrRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := serveDNS(t, func(dnsmessage.Question) reply {
				r := c.reply
				if len(r.records) > 8 { // as a server does that has more than fits
					r.edit = func(network string, m *dnsmessage.Message) {
						if m.Truncated = network == "udp"; m.Truncated {
							m.Answers = nil
						}
					}
				}
				return r
			})
			d := discover.DNS{Server: server, Trusted: true}
			if errors.Is(c.is, context.DeadlineExceeded) {
				d.Timeout = 200 * time.Millisecond
			}
			found, err := d.OpenPGPKey(context.Background(), "hugh@example.com", pgp.ParseCertificate)
			if c.why == "" {
				require.NoError(t, err)
				require.NotEmpty(t, found)
				_, err = keyring.Policy{AcceptDomainAttested: true}.Verify(found[0].Certificate, found[0].Attested())
				if c.reply.ad {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, keyring.ErrRefused)
					require.Contains(t, found[0].Notes[0], "not validated by DNSSEC")
				}
				return
			}
			require.ErrorContains(t, err, c.why)
			require.Equal(t, errors.Is(c.is, keyring.ErrRefused), errors.Is(err, keyring.ErrRefused))
			require.Equal(t, errors.Is(c.is, discover.ErrNotFound), errors.Is(err, discover.ErrNotFound))
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
		})
	}
}

func repeat[T any](v T, n int) (list []T) {
	for range n {
		list = append(list, v)
	}
	return list
}

// What the caller dials is what is asked.
func TestDNSDial(t *testing.T) {
	server := serveDNS(t, func(q dnsmessage.Question) reply { return reply{rcode: dnsmessage.RCodeNameError} })
	var networks []string
	d := discover.DNS{Server: "resolver.example:853", TCP: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		networks = append(networks, network+" "+address)
		return (&net.Dialer{}).DialContext(ctx, network, server)
	}}
	_, err := d.OpenPGPKey(context.Background(), "hugh@example.com", pgp.ParseCertificate)
	require.ErrorIs(t, err, discover.ErrNotFound)
	require.Equal(t, []string{"tcp resolver.example:853"}, networks)

	d.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }
	_, err = d.OpenPGPKey(context.Background(), "hugh@example.com", pgp.ParseCertificate)
	require.ErrorIs(t, err, net.ErrClosed)
	for _, address := range []string{"", "@example.com", "hugh@192.0.2.1", "hugh@" + strings.Repeat(strings.Repeat("a", 60)+".", 3) + strings.Repeat("b", 60)} {
		_, err = d.OpenPGPKey(context.Background(), address, pgp.ParseCertificate)
		require.ErrorIs(t, err, keyring.ErrRefused)
		_, err = d.SMIMEA(context.Background(), address, smime.ParseCertificate)
		require.ErrorIs(t, err, keyring.ErrRefused)
	}
}

// All kinds of SMIMEA records, for a certificate that is in them or that the
// caller has.
func TestSMIMEA(t *testing.T) {
	make := func(address string) (*keyring.Certificate, []byte, []byte) {
		k, err := smime.GenerateKey(smime.KeyOptions{Address: address, Algorithm: "p256"})
		require.NoError(t, err)
		parsed, err := x509.ParseCertificate(k.Certificate().Marshal())
		require.NoError(t, err)
		return k.Certificate(), parsed.Raw, parsed.RawSubjectPublicKeyInfo
	}
	cert, der, spki := make("hugh@example.com")
	other, otherDER, _ := make("eve@example.com")
	sum256 := func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
	sum512 := func(b []byte) []byte { s := sha512.Sum512(b); return s[:] }
	var none []*keyring.Certificate
	known := []*keyring.Certificate{nil, other, cert}
	for _, c := range []struct {
		name                      string
		usage, selector, matching byte
		data                      []byte
		known                     []*keyring.Certificate
		attested                  bool
		note, why                 string
	}{
		{"whole", 3, 0, 0, der, none, true, "", ""},
		{"whole, of another", 3, 0, 0, otherDER, none, false, "", "does not state the address"},
		{"whole, and damaged", 3, 0, 0, der[:len(der)-1], none, false, "", "the SMIMEA record of hugh@example.com"},
		{"whole by SHA-256", 3, 0, 1, sum256(der), known, true, "", ""},
		{"whole by SHA-256, not known", 3, 0, 1, sum256(der), known[:2], false, "", "name other certificates than the 2 given"},
		{"whole by SHA-256, nothing known", 3, 0, 1, sum256(der), none, false, "", "name other certificates than the 0 given"},
		{"whole by SHA-256, of another", 3, 0, 1, sum256(otherDER), known, false, "", "does not state the address"},
		{"whole by SHA-512", 3, 0, 2, sum512(der), known, true, "", ""},
		{"whole by the key's digest", 3, 0, 1, sum256(spki), known, false, "", "name other certificates"},
		{"key", 3, 1, 0, spki, known, true, "", ""},
		{"key, nothing known", 3, 1, 0, spki, none, false, "", "name other certificates"},
		{"key by SHA-256", 3, 1, 1, sum256(spki), known, true, "", ""},
		{"key by SHA-512", 3, 1, 2, sum512(spki), known, true, "", ""},
		{"key by the whole's digest", 3, 1, 2, sum512(der), known, false, "", "name other certificates"},
		{"an own authority", 2, 0, 0, otherDER, none, false, "of an authority, and not of a person", ""},
		{"a public authority", 0, 0, 0, otherDER, none, false, "of an authority, and not of a person", ""},
		{"with a public authority", 1, 0, 0, der, none, false, "asks for a path to a public authority", ""},
		{"with a public authority, of another", 1, 0, 0, otherDER, none, false, "", "does not state the address"},
		{"usage 4", 4, 0, 0, der, known, false, "", "of a kind that is not known: usage 4"},
		{"selector 2", 3, 2, 0, der, known, false, "", "selector 2"},
		{"matching type 3", 3, 0, 3, der, known, false, "", "matching type 3"},
		{"a digest that is cut", 3, 0, 1, sum256(der)[:31], known, false, "", "digest of 31 octets, 32 were expected"},
		{"a digest of the other length", 3, 0, 2, sum256(der), known, false, "", "digest of 32 octets, 64 were expected"},
		{"nothing", 3, 0, 0, nil, known, false, "", "cut off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := serveDNS(t, func(q dnsmessage.Question) reply {
				if q.Name.String() != hughSMIMEA || q.Type != smimea {
					return reply{rcode: dnsmessage.RCodeNameError}
				}
				return reply{ad: true, records: []dnsmessage.Resource{unknown(hughSMIMEA, smimea, append([]byte{c.usage, c.selector, c.matching}, c.data...))}}
			})
			d := discover.DNS{Server: server, Trusted: true}
			found, err := d.SMIMEA(context.Background(), "hugh@example.com", smime.ParseCertificate, c.known...)
			if c.why != "" {
				require.ErrorIs(t, err, keyring.ErrRefused)
				require.ErrorContains(t, err, c.why)
				return
			}
			require.NoError(t, err)
			require.Len(t, found, 1)
			_, err = keyring.Policy{AcceptDomainAttested: true}.Verify(found[0].Certificate, found[0].Attested())
			require.Equal(t, c.attested, err == nil, err)
			if c.note == "" {
				require.Empty(t, found[0].Notes)
				require.Equal(t, cert.Marshal(), found[0].Certificate.Marshal())
			} else {
				require.Contains(t, found[0].Notes[0], c.note)
			}
			d.Trusted = false
			found, err = d.SMIMEA(context.Background(), "hugh@example.com", smime.ParseCertificate, c.known...)
			require.NoError(t, err)
			_, err = keyring.Policy{AcceptDomainAttested: true}.Verify(found[0].Certificate, found[0].Attested())
			require.ErrorIs(t, err, keyring.ErrRefused)
		})
	}
}

// Whatever comes, an answer is taken for the question that it repeats alone,
// and what is taken of it was in it.
func FuzzDNSAnswer(f *testing.F) {
	q := dnsmessage.Question{Name: dnsmessage.MustNewName(hugh), Type: openPGPKey, Class: dnsmessage.ClassINET}
	for _, r := range [][]dnsmessage.Resource{
		nil,
		{unknown(hugh, openPGPKey, []byte("key"))},
		{alias(hugh, "x."), unknown("x.", openPGPKey, []byte("key"))},
		{alias(hugh, "x."), alias("x.", hugh)},
	} {
		m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, Response: true, AuthenticData: true}, Questions: []dnsmessage.Question{q}, Answers: r}
		b, err := m.Pack()
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, cut, _, data, err := discover.ParseAnswer(b, 7, q)
		if err != nil {
			return
		}
		require.Equal(t, byte(7), b[1])
		require.NotZero(t, b[2]&0x80, "a question was taken for an answer")
		require.Equal(t, []byte{0, 1}, b[4:6], "not one question")
		require.Equal(t, cut, b[2]&2 != 0)
		if cut || b[3]&15 != 0 {
			require.Empty(t, data)
		}
		require.LessOrEqual(t, len(data), 64)
		for _, d := range data {
			require.Contains(t, string(b), string(d))
		}
		_, _, _, _, err = discover.ParseAnswer(b, 8, q)
		require.ErrorIs(t, err, discover.ErrNotOurs)
	})
}

// TestDNSLate: that the network was faster to notice makes no other error.
func TestDNSLate(t *testing.T) {
	d := discover.DNS{Server: "127.0.0.1:53", Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "udp", Err: os.ErrDeadlineExceeded}
	}}
	_, err := d.OpenPGPKey(context.Background(), "hugh@example.com", pgp.ParseCertificate)
	require.ErrorContains(t, err, "does not answer")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	d.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "udp", Err: os.ErrPermission}
	}
	_, err = d.OpenPGPKey(context.Background(), "hugh@example.com", pgp.ParseCertificate)
	require.ErrorIs(t, err, os.ErrPermission)
	require.NotContains(t, err.Error(), "does not answer")
}
