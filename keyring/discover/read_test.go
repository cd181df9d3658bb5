package discover_test

import (
	"bytes"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// material is what tests put together: of testdata, where gpg and openssl made
// it.
type material struct {
	alice, aliceArmored []byte // OpenPGP
	carol, ca           []byte // X.509, DER
	secret              []byte // two secret keys, armored
}

func someKeys(t testing.TB) material {
	t.Helper()
	skipFIPS(t)
	m := material{aliceArmored: stored(t, "alice.pub.asc"), secret: stored(t, "secret.asc")}
	c, err := pgp.ParseCertificate(m.aliceArmored)
	require.NoError(t, err)
	m.alice = c.Marshal()
	certs, err := smime.ParseCertificates(stored(t, "carol.p7c.b64"))
	require.NoError(t, err)
	for _, c := range certs {
		if len(c.Addresses()) > 0 {
			m.carol = c.Marshal()
		} else {
			m.ca = c.Marshal()
		}
	}
	return m
}

func inPEM(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// in16 returns text as PowerShell redirects it.
func in16(b []byte, order binary.AppendByteOrder) (out []byte) {
	for _, c := range utf16.Encode([]rune("\ufeff" + string(b))) {
		out = order.AppendUint16(out, c)
	}
	return out
}

// Whatever a file is made of, all that is whole in it is found, and what is not
// is told with its place.
func TestRead(t *testing.T) {
	m := someKeys(t)
	crlf := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }
	carol, ca := inPEM("CERTIFICATE", m.carol), inPEM("CERTIFICATE", m.ca)
	key := inPEM("PRIVATE KEY", []byte("nothing"))
	broken := slices.Clone(m.carol)
	broken[4] ^= 0xFF
	type want struct {
		sources  []string
		problems []string // each is part of one
	}
	for name, c := range map[string]struct {
		b    []byte
		want want
	}{
		"armor":                  {m.aliceArmored, want{[]string{"f"}, nil}},
		"armor, CRLF":            {crlf(m.aliceArmored), want{[]string{"f"}, nil}},
		"armor, UTF-16":          {in16(m.aliceArmored, binary.LittleEndian), want{[]string{"f"}, nil}},
		"armor, UTF-16, big end": {in16(m.aliceArmored, binary.BigEndian), want{[]string{"f"}, nil}},
		"armor, byte order mark": {join([]byte("\ufeff"), m.aliceArmored), want{[]string{"f"}, nil}},
		"armor, indented":        {bytes.ReplaceAll(m.aliceArmored, []byte("\n"), []byte("\n  ")), want{[]string{"f"}, nil}},
		"armor in text":          {join([]byte("Mein Schlüssel:\n"), m.aliceArmored, []byte("Grüße\n")), want{[]string{"f"}, nil}},
		"armor in other text":    {join([]byte("Übrigens:\n"), m.aliceArmored), want{[]string{"f"}, nil}},
		"armor behind a message": {join([]byte("-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n"), m.aliceArmored), want{[]string{"f, block 2"}, nil}},
		"binary":                 {m.alice, want{[]string{"f"}, nil}},
		"binary, joined":         {join(m.alice, m.alice, m.alice), want{[]string{"f, key 1", "f, key 2", "f, key 3"}, nil}},
		"binary behind padding":  {join([]byte{0xCA, 3, 'P', 'G', 'P'}, m.alice), want{[]string{"f, key 1"}, nil}},
		"binary, cut":            {join(m.alice, m.alice[:len(m.alice)-1]), want{[]string{"f, key 1"}, []string{`"f": octet `}}},
		"binary, partial length": {join(m.alice, m.alice, []byte{0xC6, 0xE1, 4, 4}), want{[]string{"f, key 1"}, []string{"partial or indeterminate length"}}},
		"binary, no length":      {join(m.alice, m.alice, []byte{0x9B, 4, 4}), want{[]string{"f, key 1"}, []string{"partial or indeterminate length"}}},
		"a signature":            {[]byte{0xC2, 1, 4}, want{nil, []string{"a packet with tag 2 where a key has to begin"}}},
		"binary, a bad key":      {join(m.alice, []byte{0xC6, 1, 3}, m.alice), want{[]string{"f, key 1", "f, key 3"}, []string{`"f, key 2": pgp: a version 3 key`}}},
		"PEM":                    {carol, want{[]string{"f"}, nil}},
		"PEM, older name":        {inPEM("X509 CERTIFICATE", m.carol), want{[]string{"f"}, nil}},
		"PEM, trusted":           {inPEM("TRUSTED CERTIFICATE", join(m.carol, []byte{0x30, 0})), want{[]string{"f"}, nil}},
		"PEM and armor":          {join(carol, m.aliceArmored, ca), want{[]string{"f, block 1", "f, block 2", "f, block 3"}, nil}},
		"PEM, one bad":           {join(carol, inPEM("CERTIFICATE", broken), ca), want{[]string{"f, block 1", "f, block 3"}, []string{`"f, block 2": smime: `}}},
		"PEM, one cut":           {join(carol[:len(carol)-26], ca), want{[]string{"f, block 2"}, []string{`"f, block 1": its END line is missing`}}},
		"PEM, the last cut":      {join(ca, carol[:len(carol)-26]), want{[]string{"f, block 1"}, []string{`"f, block 2": its END line is missing`}}},
		"PEM, no base64":         {join(ca, []byte("-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n")), want{[]string{"f, block 1"}, []string{`"f, block 2": its base64 is damaged`}}},
		"PEM with a key":         {join(key, carol), want{[]string{"f, block 2"}, nil}},
		"PEM key alone":          {key, want{nil, []string{"a private key without its certificate"}}},
		"PEM of p7c":             {inPEM("PKCS7", stored(t, "carol.p7c.b64")), want{[]string{"f, certificate 1", "f, certificate 2"}, nil}},
		"DER":                    {m.carol, want{[]string{"f"}, nil}},
		"DER, joined":            {join(m.carol, m.ca), want{[]string{"f, certificate 1", "f, certificate 2"}, nil}},
		"DER, one bad":           {join(broken, m.ca), want{[]string{"f, certificate 2"}, []string{`"f, certificate 1": `}}},
		"DER, cut":               {join(m.carol, m.ca[:len(m.ca)-1]), want{[]string{"f, certificate 1"}, []string{"neither DER nor BER"}}},
		"DER, a key":             {[]byte{0x30, 5, 2, 1, 0, 0x30, 0}, want{nil, []string{"a private key without its certificate"}}},
		"DER, something":         {[]byte{0x30, 2, 5, 0}, want{nil, []string{"it holds no certificate"}}},
		"PKCS#12":                {stored(t, "carol.p12.b64"), want{nil, []string{"PKCS#12, which needs its passphrase"}}},
		"PKCS#12 in BER":         {stored(t, "nss.p12.b64"), want{nil, []string{"PKCS#12, which needs its passphrase"}}},
		"SQLite":                 {[]byte("SQLite format 3\x00..."), want{nil, []string{"certutil -L -d FOLDER -n NAME -a"}}},
		"trustdb":                {stored(t, "trustdb.gpg.b64"), want{nil, []string{"GnuPG's ownertrust"}}},
		"ownertrust":             {stored(t, "ownertrust.txt"), want{nil, []string{"GnuPG's ownertrust"}}},
		"text":                   {[]byte("Hello\n"), want{nil, []string{"it holds no certificate"}}},
		"nothing":                {nil, want{nil, []string{"it is empty"}}},
	} {
		t.Run(name, func(t *testing.T) {
			found, problems := discover.Read("f", c.b, pgp.ParseCertificate, smime.ParseCertificate)
			var sources []string
			for _, f := range found {
				sources = append(sources, f.Source)
				require.Equal(t, name == "PEM with a key" || name == "PEM, trusted", len(f.Notes) > 0, f.Notes)
			}
			require.Equal(t, c.want.sources, sources)
			require.Len(t, problems, len(c.want.problems), "%v", problems)
			for i, p := range c.want.problems {
				require.ErrorContains(t, problems[i], p)
			}
		})
	}
}

// A secret key's public part is taken where the caller wants such files, and
// the candidate says where it is from.
func TestReadSecretKeys(t *testing.T) {
	m := someKeys(t)
	found, problems := discover.Read("f", m.secret, pgp.ParseCertificate, pgp.KeyCertificate)
	require.Empty(t, problems)
	require.Len(t, found, 2)
	for _, c := range found {
		require.Equal(t, []string{"of a secret key: its public part alone is taken"}, c.Notes)
		require.NotContains(t, string(c.Certificate.Marshal()[:1]), "\x94") // RFC 9580, Section 4.2.2: no secret key packet
		_, err := pgp.ParseCertificate(c.Certificate.Marshal())
		require.NoError(t, err)
	}
	found, problems = discover.Read("f", m.secret, pgp.ParseCertificate)
	require.Empty(t, found)
	require.Len(t, problems, 2)
	require.ErrorContains(t, problems[0], `"f, key 1": pgp: this is a secret key`)
}

// Parsers of a format that a file does not have say nothing; one that is needed
// and missing is a problem.
func TestReadParsers(t *testing.T) {
	m := someKeys(t)
	fails := func([]byte) (*keyring.Certificate, error) { return nil, errors.New("no") }
	for name, c := range map[string]struct {
		parsers []parser
		why     string
	}{
		"both":        {both(), ""},
		"the right":   {[]parser{pgp.ParseCertificate}, ""},
		"the wrong":   {[]parser{smime.ParseCertificate}, "no parser takes it: smime: neither DER nor PEM"},
		"none":        {nil, "no parser was given"},
		"a liar":      {[]parser{func([]byte) (*keyring.Certificate, error) { return nil, nil }}, "the parser returned nothing"},
		"one fails":   {[]parser{fails, pgp.ParseCertificate}, ""},
		"all fail":    {[]parser{fails, fails}, "no parser takes it: no"},
		"wrong, fail": {[]parser{smime.ParseCertificate, fails}, "no parser takes it: smime"},
	} {
		t.Run(name, func(t *testing.T) {
			found, problems := discover.Read("f", m.alice, c.parsers...)
			if c.why == "" {
				require.Len(t, found, 1)
				require.Empty(t, problems)
				return
			}
			require.Empty(t, found)
			require.Len(t, problems, 1)
			require.ErrorContains(t, problems[0], c.why)
		})
	}
}

// Limits hold before the work is done.
func TestReadLimits(t *testing.T) {
	m := someKeys(t)
	alice, err := pgp.ParseCertificate(m.alice)
	require.NoError(t, err)
	calls := 0
	any := func([]byte) (*keyring.Certificate, error) { calls++; return alice, nil }
	none := func([]byte) (*keyring.Certificate, error) { calls++; return nil, errors.New("no") }
	keys := func(n int) []byte { return bytes.Repeat([]byte{0xC6, 0}, n) }
	large := join([]byte{0xC6, 0xFF, 1, 0, 0, 0}, make([]byte, 16<<20))
	for name, c := range map[string]struct {
		b               []byte
		parse           parser
		calls, problems int
		why             string
	}{
		"10,000 certificates":   {keys(10_000), any, 10_000, 0, ""},
		"10,001 certificates":   {keys(10_001), any, 10_000, 1, "more than 10000 certificates"},
		"1,000 problems":        {keys(1000), none, 1000, 1000, "no"},
		"1,002 problems":        {keys(1002), none, 1001, 1001, "more than 1000 problems"},
		"64 MiB and an octet":   {make([]byte, 64<<20+1), any, 0, 1, "more than 67108864 octets"},
		"64 MiB":                {make([]byte, 64<<20), any, 0, 1, "it holds no certificate"},
		"a key of 16 MiB":       {large[:16<<20], any, 0, 1, "cut off"},
		"a key of 16 MiB and 6": {large, any, 0, 1, "a certificate of more than 16777216 octets"},
	} {
		t.Run(name, func(t *testing.T) {
			calls = 0
			found, problems := discover.Read("f", c.b, c.parse)
			require.Equal(t, c.calls, calls)
			require.Len(t, problems, c.problems)
			if c.problems > 0 {
				require.ErrorContains(t, problems[len(problems)-1], c.why)
			} else {
				require.Len(t, found, c.calls)
			}
		})
	}
}

// What others wrote does not reach a terminal as they wrote it.
func TestProblemOnOneLine(t *testing.T) {
	p := discover.Problem{Where: "a\x1b[2J\nb", Err: errors.New("bad \x1b[31m\r\nline")}
	require.Equal(t, `discover: "a\x1b[2J\nb": bad `+"\uFFFD[31m\uFFFD\uFFFDline", p.Error())
	require.ErrorIs(t, p, p.Err)
	require.False(t, strings.ContainsAny(p.Error(), "\n\x1b"))
}

// That what is behind very many blocks is not read is said.
func TestReadManyBlocks(t *testing.T) {
	m := someKeys(t)
	for n, want := range map[int]int{9999: 1, 10_001: 0} {
		b := strings.Repeat("-----BEGIN X-----\n-----END X-----\n", n) + string(m.aliceArmored)
		found, problems := discover.Read("f", []byte(b), both()...)
		require.Len(t, found, want)
		if want > 0 {
			require.Empty(t, problems)
		} else {
			require.Len(t, problems, 1)
			require.ErrorContains(t, problems[0], "more than 10000 blocks")
		}
	}
}
