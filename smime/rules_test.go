package smime_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

// attribute is an Attribute with these values.
func attribute(o []byte, values ...[]byte) []byte { return tlv(0x30, o, tlv(0x31, values...)) }

// TestReaderRules: each rule of the reader has a message that breaks it alone,
// of which the twin beside it that does not is opened.
func TestReaderRules(t *testing.T) {
	who := fresh["P-256"]()
	ri := func(n int) []byte {
		return must(smime.WrapFor(who.key.Certificate(), bytes.Repeat([]byte{0x42}, n), false))
	}
	good := func(change func(*crafted)) crafted {
		c := crafted{to: who, plain: []byte("a secret of some length")}
		if change != nil {
			change(&c)
		}
		return c
	}
	icv := func(v ...byte) func(*crafted) {
		return func(c *crafted) {
			c.algorithm = func(n []byte) []byte { return tlv(0x30, gcm256, gcmParams(n, tlv(2, v))) }
		}
	}
	cutMAC := func(n int) func(*crafted) {
		return func(c *crafted) {
			icv(byte(n))(c)
			c.mac = func(tag []byte) []byte { return tlv(4, tag[:n]) }
		}
	}
	ct := attribute(ctAttrOID, data)
	withAttrs := func(attrs ...[]byte) func(*crafted) {
		return func(c *crafted) { c.attrs = tlv(0xa1, attrs...) }
	}
	signed := signedParts{by: who, content: []byte("a secret of some length")}.bytes(t)
	asSigned := func(c *crafted) { c.plain, c.contentType = signed, signedOID }

	for _, c := range []struct {
		name      string
		bad, good func(*crafted)
		secret    bool // the error depends on the key: ErrDecrypt
	}{
		{"GCM in EnvelopedData", func(c *crafted) {
			c.outer, c.mac = envelopedOID, func([]byte) []byte { return nil }
		}, nil, false},
		{"CBC in AuthEnvelopedData", func(c *crafted) {
			c.algorithm = func([]byte) []byte { return tlv(0x30, cbc256, tlv(4, make([]byte, 16))) }
		}, nil, false},
		{"CBC in AuthEnvelopedData, and no tag", func(c *crafted) {
			c.algorithm = func([]byte) []byte { return tlv(0x30, cbc256, tlv(4, make([]byte, 16))) }
			c.mac = func([]byte) []byte { return tlv(4) }
		}, nil, false},
		{"a mode that is not supported", func(c *crafted) {
			c.algorithm = func(n []byte) []byte { return tlv(0x30, ctr256, gcmParams(n, tlv(2, []byte{16}))) }
		}, nil, false},
		{"tag of 11 octets", cutMAC(11), cutMAC(12), false},
		{"tag of 17 octets", func(c *crafted) {
			icv(17)(c)
			c.mac = func(tag []byte) []byte { return tlv(4, tag, []byte{0}) }
		}, cutMAC(16), false},
		{"tag shorter than announced", func(c *crafted) { c.mac = func(tag []byte) []byte { return tlv(4, tag[:12]) } }, cutMAC(12), false},
		{"tag longer than announced", icv(12), icv(16), false},
		{"negative tag length", icv(0xf0), icv(16), false},
		{"tag length of 9 octets", icv(1, 0, 0, 0, 0, 0, 0, 0, 16), icv(16), false},
		{"nonce of 11", func(c *crafted) { c.nonce = make([]byte, 11) }, func(c *crafted) { c.nonce = make([]byte, 12) }, false},
		{"nonce of 13", func(c *crafted) { c.nonce = make([]byte, 13) }, nil, false},
		{"no parameters", func(c *crafted) { c.algorithm = func([]byte) []byte { return tlv(0x30, gcm256) } }, nil, false},
		{"something after the parameters", func(c *crafted) {
			c.algorithm = func(n []byte) []byte {
				return tlv(0x30, gcm256, gcmParams(n, tlv(2, []byte{16}), tlv(5)))
			}
		}, nil, false},
		{"key of 24 octets for 32", func(c *crafted) { c.infos = [][]byte{ri(24)} }, func(c *crafted) { c.infos = [][]byte{ri(32)} }, true},
		{"key of 32 octets for 24", func(c *crafted) {
			c.algorithm = func(n []byte) []byte { return tlv(0x30, gcm192, gcmParams(n, tlv(2, []byte{16}))) }
		}, func(c *crafted) {
			c.keyLen = 24
			c.algorithm = func(n []byte) []byte { return tlv(0x30, gcm192, gcmParams(n, tlv(2, []byte{16}))) }
		}, true},
		{"no recipient", func(c *crafted) { c.infos = [][]byte{} }, nil, false},
		{"content absent", func(c *crafted) { c.content = func([]byte) []byte { return nil } }, nil, false},
		{"content under another tag", func(c *crafted) { c.content = func(b []byte) []byte { return tlv(0x81, b) } }, nil, false},
		{"segment of another type", func(c *crafted) {
			c.content = func(b []byte) []byte { return tlv(0xa0, tlv(12, b)) }
		}, func(c *crafted) {
			c.content = func(b []byte) []byte { return tlv(0xa0, tlv(4, b[:3]), tlv(4), tlv(4, b[3:])) }
		}, false},
		{"segments swapped", func(c *crafted) {
			c.content = func(b []byte) []byte { return tlv(0xa0, tlv(4, b[3:]), tlv(4, b[:3])) }
		}, nil, true},
		{"mac missing", func(c *crafted) { c.mac = func([]byte) []byte { return nil } }, nil, false},
		{"mac twice", func(c *crafted) { c.mac = func(tag []byte) []byte { return append(tlv(4, tag), tlv(4, tag)...) } }, nil, false},
		{"mac changed", func(c *crafted) {
			c.mac = func(tag []byte) []byte { tag[3] ^= 1; return tlv(4, tag) }
		}, nil, true},
		{"version 1 of AuthEnvelopedData", func(c *crafted) { c.version = tlv(2, []byte{1}) }, nil, false},
		{"something after the message", func(c *crafted) { c.trail = []byte{0} }, nil, false},
		{"something after the mac", func(c *crafted) { c.after = tlv(5) }, func(c *crafted) { c.after = tlv(0xa2, tlv(5)) }, false},
		{"unauthenticated attributes of the other kind", func(c *crafted) { c.after = tlv(0xa3, tlv(5)) }, func(c *crafted) { c.after = tlv(0xa2) }, false},

		{"attributes not covered", func(c *crafted) { withAttrs(ct)(c); c.aad = []byte{} }, withAttrs(ct), true},
		{"attributes covered with their own tag", func(c *crafted) {
			withAttrs(ct)(c)
			c.aad = c.attrs
		}, withAttrs(ct), true},
		{"attributes stripped", func(c *crafted) { c.aad = tlv(0x31, ct) }, nil, true},
		{"no attribute in the attributes", withAttrs(), withAttrs(ct), false},
		{"attribute twice", withAttrs(ct, ct), withAttrs(ct), false},
		{"attribute without a value", withAttrs(attribute(ctAttrOID)), withAttrs(ct), false},
		{"content type with two values", withAttrs(attribute(ctAttrOID, data, data)), withAttrs(ct), false},
		{"content type of another content", withAttrs(attribute(ctAttrOID, signedOID)), withAttrs(ct), false},
		{"signed content without attributes", asSigned, func(c *crafted) {
			asSigned(c)
			withAttrs(attribute(ctAttrOID, signedOID))(c)
		}, false},
		{"signed content without its type", func(c *crafted) {
			asSigned(c)
			withAttrs(attribute(sha256OID, data))(c)
		}, func(c *crafted) {
			asSigned(c)
			withAttrs(attribute(ctAttrOID, signedOID), attribute(sha256OID, data))(c)
		}, false},
		{"signed content that is none", func(c *crafted) {
			c.contentType = signedOID
			withAttrs(attribute(ctAttrOID, signedOID))(c)
		}, nil, true},
		{"signed content with something after it", func(c *crafted) {
			asSigned(c)
			c.plain = append(bytes.Clone(signed), 0)
			withAttrs(attribute(ctAttrOID, signedOID))(c)
		}, func(c *crafted) {
			asSigned(c)
			c.plain = message(signed)
			withAttrs(attribute(ctAttrOID, signedOID))(c)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := envelope.Opener{Identities: who.identities()}
			msg := good(c.good).bytes(t)
			for _, src := range []io.Reader{bytes.NewReader(msg), pipe(msg)} {
				got, _, err := open(o, src)
				require.NoError(t, err, "the good twin")
				require.Equal(t, "a secret of some length", string(got))
			}
			msg = good(c.bad).bytes(t)
			for _, src := range []io.Reader{bytes.NewReader(msg), pipe(msg)} {
				got, _, err := open(o, src)
				if c.secret {
					require.Equal(t, envelope.ErrDecrypt, err)
				} else {
					require.ErrorIs(t, err, envelope.ErrFormat)
				}
				require.Empty(t, got)
			}
			_, err := envelope.Inspect(bytes.NewReader(msg), smime.Format())
			if c.secret {
				require.NoError(t, err, "it takes a key to see it")
			} else {
				require.ErrorIs(t, err, envelope.ErrFormat, "it takes no key to see it")
			}
		})
	}
}

// TestOneDecryptionError: whatever depends on a secret is one value, for RSA
// PKCS#1 v1.5 as for all else, and whether CBC is allowed or not.
func TestOneDecryptionError(t *testing.T) {
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	who := fresh["RSA-3072"]()
	wrap := func(n int, v15 bool) []byte {
		return must(smime.WrapFor(who.key.Certificate(), bytes.Repeat([]byte{0x42}, n), v15))
	}
	spoil := func(ri []byte) [][]byte { ri[len(ri)-1] ^= 1; return [][]byte{ri} }
	sd := message(signedParts{by: who, content: []byte("text")}.bytes(t))
	for name, c := range map[string]crafted{
		"v1.5 spoilt":           {infos: spoil(wrap(32, true))},
		"v1.5 too short":        {infos: [][]byte{wrap(16, true)}},
		"v1.5 spoilt, CBC":      {infos: spoil(wrap(32, true)), cbc: true, plain: sd},
		"OAEP spoilt":           {infos: spoil(wrap(32, false))},
		"OAEP too short":        {infos: [][]byte{wrap(16, false)}},
		"OAEP spoilt, CBC":      {infos: spoil(wrap(32, false)), cbc: true, plain: sd},
		"content spoilt":        {content: func(b []byte) []byte { b[0] ^= 1; return tlv(0x80, b) }},
		"content spoilt, CBC":   {cbc: true, plain: sd, content: func(b []byte) []byte { b[0] ^= 1; return tlv(0x80, b) }},
		"CBC of a part block":   {cbc: true, plain: sd, content: func(b []byte) []byte { return tlv(0x80, b[1:]) }},
		"CBC of nothing":        {cbc: true, plain: sd, content: func([]byte) []byte { return tlv(0x80) }},
		"CBC with bad padding":  {cbc: true, plain: sd, content: func(b []byte) []byte { b[len(b)-17] ^= 0xff; return tlv(0x80, b) }},
		"CBC of no signed data": {cbc: true, plain: []byte("plain")},
	} {
		t.Run(name, func(t *testing.T) {
			c.to = who
			if c.plain == nil {
				c.plain = []byte("text")
			}
			got, _, err := open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(c.bytes(t)))
			require.Equal(t, envelope.ErrDecrypt, err)
			require.Empty(t, got)
		})
	}
	for name, c := range map[string]crafted{
		"GCM, v1.5": {plain: []byte("text"), v15: true},
		"GCM, OAEP": {plain: []byte("text")},
		"CBC, v1.5": {plain: sd, v15: true, cbc: true},
		"CBC, OAEP": {plain: sd, cbc: true},
	} {
		c.to = who
		got, _, err := open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(c.bytes(t)))
		require.NoError(t, err, name)
		require.Equal(t, "text", string(got))
	}
}

// TestStructureBeforeSecret: what can be seen without a key is reported
// whatever the content decrypts to, so that the pair of errors is no oracle.
func TestStructureBeforeSecret(t *testing.T) {
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	who := fresh["RSA-3072"]()
	for _, cbc := range []bool{false, true} {
		for _, spoilt := range []bool{false, true} {
			ri := must(smime.WrapFor(who.key.Certificate(), bytes.Repeat([]byte{0x42}, 32), true))
			if spoilt {
				ri[len(ri)-1] ^= 1
			}
			c := crafted{to: who, plain: message(signedParts{by: who, content: []byte("text")}.bytes(t)), cbc: cbc, infos: [][]byte{ri}, trail: []byte{0}}
			_, _, err := open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(c.bytes(t)))
			require.ErrorIs(t, err, envelope.ErrFormat, "cbc=%t spoilt=%t", cbc, spoilt)
		}
	}
}

// TestV15IsTriedOnce: of several, only the first is tried, so that nobody can
// ask which of them works.
func TestV15IsTriedOnce(t *testing.T) {
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	who := fresh["RSA-3072"]()
	key := bytes.Repeat([]byte{0x42}, 32)
	good := func() []byte { return must(smime.WrapFor(who.key.Certificate(), key, true)) }
	bad := good()
	bad[len(bad)-1] ^= 1
	for name, c := range map[string]struct {
		infos [][]byte
		ok    bool
	}{
		"good first":                    {[][]byte{good(), bad}, true},
		"bad first":                     {[][]byte{bad, good()}, false},
		"OAEP opens whatever v1.5 does": {[][]byte{bad, must(smime.WrapFor(who.key.Certificate(), key, false))}, true},
	} {
		_, _, err := open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(crafted{to: who, plain: []byte("x"), infos: c.infos}.bytes(t)))
		if c.ok {
			require.NoError(t, err, name)
		} else {
			require.Equal(t, envelope.ErrDecrypt, err, name)
		}
	}
}

// TestPrivateTrialLimit: no more private-key operations than allowed.
func TestPrivateTrialLimit(t *testing.T) {
	who := fresh["P-256"]()
	good := must(smime.WrapFor(who.key.Certificate(), bytes.Repeat([]byte{0x42}, 32), false))
	bad := bytes.Clone(good)
	bad[len(bad)-1] ^= 1
	for _, before := range []int{4, 5} {
		infos := append([][]byte{}, bytes.Clone(bad))
		for len(infos) < before {
			infos = append(infos, bad)
		}
		msg := crafted{to: who, plain: []byte("x"), infos: append(infos, good)}.bytes(t)
		o := envelope.Opener{Identities: who.identities(), Limits: envelope.Limits{PrivateKeys: 5}}
		_, _, err := open(o, bytes.NewReader(msg))
		if before == 4 {
			require.NoError(t, err)
		} else {
			require.Equal(t, envelope.ErrDecrypt, err)
		}
	}
}

// TestLostKeyIsNeverUsed: where no key was found, the one that is read on with
// is random, and one time in 256 what it decrypts to is padded well. Not even
// with permission for CBC may that come out.
func TestLostKeyIsNeverUsed(t *testing.T) {
	t.Parallel()
	who := fresh["P-256"]()
	ri := must(smime.WrapFor(who.key.Certificate(), bytes.Repeat([]byte{0x42}, 32), false))
	ri[len(ri)-1] ^= 1
	msg := crafted{to: who, plain: []byte("text"), cbc: true, infos: [][]byte{ri}}.bytes(t)
	o := envelope.Opener{Identities: who.identities()}
	o.Legacy.UnauthenticatedCBC = true
	for range 2000 {
		_, _, err := open(o, bytes.NewReader(msg))
		require.Equal(t, envelope.ErrDecrypt, err)
	}
}

// TestHeaderBytes: what is not content has a limit, at either end.
func TestHeaderBytes(t *testing.T) {
	who := fresh["P-256"]()
	for name, place := range map[string]func(c *crafted, n int){
		"originator":                 func(c *crafted, n int) { c.before = tlv(0xa0, make([]byte, n)) },
		"attributes":                 func(c *crafted, n int) { c.attrs = tlv(0xa1, attribute(sha256OID, tlv(4, make([]byte, n)))) },
		"unauthenticated attributes": func(c *crafted, n int) { c.after = tlv(0xa2, make([]byte, n)) },
		"one recipient":              func(c *crafted, n int) { c.infos = append(c.infos, tlv(0xa4, data, tlv(4, make([]byte, n)))) },
	} {
		for n, ok := range map[int]bool{60 << 10: true, 64 << 10: false} {
			c := crafted{to: who, plain: []byte("text")}
			c.infos = [][]byte{must(smime.WrapFor(who.key.Certificate(), bytes.Repeat([]byte{0x42}, 32), false))}
			place(&c, n)
			o := envelope.Opener{Identities: who.identities(), Limits: envelope.Limits{HeaderBytes: 64 << 10}}
			_, _, err := open(o, bytes.NewReader(c.bytes(t)))
			if ok {
				require.NoError(t, err, name)
			} else {
				require.ErrorIs(t, err, envelope.ErrLimit, name)
			}
		}
	}
}
