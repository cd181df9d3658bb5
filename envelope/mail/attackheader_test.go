package mail_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// swapped is an attack on the outer header of a mail that protects its own
// (RFC 9788, Section 4): sealed, or signed alone.
func swapped(name, old, with string) []attack {
	change := func(m string, attacks bool) string {
		if !attacks {
			return m
		}
		sane(strings.Contains(m, old))
		return strings.Replace(m, old, with, 1)
	}
	return []attack{
		{name: "header-sealed-" + name, mail: func(c *cast, f string, attacks bool) string {
			outer := strings.Replace(header, subject, "Subject: [...]\r\n", 1)
			inner := protect(plain(secret), "cipher", header, "From: Alice <"+aliceAddress+">", "To: Bob <"+bobAddress+">",
				"Subject: [...]", strings.TrimSuffix(date, "\r\n"), strings.TrimSuffix(messageID, "\r\n"))
			return change(outer+sealed(f, inner, []*someone{c.alice}, c.bob), attacks)
		}},
		{name: "header-signed-" + name, mail: func(c *cast, f string, attacks bool) string {
			return change(strings.Replace(header, subject, "Subject: [...]\r\n", 1)+
				signed(f, protect(plain(genuine), "clear", strings.Replace(header, subject, "Subject: [...]\r\n", 1)), c.alice), attacks)
		}},
		// The older ways to protect a header say nothing of what is outside.
		{name: "header-v1-" + name, mail: func(c *cast, f string, attacks bool) string {
			inner := strings.Replace(protect(plain(secret), "", header), "hp=\"\"", "protected-headers=\"v1\"", 1)
			return change(strings.Replace(header, subject, "Subject: [...]\r\n", 1)+sealed(f, inner, []*someone{c.alice}, c.bob), attacks)
		}},
		{name: "header-wrapped-" + name, mail: func(c *cast, f string, attacks bool) string {
			return change(strings.Replace(header, subject, "Subject: [...]\r\n", 1)+
				sealed(f, embedded(header+plain(secret)), []*someone{c.alice}, c.bob), attacks)
		}},
	}
}

// Headers: RFC 9788, Sections 4.3, 4.4 and 10.
func headerAttacks() (all []attack) {
	for _, s := range [][3]string{
		{"subject", "Subject: [...]", "Subject: " + foreign},
		{"from", fromAlice, "From: Alice <alice@example.com>\r\n"},
		{"from-name", fromAlice, "From: \"Your Bank\" <" + aliceAddress + ">\r\n"},
		{"from-comment", fromAlice, "From: Alice <" + aliceAddress + "> (your bank)\r\n"},
		{"to-group", toBob, "To: all of " + foreign + ": Bob <" + bobAddress + ">;\r\n"},
		{"to", toBob, "To: Eve <" + eveAddress + ">\r\n"},
		{"to-added", toBob, "To: Bob <" + bobAddress + ">, Eve <" + eveAddress + ">\r\n"},
		{"cc-added", date, date + "Cc: Eve <" + eveAddress + ">\r\n"},
		{"date", date, "Date: Wed, 04 Mar 2020 09:15:00 +0100\r\n"},
		{"reply-to-added", date, date + "Reply-To: Eve <" + eveAddress + ">\r\n"},
		{"subject-twice", "Subject: [...]\r\n", "Subject: " + foreign + "\r\nSubject: [...]\r\n"},
		{"from-twice", fromAlice, fromEve + fromAlice},
		{"date-twice", date, "Date: Wed, 04 Mar 2020 09:15:00 +0100\r\n" + date},
	} {
		for _, a := range swapped(s[0], s[1], s[2]) {
			// The older parameter leaves open what is not inside (Field.Signed).
			if a.name != "header-v1-cc-added" && a.name != "header-v1-reply-to-added" {
				all = append(all, a)
			}
		}
	}
	return append(all,
		attack{name: "header-forged-protection", mail: func(c *cast, f string, attacks bool) string {
			entity := protect(plain(genuine), "clear", header)
			if attacks {
				return entity // nobody signed it
			}
			return header + signed(f, entity, c.alice)
		}},
		attack{name: "header-forged-on-root", mail: func(c *cast, f string, attacks bool) string {
			m := fromAlice + toBob + "Subject: " + foreign + "\r\n" + date + messageID + version
			s := signed(f, plain(genuine), c.alice)
			if attacks {
				// Parameters and a part that claim protection, outside the signature.
				return m + strings.Replace(multipartOf("mixed", "out", protect(plain(foreign), "clear", m), s), "multipart/mixed", "multipart/mixed; hp=clear", 1)
			}
			return m + s
		}},
		attack{name: "header-subject-added", mail: func(c *cast, f string, attacks bool) string {
			// The author wrote no subject, and somebody on the way did.
			fields := strings.Replace(header, subject, "", 1)
			if attacks {
				return header + signed(f, protect(plain(genuine), "clear", fields), c.alice)
			}
			return fields + signed(f, protect(plain(genuine), "clear", fields), c.alice)
		}},
		attack{name: "header-outer-hp-outer", mail: func(c *cast, f string, attacks bool) string {
			// HP-Outer counts inside the protection alone.
			outer := header
			if attacks {
				outer = strings.Replace(header, subject, "Subject: "+foreign+"\r\nHP-Outer: Subject: "+foreign+"\r\n", 1)
			}
			return outer + signed(f, protect(plain(genuine), "clear", header), c.alice)
		}},
		attack{name: "header-outer-hp-outer-sealed", mail: func(c *cast, f string, attacks bool) string {
			outer := header
			if attacks {
				outer = strings.Replace(header, subject, "HP-Outer: Subject: "+foreign+"\r\nSubject: "+foreign+"\r\n", 1)
			}
			return outer + sealed(f, kept(plain(secret), header), []*someone{c.alice}, c.bob)
		}},
		attack{name: "header-in-sibling", mail: func(c *cast, f string, attacks bool) string {
			// A protected header stands on the payload's root and nowhere else.
			fake := protect(plain(foreign), "clear", strings.Replace(header, subject, "Subject: "+foreign+"\r\n", 1))
			if attacks {
				return header + multipartOf("mixed", "out", fake, signed(f, plain(genuine), c.alice))
			}
			return header + signed(f, multipartOf("mixed", "out", fake, plain(genuine)), c.alice)
		}},
		attack{name: "header-wrapped-other-from", mail: func(c *cast, f string, attacks bool) string {
			// RFC 8551, Section 3.1: a wrapped message has its own header.
			inner := fromEve
			if attacks {
				inner = fromAlice
			}
			return fromEve + rest + signed(f, strings.Replace(embedded(inner+rest+plain(foreign)), "rfc822", "rfc822; forwarded=no", 1), c.eve)
		}},
	)
}

// forwarded is a mail that Alice sealed for Carol, who made Bob a reader too
// (Davis, "Defective Sign & Encrypt", USENIX 2001). In the twin Bob was meant.
func forwarded(name string, mail func(c *cast, f string, to *someone) string) attack {
	return attack{name: name, mail: func(c *cast, f string, attacks bool) string {
		if attacks {
			return mail(c, f, c.carol)
		}
		return mail(c, f, c.bob)
	}}
}

func headersTo(to *someone) string { return strings.Replace(header, bobAddress, to.address, 1) }

func forwardAttacks() []attack {
	resealed := func(c *cast, f, entity string, to *someone) string {
		m := sealedBytes(f, 1, entity, []*someone{c.alice}, to)
		if to != c.bob {
			m = reached(f, m, to, c.bob)
		}
		return sealedPart(f, m)
	}
	return []attack{
		forwarded("forward-readdressed", func(c *cast, f string, to *someone) string {
			return header + resealed(c, f, kept(plain(secret), headersTo(to)), to)
		}),
		forwarded("forward-same-header", func(c *cast, f string, to *someone) string {
			return headersTo(to) + resealed(c, f, kept(plain(secret), headersTo(to)), to)
		}),
		forwarded("forward-named-in-display-name", func(c *cast, f string, to *someone) string {
			fields := strings.Replace(headersTo(to), "To: Bob <", "To: \"bob@example.org\" <", 1)
			return fields + resealed(c, f, kept(plain(secret), fields), to)
		}),
		forwarded("forward-decrypted", func(c *cast, f string, to *someone) string {
			// What was sealed for Carol comes without encryption, signature and all.
			return headersTo(to) + signed(f, kept(plain(genuine), headersTo(to)), c.alice)
		}),
		forwarded("forward-signed-resealed", func(c *cast, f string, to *someone) string {
			// multipart/signed, which Carol seals for Bob: nothing of OpenPGP
			// says whom it was for, and only the protected header does.
			return header + sealed(f, signed(f, protect(plain(secret), "clear", headersTo(to)), c.alice), nil, c.bob)
		}),
	}
}

// Signatures that are taken away, replaced, or outside alone (threat of
// encrypt-then-sign: Anderson and Needham, 1995).
func stripAttacks() []attack {
	return []attack{
		{name: "strip-signature", mail: func(c *cast, f string, attacks bool) string {
			if attacks {
				return header + plain(genuine)
			}
			return header + signed(f, plain(genuine), c.alice)
		}},
		{name: "strip-signature-inside", mail: func(c *cast, f string, attacks bool) string {
			if attacks {
				return header + sealed(f, kept(plain(foreign), header), nil, c.bob)
			}
			return header + sealed(f, kept(plain(foreign), header), []*someone{c.alice}, c.bob)
		}},
		{name: "strip-replaced-by-eve", mail: func(c *cast, f string, attacks bool) string {
			if attacks {
				return header + signed(f, plain(genuine), c.eve)
			}
			return header + signed(f, plain(genuine), c.alice)
		}},
		{name: "strip-signed-outside-only", mail: func(c *cast, f string, attacks bool) string {
			if attacks {
				return header + signed(f, sealed(f, plain(secret), nil, c.bob), c.alice)
			}
			return header + signed(f, sealed(f, plain(secret), []*someone{c.alice}, c.bob), c.alice)
		}},
		{name: "strip-signed-outside-by-eve", mail: func(c *cast, f string, attacks bool) string {
			// Eve takes Alice's signature off and puts hers around what she cannot read.
			if attacks {
				return fromEve + rest + signed(f, sealed(f, plain(secret), nil, c.bob), c.eve)
			}
			return fromEve + rest + signed(f, sealed(f, plain(secret), []*someone{c.eve}, c.bob), c.eve)
		}},
		{name: "strip-outside-other-inside", mail: func(c *cast, f string, attacks bool) string {
			if attacks {
				return header + signed(f, sealed(f, plain(foreign), []*someone{c.eve}, c.bob), c.alice)
			}
			return header + signed(f, sealed(f, plain(foreign), []*someone{c.alice}, c.bob), c.alice)
		}},
		outsideSealed("strip-outside-third-part", func(c *cast, f, inner string) []string {
			return []string{inner, plain(foreign), signaturePart(f, detached(f, inner, c.alice))}
		}),
		outsideSealed("strip-outside-part-behind", func(c *cast, f, inner string) []string {
			return []string{inner, signaturePart(f, detached(f, inner, c.alice)), page(foreign)}
		}),
		outsideSealed("strip-outside-text-for-signature", func(_ *cast, _, inner string) []string { return []string{inner, page(foreign)} }),
		outsideSealed("strip-outside-in-mixed", func(c *cast, f, inner string) []string {
			inner = multipartOf("mixed", "between", inner, plain(foreign))
			return []string{inner, signaturePart(f, detached(f, inner, c.eve))}
		}),
		resealed("strip-inside-two-types", "Content-Type: multipart", "Content-Type : text/html\r\nContent-Type: multipart"),
		resealed("strip-inside-blank-line", "\r\n\r\n--signed", "\r\n \r\nX: y\r\n\r\n--signed"),
		resealed("strip-inside-no-name", "Content-Type: multipart", foreign+" text: more\r\nContent-Type: multipart"),
		resealed("strip-inside-line-end", "--signed-outside\r\nContent-Type: text", "--signed-outside\nContent-Type: text"),
		resealed("strip-inside-boundary", "--signed-outside\r\nContent-Type: application", "--signed-outside\r\r\nContent-Type: application"),
		{name: "strip-inside-bad", mail: func(c *cast, f string, attacks bool) string {
			inner := signed(f, plain(secret), c.alice)
			if attacks {
				inner = strings.Replace(inner, secret, foreign, 1)
			}
			return header + sealed(f, inner, nil, c.bob)
		}},
	}
}

// outsideSealed is an attack by the signature around what Alice sealed, which
// says nothing of her: so nothing may come in beside it. In the twin it is good.
func outsideSealed(name string, parts func(c *cast, f, inner string) []string) attack {
	return attack{name: name, mail: func(c *cast, f string, attacks bool) string {
		inner := c.aSecret(f)
		if attacks {
			return header + signedType(f, "signed-outside") + "\r\n" + delimited("signed-outside", parts(c, f, inner)...)
		}
		return header + signed(f, inner, c.alice)
	}}
}

// Time and standing of the signer's key.
func timeAttacks() []attack {
	return []attack{
		{name: "time-future", mail: func(c *cast, f string, attacks bool) string { return header + signed(f, plain(genuine), c.alice) },
			opener: func(_ testing.TB, _ *cast, o *mail.Opener, attacks bool) {
				if attacks {
					o.Time = func() time.Time { return time.Now().Add(-48 * time.Hour) }
				}
			}},
		{name: "time-expired", only: "smime", mail: func(c *cast, f string, attacks bool) string {
			s := c.eve.info(plain(genuine))
			s.cert = expired(c, attacks)
			return header + cmsPart("signed-data", signedData([]byte(plain(genuine)), []*x509.Certificate{s.cert}, s))
		}, opener: func(_ testing.TB, c *cast, o *mail.Opener, attacks bool) {
			o.Senders = []*keyring.Verified{believe(parsed(expired(c, attacks)))}
		}},
		{name: "time-revoked", only: "pgp", mail: func(c *cast, f string, attacks bool) string { return header + signed(f, plain(genuine), c.alice) },
			opener: func(_ testing.TB, c *cast, o *mail.Opener, attacks bool) {
				if !attacks {
					return
				}
				o.Senders = nil
				k := sure(c.alice.pgp.Revoke(pgp.Compromised, ""))
				if v, err := keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint())); err == nil {
					o.Senders = append(o.Senders, v)
				}
			}},
	}
}

// expired is a certificate of Alice's that ended, or in the twin did not.
func expired(c *cast, ended bool) *x509.Certificate {
	if ended {
		return c.ended
	}
	return c.fits
}

// listed is a mail that a list passed on with its own text; in the twin Alice
// wrote that text, and the list added nothing.
func listed(name, list string, wrap func(string) string) attack {
	return attack{name: name, mail: func(c *cast, f string, attacks bool) string {
		if attacks {
			return header + list + wrap(signed(f, plain(genuine), c.alice))
		}
		return header + list + signed(f, wrap(plain(genuine)), c.alice)
	}}
}

// Mailing lists: what they add is not the author's.
func listAttacks() []attack {
	list := "List-Id: Orders <orders.example.com>\r\nList-Post: <mailto:orders@example.com>\r\nSender: orders-bounces@example.com\r\n"
	footer := plain("_____\r\norders mailing list " + foreign)
	return []attack{
		listed("list-footer", list, func(s string) string { return multipartOf("mixed", "out", s, footer) }),
		listed("list-header-and-footer", list, func(s string) string { return multipartOf("mixed", "out", footer, s, footer) }),
		{name: "list-from-rewritten", mail: func(c *cast, f string, attacks bool) string {
			from := fromAlice
			if attacks {
				from = "From: Alice via Orders <orders@example.com>\r\n"
			}
			return from + list + rest + signed(f, plain(genuine), c.alice)
		}},
		{name: "list-footer-in-text", mail: func(c *cast, f string, attacks bool) string {
			s := signed(f, plain(genuine), c.alice)
			if attacks {
				s = strings.Replace(s, genuine, genuine+"\r\n_____\r\n"+foreign, 1)
			}
			return header + list + s
		}},
		{name: "list-footer-sealed", mail: func(c *cast, f string, attacks bool) string {
			s := c.aSecret(f)
			if attacks {
				s = multipartOf("mixed", "out", s, footer)
			}
			return header + list + s
		}},
	}
}

// resealed is what Alice signed, sealed anew by somebody who changed what is
// around the signed part, so that programs find different parts in it.
func resealed(name, old, with string) attack {
	return attack{name: name, mail: func(c *cast, f string, attacks bool) string {
		inner := signed(f, plain(genuine), c.alice)
		sane(strings.Contains(inner, old))
		if attacks {
			inner = strings.Replace(inner, old, with, 1)
		}
		return header + sealed(f, inner, nil, c.bob)
	}}
}
