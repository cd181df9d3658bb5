package mail_test

import (
	"encoding/base64"
	"strings"
)

// beside builds an attack that puts foreign parts beside what Alice signed. In
// the twin she signed all of it.
func beside(name string, wrap func(inner string) string) attack {
	return attack{name: name, mail: func(c *cast, f string, attacks bool) string {
		if attacks {
			return header + wrap(signed(f, plain(genuine), c.alice))
		}
		return header + signed(f, wrap(plain(genuine)), c.alice)
	}}
}

// shaped builds an attack on the structure of a signed mail: it changes what
// stands in the mail, and signs nothing anew.
func shaped(name string, change func(f, mail string) string) attack {
	return attack{name: name, mail: func(c *cast, f string, attacks bool) string {
		m := header + signed(f, plain(genuine), c.alice)
		if attacks {
			m = change(f, m)
		}
		return m
	}}
}

func replaced(old, with string) func(string, string) string {
	return func(_, m string) string {
		sane(strings.Contains(m, old))
		return strings.Replace(m, old, with, 1)
	}
}

// Wrapping: "Johnny, you are fired!", Section 4.3 (M1 to M4).
func wrapAttacks() []attack {
	f, h := plain(foreign), page(foreign)
	withFields := func(fields, entity string) string { return fields + entity }
	return []attack{
		beside("mime-prepend", func(s string) string { return multipartOf("mixed", "out", f, s) }),
		beside("mime-append", func(s string) string { return multipartOf("mixed", "out", s, f) }),
		beside("mime-between", func(s string) string { return multipartOf("mixed", "out", f, s, f) }),
		beside("mime-append-html", func(s string) string { return multipartOf("mixed", "out", s, h) }),
		beside("mime-related", func(s string) string {
			return multipartOf("related", "out", page(foreign+`<img src="cid:x@example.net">`), withFields("Content-ID: <x@example.net>\r\n", s))
		}),
		beside("mime-alternative", func(s string) string { return multipartOf("alternative", "out", s, h) }),
		beside("mime-alternative-first", func(s string) string { return multipartOf("alternative", "out", h, s) }),
		beside("mime-hidden-css", func(s string) string {
			return multipartOf("mixed", "out", page(foreign+`<style>* { display: none }</style>`), s)
		}),
		beside("mime-newlines", func(s string) string {
			return multipartOf("mixed", "out", plain(foreign+strings.Repeat("\r\n", 200)), s)
		}),
		beside("mime-nested", func(s string) string { return multipartOf("mixed", "out", f, multipartOf("mixed", "in", s)) }),
		beside("mime-alone-in-mixed", func(s string) string { return multipartOf("mixed", "out", s) + foreign + "\r\n" }),
		beside("mime-preamble", func(s string) string {
			return strings.Replace(multipartOf("mixed", "out", s), "\r\n\r\n", "\r\n\r\n"+foreign+"\r\n", 1)
		}),
		beside("mime-attached", func(s string) string {
			return multipartOf("mixed", "out", f, withFields("Content-Disposition: attachment\r\n", s))
		}),
		beside("mime-embedded", func(s string) string { return multipartOf("mixed", "out", f, embedded(header+s)) }),
		beside("mime-embedded-alone", func(s string) string { return embedded(fromEve + rest + s) }),
		beside("mime-digest", func(s string) string { return multipartOf("digest", "out", header+f, header+s) }),
		beside("mime-legacy-display", func(s string) string { // hides its first lines only where it is protected
			return multipartOf("mixed", "out", strings.Replace(plain("Subject: "+foreign+"\r\n\r\n"+foreign), "utf-8", "utf-8; hp-legacy-display=1", 1), s)
		}),
		beside("mime-external-body", func(s string) string {
			return multipartOf("mixed", "out", "Content-Type: message/external-body; access-type=URL; URL=\"http://example.net/\"\r\n\r\n"+plain(foreign), s)
		}),
		beside("mime-partial", func(s string) string {
			return multipartOf("mixed", "out", "Content-Type: message/partial; id=a; number=1; total=2\r\n\r\n"+plain(foreign), s)
		}),
		beside("mime-two-signed", func(s string) string { return multipartOf("mixed", "out", s, s, f) }),
		{name: "mime-attachment-signed", mail: func(c *cast, f string, attacks bool) string {
			order := "Content-Disposition: attachment; filename=order.txt\r\n" + plain(genuine)
			if attacks {
				return header + multipartOf("mixed", "out", plain(foreign), signed(f, order, c.alice))
			}
			return header + signed(f, multipartOf("mixed", "out", plain(foreign), order), c.alice)
		}},
		{name: "mime-sealed-beside-signed", mail: func(c *cast, f string, attacks bool) string {
			if attacks {
				return header + multipartOf("mixed", "out", signed(f, plain(genuine), c.alice), sealed(f, plain(secret), []*someone{c.alice}, c.bob))
			}
			return header + sealed(f, multipartOf("mixed", "out", plain(genuine), plain(secret)), []*someone{c.alice}, c.bob)
		}},
		{name: "mime-unsealed-sibling", mail: func(c *cast, f string, attacks bool) string {
			whole := sealed(f, kept(plain(secret), header), []*someone{c.alice}, c.bob)
			if attacks {
				return header + multipartOf("mixed", "out", whole, plain(foreign))
			}
			return header + whole
		}},
		{name: "mime-hidden-in-sealed", mail: func(c *cast, f string, attacks bool) string {
			// What Alice signed alone stands among Eve's text in what Eve sealed.
			inner := multipartOf("mixed", "out", plain(foreign), signed(f, plain(genuine), c.alice))
			if attacks {
				return header + sealed(f, inner, nil, c.bob)
			}
			return header + sealed(f, multipartOf("mixed", "out", plain(foreign), plain(genuine)), []*someone{c.alice}, c.bob)
		}},
	}
}

// Ambiguous structure: Chen and others, "Inbox Invasion", CCS 2024; RFC 2045
// to 2047, where two programs see different parts.
func shapeAttacks() []attack {
	end := "--signed-outside--\r\n"
	return []attack{
		shaped("shape-three-parts", replaced(end, "--signed-outside\r\n"+plain(foreign)+"\r\n"+end)),
		shaped("shape-one-part", func(_, m string) string {
			i := strings.LastIndex(m[:len(m)-30], "--signed-outside")
			return m[:i] + end
		}),
		shaped("shape-parts-swapped", func(_, m string) string {
			p := strings.Split(m, "--signed-outside\r\n")
			second := strings.TrimSuffix(p[2], end)
			return p[0] + "--signed-outside\r\n" + second + "--signed-outside\r\n" + p[1] + end
		}),
		shaped("shape-epilogue", func(_, m string) string { return m + "\r\n" + foreign + "\r\n" }),
		shaped("shape-epilogue-part", func(_, m string) string { return m + "--signed-outside\r\n" + plain(foreign) + end }),
		shaped("shape-epilogue-mail", func(_, m string) string { return m + ".\r\n" + fromEve + rest + plain(foreign) }),
		shaped("shape-no-end", replaced(end, "")),
		shaped("shape-boundary-twice", replaced("boundary=\"signed-outside\"", "boundary=\"other\"; boundary=\"signed-outside\"")),
		shaped("shape-boundary-twice-last", replaced("boundary=\"signed-outside\"", "boundary=\"signed-outside\"; boundary=\"other\"")),
		shaped("shape-boundary-continued", replaced("boundary=\"signed-outside\"", "boundary*0=\"ot\"; boundary*1=\"her\"; boundary=\"signed-outside\"")),
		shaped("shape-boundary-encoded", replaced("boundary=\"signed-outside\"", "boundary=\"signed-outside\"; boundary*=utf-8''other")),
		shaped("shape-boundary-empty", replaced("boundary=\"signed-outside\"", "boundary=\"\"")),
		shaped("shape-boundary-missing", replaced("; boundary=\"signed-outside\"", "")),
		shaped("shape-boundary-blank-end", replaced("boundary=\"signed-outside\"", "boundary=\"signed-outside \"")),
		shaped("shape-two-content-types", replaced("Content-Type: multipart/signed", "Content-Type: text/html\r\nContent-Type: multipart/signed")),
		shaped("shape-two-content-types-last", replaced(version, version+"Content-Type: multipart/mixed; boundary=other\r\n")),
		shaped("shape-content-type-behind", func(_, m string) string {
			return strings.Replace(m, "\r\n\r\n", "\r\nContent-Type: text/html\r\n\r\n", 1)
		}),
		shaped("shape-space-before-colon", replaced(version, version+"Content-Type : text/html\r\n")),
		shaped("shape-two-encodings", replaced(version, version+"Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n")),
		shaped("shape-encoding-base64", replaced(version, version+"Content-Transfer-Encoding: base64\r\n")),
		shaped("shape-encoding-quoted", replaced(version, version+"Content-Transfer-Encoding: quoted-printable\r\n")),
		shaped("shape-encoding-unknown", replaced(version, version+"Content-Transfer-Encoding: x-uuencode\r\n")),
		shaped("shape-blank-header-line", replaced(version, version+" \r\n\t\r\n")),
		shaped("shape-line-without-colon", replaced(version, version+foreign+"\r\n")),
		shaped("shape-nul-in-header", replaced("Content-Type: multipart/signed", "Content-Type: multipart/sig\x00ned")),
		shaped("shape-nul-in-boundary", replaced("boundary=\"signed-outside\"", "boundary=\"signed-outside\x00x\"")),
		shaped("shape-bare-cr-in-header", replaced(version, "X-A: b\rContent-Type: text/html\r\n"+version)),
		shaped("shape-signed-as-mixed", replaced("multipart/signed", "multipart/mixed")),
		shaped("shape-signed-as-alternative", replaced("multipart/signed", "multipart/alternative")),
		shaped("shape-text-appended", replaced(genuine, genuine+"\r\n"+foreign)),
		shaped("shape-header-added", replaced("Content-Type: text/plain", "Content-Disposition: attachment; filename=a.html\r\nContent-Type: text/plain")),
		shaped("shape-type-changed", replaced("Content-Type: text/plain", "Content-Type: text/html")),
		shaped("shape-charset-changed", replaced("charset=utf-8", "charset=utf-7")),
		shaped("shape-signature-removed", func(f, m string) string {
			i := strings.LastIndex(m, "Content-Type: application/")
			return m[:i] + plain(foreign) + "\r\n" + end
		}),
		shaped("shape-all-base64", func(_, m string) string {
			head, body := split(m)
			return head + "Content-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(body)) + "\r\n"
		}),
		sealedShape("shape-sealed-epilogue", "pgp", func(m string) string { return m + foreign + "\r\n" }),
		sealedShape("shape-sealed-version-other", "pgp", func(m string) string {
			return strings.Replace(m, "Content-Type: application/pgp-encrypted", "Content-Type: text/plain", 1)
		}),
		sealedShape("shape-sealed-two-encodings", "pgp", func(m string) string {
			return strings.Replace(m, "name=encrypted.asc\r\n", "name=encrypted.asc\r\nContent-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n", 1)
		}),
		sealedShape("shape-sealed-boundary-twice", "pgp", func(m string) string {
			return strings.Replace(m, "boundary=\"", "boundary=\"other\"; boundary=\"", 1)
		}),
		sealedShape("shape-sealed-two-types", "", func(m string) string { return strings.Replace(m, version, version+"Content-Type: text/html\r\n", 1) }),
		sealedShape("shape-sealed-text-before", "smime", func(m string) string { return strings.Replace(m, "\r\n\r\n", "\r\n\r\n<b>"+foreign+"</b>\r\n\r\n", 1) }),
		sealedShape("shape-sealed-two-cte", "smime", func(m string) string {
			return strings.Replace(m, version, version+"Content-Transfer-Encoding: 7bit\r\n", 1)
		}),
		// Signed so by Alice: parts in which a program can find others.
		inside("shape-prefix-boundary", multipartOf("mixed", "signed-outside-in", plain(genuine), plain(foreign)), multipartOf("mixed", "inside", plain(genuine), plain(foreign))),
		inside("shape-same-boundary", multipartOf("mixed", "signed-outside", plain(genuine)), multipartOf("mixed", "inside", plain(genuine))),
		inside("shape-inner-no-end", strings.TrimSuffix(multipartOf("mixed", "inside", plain(genuine), plain(foreign)), "--inside--\r\n"), multipartOf("mixed", "inside", plain(genuine), plain(foreign))),
		inside("shape-inner-two-types", "Content-Type: text/html\r\n"+plain(genuine+foreign), plain(genuine+foreign)),
		inside("shape-inner-two-encodings", "Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n"+plain(genuine), "Content-Transfer-Encoding: 7bit\r\n"+plain(genuine)),
		inside("shape-inner-boundary-twice", "Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n--a\r\n"+plain(genuine)+"\r\n--a--\r\n--b\r\n"+plain(foreign)+"\r\n--b--\r\n", multipartOf("mixed", "a", plain(genuine))),
		inside("shape-inner-base64-multipart", "Content-Transfer-Encoding: base64\r\n"+multipartOf("mixed", "inside", plain(genuine)), "Content-Transfer-Encoding: 7bit\r\n"+multipartOf("mixed", "inside", plain(genuine))),
		// What is in a part ends, or is something else, for some programs.
		inside("shape-inner-base64-goes-on", base64Part("R0VOVUlORS1PUkRFUg==\r\nRk9SRUlHTi1JTlNFUlQ="), base64Part("R0VOVUlORS1PUkRFUg==")),
		inside("shape-inner-base64-cut", base64Part("R0VOVUlORS1PUkRFUgAAA"), base64Part("R0VOVUlORS1PUkRFUg==")),
		inside("shape-inner-base64-stray", base64Part("R0VOVUlO*RS1PUkRFUg=="), base64Part("R0VOVUlORS1PUkRFUg==")),
		inside("shape-inner-quoted-damaged", "Content-Transfer-Encoding: quoted-printable\r\n"+plain(genuine+"=XZ"), "Content-Transfer-Encoding: quoted-printable\r\n"+plain(genuine+"=20")),
		inside("shape-inner-parameter-junk", strings.Replace(plain(genuine), "utf-8", "utf-8 x", 1), plain(genuine)),
		inside("shape-inner-nul", plain(genuine+"\x00"+foreign), plain(genuine+foreign)),
		inside("shape-inner-dashes-behind-cr", plain(genuine+"\r--inside"), plain(genuine+"\r\n--inside")),
		inside("shape-inner-nested-same", multipartOf("mixed", "inside", multipartOf("mixed", "inside", plain(genuine)), plain(foreign)), multipartOf("mixed", "inside", multipartOf("mixed", "deeper", plain(genuine)), plain(foreign))),
	}
}

// sealedShape is an attack on the structure around what is sealed.
func sealedShape(name, only string, change func(mail string) string) attack {
	return attack{name: name, only: only, mail: func(c *cast, f string, attacks bool) string {
		m := header + c.aSecret(f)
		if attacks {
			m = change(m)
		}
		return m
	}}
}

// inside is an attack in which the ambiguity is signed: by one who means two
// programs to show two mails.
func inside(name, odd, plain string) attack {
	return attack{name: name, mail: func(c *cast, f string, attacks bool) string {
		if attacks {
			return header + signed(f, odd, c.alice)
		}
		return header + signed(f, plain, c.alice)
	}}
}

func base64Part(body string) string {
	return "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body + "\r\n"
}
