package pkix

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Authorities that issue to each other make paths by the power of two: each is
// expired, and so none is good.
func TestPathsAreCounted(t *testing.T) {
	ca, _, key := fuzzIssuer(t)
	for levels, want := range map[int]bool{5: false, 6: true} { // 32 and 64 paths
		serial := int64(100)
		issue := func(subject, issuer string, authority bool) *Certificate {
			serial++
			template := &x509.Certificate{
				SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: subject},
				NotBefore: fuzzTime.Add(-time.Hour), NotAfter: fuzzTime.Add(-time.Minute),
				IsCA: authority, BasicConstraintsValid: true,
			}
			der, err := x509.CreateCertificate(rand.Reader, template, &x509.Certificate{Subject: pkix.Name{CommonName: issuer}, PublicKey: key.Public()}, key.Public(), key)
			require.NoError(t, err)
			x, err := x509.ParseCertificate(der)
			require.NoError(t, err)
			return New(x, nil)
		}
		name := func(level int) string {
			if level == levels {
				return "CA"
			}
			return "level " + strconv.Itoa(level)
		}
		var others []*Certificate
		for level := range levels {
			others = append(others, issue(name(level), name(level+1), true), issue(name(level), name(level+1), true))
		}
		o := fuzzOptions(ca, true)
		o.Others = []*Pool{NewPool(others)}
		_, err := Check(issue("Bob", name(0), false), o)
		var problem *Problem
		require.ErrorAs(t, err, &problem)
		if want {
			require.ErrorIs(t, err, ErrWork)
		} else {
			require.NotErrorIs(t, err, ErrWork)
		}
	}
}
