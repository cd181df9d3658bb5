package smime_test

import (
	"bytes"
	"slices"
	"strconv"
)

// kitContents are about what EnvelopedData and AuthEnvelopedData have around
// their recipients.
func kitContents(k *kitMaker, _ func(string) (*element, string)) {
	const rfc = "RFC 5083, Section 2.1"
	k.start("content", "sealed", "shared")
	to := []*element{kitShared(kitIV)}
	k.good("good", kitSealed{infos: to}.message())
	in := func(m *element) *element { return m.at(1, 0) }
	k.edit("version-1", "CMSVersion 1", rfc, "versions of CMS are known ones", "format", func(m *element) { in(m).at(0).set(1) })
	k.edit("version-256", "CMSVersion 256", rfc, "a version of CMS has one octet", "format", func(m *element) { in(m).at(0).set(1, 0) })
	k.edit("no-recipient", "no recipient", "RFC 5652, Section 6.1", "a sealed message has a recipient", "format", func(m *element) { in(m).at(1).kids = nil })
	k.edit("no-content", "no encrypted content", "RFC 5652, Section 6.1", "encryptedContent is there", "format", func(m *element) { in(m).at(2).remove(2) })
	k.says("its content is not in it")
	k.edit("content-more", "an element after the encrypted content", "RFC 5652, Section 6.1", "an element is left at its end", "format", func(m *element) { in(m).at(2).add(nothing()) })
	k.edit("content-flipped", "a bit of the encrypted content is flipped", "RFC 5084, Section 1.5", "GCM's tag is compared", "decrypt", func(m *element) { in(m).at(2, 2).flip(0) })
	k.edit("content-cut", "the encrypted content lacks its last octet", "RFC 5084, Section 1.5", "GCM's tag is compared", "decrypt", func(m *element) {
		c := in(m).at(2, 2)
		c.body = c.body[:len(c.body)-1]
	})
	k.edit("content-extended", "an octet follows the encrypted content", "RFC 5084, Section 1.5", "GCM's tag is compared", "decrypt", func(m *element) { c := in(m).at(2, 2); c.body = append(c.body, 0) })
	k.edit("content-empty", "the encrypted content is of no octet", "RFC 5084, Section 1.5", "GCM's tag is compared", "decrypt", func(m *element) { in(m).at(2, 2).set() })
	k.edit("mac-flipped", "a bit of the tag is flipped", "RFC 5084, Section 1.5", "GCM's tag is compared", "decrypt", func(m *element) { in(m).at(-1).flip(-1) })
	k.edit("mac-cut", "the tag lacks its last octet", "RFC 5084, Section 3.2", "the mac is as long as the parameters say", "format", func(m *element) { t := in(m).at(-1); t.body = t.body[:15] })
	k.edit("mac-12", "a tag of 12 octets, and 16 were announced", "RFC 5084, Section 3.2", "the mac is as long as the parameters say", "format", func(m *element) { t := in(m).at(-1); t.body = t.body[:12] })
	k.edit("mac-extended", "an octet follows the tag", "RFC 5084, Section 3.2", "the mac is as long as the parameters say", "format", func(m *element) { t := in(m).at(-1); t.body = append(t.body, 0) })
	k.edit("mac-empty", "a tag of no octet", "RFC 5084, Section 3.2", "the mac is as long as the parameters say", "format", func(m *element) { in(m).at(-1).set() })
	k.edit("nonce-flipped", "a bit of the nonce is flipped", "RFC 5084, Section 3.2", "GCM's tag is compared", "decrypt", func(m *element) { in(m).at(2, 1, 1, 0).flip(0) })
	k.edit("icv-default", "no length of the tag, which means 12", "RFC 5084, Section 3.2", "the mac is as long as the parameters say", "format", func(m *element) { in(m).at(2, 1, 1).remove(1) })
	k.edit("parameters-none", "AES-GCM without parameters", "RFC 5084, Section 3.2", "the parameters of AES-GCM are there", "format", func(m *element) { in(m).at(2, 1).remove(1) })
	k.edit("parameters-nonce", "the nonce alone as the parameters", "RFC 5084, Section 3.2", "the parameters of AES-GCM are there", "format", func(m *element) { in(m).at(2, 1).put(1, octetString(make([]byte, 12))) })
	k.edit("parameters-more", "an element after the length of the tag", "RFC 5084, Section 3.2", "nothing follows the length of a tag", "format", func(m *element) { in(m).at(2, 1, 1).add(nothing()) })
	k.edit("algorithm-unknown", "a content algorithm that is not supported: AES-CTR", "RFC 5083, Section 2.1", "a content algorithm is a known one", "format", func(m *element) { in(m).at(2, 1).put(0, object(kitCTR256)) })
	k.edit("enveloped", "it is EnvelopedData, which has no tag", rfc, "no AEAD in EnvelopedData", "format", inEnveloped)
	k.edit("type-encrypted", "the type of the message is EncryptedData", "RFC 5652, Section 8", "a sealed message is of one of two types", "format", func(m *element) { m.put(0, object("1.2.840.113549.1.7.6")) })
	k.edit("content-type", "the content is of another type, which nothing authenticates", rfc, "content that is not id-data has authenticated attributes", "format", func(m *element) { in(m).at(2).put(0, object(kitSignedType)) })
	k.edit("more-inside", "an element after the tag", rfc, "an element is left at its end", "format", func(m *element) { in(m).add(nothing()) })
	k.edit("more-outside", "an element after the content of the ContentInfo", "RFC 5652, Section 3", "an element is left at its end", "format", func(m *element) { m.add(nothing()) })
	k.file("trailing", "an octet after the message", "RFC 5652, Section 3", "nothing follows a sealed message", "format", append(k.base.bytes(), 0))
	k.file("trailing-message", "the message twice", "RFC 5652, Section 3", "nothing follows a sealed message", "format", append(k.base.bytes(), k.base.bytes()...))
	for i, cut := range kitEnds(k.base) {
		k.file("cut-"+strconv.Itoa(i), "it ends after "+strconv.Itoa(cut)+" octets", "X.690, Section 8.1", "a message that is cut off is an error", "format", k.base.bytes()[:cut])
	}
	k.fine("indefinite", "indefinite lengths", "X.690, Section 8.1.3.6", func(m *element) {
		m.indefinite, m.at(1).indefinite, in(m).indefinite, in(m).at(1).indefinite, in(m).at(2).indefinite = true, true, true, true, true
	})
	k.fine("length-padded", "a length in more octets than it needs", "X.690, Section 8.1.3.5", func(m *element) {
		in(m).put(0, literal([]byte{2, 0x83, 0, 0, 1, 0}))
	})
	pieces := func(m *element, indefinite bool) {
		c := in(m).at(2, 2)
		out := explicit(0, octetString(c.body[:7]), cons(4, octetString(nil), octetString(c.body[7:8])), octetString(c.body[8:]))
		out.indefinite = indefinite
		in(m).at(2).put(2, out)
	}
	k.fine("pieces", "the content in pieces within a definite length", "X.690, Section 8.7.3", func(m *element) { pieces(m, false) })
	k.fine("pieces-indefinite", "the content in pieces within an indefinite length", "X.690, Section 8.7.3", func(m *element) { pieces(m, true) })
	k.edit("pieces-of-utf8", "a piece of the content is no OCTET STRING", "X.690, Section 8.7.3.2", "a piece of an OCTET STRING is one", "format", func(m *element) {
		pieces(m, true)
		in(m).at(2, 2, 0).tag = 12
	})
	k.fine("originator", "OriginatorInfo", rfc, func(m *element) { in(m).insert(1, explicit(0, explicit(0, kitKeys()["p256"].cert.clone()))) })
	k.fine("unauthenticated", "attributes that nothing authenticates", rfc, func(m *element) {
		in(m).add(explicit(2, kitAttribute("1.2.3.4", number(1))))
	})
	k.kitAttributes(to)
	k.derived(to)
}

// inEnveloped makes EnvelopedData of AuthEnvelopedData.
func inEnveloped(m *element) {
	m.put(0, object(kitEnveloped))
	in := m.at(1, 0)
	in.remove(len(in.kids) - 1)
}

// kitEnds returns where the elements of a message end, but for its own end.
func kitEnds(m *element) (ends []int) {
	var walk func(e *element, at int)
	walk = func(e *element, at int) {
		size := len(e.bytes())
		inside := at + size - len(e.content())
		for _, k := range e.kids {
			walk(k, inside)
			inside += len(k.bytes())
		}
		ends = append(ends, at+size)
	}
	walk(m, 0)
	slices.Sort(ends)
	ends = slices.Compact(ends)
	return ends[:len(ends)-1]
}

// kitAttributes are faults of authenticated attributes.
func (k *kitMaker) kitAttributes(to []*element) {
	const rfc = "RFC 5083, Section 2.2"
	type attrs []*element
	ct := func(o ...string) *element {
		a := kitAttribute(kitContentType)
		for _, x := range o {
			a.at(1).add(object(x))
		}
		return a
	}
	other := kitAttribute("1.2.3.4", number(5))
	seal := func(a attrs, covered func([]*element) []byte) *element {
		return kitSealed{infos: to, attrs: a, covered: covered}.message()
	}
	k.good("good-attributes", seal(attrs{ct(kitData), other}, nil))
	in := func(m *element) *element { return m.at(1, 0) }
	k.edit("attributes-dropped", "the authenticated attributes are taken away", rfc, "GCM's tag is compared", "decrypt", func(m *element) { in(m).remove(3) })
	k.edit("attribute-dropped", "one of the authenticated attributes is taken away", rfc, "GCM's tag is compared", "decrypt", func(m *element) { in(m).at(3).remove(1) })
	k.edit("attribute-changed", "an authenticated attribute is changed", rfc, "GCM's tag is compared", "decrypt", func(m *element) { in(m).at(3, 1, 1, 0).set(6) })
	k.edit("attributes-empty", "no attribute in the authenticated attributes", rfc, "authenticated attributes have one", "format", func(m *element) { in(m).at(3).kids = nil })
	k.edit("attribute-without-value", "an authenticated attribute without a value", "RFC 5652, Section 5.3", "an authenticated attribute has a value", "format", func(m *element) { in(m).at(3, 1, 1).kids = nil })
	k.edit("attribute-sequence", "the values of an authenticated attribute are a SEQUENCE", "RFC 5652, Section 5.3", "the values of an authenticated attribute are a SET", "format", func(m *element) { in(m).at(3, 1, 1).tag = 0x30 })
	k.made("attribute-more", "an element after the values of an authenticated attribute", "RFC 5652, Section 5.3", "nothing follows the values of an authenticated attribute", "format", func() *element {
		bad := other.clone()
		bad.add(nothing())
		return seal(attrs{ct(kitData), bad}, nil)
	}())
	k.made("attribute-twice", "an authenticated attribute is there twice", "RFC 5652, Section 11.1", "no authenticated attribute twice", "format", seal(attrs{ct(kitData), other, other}, nil))
	k.made("content-type-twice", "the authenticated content type is there twice", "RFC 5652, Section 11.1", "no authenticated attribute twice", "format", seal(attrs{ct(kitData), ct(kitData), other}, nil))
	k.made("content-type-other", "the authenticated content type is another", "RFC 5652, Section 11.1", "the authenticated content type is the content's", "format", seal(attrs{ct(kitSignedType), other}, nil))
	k.made("content-type-two", "the authenticated content type has two values", "RFC 5652, Section 11.1", "the authenticated content type has one value", "format", seal(attrs{ct(kitData, kitData), other}, nil))
	k.made("tag-implicit", "the attributes are covered under the tag that they are sent with", rfc, "the additional data is the SET OF", "decrypt", seal(attrs{ct(kitData), other}, func(a []*element) []byte {
		return explicit(1, a...).bytes()
	}))
	k.made("not-covered", "the attributes are not covered by the tag", rfc, "the additional data is covered by the tag", "decrypt", seal(attrs{ct(kitData), other}, func([]*element) []byte { return nil }))
	k.made("covered-unsorted", "the attributes are covered in another order than DER's", rfc, "the additional data is in DER's order", "decrypt", seal(attrs{other, ct(kitData)}, func(a []*element) []byte {
		if bytes.Equal(setOf(a...).bytes(), setOf(derOrder(a)...).bytes()) {
			slices.Reverse(a)
		}
		return setOf(a...).bytes()
	}))
	k.fine("unsorted", "attributes that are sent unsorted", rfc, func(m *element) { slices.Reverse(in(m).at(3).kids) })
	k.fine("indefinite-attributes", "attributes that are sent with indefinite lengths", rfc, func(m *element) {
		in(m).at(3).indefinite, in(m).at(3, 0).indefinite = true, true
	})
	k.good("good-64-attributes", seal(kitAttributesMany(64), nil))
	k.made("65-attributes", "65 authenticated attributes", "our limit", "authenticated attributes have a limit", "limit", seal(kitAttributesMany(65), nil))
}

func kitAttributesMany(n int) (out []*element) {
	for i := range n {
		out = append(out, kitAttribute("1.2.3."+strconv.Itoa(i), number(1)))
	}
	return out
}

// derived are faults of CEK-HKDF.
func (k *kitMaker) derived(to []*element) {
	const rfc = "RFC 9709, Section 2"
	k.good("good-derived", kitSealed{infos: to, derive: true}.message())
	alg := func(m *element) *element { return m.at(1, 0, 2, 1) }
	k.edit("derived-dropped", "the identifier of CEK-HKDF is taken off", rfc, "GCM's tag is compared", "decrypt", func(m *element) { m.at(1, 0, 2).put(1, alg(m).at(1)) })
	k.edit("derived-enveloped", "AES-GCM within CEK-HKDF within EnvelopedData", rfc, "CEK-HKDF is taken off before the container is judged", "format", inEnveloped)
	k.edit("derived-null", "CEK-HKDF without the algorithm that the key is for", "RFC 9709, Section 3", "an AlgorithmIdentifier is one", "format", func(m *element) { alg(m).remove(1) })
	k.edit("derived-twice", "CEK-HKDF within CEK-HKDF", "RFC 9709, Section 3", "a content algorithm is a known one", "format", func(m *element) {
		m.at(1, 0, 2).put(1, algorithmOf(kitDerived, alg(m)))
	})
	k.made("derived-info", "the key was derived for no algorithm", rfc, "CEK-HKDF is bound to the algorithm", "decrypt",
		kitSealed{infos: to, derive: true, deriveBy: []byte{}}.message())
	k.from("good", kitSealed{infos: to}.message())
	k.edit("derived-added", "the identifier of CEK-HKDF is put on", rfc, "CEK-HKDF derives the content key", "decrypt", func(m *element) {
		m.at(1, 0, 2).put(1, algorithmOf(kitDerived, alg(m)))
	})
}

// kitCiphers are about the content algorithms and their parameters.
func kitCiphers(k *kitMaker, _ func(string) (*element, string)) {
	k.start("cipher", "sealed", "shared")
	to := []*element{kitShared(kitIV)}
	seal := func(cipher string, nonce, tag int) *element {
		return kitSealed{infos: to, cipher: cipher, nonce: kitSecret("nonce", nonce), tagLen: tag}.message()
	}
	in := func(m *element) *element { return m.at(1, 0) }
	announce := func(n int) func(*element) { return func(m *element) { in(m).at(2, 1, 1).put(1, number(n)) } }

	const gcm = "RFC 5084, Section 3.2"
	k.good("good-gcm", seal(kitGCM256, 12, 16))
	for _, n := range []int{1, 8, 11, 13, 16, 64} {
		k.made("gcm-nonce-"+strconv.Itoa(n), "a nonce of so many octets", gcm, "a GCM nonce has 12 octets", "format", seal(kitGCM256, n, 16))
	}
	k.edit("gcm-nonce-0", "a nonce of no octet", gcm, "a GCM nonce has 12 octets", "format", func(m *element) { in(m).at(2, 1, 1, 0).set() })
	for _, n := range []int{0, 1, 4, 8, 11} {
		k.made("gcm-tag-"+strconv.Itoa(n), "a tag of so many octets", gcm, "a GCM tag has 12 octets or more", "format", seal(kitGCM256, 12, 16).tagged(n))
	}
	for _, n := range []int{17, 32, 64} {
		k.edit("gcm-tag-"+strconv.Itoa(n), "a tag of so many octets", gcm, "a GCM tag has 16 octets or fewer", "format", func(m *element) {
			in(m).at(-1).body = append(in(m).at(-1).body, make([]byte, n)...)
			m.tagged(n)
		})
	}
	k.good("good-gcm-12", seal(kitGCM256, 12, 12))
	k.edit("gcm-12-as-16", "a tag of 12 octets, of which 16 are announced", gcm, "the mac is as long as the parameters say", "format", announce(16))
	k.fine("gcm-12-default", "12 by default", gcm, func(m *element) { in(m).at(2, 1, 1).remove(1) })

	const ccm = "RFC 5084, Section 3.1"
	k.good("good-ccm", seal(kitCCM256, 12, 16))
	for _, n := range []int{0, 6, 14, 16} {
		k.edit("ccm-nonce-"+strconv.Itoa(n), "a nonce of so many octets", ccm, "a CCM nonce has 7 to 13 octets", "format", func(m *element) { in(m).at(2, 1, 1, 0).set(kitSecret("nonce", n)...) })
	}
	k.edit("ccm-no-parameters", "no parameters", ccm, "the parameters of AES-GCM are there", "format", func(m *element) { in(m).at(2, 1).remove(1) })
	k.edit("ccm-mac", "a bit of the tag is flipped", ccm, "the tag of ChaCha20-Poly1305 and CCM is compared", "decrypt", func(m *element) { in(m).at(-1).flip(0) })
	k.edit("ccm-content", "a bit of the content is flipped", ccm, "the tag of ChaCha20-Poly1305 and CCM is compared", "decrypt", func(m *element) { in(m).at(2, 2).flip(0) })
	k.edit("ccm-content-cut", "the content lacks its last octet", ccm, "the tag of ChaCha20-Poly1305 and CCM is compared", "decrypt", func(m *element) { c := in(m).at(2, 2); c.body = c.body[:len(c.body)-1] })
	k.edit("ccm-nonce", "a bit of the nonce is flipped", ccm, "the tag of ChaCha20-Poly1305 and CCM is compared", "decrypt", func(m *element) { in(m).at(2, 1, 1, 0).flip(0) })
	k.edit("ccm-mac-cut", "the tag lacks its last octet", ccm, "the mac is as long as the parameters say", "format", func(m *element) { t := in(m).at(-1); t.body = t.body[:15] })
	k.edit("ccm-enveloped", "in EnvelopedData, which has no tag", "RFC 5084, Section 1", "no AEAD in EnvelopedData", "format", inEnveloped)
	for _, n := range []int{4, 6, 8, 10} {
		k.made("ccm-tag-"+strconv.Itoa(n), "a tag of so many octets", ccm, "a CCM tag has 12, 14 or 16 octets", "format", seal(kitCCM256, 12, n))
	}
	for _, n := range []int{5, 13, 17, 0} {
		k.edit("ccm-announced-"+strconv.Itoa(n), "a tag of so many octets is announced", ccm, "a CCM tag has 12, 14 or 16 octets", "format", func(m *element) {
			announce(n)(m)
			in(m).at(-1).body = append(in(m).at(-1).body, 0)[:n]
		})
	}
	k.good("good-ccm-nonce-7", seal(kitCCM256, 7, 14))
	k.good("good-ccm-nonce-13", seal(kitCCM256, 13, 12))
	k.edit("ccm-as-gcm", "AES-CCM is said to be AES-GCM", ccm, "a GCM nonce has 12 octets", "format", func(m *element) { in(m).at(2, 1).put(0, object(kitGCM256)) })

	const chacha = "RFC 8103, Section 4"
	k.good("good-chacha", seal(kitChaCha, 12, 16))
	for _, n := range []int{0, 8, 11, 13, 24} {
		k.edit("chacha-nonce-"+strconv.Itoa(n), "a nonce of so many octets", chacha, "a ChaCha20-Poly1305 nonce has 12 octets", "format", func(m *element) { in(m).at(2, 1, 1).set(kitSecret("nonce", n)...) })
	}
	k.edit("chacha-no-parameters", "no parameters", chacha, "ChaCha20-Poly1305 has a nonce", "format", func(m *element) { in(m).at(2, 1).remove(1) })
	k.edit("chacha-gcm-parameters", "the parameters of AES-GCM", chacha, "ChaCha20-Poly1305 has a nonce", "format", func(m *element) {
		in(m).at(2, 1).put(1, sequence(octetString(kitSecret("nonce", 12)), number(16)))
	})
	k.edit("chacha-mac", "a bit of the tag is flipped", chacha, "the tag of ChaCha20-Poly1305 and CCM is compared", "decrypt", func(m *element) { in(m).at(-1).flip(0) })
	k.edit("chacha-content", "a bit of the content is flipped", chacha, "the tag of ChaCha20-Poly1305 and CCM is compared", "decrypt", func(m *element) { in(m).at(2, 2).flip(0) })
	k.edit("chacha-mac-12", "a tag of 12 octets", chacha, "the mac is as long as the parameters say", "format", func(m *element) { t := in(m).at(-1); t.body = t.body[:12] })
	k.edit("chacha-enveloped", "in EnvelopedData, which has no tag", chacha, "no AEAD in EnvelopedData", "format", inEnveloped)
	for _, c := range [][2]string{{kitChaCha, "chacha"}, {kitCCM256, "ccm"}} {
		cipher, name := c[0], c[1]
		attrs := []*element{kitAttribute("1.2.3.4", number(5))}
		k.good("good-"+name+"-attributes", kitSealed{infos: to, cipher: cipher, attrs: attrs}.message())
		k.edit(name+"-attributes-dropped", "the authenticated attributes are taken away", "RFC 5083, Section 2.2", "the tag of ChaCha20-Poly1305 and CCM is compared", "decrypt", func(m *element) { in(m).remove(3) })
		k.made(name+"-not-covered", "the attributes are not covered by the tag", "RFC 5083, Section 2.2", "the additional data of late tags is covered", "decrypt",
			kitSealed{infos: to, cipher: cipher, attrs: attrs, covered: func([]*element) []byte { return nil }}.message())
	}
}

// tagged sets the length of the tag and what is announced of it.
func (e *element) tagged(n int) *element {
	in := e.at(1, 0)
	in.at(2, 1, 1).put(1, number(n))
	in.at(-1).body = in.at(-1).body[:n]
	return e
}
