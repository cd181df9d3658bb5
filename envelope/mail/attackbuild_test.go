package mail_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// What the mails say. Each word stands in texts of one origin only, so that a
// part that holds two of them merges what must be kept apart.
const (
	secret  = "SECRET-SALARY"  // what Alice sealed
	genuine = "GENUINE-ORDER"  // what Alice signed
	foreign = "FOREIGN-INSERT" // what the attacker put there
)

// formats are both container formats: what is told of MIME holds for both.
var formats = []string{"pgp", "smime"}

// An entity is a part of a mail as it stands there: header, empty line, body.

func plain(s string) string {
	return "Content-Type: text/plain; charset=utf-8\r\n\r\n" + s + "\r\n"
}

func page(s string) string {
	return "Content-Type: text/html; charset=utf-8\r\n\r\n" + s + "\r\n"
}

func multipartOf(kind, boundary string, parts ...string) string {
	return "Content-Type: multipart/" + kind + "; boundary=\"" + boundary + "\"\r\n\r\n" + delimited(boundary, parts...)
}

func delimited(boundary string, parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\n" + p + "\r\n")
	}
	return b.String() + "--" + boundary + "--\r\n"
}

func embedded(mail string) string { return "Content-Type: message/rfc822\r\n\r\n" + mail }

// The header of every mail, unless an attack says otherwise.
const (
	fromAlice = "From: Alice <" + aliceAddress + ">\r\n"
	fromEve   = "From: Eve <" + eveAddress + ">\r\n"
	toBob     = "To: Bob <" + bobAddress + ">\r\n"
	toCarol   = "To: Carol <" + carolAddress + ">\r\n"
	subject   = "Subject: Payslip\r\n"
	date      = "Date: Tue, 03 Mar 2026 09:15:00 +0100\r\n"
	messageID = "Message-ID: <payslip.1@example.org>\r\n"
	version   = "MIME-Version: 1.0\r\n"

	rest   = toBob + subject + date + messageID + version
	header = fromAlice + rest
)

// split cuts an entity behind its header.
func split(entity string) (head, body string) {
	head, body, _ = strings.Cut(entity, "\r\n\r\n")
	return head + "\r\n", body
}

// protect puts fields into an entity as RFC 9788, Section 4.1 says.
func protect(entity, hp, fields string, outer ...string) string {
	for _, f := range outer {
		fields += "HP-Outer: " + f + "\r\n"
	}
	head, body := split(entity)
	first, others, _ := strings.Cut(head, "\r\n")
	return fields + first + "; hp=\"" + hp + "\"\r\n" + others + "\r\n" + body
}

// kept is an entity with fields that are all outside too: hp="cipher", and
// HP-Outer says of each of them what stands there.
func kept(entity, fields string) string {
	outer := strings.Replace(fields, version, "", 1)
	return protect(entity, "cipher", fields, strings.Split(strings.TrimSuffix(outer, "\r\n"), "\r\n")...)
}

// base64Lines is the body of a part in base64.
func base64Lines(b []byte) string {
	s := base64.StdEncoding.EncodeToString(b)
	var out strings.Builder
	for len(s) > 76 {
		out.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	return out.String() + s + "\r\n"
}

// armored wraps packets as text: the checksum is optional (RFC 9580, Section 6.1).
func armored(kind string, packets []byte) string {
	return "-----BEGIN PGP " + kind + "-----\r\n\r\n" + base64Lines(packets) + "-----END PGP " + kind + "-----\r\n"
}

type (
	writer  = io.Writer
	starter = func(writer) (*envelope.Writer, error)
)

// through runs a Writer over s.
func through(s string, start starter) []byte {
	var b bytes.Buffer
	w := sure(start(&b))
	defer w.Abort()
	sure(io.WriteString(w, s))
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func signersOf(f string, by ...*someone) (s []envelope.Signer) {
	for _, p := range by {
		s = append(s, p.signer(f))
	}
	return s
}

// detached is a signature over content.
func detached(f, content string, by ...*someone) []byte {
	s := &envelope.Sealer{Signers: signersOf(f, by...)}
	return through(content, s.SignDetached)
}

// signaturePart is the second part of a multipart/signed.
func signaturePart(f string, sig []byte) string {
	if f == "pgp" {
		return "Content-Type: application/pgp-signature; name=signature.asc\r\n\r\n" + armored("SIGNATURE", sig)
	}
	return "Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64Lines(sig)
}

// signedType is the header of a multipart/signed.
func signedType(f, boundary string) string {
	protocol, mic := "application/pgp-signature", "pgp-sha512"
	if f == "smime" {
		protocol, mic = "application/pkcs7-signature", "sha-256"
	}
	return fmt.Sprintf("Content-Type: multipart/signed; protocol=%q; micalg=%s; boundary=%q\r\n", protocol, mic, boundary)
}

// signedWith is a multipart/signed of an entity and any signature.
func signedWith(f, boundary, entity string, sig []byte) string {
	// RFC 2046, Section 5.1.1: the line end before a boundary belongs to it.
	return signedType(f, boundary) + "\r\n" + delimited(boundary, entity, signaturePart(f, sig))
}

// signed is a multipart/signed of an entity.
func signed(f, entity string, by ...*someone) string {
	return signedWith(f, "signed-outside", entity, detached(f, entity, by...))
}

// sealedBytes is an encrypted message of an entity, binary.
func sealedBytes(f string, p envelope.Profile, entity string, by []*someone, to ...*someone) []byte {
	s := &envelope.Sealer{Profile: p, Signers: signersOf(f, by...), Entity: f == "smime"}
	s.Legacy.UnauthenticatedCBC = true // for the attacks that need it
	var v []*keyring.Verified
	for _, r := range to {
		v = append(v, r.verified(f))
	}
	return through(entity, sealTo(s, v...))
}

// sealedPart wraps an encrypted message as the body of a mail.
func sealedPart(f string, message []byte) string {
	if f == "smime" {
		return cmsPart("authEnveloped-data", message)
	}
	return encryptedWith("encrypted-pgp", "Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n"+armored("MESSAGE", message))
}

// encryptedWith is a multipart/encrypted (RFC 3156, Section 4) of any second part.
func encryptedWith(boundary, second string) string {
	return "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"" + boundary + "\"\r\n\r\n" +
		delimited(boundary, "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n", second)
}

// cmsPart is a part of S/MIME (RFC 8551, Section 3.2).
func cmsPart(smimeType string, der []byte) string {
	return "Content-Type: application/pkcs7-mime; smime-type=" + smimeType + "; name=smime.p7m\r\n" +
		"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=smime.p7m\r\n\r\n" + base64Lines(der)
}

// sealed is an encrypted entity with the signatures of by inside.
func sealed(f, entity string, by []*someone, to ...*someone) string {
	return sealedPart(f, sealedBytes(f, envelope.Modern, entity, by, to...))
}

// reached adds a reader to a message, who re-encrypts nothing that was signed:
// the means of surreptitious forwarding (Davis, 2001).
func reached(f string, message []byte, by, to *someone) []byte {
	var b bytes.Buffer
	id := by.pgp.Identity()
	if f == "smime" {
		id = by.smime.Identity()
	}
	o := &envelope.Opener{Identities: []envelope.Identity{id}}
	sure(envelope.Rewrap(&b, bytes.NewReader(message), o, &envelope.Sealer{Profile: envelope.Modern}, to.verified(f)))
	return b.Bytes()
}

var bothFormats = []envelope.Format{pgp.Format(), smime.Format()}
