package smime_test

import (
	"crypto"
	"encoding/binary"
	"slices"
	"strconv"
)

func kitInfos(m *element) *element { return m.at(1, 0, 1) }

func kitSealedTo(infos ...*element) *element { return kitSealed{infos: infos}.message() }

// kitAgreements are about KeyAgreeRecipientInfo.
func kitAgreements(k *kitMaker, foreign func(string) (*element, string)) {
	for _, name := range []string{"p256", "p384", "p521", "x25519", "x448"} {
		k.start("agree-"+name, "sealed", name)
		good := kitAgree{key: kitKeys()[name]}
		k.good("good", kitSealedTo(good.element()))
		if name == "p256" || name == "x25519" { // the others are parsed by the same
			k.agreementEdits()
		}
		k.agreementKeys(good)
		if name[0] == 'p' {
			k.points(good)
		} else {
			k.montgomery(good)
		}
	}
	for _, group := range []string{"agree-openssl-p256", "agree-openssl-p384", "agree-bc-p521"} {
		k.start(group, "sealed", group[len(group)-4:])
		k.foreign(foreign)
		if group == "agree-openssl-p256" {
			k.agreementEdits()
		}
	}
}

// agreementEdits are faults that can be put into any message, as nothing that
// they change is authenticated.
func (k *kitMaker) agreementEdits() {
	const rfc = "RFC 5652, Section 6.2.2"
	ri := func(m *element) *element { return kitInfos(m).at(0) }
	k.edit("version-2", "CMSVersion 2", rfc, "a key agreement has version 3", "format", func(m *element) { ri(m).at(0).set(2) })
	k.edit("version-4", "CMSVersion 4", rfc, "a key agreement has version 3", "format", func(m *element) { ri(m).at(0).set(4) })
	k.edit("static", "the originator is a certificate", "RFC 5753, Section 3.1", "a key agreement is ephemeral", "format/success", func(m *element) {
		ri(m).at(1).put(0, kitKeys()["p256"].rid())
	})
	if k.openWith != "x25519" { // which has no curve, and salts with it too
		k.edit("originator-algorithm", "the originator's key is for finite fields", "RFC 5753, Section 3.1", "an originator's key is of a known kind", "format/success", func(m *element) {
			ri(m).at(1, 0).put(0, algorithmOf("1.2.840.10046.2.1"))
		})
		k.edit("ukm", "user keying material, after the key was derived without it", "RFC 5753, Section 7.2", "user keying material goes into the derived key", "decrypt", func(m *element) {
			ri(m).insert(2, explicit(1, octetString([]byte("ukm"))))
		})
	}
	k.edit("originator-more", "an element after the originator's key", rfc, "nothing follows an originator's key", "format", func(m *element) {
		ri(m).at(1, 0).add(nothing())
	})
	k.edit("scheme", "a scheme that nobody knows", "RFC 5753, Section 7.1.4", "a scheme of key agreement is a known one", "format/success", func(m *element) {
		ri(m).at(-2).put(0, object("1.3.132.1.11.99"))
	})
	k.edit("wrap-3des", "triple DES as the key wrap", "RFC 5753, Section 7.1.5", "a key agreement has AES key wrap", "format/success", func(m *element) {
		ri(m).at(-2).put(1, algorithmOf(kitWrap3, nothing()))
	})
	k.edit("wrap-parameters", "an OCTET STRING as the parameters of the key wrap", "RFC 3565, Section 2.3.2", "AES key wrap has no parameters", "format", func(m *element) {
		ri(m).at(-2, 1).add(octetString(nil))
	})
	k.edit("wrap-null", "NULL as the parameters of the key wrap after the key was derived", "RFC 5753, Section 7.2", "the key wrap is derived from as it stands", "decrypt", func(m *element) {
		w := ri(m).at(-2, 1)
		if len(w.kids) > 1 {
			w.remove(1)
		} else {
			w.add(nothing())
		}
	})
	k.edit("wrap-more", "two elements as the parameters of the scheme", "RFC 5753, Section 7.1.4", "an AlgorithmIdentifier has one parameter", "format", func(m *element) {
		ri(m).at(-2).add(nothing())
	})
	k.edit("ukm-more", "an element after the user keying material", rfc, "nothing follows user keying material", "format", func(m *element) {
		ri(m).insert(2, explicit(1, octetString(nil), nothing()))
	})
	k.edit("serial", "the serial number of another certificate", rfc, "a recipient has the serial number", "not-for-you", func(m *element) {
		ri(m).at(-1, 0, 0, 1).flip(-1)
	})
	k.edit("issuer", "the issuer of another certificate", rfc, "a recipient has the issuer", "not-for-you", func(m *element) {
		ri(m).at(-1, 0, 0, 0, 0, 0, 1).flip(-1)
	})
	k.edit("rid-more", "an element after the serial number", "RFC 5652, Section 10.2.4", "nothing follows a serial number", "format", func(m *element) {
		ri(m).at(-1, 0, 0).add(nothing())
	})
	k.edit("key-more", "an element after the encrypted key", rfc, "nothing follows a key that was agreed on", "format", func(m *element) {
		ri(m).at(-1, 0).add(nothing())
	})
	k.edit("more", "an element after all keys", rfc, "nothing follows the keys of a key agreement", "format", func(m *element) {
		ri(m).add(nothing())
	})
	k.edit("choice-9", "the recipient is of a choice that is not defined", "RFC 5652, Section 6.2", "a recipient is of a known choice", "not-for-you", func(m *element) {
		ri(m).tag = 0xa9
	})
	k.edit("choice-universal", "the recipient is a SET", "RFC 5652, Section 6.2", "a recipient is a choice", "format", func(m *element) {
		ri(m).tag = 0x31
	})
	k.fine("second-key", "a second reader's key before it", rfc, func(m *element) {
		other := ri(m).at(-1, 0).clone()
		other.at(0, 1).flip(-1)
		ri(m).at(-1).insert(0, other)
	})
	k.fine("unknown-beside", "a recipient of a choice that is not known beside it", "RFC 5652, Section 6.2", func(m *element) {
		kitInfos(m).add(explicit(9, number(1)))
	})
}

// agreementKeys are faults under the key wrap.
func (k *kitMaker) agreementKeys(a kitAgree) {
	twin, base := k.twin, k.base
	defer func() { k.twin, k.base = twin, base }()
	seal := func(change func(a *kitAgree)) *element {
		a := a
		change(&a)
		return kitSealedTo(a.element())
	}
	k.made("wrap-iv", "the first octet of the key wrap's initial value is A7", "RFC 3394, Section 2.2.3", "AES key wrap is intact", "decrypt",
		seal(func(a *kitAgree) { a.iv = kitIV ^ 1<<56 }))
	k.made("wrap-iv-last", "the last octet of the key wrap's initial value is A7", "RFC 3394, Section 2.2.3", "AES key wrap is intact", "decrypt",
		seal(func(a *kitAgree) { a.iv = kitIV ^ 1 }))
	k.made("bits", "suppPubInfo counts the key in octets", "RFC 5753, Section 7.2", "suppPubInfo is in bits", "decrypt",
		seal(func(a *kitAgree) { a.bits = 32 }))
	k.good("good-ukm", seal(func(a *kitAgree) { a.ukm = []byte("some keying material") }))
	k.made("ukm-unused", "the key was derived without the user keying material that is sent", "RFC 5753, Section 7.2", "user keying material goes into the derived key", "decrypt",
		seal(func(a *kitAgree) {
			a.ukm, a.salt, a.noKeying = []byte("some keying material"), []byte("some keying material"), true
		}))
	k.good("good-ukm-1024", seal(func(a *kitAgree) { a.ukm = make([]byte, 1024) }))
	k.made("ukm-1025", "1,025 octets of user keying material", "RFC 5652, Section 10.2.6; our limit", "user keying material of a key agreement has a limit", "format",
		seal(func(a *kitAgree) { a.ukm = make([]byte, 1025) }))
	k.good("good-ski", seal(func(a *kitAgree) { a.bySKI = true }))
	k.edit("ski", "the key identifier of another certificate", "RFC 5652, Section 6.2.2", "a recipient has the key identifier", "not-for-you", func(m *element) {
		kitInfos(m).at(0, -1, 0, 0, 0).flip(0)
	})
	k.edit("ski-empty", "a key identifier of no octet", "RFC 5652, Section 6.2.2", "a key identifier has an octet", "format", func(m *element) {
		kitInfos(m).at(0, -1, 0, 0, 0).set()
	})
	k.edit("ski-129", "a key identifier of 129 octets", "our limit", "a key identifier has a limit", "format", func(m *element) {
		kitInfos(m).at(0, -1, 0, 0, 0).set(make([]byte, 129)...)
	})
	k.edit("ski-more", "an INTEGER after the key identifier", "RFC 5652, Section 6.2.2", "nothing follows a key identifier", "format", func(m *element) {
		kitInfos(m).at(0, -1, 0, 0).add(number(1))
	})
	k.fine("ski-date", "a date after the key identifier", "RFC 5652, Section 6.2.2", func(m *element) {
		kitInfos(m).at(0, -1, 0, 0).add(prim(24, []byte("20260101000000Z")...))
	})
}

// points are faults of a point on a curve.
func (k *kitMaker) points(good kitAgree) {
	name := good.key.name
	k.edit("kdf", "another digest in the KDF than the one it was derived with", "RFC 5753, Section 7.1.4", map[string]string{
		"p256": "the KDF with SHA-384 is another", "p384": "the KDF with SHA-512 is another", "p521": "the KDF with SHA-256 is another",
	}[name], "decrypt", func(m *element) {
		kitInfos(m).at(0, -2).put(0, object(map[string]string{"p256": "1.3.132.1.11.2", "p384": "1.3.132.1.11.3", "p521": "1.3.132.1.11.1"}[name]))
	})
	k.edit("kdf-hkdf", "HKDF as the KDF", "RFC 8418, Section 2.2", "HKDF is not the KDF of X9.63", "decrypt", func(m *element) {
		kitInfos(m).at(0, -2).put(0, object(map[string]string{"p256": "1.2.840.113549.1.9.16.3.19", "p384": "1.2.840.113549.1.9.16.3.20", "p521": "1.2.840.113549.1.9.16.3.21"}[name]))
	})
	k.fine("cofactor", "cofactor ECDH, which is the same on these curves", "RFC 5753, Section 7.1.4", func(m *element) {
		kitInfos(m).at(0, -2).put(0, object(map[string]string{"p256": "1.3.132.1.14.1", "p384": "1.3.132.1.14.2", "p521": "1.3.132.1.14.3"}[name]))
	})
	good.named = true
	k.good("good-named", kitSealedTo(good.element()))
	point := func(m *element) *element { return kitInfos(m).at(0, 1, 0, 1) }
	k.edit("off-curve", "the point is not on the curve", "RFC 5753, Section 3.1; SEC 1, Section 3.2.2", "a point is on its curve", "decrypt", func(m *element) { point(m).flip(-1) })
	k.edit("infinity", "the point is the one at infinity", "SEC 1, Section 3.2.2", "a point is on its curve", "decrypt", func(m *element) { point(m).set(0, 0) })
	k.edit("compressed", "the point is compressed", "RFC 5753, Section 7.1.1; RFC 5480, Section 2.2", "a point is on its curve", "decrypt", func(m *element) {
		b := point(m).body
		point(m).set(append([]byte{0, 2 | b[len(b)-1]&1}, b[2:len(b)/2+1]...)...)
	})
	k.edit("hybrid", "the point is in hybrid form", "RFC 5480, Section 2.2", "a point is on its curve", "decrypt", func(m *element) {
		b := point(m).body
		b[1] = 6 | b[len(b)-1]&1
	})
	k.edit("cut", "the point lacks its last octet", "SEC 1, Section 2.3.4", "a point is on its curve", "decrypt", func(m *element) {
		p := point(m)
		p.body = p.body[:len(p.body)-1]
	})
	k.edit("extended", "an octet follows the point", "SEC 1, Section 2.3.4", "a point is on its curve", "decrypt", func(m *element) {
		point(m).body = append(point(m).body, 0)
	})
	k.edit("no-point", "no octet of a point", "SEC 1, Section 2.3.4", "a point is on its curve", "decrypt", func(m *element) { point(m).set(0) })
	k.edit("bits-of-octet", "the point's BIT STRING ends within an octet", "RFC 5480, Section 2.2", "an originator's key is whole octets", "format", func(m *element) {
		p := point(m)
		p.body[0] = 1
		p.body[len(p.body)-1] &^= 1
	})
	other := map[string]string{"p256": "p384", "p384": "p521", "p521": "p256"}[name]
	k.edit("curve", "the parameters name another curve", "RFC 5753, Section 3.1.1", "the curve is the key's", "format/success", func(m *element) {
		kitInfos(m).at(0, 1, 0, 0).put(1, object(kitCurveOID[other]))
	})
	k.edit("curve-unknown", "the parameters name a curve that is not supported", "RFC 5753, Section 3.1.1", "a curve is a known one", "format/success", func(m *element) {
		kitInfos(m).at(0, 1, 0, 0).put(1, object("1.3.36.3.3.2.8.1.1.7"))
	})
	k.edit("curve-explicit", "the parameters are the numbers of a curve", "RFC 5480, Section 2.1.1", "a curve is a known one", "format/success", func(m *element) {
		kitInfos(m).at(0, 1, 0, 0).put(1, sequence(number(1)))
	})
	k.fine("curve-null", "NULL as the parameters", "RFC 5753, Section 3.1.1", func(m *element) {
		kitInfos(m).at(0, 1, 0, 0).put(1, nothing())
	})
}

// montgomery are faults of X25519 and X448.
func (k *kitMaker) montgomery(good kitAgree) {
	point := func(m *element) *element { return kitInfos(m).at(0, 1, 0, 1) }
	size := len(point(k.base).body) - 1
	k.edit("parameters", "an OCTET STRING as the parameters of the key", "RFC 8418, Section 3.1", "X25519 and X448 have no parameters", "format", func(m *element) {
		kitInfos(m).at(0, 1, 0, 0).add(octetString(nil))
	})
	k.edit("cut", "the public key lacks its last octet", "RFC 8418, Section 2", "X25519 and X448 have keys of one length", "format", func(m *element) {
		point(m).body = point(m).body[:size]
	})
	k.edit("extended", "an octet follows the public key", "RFC 8418, Section 2", "X25519 and X448 have keys of one length", "format", func(m *element) {
		point(m).body = append(point(m).body, 0)
	})
	seal := func(change func(a *kitAgree)) *element {
		a := good
		change(&a)
		return kitSealedTo(a.element())
	}
	zero, one := make([]byte, size), append([]byte{1}, make([]byte, size-1)...)
	k.made("zero", "the public key is 0, so that the secret is", "RFC 8418, Section 5; RFC 7748, Section 6", "a secret of X25519 or X448 is not zero", "decrypt",
		seal(func(a *kitAgree) { a.point, a.secret = zero, zero }))
	k.made("one", "the public key is 1, so that the secret is zero", "RFC 8418, Section 5; RFC 7748, Section 6", "a secret of X25519 or X448 is not zero", "decrypt",
		seal(func(a *kitAgree) { a.point, a.secret = one, zero }))
	k.made("scheme-sha1", "the KDF of X9.63 with SHA-1", "RFC 8418, Section 2.1", "X25519 has schemes of its own", "format/success",
		seal(func(a *kitAgree) { a.scheme, a.hash = "1.3.133.16.840.63.0.2", crypto.SHA1 }))
	k.made("scheme-cofactor", "a scheme with a cofactor", "RFC 8418, Section 2.1", "X25519 has no scheme with a cofactor", "format/success",
		seal(func(a *kitAgree) { a.scheme, a.hash = "1.3.132.1.14.1", crypto.SHA256 }))
	twin, base := k.twin, k.base
	k.good("good-x963", seal(func(a *kitAgree) { a.scheme, a.hash = "1.3.132.1.11.1", crypto.SHA256 }))
	k.twin, k.base = k.group+"/good-ukm", nil
	k.made("salt", "user keying material, and HKDF without a salt", "RFC 8418, Section 2.2", "user keying material is the salt of HKDF", "decrypt",
		seal(func(a *kitAgree) { a.ukm, a.salt = []byte("some keying material"), []byte{} }))
	k.twin, k.base = twin, base
	if good.key.name == "x25519" {
		k.edit("hkdf-384", "HKDF with SHA-384", "RFC 8418, Section 2.2", "HKDF with SHA-384 is another", "decrypt", func(m *element) {
			kitInfos(m).at(0, -2).put(0, object("1.2.840.113549.1.9.16.3.20"))
		})
	} else {
		k.edit("hkdf-256", "HKDF with SHA-256", "RFC 8418, Section 2.2", "HKDF with SHA-256 is another", "decrypt", func(m *element) {
			kitInfos(m).at(0, -2).put(0, object("1.2.840.113549.1.9.16.3.19"))
		})
	}
	k.edit("other-curve", "the key is said to be on P-256", "RFC 8418, Section 3.1", "the curve is the key's", "format/success", func(m *element) {
		kitInfos(m).at(0, 1, 0).put(0, algorithmOf(kitECPublic, object(kitCurveOID["p256"])))
	})
}

// kitEncapsulations are about KEMRecipientInfo.
func kitEncapsulations(k *kitMaker, _ func(string) (*element, string)) {
	const rfc = "RFC 9629, Section 3"
	k.start("kem", "sealed", "ml-kem-768")
	good := kitKEM{key: kitKeys()["ml-kem-768"]}
	k.good("good", kitSealedTo(good.element()))
	ri := func(m *element) *element { return kitInfos(m).at(0, 1) }
	kem := func(name, fault, rfc, check, expect string, how func(ri *element)) {
		k.edit(name, fault, rfc, check, expect, func(m *element) { how(ri(m)) })
	}
	kem("version-1", "CMSVersion 1", rfc, "a key encapsulation has version 0", "format", func(r *element) { r.at(0).set(1) })
	kem("version-3", "CMSVersion 3", rfc, "a key encapsulation has version 0", "format", func(r *element) { r.at(0).set(3) })
	kem("serial", "the serial number of another certificate", rfc, "a recipient has the serial number", "not-for-you", func(r *element) { r.at(1, 1).flip(-1) })
	kem("kem-unknown", "a KEM that nobody knows", rfc, "a KEM is a known one", "not-for-you", func(r *element) { r.at(2).put(0, object("2.16.840.1.101.3.4.4.99")) })
	kem("kem-1024", "ML-KEM-1024, with a ciphertext of ML-KEM-768", "RFC 9936, Section 2.1", "a ciphertext of ML-KEM has one length", "format", func(r *element) { r.at(2).put(0, object("2.16.840.1.101.3.4.4.3")) })
	kem("kem-null", "NULL as the parameters of ML-KEM", "RFC 9936, Section 2.1", "ML-KEM has no parameters", "format", func(r *element) { r.at(2).add(nothing()) })
	kem("ciphertext-cut", "the ciphertext lacks its last octet", "FIPS 203, Section 7.3", "a ciphertext of ML-KEM has one length", "format", func(r *element) { c := r.at(3); c.body = c.body[:len(c.body)-1] })
	kem("ciphertext-extended", "an octet follows the ciphertext", "FIPS 203, Section 7.3", "a ciphertext of ML-KEM has one length", "format", func(r *element) { c := r.at(3); c.body = append(c.body, 0) })
	kem("ciphertext-none", "no ciphertext", "FIPS 203, Section 7.3", "a ciphertext of ML-KEM has one length", "format", func(r *element) { r.at(3).set() })
	kem("kdf-384", "HKDF with SHA-384", rfc, "the KDF of a KEM is the one that is named", "decrypt", func(r *element) { r.at(4).put(0, object("1.2.840.113549.1.9.16.3.29")) })
	kem("kdf-unknown", "a KDF that nobody knows", rfc, "the KDF of a KEM is a known one", "not-for-you", func(r *element) { r.at(4).put(0, object("1.2.840.113549.1.9.16.3.99")) })
	kem("kdf-null", "NULL as the parameters of HKDF", "RFC 8619, Section 2", "the KDF of a KEM has no parameters", "format", func(r *element) { r.at(4).add(nothing()) })
	for _, n := range []int{16, 24, 31, 33, 65535} {
		kem("keklength-"+strconv.Itoa(n), "kekLength is another than that of the key wrap", rfc, "a key encapsulation states the length of its key wrap", "format", func(r *element) { r.put(5, number(n)) })
	}
	kem("wrap-128", "AES-128 key wrap with a kekLength of 32", rfc, "a key encapsulation states the length of its key wrap", "format", func(r *element) { r.put(6, algorithmOf(kitWrap128)) })
	kem("wrap-3des", "triple DES as the key wrap", rfc, "a key encapsulation has AES key wrap", "not-for-you", func(r *element) { r.put(6, algorithmOf(kitWrap3, nothing())) })
	kem("wrap-parameters", "an OCTET STRING as the parameters of the key wrap", "RFC 3565, Section 2.3.2", "AES key wrap has no parameters", "format", func(r *element) { r.at(6).add(octetString(nil)) })
	kem("wrap-null", "NULL as the parameters of the key wrap after the key was derived", "RFC 9629, Section 5", "the key wrap of a KEM is derived from as it stands", "decrypt", func(r *element) { r.at(6).add(nothing()) })
	kem("ukm", "user keying material, after the key was derived without it", "RFC 9629, Section 5", "user keying material binds a key encapsulation", "decrypt", func(r *element) { r.insert(6, explicit(0, octetString([]byte("ukm")))) })
	kem("ukm-more", "an element after the user keying material", rfc, "nothing follows user keying material of a KEM", "format", func(r *element) { r.insert(6, explicit(0, octetString(nil), nothing())) })
	kem("more", "an element after the encrypted key", rfc, "nothing follows the key of a KEM", "format", func(r *element) { r.add(nothing()) })
	k.edit("other-more", "an element after the KEMRecipientInfo", "RFC 5652, Section 6.2.5", "nothing follows an oriValue", "format", func(m *element) { kitInfos(m).at(0).add(nothing()) })
	k.edit("other-type", "an OtherRecipientInfo of a type that nobody knows", "RFC 5652, Section 6.2.5", "an OtherRecipientInfo is one of a KEM", "not-for-you", func(m *element) {
		kitInfos(m).at(0).put(0, object("1.2.840.113549.1.9.16.13.99"))
	})
	seal := func(change func(*kitKEM)) *element {
		g := good
		change(&g)
		return kitSealedTo(g.element())
	}
	k.made("wrap-iv", "another initial value of the key wrap", "RFC 3394, Section 2.2.3", "AES key wrap is intact", "decrypt", seal(func(g *kitKEM) { g.iv = 1 }))
	k.made("info-no-wrap", "the key was derived without the key wrap's identifier", "RFC 9629, Section 5", "the key of a KEM is bound to its key wrap", "decrypt",
		seal(func(g *kitKEM) { g.info = func(i *element) { i.remove(0) } }))
	k.made("info-no-length", "the key was derived without its length", "RFC 9629, Section 5", "the key of a KEM is bound to its length", "decrypt",
		seal(func(g *kitKEM) { g.info = func(i *element) { i.remove(1) } }))
	k.made("salt", "the key was derived with a salt", "RFC 9936, Section 2.2.1", "HKDF of a KEM has no salt", "decrypt",
		seal(func(g *kitKEM) { g.salt = []byte("salt") }))
	k.good("good-ukm", seal(func(g *kitKEM) { g.ukm = []byte("some keying material") }))
	k.edit("ukm-changed", "an octet of the user keying material is changed", "RFC 9629, Section 5", "user keying material binds a key encapsulation as it is", "decrypt", func(m *element) { ri(m).at(6, 0).flip(0) })
	k.made("ukm-unused", "the key was derived without the user keying material", "RFC 9629, Section 5", "user keying material binds a key encapsulation", "decrypt",
		seal(func(g *kitKEM) { g.ukm, g.info = []byte("some keying material"), func(i *element) { i.remove(2) } }))
	k.good("good-ski", seal(func(g *kitKEM) { g.bySKI = true }))
	k.edit("ski", "the key identifier of another certificate", rfc, "a recipient has the key identifier", "not-for-you", func(m *element) { ri(m).at(1).flip(0) })
	k.edit("ski-empty", "a key identifier of no octet", rfc, "a key identifier of a KEM has an octet", "format", func(m *element) { ri(m).at(1).set() })
	k.good("good-384", seal(func(g *kitKEM) { g.hash, g.kdf = crypto.SHA384, "1.2.840.113549.1.9.16.3.29" }))
}

// kitPasswords are about PasswordRecipientInfo.
func kitPasswords(k *kitMaker, foreign func(string) (*element, string)) {
	const rfc = "RFC 5652, Section 6.2.4"
	k.start("password", "sealed", "passphrase")
	k.good("good", kitSealedTo(kitPassword{}.element()))
	pw := func(name, fault, rfc, check, expect string, how func(ri *element)) {
		k.edit(name, fault, rfc, check, expect, func(m *element) { how(kitInfos(m).at(0)) })
	}
	params := func(r *element) *element { return r.at(1, 1) }
	pw("version-2", "CMSVersion 2", rfc, "a passphrase has version 0", "format", func(r *element) { r.at(0).set(2) })
	pw("version-3", "CMSVersion 3", rfc, "a passphrase has version 0", "format", func(r *element) { r.at(0).set(3) })
	pw("no-derivation", "it does not say how the key is derived", rfc, "a passphrase says how its key is derived", "format/success", func(r *element) { r.remove(1) })
	pw("scrypt", "scrypt as the key derivation", "RFC 8018, Appendix A.2", "a passphrase has PBKDF2", "format/success", func(r *element) { r.at(1).put(0, object("1.3.6.1.4.1.11591.4.11")) })
	pw("no-parameters", "PBKDF2 without parameters", "RFC 8018, Appendix A.2", "PBKDF2 has parameters", "format", func(r *element) { r.at(1).remove(1) })
	pw("salt-choice", "the salt is one that another algorithm gives", "RFC 8018, Appendix A.2", "PBKDF2 has parameters", "format", func(r *element) { params(r).put(0, algorithmOf(kitSHA256)) })
	pw("iterations-0", "0 iterations", "RFC 8018, Appendix A.2", "PBKDF2 has an iteration", "format", func(r *element) { params(r).put(1, number(0)) })
	pw("iterations-negative", "-1000 iterations", "RFC 8018, Appendix A.2", "PBKDF2 has an iteration", "format", func(r *element) { params(r).put(1, number(-1000)) })
	pw("iterations-2-31", "2^31 iterations", "RFC 8018, Section 4.2; our limit", "a passphrase has a cost", "limit/success", func(r *element) { params(r).put(1, number(int64(1<<31))) })
	pw("iterations-2-62", "2^62 iterations", "RFC 8018, Section 4.2; our limit", "a passphrase has a cost", "limit/success", func(r *element) { params(r).put(1, number(int64(1<<62))) })
	pw("iterations-limit", "10,000,001 iterations", "our limit", "a passphrase has a cost", "limit/success", func(r *element) { params(r).put(1, number(10_000_001)) })
	pw("key-length-0", "a key of 0 octets", "RFC 8018, Appendix A.2", "a stated length of PBKDF2's key is one", "format", func(r *element) { params(r).insert(2, number(0)) })
	pw("key-length-16", "a key of 16 octets for AES-256", "RFC 8018, Appendix A.2", "PBKDF2 states the length of the cipher's key", "format", func(r *element) { params(r).insert(2, number(16)) })
	pw("key-length-33", "a key of 33 octets for AES-256", "RFC 8018, Appendix A.2", "PBKDF2 states the length of the cipher's key", "format", func(r *element) { params(r).insert(2, number(33)) })
	k.fine("key-length-32", "the length of the key, which is the cipher's", "RFC 8018, Appendix A.2", func(m *element) { kitInfos(m).at(0, 1, 1).insert(2, number(32)) })
	pw("prf-512", "HMAC with SHA-512", "RFC 8018, Appendix B.1", "the digest of PBKDF2 is the one that is named", "decrypt", func(r *element) { params(r).at(2).put(0, object("1.2.840.113549.2.11")) })
	pw("prf-default", "no PRF, which means HMAC with SHA-1", "RFC 8018, Appendix A.2", "PBKDF2 has SHA-1 where it names none", "decrypt", func(r *element) { params(r).remove(2) })
	pw("prf-unknown", "a PRF that nobody knows", "RFC 8018, Appendix B.1", "a passphrase has a known digest", "format/success", func(r *element) { params(r).at(2).put(0, object("1.2.840.113549.2.99")) })
	pw("prf-parameters", "an OCTET STRING as the parameters of the PRF", "RFC 8018, Appendix B.1", "HMAC has no parameters", "format", func(r *element) { params(r).at(2).put(1, octetString(nil)) })
	pw("derivation-more", "an element after the PRF", "RFC 8018, Appendix A.2", "nothing follows the parameters of PBKDF2", "format", func(r *element) { params(r).add(nothing()) })
	pw("wrap", "AES key wrap instead of PWRI-KEK", "RFC 3211, Section 2.3", "a passphrase has PWRI-KEK", "format/success", func(r *element) { r.at(2).put(0, object(kitWrap256)) })
	pw("cipher-gcm", "AES-GCM as the cipher", "RFC 3211, Section 2.3", "the cipher under a passphrase is a known one", "format/success", func(r *element) { r.at(2, 1).put(0, object(kitGCM256)) })
	pw("cipher-more", "two ciphers", "RFC 3211, Section 2.3", "an AlgorithmIdentifier has one parameter", "format", func(r *element) { r.at(2).add(nothing()) })
	for _, n := range []int{0, 15, 17} {
		text := strconv.Itoa(n)
		pw("iv-"+text, "an initialisation vector of "+text+" octets", "RFC 3565, Section 4.1", "the cipher under a passphrase has an initialisation vector", "format", func(r *element) { r.at(2, 1).put(1, octetString(make([]byte, n))) })
	}
	for _, c := range []struct {
		n     int
		check string
	}{{0, "a key under a passphrase has two blocks"}, {16, "a key under a passphrase has two blocks"}, {40, "a key under a passphrase has whole blocks"}, {47, "a key under a passphrase has whole blocks"}, {288, "a key under a passphrase has a limit"}} {
		pw("key-"+strconv.Itoa(c.n), "an encrypted key of so many octets", "RFC 3211, Section 2.3.1", c.check, "format", func(r *element) {
			r.put(3, octetString(append(slices.Clone(r.at(3).body), make([]byte, 288)...)[:c.n]))
		})
	}
	pw("more", "an element after the encrypted key", rfc, "nothing follows a key under a passphrase", "format", func(r *element) { r.add(nothing()) })
	bad := func(name, fault, check string, change func([]byte)) {
		k.made(name, fault, "RFC 3211, Section 2.3.2", check, "decrypt", kitSealedTo(kitPassword{change: change}.element()))
	}
	for i := range 3 {
		bad("check-"+string('1'+rune(i)), "that octet of the check value is wrong", "the check value of a key under a passphrase", func(b []byte) { b[1+i] ^= 1 })
	}
	bad("length-31", "a content key of 31 octets", "the length in a key under a passphrase", func(b []byte) { b[0] = 31 })
	bad("length-33", "a content key of 33 octets", "the length in a key under a passphrase", func(b []byte) { b[0] = 33 })
	bad("length-0", "a content key of no octets", "the length in a key under a passphrase", func(b []byte) { b[0] = 0 })
	bad("length-255", "a content key of 255 octets", "the length in a key under a passphrase", func(b []byte) { b[0] = 255 })
	k.good("good-eight", kitSealedTo(kitMany(8)...))
	k.made("nine", "nine recipients with a passphrase", "our limit", "recipients with a passphrase have a number", "limit/success", kitSealedTo(kitMany(9)...))
	k.good("good-sha512", kitSealedTo(kitPassword{prf: "1.2.840.113549.2.11", hash: crypto.SHA512}.element()))
	k.start("password-bc", "sealed", "passphrase")
	k.foreign(foreign)
	pw("version-1", "CMSVersion 1", rfc, "a passphrase has version 0", "format", func(r *element) { r.at(0).set(1) })
	pw("key-length-16", "a key of 16 octets for AES-256", "RFC 8018, Appendix A.2", "PBKDF2 states the length of the cipher's key", "format", func(r *element) { params(r).insert(2, number(16)) })
	pw("prf-parameters", "an OCTET STRING as the parameters of the PRF", "RFC 8018, Appendix B.1", "HMAC has no parameters", "format", func(r *element) { params(r).at(2).put(1, octetString(nil)) })
	pw("prf-512", "HMAC with SHA-512", "RFC 8018, Appendix B.1", "the digest of PBKDF2 is the one that is named", "decrypt", func(r *element) { params(r).at(2).put(0, object("1.2.840.113549.2.11")) })
}

// kitMany are recipients with a passphrase, of which the first is right.
func kitMany(n int) (out []*element) {
	for i := range n {
		out = append(out, kitPassword{}.element())
		if i > 0 {
			out[i].at(1, 1, 0).flip(0)
		}
	}
	return out
}

// kitSharedKeys are about KEKRecipientInfo.
func kitSharedKeys(k *kitMaker, foreign func(string) (*element, string)) {
	const rfc = "RFC 5652, Section 6.2.3"
	edits := func() {
		kek := func(name, fault, rfc, check, expect string, how func(ri *element)) {
			k.edit(name, fault, rfc, check, expect, func(m *element) { how(kitInfos(m).at(0)) })
		}
		kek("version-3", "CMSVersion 3", rfc, "a shared key has version 4", "format", func(r *element) { r.at(0).set(3) })
		kek("version-5", "CMSVersion 5", rfc, "a shared key has version 4", "format", func(r *element) { r.at(0).set(5) })
		kek("id", "another key's identifier", rfc, "a shared key is for who is named", "not-for-you", func(r *element) { r.at(1, 0).flip(-1) })
		kek("id-longer", "an octet more in the identifier", rfc, "a shared key is for who is named", "not-for-you", func(r *element) { r.at(1, 0).body = append(r.at(1, 0).body, 0) })
		kek("id-empty", "an identifier of no octet", "our limit", "the identifier of a shared key has an octet", "format", func(r *element) { r.at(1, 0).set() })
		kek("id-129", "an identifier of 129 octets", "our limit", "the identifier of a shared key has a limit", "format", func(r *element) { r.at(1, 0).set(make([]byte, 129)...) })
		kek("id-more", "an INTEGER after the identifier", rfc, "nothing follows the identifier of a shared key", "format", func(r *element) { r.at(1).add(number(1)) })
		kek("wrap-128", "AES-128 key wrap, for a key of 32 octets", "RFC 3565, Section 2.3.2", "a shared key has the length that is asked for", "format/success", func(r *element) { r.at(2).put(0, object(kitWrap128)) })
		kek("wrap-3des", "triple DES as the key wrap", "RFC 3370, Section 4.3", "a shared key has AES key wrap", "format/success", func(r *element) { r.at(2).put(0, object(kitWrap3)) })
		kek("wrap-parameters", "an OCTET STRING as the parameters of the key wrap", "RFC 3565, Section 2.3.2", "AES key wrap has no parameters", "format", func(r *element) { r.at(2).add(octetString(nil)) })
		kek("more", "an element after the encrypted key", rfc, "nothing follows a key under a shared key", "format", func(r *element) { r.add(nothing()) })
		k.fine("date", "a date after the identifier", rfc, func(m *element) { kitInfos(m).at(0, 1).add(prim(24, []byte("20260101000000Z")...)) })
	}
	k.start("shared", "sealed", "shared")
	k.good("good", kitSealedTo(kitShared(kitIV)))
	edits()
	k.made("wrap-iv", "another initial value of the key wrap", "RFC 3394, Section 2.2.3", "AES key wrap is intact", "decrypt", kitSealedTo(kitShared(0)))
	k.made("wrap-iv-kwp", "the initial value of key wrap with padding", "RFC 5649, Section 3", "AES key wrap is intact", "decrypt", kitSealedTo(kitShared(binary.BigEndian.Uint64([]byte{0xa6, 0x59, 0x59, 0xa6, 0, 0, 0, 32}))))
	k.start("shared-openssl", "sealed", "shared")
	k.foreign(foreign)
	edits()
}
