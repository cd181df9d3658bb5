package pkix

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// commonName is a Name with one attribute of the given string type.
func commonName(tag cbasn1.Tag, value string) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{2, 5, 4, 3})
				b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes([]byte(value)) })
			})
		})
	})
	return b.BytesOrPanic()
}

func TestNames(t *testing.T) {
	const (
		bmp       = cbasn1.Tag(30)
		universal = cbasn1.Tag(28)
	)
	a, ok := parseName(commonName(cbasn1.PrintableString, "The  Root "))
	require.True(t, ok)
	for _, c := range []struct {
		name string
		der  []byte
		same bool
	}{
		{"another case", commonName(cbasn1.PrintableString, "the ROOT"), true},
		{"UTF-8", commonName(cbasn1.UTF8String, " The Root"), true},
		{"IA5String", commonName(cbasn1.IA5String, "The Root"), true},
		{"BMPString", commonName(bmp, "\x00T\x00h\x00e\x00 \x00R\x00o\x00o\x00t"), true},
		{"UniversalString", commonName(universal, "\x00\x00\x00t\x00\x00\x00h\x00\x00\x00e\x00\x00\x00 \x00\x00\x00r\x00\x00\x00o\x00\x00\x00o\x00\x00\x00t"), true},
		{"another name", commonName(cbasn1.PrintableString, "The Roof"), false},
		{"no space", commonName(cbasn1.PrintableString, "TheRoot"), false},
		{"no text", commonName(cbasn1.OCTET_STRING, "The Root"), false},
		{"T61 that is not ASCII", commonName(cbasn1.T61String, "The Root\xe4"), false},
	} {
		b, ok := parseName(c.der)
		require.True(t, ok, c.name)
		require.Equal(t, c.same, a.key == b.key, c.name)
		require.Equal(t, c.same, a.under(&b) && b.under(&a), c.name)
	}
	for name, der := range map[string][]byte{
		"empty": nil, "no sequence": {0x31, 0}, "empty set": {0x30, 2, 0x31, 0}, "more after it": {0x30, 0, 0},
	} {
		_, ok := parseName(der)
		require.False(t, ok, name)
	}
	empty, ok := parseName([]byte{0x30, 0})
	require.True(t, ok)
	require.True(t, a.under(&empty), "everything is below the empty name")
	require.False(t, empty.under(&a))
}

// What looks like two attributes is not one whose value holds the other.
func TestNamesAreNotPutTogether(t *testing.T) {
	name := func(sets ...pkix.RelativeDistinguishedNameSET) string {
		der, err := asn1.Marshal(pkix.RDNSequence(sets))
		require.NoError(t, err)
		n, ok := parseName(der)
		require.True(t, ok)
		return n.key
	}
	at := func(last int, v string) pkix.AttributeTypeAndValue {
		return pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, last}, Value: v}
	}
	one := name(pkix.RelativeDistinguishedNameSET{at(3, "a"), at(10, "b")})
	require.Equal(t, one, name(pkix.RelativeDistinguishedNameSET{at(10, "b"), at(3, "a")}), "a set has no order")
	require.NotEqual(t, one, name(pkix.RelativeDistinguishedNameSET{at(3, "a")}, pkix.RelativeDistinguishedNameSET{at(10, "b")}))
	require.NotEqual(t, name(pkix.RelativeDistinguishedNameSET{at(3, "a")}, pkix.RelativeDistinguishedNameSET{at(10, "b")}),
		name(pkix.RelativeDistinguishedNameSET{at(10, "b")}, pkix.RelativeDistinguishedNameSET{at(3, "a")}), "a sequence has")
}

func TestConstraints(t *testing.T) {
	mail := func(s string) generalName { return generalName{form: formMail, text: s} }
	utf8Mail := func(s string) generalName { return generalName{form: formMail, text: s, utf8: true} }
	dns := func(s string) generalName { return generalName{form: formDNS, text: s} }
	uri := func(s string) generalName { return generalName{form: formURI, text: s} }
	ip := func(s string) generalName { return generalName{form: formIP, text: s} }
	directory := func(tag cbasn1.Tag, s string) generalName {
		n, ok := parseName(commonName(tag, s))
		require.True(t, ok)
		return generalName{form: formDirectory, name: n}
	}
	other := func(oid string) generalName {
		return generalName{tag: context(0), text: oid}
	}
	for _, c := range []struct {
		name string
		g    generalName
		base generalName
		want verdict
	}{
		// RFC 5280, Section 4.2.1.10.
		{"mailbox", mail("root@example.com"), mail("root@example.com"), within},
		{"mailbox, another local part", mail("Root@example.com"), mail("root@example.com"), outside},
		{"mailbox, domain in another case", mail("root@EXAMPLE.com"), mail("root@example.com"), within},
		{"host", mail("root@example.com"), mail("example.com"), within},
		{"host, below it", mail("root@mail.example.com"), mail("example.com"), outside},
		{"domain", mail("root@mail.example.com"), mail(".example.com"), within},
		{"domain, its host", mail("root@example.com"), mail(".example.com"), outside},
		{"ends alike", mail("root@badexample.com"), mail("example.com"), outside},
		{"two @", mail("eve@example.com@example.org"), mail("example.com"), outside},
		{"two @, at the last", mail(`"eve@example.com"@example.org`), mail("example.org"), within},
		{"no @", mail("example.com"), mail("example.com"), unclear},
		{"dot at the end", mail("root@example.com."), mail("example.com"), unclear},
		{"everything", mail("root@example.com"), mail(""), within},
		// RFC 9598, Section 6.
		{"SmtpUTF8Mailbox, host", utf8Mail("bücher@example.com"), mail("example.com"), within},
		{"SmtpUTF8Mailbox, another host", utf8Mail("bücher@example.org"), mail("example.com"), outside},
		{"SmtpUTF8Mailbox, domain", utf8Mail("bücher@mail.EXAMPLE.com"), mail(".example.com"), within},
		{"SmtpUTF8Mailbox, another mailbox", utf8Mail("bücher@example.com"), mail("root@example.com"), outside},
		{"DNS", dns("a.example.com"), dns("example.com"), within},
		{"DNS, itself", dns("EXAMPLE.com"), dns("example.com"), within},
		{"DNS, ends alike", dns("badexample.com"), dns("example.com"), outside},
		{"DNS, dot at the end", dns("example.com."), dns("example.com"), unclear},
		{"DNS, wildcard", dns("*.example.com"), dns("a.example.com"), unclear},
		{"URI", uri("http://host.example.com/x"), uri("host.example.com"), within},
		{"URI, domain", uri("http://host.example.com:80/x"), uri(".example.com"), within},
		{"URI, user", uri("http://example.com@evil.example/x"), uri("example.com"), outside},
		{"URI without a host", uri("urn:x"), uri("example.com"), unclear},
		{"URI, IP address", uri("http://10.0.0.1/"), uri("example.com"), unclear},
		{"IP", ip("\x0a\x00\x00\x01"), ip("\x0a\x00\x00\x00\xff\x00\x00\x00"), within},
		{"IP, outside", ip("\x0b\x00\x00\x01"), ip("\x0a\x00\x00\x00\xff\x00\x00\x00"), outside},
		{"IP, another version", ip("\x0a\x00\x00\x01"), ip(string(make([]byte, 32))), outside},
		{"IP of five octets", ip("12345"), ip("12345678"), unclear},
		{"directory", directory(cbasn1.UTF8String, "a B"), directory(cbasn1.PrintableString, "A b"), within},
		{"directory, another", directory(cbasn1.UTF8String, "a"), directory(cbasn1.PrintableString, "b"), outside},
		{"directory, not ASCII", directory(cbasn1.UTF8String, "u\u0308"), directory(cbasn1.UTF8String, "\u00fc"), unclear},
		{"other name", other("x"), other("x"), unclear},
		{"other name of another type", other("x"), other("y"), outside},
	} {
		require.Equal(t, c.want, c.g.in(&c.base), c.name)
		// What is unclear is never permitted and always excluded.
		names, base := []generalName{c.g}, []generalName{c.base}
		concerned := sameForm(&c.g, &c.base)
		require.Equal(t, concerned && c.want != within, (&constraints{permitted: base}).refuse(names) != "", "%s, permitted", c.name)
		require.Equal(t, concerned && c.want != outside, (&constraints{excluded: base}).refuse(names) != "", "%s, excluded", c.name)
	}
	// One form does not concern another, but SmtpUTF8Mailbox and rfc822Name are one.
	c := &constraints{permitted: []generalName{mail("example.com")}}
	require.Empty(t, c.refuse([]generalName{dns("evil.example")}))
	require.NotEmpty(t, c.refuse([]generalName{utf8Mail("bücher@evil.example")}))
	require.NotEmpty(t, c.refuse([]generalName{mail("a@example.com"), mail("a@evil.example")}), "every name")
}

func TestParseConstraints(t *testing.T) {
	tree := func(inside ...byte) []byte { return append([]byte{0x30, byte(len(inside))}, inside...) }
	wrap := func(n byte, trees []byte) []byte {
		in := append([]byte{0xa0 | n, byte(len(trees))}, trees...)
		return append([]byte{0x30, byte(len(in))}, in...)
	}
	host := []byte{0x81, 3, 'a', '.', 'b'}
	for name, c := range map[string]struct {
		der []byte
		ok  bool
	}{
		"permitted":       {wrap(0, tree(host...)), true},
		"excluded":        {wrap(1, tree(host...)), true},
		"neither":         {[]byte{0x30, 0}, false},
		"minimum":         {wrap(0, tree(append(host, 0x80, 1, 1)...)), false},
		"maximum":         {wrap(0, tree(append(host, 0x81, 1, 1)...)), false},
		"another tag":     {wrap(2, tree(host...)), false},
		"not ASCII":       {wrap(0, tree(0x81, 1, 0xe4)), false},
		"nothing":         {nil, false},
		"more after it":   {append(wrap(0, tree(host...)), 0), false},
		"an empty base":   {wrap(0, tree()), false},
		"directory, none": {wrap(0, tree(0xa4, 2, 0x31, 0)), false},
	} {
		_, ok := parseConstraints(c.der)
		require.Equal(t, c.ok, ok, name)
	}
}
