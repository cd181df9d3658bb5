package keyring_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// keyState is a state in which nothing is sealed to a key. make returns the
// certificate for an address in that state, and with good its twin, which
// differs in that one thing and is sealed to; after is what happens to it once
// it is in the ring.
type keyState struct {
	name  string
	make  func(t testing.TB, address string, good bool) *keyring.Certificate
	after func(t testing.TB, r *keyring.Ring, c *keyring.Certificate)

	door func(error) bool // the kind of error by which the ring does not take it; nil: it does
	want func(error) bool // the kind of error for its address
}

// kind reports whether err is a T.
func kind[T error](err error) bool {
	var t T
	return errors.As(err, &t)
}

var (
	isExpired  = kind[*keyring.ExpiredError]
	isRevoked  = kind[*keyring.RevokedError]
	isUnusable = kind[*keyring.UnusableError]
	isUnknown  = kind[*keyring.UnknownError]
	isNotBound = kind[*keyring.NotBoundError]
)

// pick returns an edit for the twin or for the state.
func pick[T any](good bool, twin, state T) T {
	if good {
		return twin
	}
	return state
}

func nothing(*packet.Signature) {}

func removed(t testing.TB, r *keyring.Ring, c *keyring.Certificate) {
	require.NoError(t, r.Remove(c.Addresses()[0], c.Fingerprint()))
}

func noted(t testing.TB, r *keyring.Ring, c *keyring.Certificate) {
	_, err := r.Revoke(c.Fingerprint(), &keyring.RevokedError{Reason: "its owner rang"})
	require.NoError(t, err)
}

// pgpStates are of OpenPGP keys.
func pgpStates() []keyState {
	born := time.Now().AddDate(0, 0, -10)
	id := func(address string) string { return "X <" + address + ">" }
	type build func(f *forge, address string, good bool)
	state := func(name string, door, want func(error) bool, b build) keyState {
		return keyState{name: name, door: door, want: want, make: func(t testing.TB, address string, good bool) *keyring.Certificate {
			f := newForge(t, born, nil)
			b(f, address, good)
			return f.cert()
		}}
	}
	plain := func(f *forge, address string, _ bool) { f.userID(id(address), forSigning).subkey(forSealing) }
	gone, lost := state("removed from the ring", nil, isUnknown, plain), state("revoked by word of mouth", nil, isRevoked, plain)
	gone.after, lost.after = removed, noted
	return []keyState{
		state("expired", nil, isExpired, func(f *forge, address string, good bool) {
			f.userID(id(address), both(forSigning, forDays(pick(good, 11, 9)))).subkey(forSealing)
		}),
		state("not valid yet", isNotBound, isUnknown, func(f *forge, address string, good bool) {
			f.userID(id(address), both(forSigning, madeAt(pick(good, born, time.Now().AddDate(0, 0, 1))))).subkey(forSealing)
		}),
		state("revoked as superseded", isRevoked, isUnknown, func(f *forge, address string, good bool) {
			if !good {
				f.revoked(because(packet.KeySuperseded))
			}
			plain(f, address, good)
		}),
		lost,
		gone,
		state("for signatures only", isUnusable, isUnknown, func(f *forge, address string, good bool) {
			f.userID(id(address), forSigning)
			if good {
				f.subkey(forSealing)
			}
		}),
		state("its subkey expired", nil, isExpired, func(f *forge, address string, good bool) {
			f.userID(id(address), forSigning).subkey(both(forSealing, forDays(pick(good, 11, 9))))
		}),
		state("its subkey is revoked", isRevoked, isUnknown, func(f *forge, address string, good bool) {
			f.userID(id(address), forSigning)
			k := f.loose()
			if !good {
				f.subkeyRevoked(k, because(packet.KeyRetired))
			}
			f.binding(f.primary, k, forSealing)
		}),
		state("its subkey is not for that", isUnusable, isUnknown, func(f *forge, address string, good bool) {
			f.userID(id(address), forSigning).subkey(pick(good, forSealing, func(s *packet.Signature) { s.FlagsValid, s.FlagAuthenticate = true, true }))
		}),
		state("for another address", isNotBound, isUnknown, func(f *forge, address string, good bool) {
			f.userID(id(pick(good, address, "another."+address)), forSigning).subkey(forSealing)
		}),
		state("its user ID is taken back", isNotBound, isUnknown, func(f *forge, address string, good bool) {
			f.userID("Other <other@example.org>", forSigning).userID(id(address), forSigning)
			if !good {
				f.takenBack(id(address), because(packet.UserIDNotValid))
			}
			f.subkey(forSealing)
		}),
		state("held together by SHA-1", isNotBound, isUnknown, func(f *forge, address string, good bool) {
			f.userID(id(address), both(forSigning, pick(good, nothing, bySHA1))).subkey(forSealing)
		}),
		{name: "RSA of 1,024 bits", want: isUnusable, make: func(t testing.TB, address string, good bool) *keyring.Certificate {
			return newForge(t, born, rsaPGP(t, pick(good, 2048, 1024), born)).userID(id(address), forSigning).subkey(forSealing).cert()
		}},
	}
}

// x509States are of X.509 certificates.
func x509States() []keyState {
	state := func(name string, door, want func(error) bool, change func(c *x509.Certificate, good bool)) keyState {
		return keyState{name: name, door: door, want: want, make: func(t testing.TB, address string, good bool) *keyring.Certificate {
			return bobX509(t, func(c *x509.Certificate) {
				c.EmailAddresses = []string{address}
				change(c, good)
			})
		}}
	}
	same := func(*x509.Certificate, bool) {}
	gone, lost := state("removed from the ring", nil, isUnknown, same), state("revoked by its authority", nil, isRevoked, same)
	gone.after, lost.after = removed, noted
	usage := func(u x509.KeyUsage) func(*x509.Certificate, bool) {
		return func(c *x509.Certificate, good bool) { c.KeyUsage = pick(good, c.KeyUsage, u) }
	}
	ofKey := func(name string, key func(good bool) (crypto.Signer, error)) keyState {
		return keyState{name: name, door: isUnusable, want: isUnknown, make: func(t testing.TB, address string, good bool) *keyring.Certificate {
			k, err := key(good)
			require.NoError(t, err)
			return issued(t, forMail(), nil, k, func(c *x509.Certificate) {
				c.EmailAddresses = []string{address}
				if _, isRSA := k.(*rsa.PrivateKey); isRSA {
					c.KeyUsage = x509.KeyUsageKeyEncipherment
				}
			}).cert(t)
		}}
	}
	return []keyState{
		state("expired", nil, isExpired, func(c *x509.Certificate, good bool) {
			c.NotAfter = pick(good, time.Now().Add(time.Hour), time.Now().Add(-time.Minute))
		}),
		state("not valid yet", nil, isExpired, func(c *x509.Certificate, good bool) {
			c.NotBefore = pick(good, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		}),
		lost,
		gone,
		state("for signatures only", isUnusable, isUnknown, usage(x509.KeyUsageDigitalSignature)),
		state("for certificates only", isUnusable, isUnknown, usage(x509.KeyUsageCertSign)),
		state("for enciphering, which its kind of key does not do", isUnusable, isUnknown, usage(x509.KeyUsageKeyEncipherment)),
		state("not for mail", isUnusable, isUnknown, func(c *x509.Certificate, good bool) {
			c.ExtKeyUsage = pick(good, c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth})
		}),
		state("for another address", isNotBound, isUnknown, func(c *x509.Certificate, good bool) {
			if !good {
				c.EmailAddresses = []string{"another." + c.EmailAddresses[0]}
			}
		}),
		state("its address in the subject alone", isNotBound, isUnknown, func(c *x509.Certificate, good bool) {
			if !good {
				c.Subject.CommonName, c.EmailAddresses = c.EmailAddresses[0], nil
			}
		}),
		ofKey("RSA of 1,024 bits", func(good bool) (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, pick(good, 2048, 1024)) }),
		ofKey("on a curve that nobody uses", func(good bool) (crypto.Signer, error) {
			return ecdsa.GenerateKey(pick(good, elliptic.P256(), elliptic.P224()), rand.Reader)
		}),
	}
}

// ready puts the certificate of a state into the ring, where it may be refused,
// and lets happen what happens to it.
func (s *keyState) ready(t testing.TB, r *keyring.Ring, address string, good bool) *keyring.Certificate {
	t.Helper()
	c := s.make(t, address, good)
	_, err := r.Add(expected(t, c), keyring.Addition{Addresses: []string{address}})
	if good {
		require.NoError(t, err, s.name)
		return c
	}
	if s.door != nil {
		require.True(t, s.door(err), "%s: %v", s.name, err)
		return c
	}
	require.NoError(t, err, s.name)
	if s.after != nil {
		s.after(t, r, c)
	}
	return c
}

// In none of these states is anything sealed to a key, and with none of them is
// anything sealed to the others: the error names every address.
func TestNothingForSome(t *testing.T) {
	t.Parallel()
	for format, states := range map[string][]keyState{"OpenPGP": pgpStates(), "S/MIME": x509States()} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			if format == "OpenPGP" {
				withoutSHA1(t)
			}
			if fips() {
				t.Skip("GODEBUG=fips140=only: RSA of fewer bits is not even made")
			}
			require.GreaterOrEqual(t, len(states), 12)
			r := ringAt(t, keyring.Policy{}, nil)
			var all, good []string
			for i, s := range states {
				address := fmt.Sprintf("state%d@example.org", i)
				fine := fmt.Sprintf("twin%d@example.org", i)
				s.ready(t, r, address, false)
				s.ready(t, r, fine, true)
				all, good = append(all, fine, address), append(good, fine)

				_, err := r.Recipients(address)
				require.ErrorIs(t, err, keyring.ErrRefused, s.name)
				require.ErrorContains(t, err, address, s.name)
				require.True(t, s.want(err), "%s: %v", s.name, err)
				to, err := r.Recipients(fine)
				require.NoError(t, err, s.name)
				require.NoError(t, seals(to...), s.name)
			}
			to, err := r.Recipients(all...)
			require.Nil(t, to)
			for i, a := range all {
				if i%2 == 0 {
					require.NotContains(t, err.Error(), a)
					continue
				}
				require.ErrorContains(t, err, a)
			}
			require.NotContains(t, err.Error(), "\n")
			to, err = r.Recipients(good...)
			require.NoError(t, err)
			require.Len(t, to, len(good))
			require.NoError(t, seals(to...))
		})
	}
}

// One that cannot be used among a thousand, and not an octet is written.
func TestNothingForAThousand(t *testing.T) {
	withoutSHA1(t)
	born := time.Now().AddDate(0, 0, -10)
	fine := expected(t, bobPGP(t, born).cert())
	over := expected(t, newForge(t, born, nil).userID(bobsID, both(forSigning, forDays(9))).subkey(forSealing).cert())
	to := make([]*keyring.Verified, 1000)
	for i := range to {
		to[i] = fine
	}
	var out bytes.Buffer
	to[499] = over
	_, err := envelope.Seal(&out, to...)
	var all *envelope.RecipientsError
	require.ErrorAs(t, err, &all)
	require.Len(t, all.Reasons, 1)
	require.ErrorContains(t, err, over.Fingerprint().String())
	require.Zero(t, out.Len())

	to[499] = fine
	w, err := envelope.Seal(&out, to...)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Len(t, w.Receipt().Recipients, 1000)
}
