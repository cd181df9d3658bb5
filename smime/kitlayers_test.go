package smime_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"strconv"
	"strings"
)

// kitInside are about signatures inside of the encryption.
func kitInside(k *kitMaker, _ func(string) (*element, string)) {
	to := []*element{kitShared(kitIV)}
	signed := []*element{kitAttribute(kitContentType, object(kitSignedType))}
	gcm := func(plain []byte) *element {
		return kitSealed{infos: to, ctype: kitSignedType, attrs: signed, plain: plain}.message()
	}
	cbc := func(plain []byte) *element {
		return kitSealed{infos: to, cipher: kitCBC256, ctype: kitSignedType, plain: plain}.message()
	}
	for _, c := range []struct {
		group string
		seal  func([]byte) *element
		// What the same fault leads to: under CBC nothing may be told.
		bad, weak, none string
		zero, declared  string // checks
	}{
		{"inside-gcm", gcm, "bad", "unsupported", "unsigned", "zero signatures are none", "signed content under GCM is SignedData"},
		{"inside-cbc", cbc, "decrypt", "decrypt", "decrypt", "CBC needs a signature inside", "CBC content is released with a signature or not at all"},
	} {
		k.start(c.group, "sealed-signed", "shared")
		good := func(change func(sd *element)) *element {
			sd := kitSigned{}.signedData()
			change(sd)
			return c.seal(sd.bytes())
		}
		k.good("good", good(func(*element) {}))
		fault := func(name, fault, rfc, named, expect string, how func(sd *element)) {
			k.made(name, fault, rfc, named, expect, good(how))
		}
		fault("signature-flipped", "a bit of the signature is flipped", "RFC 5652, Section 5.6", "the signature is verified", c.bad, func(sd *element) { sd.at(-1, 0, 5).flip(-1) })
		fault("content-flipped", "a bit of the content is flipped", "RFC 5652, Section 5.6", "messageDigest is the content's", c.bad, func(sd *element) { sd.at(2, 1, 0).flip(0) })
		fault("attributes-dropped", "the signed attributes are taken away", "RFC 5652, Section 5.4", "a signature has signed attributes", c.weak, func(sd *element) { sd.at(-1, 0).remove(3) })
		fault("no-signer", "no signature", "RFC 5652, Section 5.1", c.zero, c.none, func(sd *element) { sd.at(-1).kids = nil })
		fault("version-6", "CMSVersion 6 of the SignedData", "RFC 5652, Section 5.1", "versions of CMS are known ones", "decrypt", func(sd *element) { sd.at(0).set(6) })
		fault("no-content", "the signature is detached", "RFC 8551, Section 3.5", c.declared, "decrypt", func(sd *element) { sd.at(2).remove(1) })
		fault("more", "an element after the signatures", "RFC 5652, Section 5.1", "an element is left at its end", "decrypt", func(sd *element) { sd.add(nothing()) })
		whole := kitSigned{}.signedData().bytes()
		k.made("trailing", "an octet after the SignedData", "RFC 5652, Section 6.1", "nothing follows signed content inside", "decrypt", c.seal(append(bytes.Clone(whole), 0)))
		k.made("cut", "the SignedData lacks its last octet", "RFC 5652, Section 6.1", c.declared, "decrypt", c.seal(whole[:len(whole)-1]))
		k.made("not-signed", "the content is no SignedData", "RFC 5652, Section 6.1", c.declared, "decrypt", c.seal([]byte(kitPayload)))
		k.fine("content-info", "a ContentInfo around it, which some write", "RFC 5652, Section 6", func(m *element) {
			*m = *c.seal(kitSigned{}.message().bytes())
		})
	}
	k.start("inside-cbc", "sealed-signed", "shared")
	whole := kitSigned{}.signedData().bytes()
	m := cbc(whole)
	k.from("good", m)
	content := func(m *element) *element { return m.at(1, 0, 2, 2) }
	pad := 16 - len(whole)%16
	padded := func(padding []byte) *element {
		return kitSealed{infos: to, cipher: kitCBC256, ctype: kitSignedType, plain: whole, padding: padding}.message()
	}
	wrong := bytes.Repeat([]byte{byte(pad)}, pad)
	wrong[0] ^= 1
	k.made("padding-first", "the first octet of the padding is wrong", "RFC 5652, Section 6.3", "every octet of the padding is looked at", "decrypt", padded(wrong))
	k.made("no-padding", "no padding", "RFC 5652, Section 6.3", "CBC has whole blocks", "decrypt/success", padded([]byte{}))
	k.edit("content-cut", "the content lacks its last octet", "RFC 5652, Section 6.3", "CBC has whole blocks", "decrypt", func(m *element) { content(m).body = content(m).body[:len(content(m).body)-1] })
	k.edit("content-empty", "no block of content", "RFC 5652, Section 6.3", "CBC has a block", "decrypt", func(m *element) { content(m).set() })
	k.edit("content-changed", "a bit of a block in the middle of the content is flipped", "RFC 8551, Section 6; EFAIL", "CBC content is released with a signature or not at all", "decrypt", func(m *element) { content(m).flip(64) })
	k.edit("iv-flipped", "a bit of the initialisation vector is flipped", "RFC 8551, Section 6; EFAIL", "CBC content is released with a signature or not at all", "decrypt", func(m *element) { m.at(1, 0, 2, 1, 1).flip(0) })
	for _, n := range []int{0, 8, 15, 17} {
		k.edit("iv-"+strconv.Itoa(n), "an initialisation vector of so many octets", "RFC 3565, Section 4.1", "an initialisation vector is a block long", "format", func(m *element) { m.at(1, 0, 2, 1, 1).set(make([]byte, n)...) })
	}
	k.edit("auth", "in AuthEnvelopedData, with a tag of no octet and the content type as an attribute", "RFC 5083, Section 2.1", "no CBC in AuthEnvelopedData", "format", func(m *element) {
		m.put(0, object(kitAuth))
		m.at(1, 0, 0).set(0)
		m.at(1, 0).add(explicit(1, signed...))
		m.at(1, 0).add(octetString(nil))
	})
	k.made("unsigned", "the content is signed by nobody", "RFC 8551, Section 6; EFAIL", "CBC content is released with a signature or not at all", "decrypt", kitSealed{infos: to, cipher: kitCBC256}.message())
	k.edit("outside-more", "an element after the content", "RFC 5652, Section 6.1", "an element is left at its end", "format", func(m *element) { m.at(1, 0).add(nothing()) })
}

const (
	kitPart = "Content-Type: text/plain\r\n\r\nthe payload of the kit\r\n"
	kitMime = "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n\tmicalg=sha-256; boundary=\"=_kit\"\r\n\r\n" +
		"Signed mail.\r\n\r\n--=_kit\r\n" + kitPart +
		"\r\n--=_kit\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\nSIGNATURE\r\n--=_kit--\r\n"
)

// kitMimeMail returns the mail, changed by a pair of texts.
func kitMimeMail(signature *element, old, new string) []byte {
	mail := strings.Replace(kitMime, old, new, 1)
	if mail == kitMime && old != new {
		panic(old)
	}
	text := base64.StdEncoding.EncodeToString(signature.bytes())
	var lines []string
	for ; len(text) > 76; text = text[76:] {
		lines = append(lines, text[:76])
	}
	return []byte(strings.Replace(mail, "SIGNATURE", strings.Join(append(lines, text), "\r\n"), 1))
}

// kitMultipart are about multipart/signed inside of CBC, where nothing else
// authenticates it.
func kitMultipart(k *kitMaker, _ func(string) (*element, string)) {
	to := []*element{kitShared(kitIV)}
	seal := func(plain []byte) *element { return kitSealed{infos: to, cipher: kitCBC256, plain: plain}.message() }
	signature := kitSigned{detached: true, plain: []byte(kitPart)}
	k.start("multipart", "sealed-signed", "shared")
	k.good("good", seal(kitMimeMail(signature.message(), "", "")))
	k.payload(kitPart)
	fault := func(name, fault, rfc, check, old, new string) {
		k.made(name, fault, rfc, check, "decrypt", seal(kitMimeMail(signature.message(), old, new)))
	}
	fault("content", "an octet of the signed part is changed", "RFC 1847, Section 2.1", "messageDigest is the content's", "the payload", "The payload")
	fault("content-space", "a space at the end of a line of the signed part", "RFC 1847, Section 2.1", "messageDigest is the content's", "kit\r\n\r\n", "kit \r\n\r\n")
	fault("epilogue", "text after the last delimiter", "RFC 1847, Section 2.1", "nothing follows a multipart/signed", "--=_kit--\r\n", "--=_kit--\r\nand more\r\n")
	fault("preamble", "noise before the first delimiter", "RFC 2046, Section 5.1.1; EFAIL", "a preamble is text", "Signed mail.", "Signed\x00mail.")
	fault("boundary-lf", "a delimiter after LF alone", "RFC 2046, Section 5.1.1", "a boundary may not be read in two ways", "kit\r\n\r\n--=_kit", "kit\r\n\n--=_kit")
	fault("boundary-longer", "a delimiter that begins with the boundary and goes on", "RFC 2046, Section 5.1.1", "a delimiter is the boundary alone", "kit\r\n\r\n--=_kit", "kit\r\n\r\n--=_kitten")
	fault("signature-type", "the second part is no signature", "RFC 8551, Section 3.5.3.2", "the second part of a multipart/signed is a signature", "Content-Type: application/pkcs7-signature;", "Content-Type: application/octet-stream;")
	fault("encoded", "the whole is said to be in base64", "RFC 2045, Section 6.4", "a multipart has no encoding", "\r\n\r\nSigned mail.", "\r\nContent-Transfer-Encoding: base64\r\n\r\nSigned mail.")
	fault("protocol", "the protocol is another", "RFC 1847, Section 2.1", "the protocol of a multipart/signed is S/MIME's", "application/pkcs7-signature\";", "application/pgp-signature\";")
	part := func(name, fault, rfc, check string, s kitSigned) {
		k.made(name, fault, rfc, check, "decrypt", seal(kitMimeMail(s.message(), "", "")))
	}
	changed := signature
	changed.ctype = "1.3.6.1.4.1.55555.1"
	part("other-type", "the signature is over content of another type", "RFC 8551, Section 2.4.2", "the signature of a multipart/signed is over a MIME entity", changed)
	fine := func(name, difference, rfc, old, new string) {
		k.fine(name, difference, rfc, func(m *element) { *m = *seal(kitMimeMail(signature.message(), old, new)) })
	}
	fine("micalg-none", "no micalg", "RFC 8551, Section 3.5.3.2", "micalg=sha-256; ", "")
	fine("micalg-sha1", "micalg says SHA-1", "RFC 8551, Section 3.5.3.2", "micalg=sha-256", "micalg=sha1")
	fine("boundary-space", "spaces behind the boundary", "RFC 2046, Section 5.1.1", "--=_kit\r\nContent-Type: application", "--=_kit  \r\nContent-Type: application")
	fine("x-type", "the type that was used before the one of RFC 8551", "RFC 8551, Section 3.2", "Content-Type: application/pkcs7-signature", "Content-Type: application/x-pkcs7-signature")
}

// kitZlib compresses as zlib without compression, which is the same with every
// version of it.
func kitZlib(plain []byte) []byte {
	var b bytes.Buffer
	w := must(zlib.NewWriterLevel(&b, zlib.NoCompression))
	must(w.Write(plain))
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// kitCompressions are about CompressedData around a signature.
func kitCompressions(k *kitMaker, _ func(string) (*element, string)) {
	const rfc = "RFC 3274, Section 1.1"
	k.start("compressed", "signed", "")
	zlibOID := "1.2.840.113549.1.9.16.3.8"
	press := func(ctype string, plain []byte) *element {
		return sequence(number(0), algorithmOf(zlibOID), sequence(object(ctype), explicit(0, octetString(kitZlib(plain)))))
	}
	sd := kitSigned{}.signedData()
	message := func(in *element) *element { return sequence(object(kitCompressed), explicit(0, in)) }
	k.good("good", message(press(kitSignedType, sd.bytes())))
	in := func(m *element) *element { return m.at(1, 0) }
	octets := func(m *element) *element { return in(m).at(2, 1, 0) }
	k.edit("version-1", "CMSVersion 1", rfc, "versions of CMS are known ones", "format", func(m *element) { in(m).at(0).set(1) })
	k.edit("algorithm", "another compression than zlib", "RFC 3274, Section 2", "compression is zlib", "format", func(m *element) { in(m).at(1).put(0, object("1.2.840.113549.1.9.16.3.99")) })
	k.edit("checksum", "a bit of the checksum is flipped", "RFC 1950, Section 2.2", "damaged compression is an error", "format", func(m *element) { octets(m).flip(-1) })
	k.edit("checksum-cut", "the checksum lacks its last octet", "RFC 1950, Section 2.2", "damaged compression is an error", "format", func(m *element) { octets(m).body = octets(m).body[:len(octets(m).body)-1] })
	k.edit("header", "the header of zlib is damaged", "RFC 1950, Section 2.2", "damaged compression is an error", "format", func(m *element) { octets(m).flip(0) })
	k.says("its compressed content is damaged")
	k.edit("empty", "nothing is compressed", "RFC 1950, Section 2.2", "damaged compression is an error", "format", func(m *element) { octets(m).set() })
	k.says("its compressed content is damaged")
	k.edit("extended", "an octet follows the checksum", "RFC 1950, Section 2.2", "nothing follows compressed octets", "format", func(m *element) { octets(m).body = append(octets(m).body, 0) })
	k.edit("more", "an element after the content", rfc, "an element is left at its end", "format", func(m *element) { in(m).add(nothing()) })
	k.file("trailing", "an octet after the message", "RFC 5652, Section 3", "nothing follows signed content inside", "format", append(k.base.bytes(), 0))
	k.made("twice", "compressed twice", rfc, "content is decompressed once", "limit", message(press(kitCompressed, press(kitSignedType, sd.bytes()).bytes())))
	k.says("compressions inside each other")
	k.made("unsigned", "signed by nobody", rfc, "zero signatures are none", "unsigned", message(press(kitData, []byte(kitPayload))))
	spoilt := sd.clone()
	spoilt.at(-1, 0, 5).flip(-1)
	k.made("signature-flipped", "a bit of the signature is flipped", "RFC 5652, Section 5.6", "the signature is verified", "bad", message(press(kitSignedType, spoilt.bytes())))
	spoilt = sd.clone()
	spoilt.at(2, 1, 0).flip(0)
	k.made("content-flipped", "a bit of the content is flipped", "RFC 5652, Section 5.6", "messageDigest is the content's", "bad", message(press(kitSignedType, spoilt.bytes())))
	k.made("inner-trailing", "an octet after the SignedData", rfc, "nothing follows signed content inside", "format", message(press(kitSignedType, append(sd.bytes(), 0))))
	k.good("good-signed-outside", kitSigned{ctype: kitCompressed, plain: press(kitData, []byte(kitPayload)).bytes()}.message())
}
