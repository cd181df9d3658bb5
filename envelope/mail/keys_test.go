package mail_test

import (
	"crypto/fips140"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/stretchr/testify/require"
)

// person is somebody with a key.
type person struct {
	address  string
	identity envelope.Identity
	signer   envelope.Signer
	verified *keyring.Verified
}

// people makes each key once: making them is slow.
var people sync.Map

// pgpPerson returns who has a new OpenPGP key of an algorithm for the
// address: "curve25519", "v6 curve25519".
func pgpPerson(t testing.TB, address, algorithm string) person {
	profile := envelope.Auto
	if strings.HasPrefix(algorithm, "v6 ") {
		profile = envelope.Modern
	}
	return made(t, address, algorithm, func() (*keyring.Certificate, envelope.Identity, envelope.Signer, error) {
		k, err := pgp.GenerateKey(pgp.KeyOptions{Address: address, Algorithm: strings.TrimPrefix(algorithm, "v6 "), Profile: profile})
		if err != nil {
			return nil, envelope.Identity{}, envelope.Signer{}, err
		}
		return k.Certificate(), k.Identity(), k.Signer(), nil
	})
}

// cmsPerson returns who has a new self-signed S/MIME key for the
// address: "p256", "p256 GCM" for one who reads AES-GCM.
func cmsPerson(t testing.TB, address, algorithm string) person {
	return made(t, address, algorithm, func() (*keyring.Certificate, envelope.Identity, envelope.Signer, error) {
		k, err := smime.GenerateKey(smime.KeyOptions{Address: address, Algorithm: strings.TrimSuffix(algorithm, " GCM"), ReadsGCM: strings.HasSuffix(algorithm, " GCM")})
		if err != nil {
			return nil, envelope.Identity{}, envelope.Signer{}, err
		}
		return k.Certificate(), k.Identity(), k.Signer(), nil
	})
}

func made(t testing.TB, address, algorithm string, generate func() (*keyring.Certificate, envelope.Identity, envelope.Signer, error)) person {
	t.Helper()
	once, _ := people.LoadOrStore(address+" "+algorithm, sync.OnceValues(func() (person, error) {
		c, i, s, err := generate()
		if err != nil {
			return person{}, err
		}
		v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
		return person{address, i, s, v}, err
	}))
	p, err := once.(func() (person, error))()
	requireApproved(t, err)
	return p
}

func keysOf(ps ...person) map[string][]*keyring.Verified {
	m := make(map[string][]*keyring.Verified)
	for _, p := range ps {
		m[p.address] = append(m[p.address], p.verified)
	}
	return m
}

func parsers() []keyring.Parser {
	return []keyring.Parser{pgp.ParseCertificate, smime.ParseCertificate}
}

// requireApproved is require.NoError; what GODEBUG=fips140=only forbids is skipped.
func requireApproved(t testing.TB, err error) {
	t.Helper()
	var forbidden *envelope.NotApprovedError
	if fips140.Enforced() && errors.As(err, &forbidden) {
		t.Skip(err)
	}
	require.NoError(t, err)
}
