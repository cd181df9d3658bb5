package pkix

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// extension is one with a value that is built by hand.
func extension(critical bool, value []byte, id ...int) pkix.Extension {
	return pkix.Extension{Id: id, Critical: critical, Value: value}
}

// der builds an element.
func der(tag cbasn1.Tag, inside ...[]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(tag, func(b *cryptobyte.Builder) {
		for _, i := range inside {
			b.AddBytes(i)
		}
	})
	return b.BytesOrPanic()
}

// issuingPoint is an issuingDistributionPoint of these fields.
func issuingPoint(fields ...[]byte) pkix.Extension {
	return extension(true, der(cbasn1.SEQUENCE, fields...), 2, 5, 29, 28)
}

// flag is one of its BOOLEANs.
func flag(n uint8) []byte { return der(cbasn1.Tag(n).ContextSpecific(), []byte{0xff}) }

// uri is a distribution point's name.
func uri(s string) []byte {
	return der(context(0), der(context(0), der(cbasn1.Tag(6).ContextSpecific(), []byte(s))))
}

// Which lists are about a certificate, and what is believed of them: RFC 5280,
// Section 6.3.3. The certificate is number 2.
func TestCRLScope(t *testing.T) {
	ca, leaf, key := fuzzIssuer(t)
	list := func(change func(*x509.RevocationList), serials ...int64) *CRL {
		l := &x509.RevocationList{Number: big.NewInt(5), ThisUpdate: fuzzTime.Add(-time.Minute), NextUpdate: fuzzTime.Add(time.Minute)}
		for _, s := range serials {
			l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(s), RevocationTime: fuzzTime})
		}
		if change != nil {
			change(l)
		}
		raw, err := x509.CreateRevocationList(rand.Reader, l, ca.X, key)
		require.NoError(t, err)
		crl, err := ParseCRL(raw)
		require.NoError(t, err)
		return crl
	}
	with := func(e ...pkix.Extension) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) { l.ExtraExtensions = e }
	}
	delta := func(base, number int64) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) {
			l.Number = big.NewInt(number)
			value, err := asn1.Marshal(base)
			require.NoError(t, err)
			l.ExtraExtensions = []pkix.Extension{extension(true, value, 2, 5, 29, 27)}
		}
	}
	removed := func(l *x509.RevocationList) {
		delta(5, 6)(l)
		l.RevokedCertificateEntries[0].ReasonCode = reasonRemove
	}
	newer := func(number int64, serials ...int64) *CRL {
		return list(func(l *x509.RevocationList) { l.Number, l.ThisUpdate = big.NewInt(number), fuzzTime.Add(-time.Second) }, serials...)
	}
	users := func(serials ...int64) *CRL { return list(with(issuingPoint(flag(1))), serials...) }
	reasons := func(bits ...byte) []byte { return der(cbasn1.Tag(3).ContextSpecific(), bits) }
	const good, revoked, unknown = "good", "revoked", "unknown"
	for _, c := range []struct {
		name  string
		lists []*CRL
		want  string
	}{
		{"full", []*CRL{list(nil)}, good},
		{"full, revoked", []*CRL{list(nil, 2)}, revoked},
		{"none", nil, unknown},
		{"of users", []*CRL{list(with(issuingPoint(flag(1))), 2)}, revoked},
		{"of authorities", []*CRL{list(with(issuingPoint(flag(2))), 2)}, unknown},
		{"of attribute certificates", []*CRL{list(with(issuingPoint(flag(5))), 2)}, unknown},
		{"of another point", []*CRL{list(with(issuingPoint(uri("http://other"))), 2)}, unknown},
		{"some reasons", []*CRL{list(with(issuingPoint(reasons(1, 0x40))))}, unknown},
		{"some reasons, revoked", []*CRL{list(with(issuingPoint(reasons(1, 0x40))), 2)}, revoked},
		{"all reasons in two", []*CRL{list(with(issuingPoint(reasons(6, 0x40)))), list(with(issuingPoint(reasons(7, 0x3f, 0x80))))}, good},
		{"most reasons in two", []*CRL{list(with(issuingPoint(reasons(6, 0x40)))), list(with(issuingPoint(reasons(0, 0x3f))))}, unknown},
		{"delta alone", []*CRL{list(delta(5, 6))}, unknown},
		{"delta adds", []*CRL{list(nil), list(delta(5, 6), 2)}, revoked},
		{"delta of a later base", []*CRL{list(nil), list(delta(6, 7), 2)}, good},
		{"delta that is older", []*CRL{list(nil), list(delta(4, 5), 2)}, good},
		{"delta removes", []*CRL{list(nil, 2), list(removed, 2)}, good},
		{"delta of another scope", []*CRL{list(nil, 2), func() *CRL { d := list(removed, 2); d.scope.users = true; return d }()}, revoked},
		{"newest of two deltas", []*CRL{list(nil), list(delta(5, 7)), list(delta(5, 6), 2)}, good},
		{"old and new, revoked since", []*CRL{list(nil), newer(6, 2)}, revoked},
		{"new and old, revoked since", []*CRL{newer(6, 2), list(nil)}, revoked},
		{"old and new, no longer on hold", []*CRL{list(nil, 2), newer(6)}, good},
		{"new and old, no longer on hold", []*CRL{newer(6), list(nil, 2)}, good},
		{"revoked in the older of two scopes", []*CRL{newer(6), users(2)}, revoked},
		{"of two scopes", []*CRL{newer(6), users()}, good},
		{"new that is not signed", []*CRL{list(nil, 2), func() *CRL { l := newer(6); l.signature = nil; return l }()}, revoked},
		{"entry with an unknown critical extension", []*CRL{list(func(l *x509.RevocationList) {
			l.RevokedCertificateEntries[0].ExtraExtensions = []pkix.Extension{extension(true, []byte{5, 0}, 1, 2, 3)}
		}, 9)}, unknown},
		{"without a next one", []*CRL{func() *CRL { l := list(nil); l.list.NextUpdate = time.Time{}; return l }()}, unknown},
	} {
		o := fuzzOptions(ca, false)
		o.Revocation.CRLs = c.lists
		_, err := Check(leaf, o)
		got := good
		var r *Revoked
		switch {
		case errors.As(err, &r):
			got = revoked
		case err != nil:
			got = unknown
		}
		require.Equal(t, c.want, got, "%s: %v", c.name, err)
	}
}

// TestCRLMemory: what a list of anybody costs before its signature is checked.
func TestCRLMemory(t *testing.T) {
	const n = 100_000
	ca, leaf, key := fuzzIssuer(t)
	l := &x509.RevocationList{Number: big.NewInt(5), ThisUpdate: fuzzTime.Add(-time.Minute), NextUpdate: fuzzTime.Add(time.Minute)}
	for i := range int64(n) {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(i - n/2), RevocationTime: fuzzTime.Add(time.Duration(i) * time.Second)})
	}
	raw, err := x509.CreateRevocationList(rand.Reader, l, ca.X, key)
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	crl, err := ParseCRL(raw)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8*len(raw)))
	for i := range int64(n) {
		c := &Certificate{X: &x509.Certificate{SerialNumber: big.NewInt(i - n/2)}, issuer: ca.subject}
		e, ok := crl.find(c)
		require.True(t, ok, i)
		require.True(t, e.when.Equal(fuzzTime.Add(time.Duration(i)*time.Second)), i)
	}
	for _, c := range []*Certificate{
		{X: &x509.Certificate{SerialNumber: big.NewInt(n)}, issuer: ca.subject},
		{X: &x509.Certificate{SerialNumber: big.NewInt(1)}, issuer: leaf.subject},
	} {
		_, ok := crl.find(c)
		require.False(t, ok)
	}
}

// TestReadCRLEntry is RFC 5280, Section 5.1.2.6, which crypto/x509 is not asked about.
func TestReadCRLEntry(t *testing.T) {
	serial, when := []byte{2, 1, 5}, append([]byte{0x17, 13}, "300101000000Z"...)
	reason := der(cbasn1.SEQUENCE, []byte{6, 3, 0x55, 0x1d, 0x15}, []byte{4, 3, 10, 1, 1})
	for name, c := range map[string]struct {
		entry []byte
		ok    bool
	}{
		"good":                 {der(cbasn1.SEQUENCE, serial, when), true},
		"GeneralizedTime":      {der(cbasn1.SEQUENCE, serial, append([]byte{0x18, 15}, "20500101000000Z"...)), true},
		"no time":              {der(cbasn1.SEQUENCE, serial), false},
		"a bad time":           {der(cbasn1.SEQUENCE, serial, append([]byte{0x17, 13}, "301301000000Z"...)), false},
		"no number":            {der(cbasn1.SEQUENCE, []byte{4, 1, 5}, when), false},
		"a number of nothing":  {der(cbasn1.SEQUENCE, []byte{2, 0}, when), false},
		"zeros before it":      {der(cbasn1.SEQUENCE, []byte{2, 2, 0, 5}, when), false},
		"a needed zero":        {der(cbasn1.SEQUENCE, []byte{2, 2, 0, 0x85}, when), true},
		"ones before it":       {der(cbasn1.SEQUENCE, []byte{2, 2, 0xff, 0x85}, when), false},
		"a reason":             {der(cbasn1.SEQUENCE, serial, when, der(cbasn1.SEQUENCE, reason)), true},
		"a reason cut off":     {der(cbasn1.SEQUENCE, serial, when, der(cbasn1.SEQUENCE, reason[:len(reason)-1])), false},
		"a reason and more":    {der(cbasn1.SEQUENCE, serial, when, der(cbasn1.SEQUENCE, der(cbasn1.SEQUENCE, []byte{6, 3, 0x55, 0x1d, 0x15}, []byte{4, 4, 10, 1, 1, 0}))), false},
		"more after it":        {der(cbasn1.SEQUENCE, serial, when, der(cbasn1.SEQUENCE, reason), []byte{5, 0}), false},
		"no element":           {[]byte{0x30}, false},
		"extensions that none": {der(cbasn1.SEQUENCE, serial, when, []byte{5, 0}), false},
	} {
		s := cryptobyte.String(c.entry)
		e, ok := readEntry(&s)
		require.Equal(t, c.ok, ok, name)
		if ok && name == "a reason" {
			require.Equal(t, 1, e.reason)
		}
	}
}

// TestCRLOfTwoLists: no reader may see one and another reader the other.
func TestCRLOfTwoLists(t *testing.T) {
	ca, _, key := fuzzIssuer(t)
	l := &x509.RevocationList{Number: big.NewInt(5), ThisUpdate: fuzzTime, NextUpdate: fuzzTime,
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(2), RevocationTime: fuzzTime}}}
	raw, err := x509.CreateRevocationList(rand.Reader, l, ca.X, key)
	require.NoError(t, err)
	entry := der(cbasn1.SEQUENCE, der(cbasn1.SEQUENCE, []byte{2, 1, 2}, append([]byte{0x17, 13}, "300101000000Z"...)))
	require.Equal(t, 1, bytes.Count(raw, entry))
	for n, ok := range map[int]bool{0: true, 1: true, 2: false, 3: false} {
		tbs, algorithm, signature, read := signed(raw)
		require.True(t, read)
		inside := cryptobyte.String(tbs)
		require.True(t, inside.ReadASN1(&inside, cbasn1.SEQUENCE))
		var b cryptobyte.Builder
		b.AddASN1BitString(signature)
		_, err = ParseCRL(der(cbasn1.SEQUENCE, der(cbasn1.SEQUENCE, bytes.Replace(inside, entry, bytes.Repeat(entry, n), 1)), algorithm, b.BytesOrPanic()))
		require.Equal(t, ok, err == nil, "%d lists: %v", n, err)
	}
}

func TestParseCRLRefuses(t *testing.T) {
	ca, _, key := fuzzIssuer(t)
	list := func(e ...pkix.Extension) []byte {
		l := &x509.RevocationList{Number: big.NewInt(5), ThisUpdate: fuzzTime, NextUpdate: fuzzTime, ExtraExtensions: e,
			RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(2), RevocationTime: fuzzTime}}}
		raw, err := x509.CreateRevocationList(rand.Reader, l, ca.X, key)
		require.NoError(t, err)
		return raw
	}
	certificateIssuer := func(indirect bool) []byte {
		l := &x509.RevocationList{Number: big.NewInt(5), ThisUpdate: fuzzTime, NextUpdate: fuzzTime}
		if indirect {
			l.ExtraExtensions = []pkix.Extension{issuingPoint(flag(4))}
		}
		name := der(cbasn1.SEQUENCE, der(context(4), commonName(cbasn1.UTF8String, "Other")))
		l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: big.NewInt(2), RevocationTime: fuzzTime,
			ExtraExtensions: []pkix.Extension{extension(true, name, 2, 5, 29, 29)}}}
		raw, err := x509.CreateRevocationList(rand.Reader, l, ca.X, key)
		require.NoError(t, err)
		return raw
	}
	for name, c := range map[string]struct {
		der []byte
		ok  bool
	}{
		"good":                     {list(), true},
		"more after it":            {append(list(), 0), false},
		"cut off":                  {list()[:40], false},
		"scope":                    {list(issuingPoint(flag(1))), true},
		"scope with a bad flag":    {list(issuingPoint(der(cbasn1.Tag(1).ContextSpecific(), []byte{2}))), false},
		"scope with an empty name": {list(issuingPoint(der(context(0)))), false},
		"scope out of order":       {list(issuingPoint(flag(2), flag(1))), false},
		"base that is no number":   {list(extension(true, []byte{5, 0}, 2, 5, 29, 27)), false},
		"others' certificates":     {certificateIssuer(true), true},
		"others', not indirect":    {certificateIssuer(false), false},
	} {
		_, err := ParseCRL(c.der)
		require.Equal(t, c.ok, err == nil, "%s: %v", name, err)
	}
}
