package smime_test

import (
	"slices"
	"strconv"
)

// kitInfo is the SignerInfo of a SignedData.
func kitInfo(m *element) *element { return m.at(1, 0, -1, 0) }

// kitSignatures are about SignedData with its content.
func kitSignatures(k *kitMaker, foreign func(string) (*element, string)) {
	k.start("signed", "signed", "")
	k.good("good", kitSigned{}.message())
	k.signedEdits()
	k.signedAttributes()
	k.signedAlgorithms()
	k.signedCertificates()
	for _, name := range []string{"p256", "rsa", "pss"} {
		k.start("signed-openssl-"+name, "signed", "")
		k.foreign(foreign)
		switch name {
		case "p256":
			k.signedEdits()
		case "pss":
			k.pss()
		}
	}
}

// signedEdits are faults that can be put into any message.
func (k *kitMaker) signedEdits() {
	const rfc = "RFC 5652, Section 5.1"
	sd := func(m *element) *element { return m.at(1, 0) }
	k.edit("version-0", "CMSVersion 0", rfc, "versions of CMS are known ones", "format", func(m *element) { sd(m).at(0).set(0) })
	k.edit("version-6", "CMSVersion 6", rfc, "versions of CMS are known ones", "format", func(m *element) { sd(m).at(0).set(6) })
	k.edit("digest-not-announced", "no digest is announced", rfc, "the signer's digest was announced", "unsupported", func(m *element) { sd(m).at(1).kids = nil })
	k.edit("digest-other-announced", "another digest is announced", rfc, "the signer's digest was announced", "unsupported", func(m *element) { sd(m).put(1, setOf(algorithmOf(kitSHA512))) })
	k.edit("digest-damaged", "an announced digest is no AlgorithmIdentifier", rfc, "an announced digest is an algorithm", "format", func(m *element) { sd(m).at(1).add(nothing()) })
	k.edit("content-flipped", "a bit of the content is flipped", "RFC 5652, Section 5.6", "messageDigest is the content's", "bad", func(m *element) { sd(m).at(2, 1, 0).flip(0) })
	k.edit("content-cut", "the content lacks its last octet", "RFC 5652, Section 5.6", "messageDigest is the content's", "bad", func(m *element) { c := sd(m).at(2, 1, 0); c.body = c.body[:len(c.body)-1] })
	k.edit("content-empty", "the content is empty", "RFC 5652, Section 5.6", "messageDigest is the content's", "bad", func(m *element) { sd(m).at(2, 1, 0).set() })
	k.edit("content-none", "there is no content", "RFC 5652, Section 5.2", "an opaque signature brings its content", "format/success", func(m *element) { sd(m).at(2).remove(1) })
	k.rightAt("VerifyDetached")
	k.edit("content-utf8", "the content is no OCTET STRING", "RFC 5652, Section 5.2", "content is an OCTET STRING", "format", func(m *element) { sd(m).at(2, 1, 0).tag = 12 })
	k.edit("content-type", "the content is of another type than the one that was signed", "RFC 5652, Section 11.1", "the signed content type is the content's", "bad", func(m *element) { sd(m).at(2).put(0, object("1.3.6.1.4.1.55555.1")) })
	k.edit("no-signer", "no signature", rfc, "zero signatures are none", "unsigned", func(m *element) { sd(m).at(-1).kids = nil })
	k.edit("more", "an element after the signatures", rfc, "an element is left at its end", "format", func(m *element) { sd(m).add(nothing()) })
	k.file("trailing", "an octet after the message", "RFC 5652, Section 3", "nothing follows signed content inside", "format", append(k.base.bytes(), 0))
	k.edit("type", "the type of the message is DigestedData", "RFC 5652, Section 7", "a signed message is one", "format", func(m *element) { m.put(0, object("1.2.840.113549.1.7.5")) })

	const info = "RFC 5652, Section 5.3"
	k.edit("signer-version-2", "CMSVersion 2 of the signature", info, "a signature has version 1 or 3", "format", func(m *element) { kitInfo(m).at(0).set(2) })
	k.edit("signer-version-5", "CMSVersion 5 of the signature", info, "a signature has version 1 or 3", "format", func(m *element) { kitInfo(m).at(0).set(5) })
	k.edit("signer-more", "an element after the signature", info, "nothing follows a signature", "format", func(m *element) { kitInfo(m).add(nothing()) })
	k.edit("signer-serial", "the signature names another certificate", info, "a recipient has the serial number", "unchecked", func(m *element) { kitInfo(m).at(1, 1).flip(-1) })
	k.edit("signer-issuer", "the signature names another issuer", info, "a recipient has the issuer", "unchecked", func(m *element) { kitInfo(m).at(1, 0, 0, 0, 1).flip(-1) })
	k.edit("signature-flipped", "a bit of the signature is flipped", "RFC 5652, Section 5.6", "the signature is verified", "bad", func(m *element) { kitInfo(m).at(5).flip(-1) })
	k.edit("signature-empty", "a signature of no octet", "RFC 5652, Section 5.6", "the signature is verified", "bad", func(m *element) { kitInfo(m).at(5).set() })
	k.edit("signature-cut", "the signature lacks its last octet", "RFC 5652, Section 5.6", "the signature is verified", "bad", func(m *element) { v := kitInfo(m).at(5); v.body = v.body[:len(v.body)-1] })
	k.edit("signature-extended", "an octet follows the signature", "RFC 5652, Section 5.6", "the signature is verified", "bad", func(m *element) { v := kitInfo(m).at(5); v.body = append(v.body, 0) })
	k.edit("time-changed", "the signing time is changed", "RFC 5652, Section 5.4", "the signature is verified", "bad", func(m *element) {
		for _, a := range kitInfo(m).at(3).kids {
			if isAttribute(a, kitSigningTime) {
				a.at(1, 0).body[1] ^= 1
			}
		}
	})
	k.edit("attribute-dropped", "a signed attribute is taken away", "RFC 5652, Section 5.4", "the signature is verified", "bad", func(m *element) {
		without := without(kitSigningTime)
		kitInfo(m).at(3).kids = without(kitInfo(m).at(3).kids)
	})
	k.edit("attribute-added", "an attribute is added to the signed ones", "RFC 5652, Section 5.4", "the signature is verified", "bad", func(m *element) {
		kitInfo(m).at(3).add(kitAttribute("1.2.3.4", number(1)))
	})
	k.edit("attributes-dropped", "the signed attributes are taken away", "RFC 5652, Section 5.4", "a signature has signed attributes", "unsupported", func(m *element) { kitInfo(m).remove(3) })
	for _, a := range []struct{ name, o string }{
		{"content-type", kitContentType}, {"digest", kitMessageDigest}, {"time", kitSigningTime}, {"capabilities", kitCapabilities},
		{"certificate", kitCertificateV2}, {"protection", kitProtection},
	} {
		k.edit("unsigned-"+a.name, "an attribute among the unsigned ones that must be signed", "RFC 5652, Section 11; RFC 5035, Section 3; RFC 6211, Section 2", "an attribute that counts where it is signed is not unsigned", "bad", func(m *element) {
			kitInfo(m).add(explicit(1, kitAttribute(a.o, octetString([]byte("x")))))
		})
	}
	k.fine("unsigned-other", "an unsigned attribute of one's own", info, func(m *element) { kitInfo(m).add(explicit(1, kitAttribute("1.2.3.4", number(1)))) })
	k.fine("unsorted", "attributes that are sent unsorted, and were signed sorted", "RFC 5652, Section 5.4", func(m *element) { slices.Reverse(kitInfo(m).at(3).kids) })
	k.fine("digest-null", "NULL as the parameters of the announced digest", "RFC 5754, Section 2", func(m *element) {
		a := sd(m).at(1, 0)
		if len(a.kids) == 1 {
			a.add(nothing())
		} else {
			a.remove(1)
		}
	})
	k.fine("indefinite", "indefinite lengths", "X.690, Section 8.1.3.6", func(m *element) {
		m.indefinite, m.at(1).indefinite, sd(m).indefinite, sd(m).at(2).indefinite, sd(m).at(2, 1).indefinite = true, true, true, true, true
		sd(m).at(1).indefinite, sd(m).at(-1).indefinite, kitInfo(m).indefinite, kitInfo(m).at(3).indefinite = true, true, true, true
	})
}

// signedAttributes are faults that the signature covers.
func (k *kitMaker) signedAttributes() {
	bad := func(name, fault, rfc, check string, attrs func([]*element) []*element) {
		k.made(name, fault, rfc, check, "bad", kitSigned{attrs: attrs}.message())
		if check == "a signed attribute has a value" {
			k.says("is malformed, or has not one value")
		}
	}
	const once = "no signed attribute twice"
	const one = "a signed attribute has one value"
	for _, a := range []struct{ name, o, rfc string }{
		{"content-type", kitContentType, "RFC 5652, Section 11.1"},
		{"digest", kitMessageDigest, "RFC 5652, Section 11.2"},
		{"time", kitSigningTime, "RFC 5652, Section 11.3"},
		{"certificate", kitCertificateV2, "RFC 5035, Section 3"},
		{"protection", kitProtection, "RFC 6211, Section 2"},
	} {
		bad(a.name+"-twice", "the attribute is there twice", a.rfc, once, twice(a.o))
		bad(a.name+"-two-values", "the attribute has two values", a.rfc, one, repeated(a.o))
		bad(a.name+"-no-value", "the attribute has no value", a.rfc, "a signed attribute has a value", changed(a.o, func(a *element) { a.at(1).kids = nil }))
		bad(a.name+"-sequence", "the attribute's values are a SEQUENCE", "RFC 5652, Section 5.3", "a signed attribute is one", changed(a.o, func(a *element) { a.at(1).tag = 0x30 }))
		bad(a.name+"-utf8", "the attribute's value is a UTF8String", a.rfc, "a signed attribute has a value", changed(a.o, func(a *element) { a.at(1).put(0, prim(12, 'x')) }))
		bad(a.name+"-more", "an element after the attribute's values", "RFC 5652, Section 5.3", "nothing follows the values of a signed attribute", changed(a.o, func(a *element) { a.add(nothing()) }))
	}
	bad("capabilities-twice", "SMIMECapabilities are there twice", "RFC 8551, Section 2.5.2", once, func(a []*element) []*element {
		c := kitAttribute(kitCapabilities, sequence(algorithmOf(kitGCM256)))
		return append(a, c, c.clone())
	})
	bad("capabilities-two-values", "SMIMECapabilities have two values", "RFC 8551, Section 2.5.2", one, also(kitAttribute(kitCapabilities, sequence(algorithmOf(kitGCM256)), sequence(algorithmOf(kitCBC256)))))
	bad("content-type-missing", "contentType is missing", "RFC 5652, Section 5.3", "contentType is signed", without(kitContentType))
	k.says("contentType is missing")
	bad("digest-missing", "messageDigest is missing", "RFC 5652, Section 5.3", "messageDigest is signed", without(kitMessageDigest))
	k.says("messageDigest is missing")
	bad("content-type-other", "contentType is another", "RFC 5652, Section 11.1", "the signed content type is the content's", changed(kitContentType, func(a *element) { a.at(1).put(0, object(kitSignedType)) }))
	bad("digest-other", "messageDigest is of other content", "RFC 5652, Section 11.2", "messageDigest is the content's", changed(kitMessageDigest, func(a *element) { a.at(1, 0).flip(0) }))
	bad("digest-cut", "messageDigest lacks its last octet", "RFC 5652, Section 11.2", "messageDigest is the content's", changed(kitMessageDigest, func(a *element) { a.at(1, 0).body = a.at(1, 0).body[:31] }))
	bad("digest-extended", "an octet follows messageDigest", "RFC 5652, Section 11.2", "messageDigest is the content's", changed(kitMessageDigest, func(a *element) { a.at(1, 0).body = append(a.at(1, 0).body, 0) }))
	bad("digest-empty", "messageDigest of no octet", "RFC 5652, Section 11.2", "messageDigest is the content's", changed(kitMessageDigest, func(a *element) { a.at(1, 0).set() }))
	bad("time-month-13", "a signing time in the 13th month", "RFC 5652, Section 11.3", "a signed attribute has a value", changed(kitSigningTime, func(a *element) { a.at(1).put(0, kitTime("261302030405Z")) }))
	bad("certificate-other", "signingCertificateV2 is of another certificate", "RFC 5035, Section 3", "signingCertificateV2 names the certificate", changed(kitCertificateV2, func(a *element) { a.at(1, 0, 0, 0, 0).flip(0) }))
	bad("certificate-cut", "signingCertificateV2 has a digest of 31 octets", "RFC 5035, Section 3", "signingCertificateV2 names the certificate", changed(kitCertificateV2, func(a *element) { b := a.at(1, 0, 0, 0, 0); b.body = b.body[:31] }))
	bad("certificate-none", "signingCertificateV2 names no certificate", "RFC 5035, Section 3", "a signed attribute has a value", changed(kitCertificateV2, func(a *element) { a.at(1, 0, 0).kids = nil }))
	bad("certificate-digest-unknown", "signingCertificateV2 has a digest that nobody knows", "RFC 5035, Section 4", "a signed attribute has a value", changed(kitCertificateV2, func(a *element) { a.at(1, 0, 0, 0).insert(0, algorithmOf("2.16.840.1.101.3.4.2.99")) }))
	bad("certificate-v1-other", "signingCertificate is of another certificate", "RFC 2634, Section 5.4", "signingCertificateV2 names the certificate", func(a []*element) []*element {
		return append(without(kitCertificateV2)(a), kitAttribute(kitCertificateV1, sequence(sequence(sequence(octetString(make([]byte, 20)))))))
	})
	bad("protection-digest", "CMSAlgorithmProtection has another digest", "RFC 6211, Section 3", "CMSAlgorithmProtection protects the digest", changed(kitProtection, func(a *element) { a.at(1, 0).put(0, algorithmOf(kitSHA512)) }))
	bad("protection-signature", "CMSAlgorithmProtection has another signature algorithm", "RFC 6211, Section 3", "CMSAlgorithmProtection protects the signature", changed(kitProtection, func(a *element) { a.at(1, 0, 1).put(0, object("1.2.840.10045.4.3.4")) }))
	bad("protection-mac", "CMSAlgorithmProtection is for a MAC", "RFC 6211, Section 2", "a signed attribute has a value", changed(kitProtection, func(a *element) { a.at(1, 0, 1).tag = 0xa2 }))
	bad("protection-both", "CMSAlgorithmProtection is for a signature and a MAC", "RFC 6211, Section 2", "nothing follows CMSAlgorithmProtection", changed(kitProtection, func(a *element) {
		mac := a.at(1, 0, 1).clone()
		mac.tag = 0xa2
		a.at(1, 0).add(mac)
	}))
	bad("countersignature", "a countersignature is among the signed attributes", "RFC 5652, Section 11.4", "a countersignature is not signed", also(kitAttribute(kitCounter, number(1))))
	bad("65", "65 signed attributes", "our limit", "signed attributes have a limit", func(a []*element) []*element { return append(a, kitAttributesMany(60)...) })
	k.made("empty", "no attribute in the signed attributes", "RFC 5652, Section 5.3", "contentType is signed", "bad", kitSigned{attrs: func([]*element) []*element { return []*element{} }}.message())
	k.says("contentType is missing")
	k.made("none", "no signed attributes, and the content is signed", "RFC 5652, Section 5.3; the attack of Strenzke", "a signature has signed attributes", "unsupported", kitSigned{attrs: func([]*element) []*element { return nil }}.message())
	k.made("attributes-as-content", "the content is signed attributes, under their signature", "RFC 5652, Section 5.3; the attack of Strenzke", "a signature has signed attributes", "unsupported", func() *element {
		good := kitSigned{}
		good.defaults()
		return kitSigned{plain: setOf(good.goodAttributes()...).bytes(), attrs: func([]*element) []*element { return nil }}.message()
	}())
	k.made("tag-implicit", "the attributes were signed under the tag that they are sent with", "RFC 5652, Section 5.4", "the signature is verified", "bad", kitSigned{covered: func(a []*element) []byte { return explicit(0, derOrder(a)...).bytes() }}.message())
	k.made("indefinite-signed", "the attributes were signed with an indefinite length", "RFC 5652, Section 5.4", "the signature is verified", "bad", kitSigned{covered: func(a []*element) []byte {
		s := setOf(derOrder(a)...)
		s.indefinite = true
		return s.bytes()
	}}.message())
	k.made("order-signed", "the attributes were signed in an order that is neither DER's nor the one they are sent in", "RFC 5652, Section 5.4", "the signature is verified", "bad", kitSigned{
		covered: func(a []*element) []byte { a = derOrder(a); slices.Reverse(a); return setOf(a...).bytes() }}.message())
	k.good("good-capabilities", kitSigned{attrs: also(kitAttribute(kitCapabilities, sequence(algorithmOf(kitGCM256))))}.message())
	k.good("good-two-digests", kitSigned{attrs: changed(kitCertificateV2, func(a *element) { a.at(1, 0, 0, 0).insert(0, algorithmOf(kitSHA256)) })}.message())
	k.good("good-64", kitSigned{attrs: func(a []*element) []*element { return append(a, kitAttributesMany(59)...) }}.message())
	k.good("good-order", kitSigned{
		covered: func(a []*element) []byte { a = derOrder(a); slices.Reverse(a); return setOf(a...).bytes() },
		sent:    func(a []*element) []*element { a = derOrder(a); slices.Reverse(a); return a },
	}.message())
}

// signedAlgorithms are about the algorithms of a signature.
func (k *kitMaker) signedAlgorithms() {
	const rfc = "RFC 5652, Section 5.3"
	alg := func(m *element) *element { return kitInfo(m).at(4) }
	bare := func(a []*element) []*element { return without(kitProtection)(a) }
	made := func(name, fault, rfc, check, expect string, s kitSigned) {
		k.made(name, fault, rfc, check, expect, s.message())
	}
	k.good("good-bare", kitSigned{attrs: bare}.message())
	k.edit("digest-parameters", "a digest with parameters", "RFC 5754, Section 2", "a digest has no parameters", "unsupported", func(m *element) { kitInfo(m).at(2).add(octetString(nil)) })
	k.edit("algorithm-unknown", "a signature algorithm that nobody knows", rfc, "a signature algorithm is a known one", "unsupported", func(m *element) { alg(m).put(0, object("1.2.840.10045.4.3.99")) })
	k.edit("algorithm-512", "ECDSA with SHA-512", "RFC 8933, Section 3", "the algorithm of a signature names its digest", "unsupported", func(m *element) { alg(m).put(0, object("1.2.840.10045.4.3.4")) })
	k.edit("algorithm-parameters", "ECDSA with parameters", "RFC 5753, Section 2.1.1", "ECDSA has no parameters", "unsupported", func(m *element) { alg(m).add(octetString(nil)) })
	k.edit("algorithm-rsa", "RSA, and the key is for ECDSA", rfc, "a signature's algorithm is the key's", "bad", func(m *element) { kitInfo(m).put(4, algorithmOf(kitRSA256, nothing())) })
	k.says("is not one of the certificate's key")
	k.edit("algorithm-ed25519", "Ed25519, and the key is for ECDSA", rfc, "a signature's algorithm is the key's", "bad", func(m *element) { kitInfo(m).put(4, algorithmOf("1.3.101.112")) })
	k.says("is not one of the certificate's key")
	made("sha1", "made with SHA-1", "RFC 8551, Section 2.1", "SHA-1 and MD5 are weak", "weak", kitSigned{digest: kitSHA1, signature: algorithmOf("1.2.840.10045.4.1"), attrs: bare})
	k.good("good-rsa", kitSigned{by: "rsa2048"}.message())
	made("rsa1024", "made with an RSA key of 1,024 bits", "RFC 8551, Section 4.4", "a signature of a short RSA key is weak", "weak", kitSigned{by: "rsa1024", brings: "rsa1024"})
	k.edit("rsa-ed25519", "Ed25519, and the key is for RSA", rfc, "CMSAlgorithmProtection protects the signature", "bad", func(m *element) { kitInfo(m).put(4, algorithmOf("1.3.101.112")) })
	k.says("the algorithms are not those that were signed")
}

// signedCertificates are about the certificate of a signature.
func (k *kitMaker) signedCertificates() {
	bare := func(a []*element) []*element { return without(kitCertificateV2)(without(kitProtection)(a)) }
	k.good("good-without-certificate", kitSigned{attrs: bare}.message())
	k.from("good", nil)
	for _, c := range []struct{ name, by, fault, rfc, check, expect, says string }{
		{"expired", "signer-expired", "the certificate has expired", "RFC 5280, Section 4.1.2.5", "an expired certificate signs nothing", "not-in-time", "its certificate expired on"},
		{"early", "signer-early", "the certificate is not valid yet", "RFC 5280, Section 4.1.2.5", "a certificate that is not valid yet signs nothing", "not-in-time", "is not valid before"},
		{"key-usage", "signer-agrees", "the certificate is for key agreement only", "RFC 8550, Section 4.4.2", "a signing certificate is for signatures", "bad", ""},
		{"purpose", "signer-web", "the certificate is for web servers", "RFC 8550, Section 4.4.4", "a signing certificate is for mail", "bad", ""},
	} {
		k.made("certificate-"+c.name, c.fault, c.rfc, c.check, c.expect, kitSigned{by: "signer", brings: c.by, attrs: func(a []*element) []*element {
			good := kitSigned{by: c.by, signature: algorithmOf(kitECDSA256)}
			good.defaults()
			return good.goodAttributes()
		}}.message())
		k.says(c.says)
	}
	k.made("future", "the signing time is in the future", "RFC 5652, Section 11.3; our decision", "a signature is not of the future", "not-in-time", kitSigned{attrs: changed(kitSigningTime, func(a *element) { a.at(1).put(0, kitTime("350102030405Z")) })}.message())
	k.made("past", "the signing time is before the certificate's", "RFC 5652, Section 11.3; our decision", "a signature is not from before its certificate", "not-in-time", kitSigned{attrs: changed(kitSigningTime, func(a *element) { a.at(1).put(0, kitTime("180102030405Z")) })}.message())
	k.good("good-no-time", kitSigned{attrs: without(kitSigningTime)}.message())
	k.good("good-generalized-time", kitSigned{attrs: changed(kitSigningTime, func(a *element) { a.at(1).put(0, prim(24, []byte("20260102030405Z")...)) })}.message())
	k.good("good-certificate", kitSigned{brings: "signer"}.message())
	k.good("good-ski", kitSigned{info: func(si *element) {
		si.put(0, number(3))
		si.put(1, prim(0x80, kitKeys()["signer"].ski()...))
	}}.message())
	k.edit("ski", "the key identifier of another certificate", "RFC 5652, Section 5.3", "a recipient has the key identifier", "unchecked", func(m *element) { kitInfo(m).at(1).flip(0) })
	k.edit("ski-empty", "a key identifier of no octet", "RFC 5652, Section 5.3", "a key identifier of a KEM has an octet", "format", func(m *element) { kitInfo(m).at(1).set() })
	k.good("good-two-signers", func() *element {
		m := kitSigned{}.message()
		m.at(1, 0, -1).add(kitSigned{by: "rsa2048"}.signerInfo())
		return m
	}())
	k.edit("second-flipped", "a bit of the second signature is flipped", "RFC 5652, Section 5.1", "the signature is verified", "bad", func(m *element) { m.at(1, 0, -1, 1, 5).flip(-1) })
	k.edit("first-flipped", "a bit of the first signature is flipped", "RFC 5652, Section 5.1", "the signature is verified", "bad", func(m *element) { m.at(1, 0, -1, 0, 5).flip(-1) })
	many := func(n int) *element {
		m := kitSigned{}.message()
		si := sequence(number(1), sequence(sequence(), number(1)), algorithmOf(kitSHA256), algorithmOf(kitECDSA256), octetString(nil))
		for range n - 1 {
			m.at(1, 0, -1).add(si.clone())
		}
		return m
	}
	k.good("good-16", many(16))
	k.made("signatures-17", "17 signatures", "our limit", "signatures have a limit", "limit", many(17))
	digests := func(n int) *element {
		m := kitSigned{}.message()
		for i := range n - 1 {
			m.at(1, 0, 1).add(algorithmOf("1.2.3." + strconv.Itoa(i)))
		}
		return m
	}
	k.good("good-16-digests", digests(16))
	k.made("digests-17", "17 digests are announced", "our limit", "announced digests have a limit", "limit", digests(17))
	k.good("good-attribute-certificate", func() *element {
		m := kitSigned{brings: "signer"}.message()
		m.at(1, 0, 3).add(explicit(1, number(1)))
		return m
	}())
	k.good("good-crl", func() *element {
		m := kitSigned{}.message()
		m.at(1, 0).insert(3, explicit(1, sequence()))
		return m
	}())
}

// pss are faults of RSASSA-PSS-params, which OpenSSL wrote.
func (k *kitMaker) pss() {
	const rfc = "RFC 4056, Section 3; RFC 4055, Section 3.1"
	p := func(m *element) *element { return kitInfo(m).at(4, 1) }
	k.edit("pss-digest", "SHA-512 as the digest", rfc, "PSS has the digest of its signature", "unsupported", func(m *element) { p(m).at(0, 0).put(0, object(kitSHA512)) })
	k.edit("pss-mask", "SHA-512 as the digest of the mask", rfc, "PSS has one digest", "unsupported", func(m *element) { p(m).at(1, 0, 1).put(0, object(kitSHA512)) })
	k.edit("pss-mask-other", "another mask generation function", rfc, "PSS has one digest", "unsupported", func(m *element) { p(m).at(1, 0).put(0, object("1.2.840.113549.1.1.99")) })
	k.edit("pss-salt", "the salt is said to be an octet shorter", rfc, "PSS has the salt that it says", "bad", func(m *element) { p(m).at(2, 0).body[len(p(m).at(2, 0).body)-1]-- })
	k.edit("pss-salt-default", "no length of the salt, which means 20", rfc, "PSS has the salt that it says", "bad", func(m *element) { p(m).remove(2) })
	k.edit("pss-salt-0", "a salt of no octet", rfc, "PSS has a salt", "unsupported", func(m *element) { p(m).at(2).put(0, number(0)) })
	k.edit("pss-salt-negative", "a salt of -1 octets", rfc, "the length of a PSS salt is one", "unsupported", func(m *element) { p(m).at(2).put(0, number(-1)) })
	k.edit("pss-trailer", "another trailer", rfc, "PSS has one trailer", "unsupported", func(m *element) { p(m).add(explicit(3, number(2))) })
	k.edit("pss-as-rsa", "the algorithm is said to be RSA PKCS #1 v1.5", rfc, "the signature is verified", "bad", func(m *element) { kitInfo(m).put(4, algorithmOf(kitRSA256, nothing())) })
	k.fine("pss-trailer-1", "the trailer that is the default", rfc, func(m *element) { p(m).add(explicit(3, number(1))) })
}

// kitDetached are about signatures beside their content.
func kitDetached(k *kitMaker, foreign func(string) (*element, string)) {
	edits := func() {
		sd := func(m *element) *element { return m.at(1, 0) }
		k.edit("content", "the signature brings the content too", "RFC 8551, Section 3.5.3; CVE-2018-18509", "a detached signature brings no content", "format/success", func(m *element) {
			sd(m).at(2).add(explicit(0, octetString([]byte(kitPayload))))
		})
		k.rightAt("Verify")
		k.edit("content-empty", "the signature brings empty content", "RFC 8551, Section 3.5.3; CVE-2018-18509", "a detached signature brings no content", "format/success", func(m *element) {
			sd(m).at(2).add(explicit(0, octetString(nil)))
		})
		k.edit("digest-not-announced", "no digest is announced", "RFC 5652, Section 5.1", "the signer's digest was announced", "unsupported", func(m *element) { sd(m).at(1).kids = nil })
		k.edit("no-signer", "no signature", "RFC 5652, Section 5.1", "zero signatures are none", "unsigned", func(m *element) { sd(m).at(-1).kids = nil })
		k.edit("signature-flipped", "a bit of the signature is flipped", "RFC 5652, Section 5.6", "the signature is verified", "bad", func(m *element) { kitInfo(m).at(5).flip(-1) })
		k.edit("attributes-dropped", "the signed attributes are taken away", "RFC 5652, Section 5.4", "a signature has signed attributes", "unsupported", func(m *element) { kitInfo(m).remove(3) })
		k.edit("serial", "the signature names another certificate", "RFC 5652, Section 5.3", "a recipient has the serial number", "unchecked", func(m *element) { kitInfo(m).at(1, 1).flip(-1) })
		k.edit("content-type", "the content is of another type than the one that was signed", "RFC 5652, Section 11.1", "the signed content type is the content's", "bad", func(m *element) { sd(m).at(2).put(0, object(kitSignedType)) })
		k.edit("type", "the type of the message is DigestedData", "RFC 5652, Section 7", "a detached signature is a signed message", "format", func(m *element) { m.put(0, object("1.2.840.113549.1.7.5")) })
		k.edit("more", "an element after the signatures", "RFC 5652, Section 5.1", "an element is left at its end", "format", func(m *element) { sd(m).add(nothing()) })
		k.file("trailing", "an octet after the message", "RFC 5652, Section 3", "nothing follows a signed message", "format", append(k.base.bytes(), 0))
		k.file("cut", "it lacks its last octet", "X.690, Section 8.1", "a message that is cut off is an error", "format", k.base.bytes()[:len(k.base.bytes())-1])
	}
	k.start("detached", "detached", "")
	k.good("good", kitSigned{detached: true}.message())
	edits()
	k.made("digest-other", "messageDigest is of other content", "RFC 5652, Section 11.2", "messageDigest is the content's", "bad", kitSigned{detached: true, plain: []byte("other content\n")}.message())
	k.made("digest-crlf", "the content was signed with CRLF", "RFC 8551, Section 3.1.1", "messageDigest is the content's", "bad", kitSigned{detached: true, plain: []byte(kitPayload[:len(kitPayload)-1] + "\r\n")}.message())
	k.start("detached-openssl", "detached", "")
	k.foreign(foreign)
	edits()
	k.start("detached-bc", "detached", "")
	k.foreign(foreign)
}
