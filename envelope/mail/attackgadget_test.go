package mail_test

import (
	"bytes"
	"crypto/rand"
	"encoding/asn1"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Malleability: EFAIL, Section 5 (CVE-2017-17688, CVE-2017-17689), and the
// downgrades of what is authenticated to what is not (eprint 2024/1110, RFC 9709).
func gadgetAttacks() []attack {
	cbc, gcm := envelope.Compatible, envelope.Modern
	return []attack{
		changed("cbc-flip-iv", "smime", cbc, func(m []byte) []byte { return rewriteCMS(m, func(p *cmsParts) { p.nonce[0] ^= 1 }) }),
		changed("cbc-flip-first", "smime", cbc, func(m []byte) []byte { return rewriteCMS(m, func(p *cmsParts) { p.content[3] ^= 1 }) }),
		changed("cbc-flip-middle", "smime", cbc, func(m []byte) []byte { return rewriteCMS(m, func(p *cmsParts) { p.content[len(p.content)/2] ^= 1 }) }),
		changed("cbc-flip-last", "smime", cbc, func(m []byte) []byte { return rewriteCMS(m, func(p *cmsParts) { p.content[len(p.content)-1] ^= 1 }) }),
		changed("cbc-gadget-front", "smime", cbc, func(m []byte) []byte {
			return rewriteCMS(m, func(p *cmsParts) { p.content = append(gadget(p.nonce, p.content[:16]), p.content...) })
		}),
		changed("cbc-gadget-middle", "smime", cbc, func(m []byte) []byte {
			return rewriteCMS(m, func(p *cmsParts) {
				p.content = append(append(bytes.Clone(p.content[:64]), gadget(p.nonce, p.content[:16])...), p.content[64:]...)
			})
		}),
		changed("cbc-blocks-swapped", "smime", cbc, func(m []byte) []byte {
			return rewriteCMS(m, func(p *cmsParts) {
				for i := range 16 {
					p.content[32+i], p.content[64+i] = p.content[64+i], p.content[32+i]
				}
			})
		}),
		changed("cbc-cut", "smime", cbc, func(m []byte) []byte {
			return rewriteCMS(m, func(p *cmsParts) { p.content = p.content[:len(p.content)-32] })
		}),
		changed("gcm-flip", "smime", gcm, func(m []byte) []byte { return rewriteCMS(m, func(p *cmsParts) { p.content[20] ^= 1 }) }),
		changed("gcm-flip-tag", "smime", gcm, func(m []byte) []byte { return rewriteCMS(m, func(p *cmsParts) { p.mac[0] ^= 1 }) }),
		changed("gcm-tag-short", "smime", gcm, func(m []byte) []byte { return rewriteCMS(m, func(p *cmsParts) { p.mac = p.mac[:4] }) }),
		changed("gcm-to-cbc", "smime", gcm, func(m []byte) []byte { return rewriteCMS(m, toCBC) }),
		changed("gcm-to-enveloped", "smime", gcm, func(m []byte) []byte {
			return rewriteCMS(m, func(p *cmsParts) { p.enveloped, p.mac = true, nil })
		}),
		{name: "cbc-unsigned", only: "smime", mail: unsignedCBC},
		{name: "cbc-unsigned-allowed", only: "smime", mail: unsignedCBC, opener: func(_ testing.TB, c *cast, o *mail.Opener, _ bool) { o.Legacy.UnauthenticatedCBC = true }},
		changed("mdc-flip", "pgp", cbc, flipped(200)),
		changed("mdc-flip-last", "pgp", cbc, flipped(1)),
		changed("mdc-strip", "pgp", cbc, func(m []byte) []byte {
			return rewritePGP(m, func(p *pgpPacket) { p.body = p.body[:len(p.body)-22] })
		}),
		changed("mdc-to-sed", "pgp", cbc, func(m []byte) []byte {
			return rewritePGP(m, func(p *pgpPacket) { p.tag, p.body = 9, p.body[1:] })
		}),
		changed("mdc-to-sed-cut", "pgp", cbc, func(m []byte) []byte {
			return rewritePGP(m, func(p *pgpPacket) { p.tag, p.body = 9, p.body[1:len(p.body)-22] })
		}),
		changed("mdc-gadget", "pgp", cbc, func(m []byte) []byte {
			return rewritePGP(m, func(p *pgpPacket) {
				p.body = append(append(bytes.Clone(p.body[:65]), p.body[1:33]...), p.body[65:]...)
			})
		}),
		changed("mdc-to-version-2", "pgp", cbc, func(m []byte) []byte {
			return rewritePGP(m, func(p *pgpPacket) { p.body[0] = 2 })
		}),
		sealed2("seipd2-flip", flipped(30)),
		sealed2("seipd2-flip-tag", flipped(1)),
		sealed2("seipd2-cut", func(m []byte) []byte { return rewritePGP(m, func(p *pgpPacket) { p.body = p.body[:len(p.body)-16] }) }),
		sealed2("seipd2-to-version-1", func(m []byte) []byte { return rewritePGP(m, func(p *pgpPacket) { p.body[0] = 1 }) }),
	}
}

// sealed2 is an attack on a message under SEIPDv2, to the key of Bob's that is
// sealed to so.
func sealed2(name string, change func([]byte) []byte) attack {
	return attack{name: name, only: "pgp", mail: func(c *cast, f string, attacks bool) string {
		s := &envelope.Sealer{Profile: envelope.Modern, Signers: signersOf(f, c.alice)}
		m := through(plain(strings.Repeat(secret+"\r\n", 40)), sealTo(s, believe(c.bob6.Certificate())))
		if attacks {
			m = change(m)
		}
		return header + sealedPart(f, m)
	}}
}

func unsignedCBC(c *cast, f string, attacks bool) string {
	var by []*someone
	if !attacks {
		by = append(by, c.alice)
	}
	return header + cmsPart("enveloped-data", sealedBytes(f, envelope.Compatible, plain(secret), by, c.bob))
}

// gadget is two blocks that decrypt to a chosen text, after one of noise: the
// block of which the plaintext is known, behind one that turns it into another.
func gadget(iv, known []byte) []byte {
	x := bytes.Clone(iv)
	for i, b := range []byte("<img src='//e.x'") {
		x[i] ^= b ^ "Content-Type: mu"[i]
	}
	noise := make([]byte, 16)
	rand.Read(noise)
	return bytes.Join([][]byte{noise, x, known}, nil)
}

// toCBC makes of authenticated GCM a CBC message under the same content key,
// which GCM's first counter block makes into one with known plaintext.
func toCBC(p *cmsParts) {
	p.enveloped, p.mac = true, nil
	p.algorithm = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
	p.nonce = append(bytes.Clone(p.nonce), 0, 0, 0, 2)
	p.content = p.content[:len(p.content)/16*16]
}

// cmsParts is an encrypted message of CMS, taken apart.
type cmsParts struct {
	enveloped        bool
	version, infos   cryptobyte.String // with their headers
	contentType      asn1.ObjectIdentifier
	algorithm        asn1.ObjectIdentifier
	nonce            []byte
	content          []byte
	attributes       cryptobyte.String
	mac              []byte
	wasAuthenticated bool
}

var (
	oidEnveloped     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 3}
	oidAuthEnveloped = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 23}
)

// rewriteCMS changes a message in its parts. What it does not read is a bug here.
func rewriteCMS(der []byte, change func(p *cmsParts)) []byte {
	p := cutCMS(der)
	change(p)
	return p.bytes()
}

func sane(b bool) {
	if !b {
		panic("the message is not built as expected")
	}
}

func cutCMS(der []byte) *cmsParts {
	var p cmsParts
	var ci, body, data, eci, alg, params, content cryptobyte.String
	var oid asn1.ObjectIdentifier
	in := cryptobyte.String(toDER(der))
	sane(in.ReadASN1(&ci, cbasn1.SEQUENCE) && ci.ReadASN1ObjectIdentifier(&oid) &&
		ci.ReadASN1(&body, cbasn1.Tag(0).ContextSpecific().Constructed()) && body.ReadASN1(&data, cbasn1.SEQUENCE))
	p.wasAuthenticated = oid.Equal(oidAuthEnveloped)
	p.enveloped = !p.wasAuthenticated
	sane(data.ReadASN1Element(&p.version, cbasn1.INTEGER) && data.ReadASN1Element(&p.infos, cbasn1.SET) &&
		data.ReadASN1(&eci, cbasn1.SEQUENCE) && eci.ReadASN1ObjectIdentifier(&p.contentType) && eci.ReadASN1(&alg, cbasn1.SEQUENCE) &&
		alg.ReadASN1ObjectIdentifier(&p.algorithm))
	if p.wasAuthenticated {
		sane(alg.ReadASN1(&params, cbasn1.SEQUENCE) && params.ReadASN1Bytes(&p.nonce, cbasn1.OCTET_STRING))
	} else {
		sane(alg.ReadASN1Bytes(&p.nonce, cbasn1.OCTET_STRING))
	}
	sane(eci.ReadASN1(&content, cbasn1.Tag(0).ContextSpecific()))
	p.content, p.nonce = bytes.Clone(content), bytes.Clone(p.nonce)
	if data.PeekASN1Tag(cbasn1.Tag(1).ContextSpecific().Constructed()) {
		sane(data.ReadASN1Element(&p.attributes, cbasn1.Tag(1).ContextSpecific().Constructed()))
	}
	if p.wasAuthenticated {
		sane(data.ReadASN1Bytes(&p.mac, cbasn1.OCTET_STRING))
		p.mac = bytes.Clone(p.mac)
	}
	return &p
}

func (p *cmsParts) bytes() []byte {
	oid := oidAuthEnveloped
	if p.enveloped {
		oid = oidEnveloped
	}
	gcm := asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 46}
	var b cryptobyte.Builder
	sequence := func(b *cryptobyte.Builder, f cryptobyte.BuilderContinuation) { b.AddASN1(cbasn1.SEQUENCE, f) }
	sequence(&b, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			sequence(b, func(b *cryptobyte.Builder) {
				b.AddBytes(p.version)
				b.AddBytes(p.infos)
				sequence(b, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(p.contentType)
					sequence(b, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(p.algorithm)
						if !p.algorithm.Equal(gcm) {
							b.AddASN1OctetString(p.nonce)
							return
						}
						sequence(b, func(b *cryptobyte.Builder) {
							b.AddASN1OctetString(p.nonce)
							b.AddASN1Int64(int64(max(12, len(p.mac))))
						})
					})
					b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(p.content) })
				})
				if !p.enveloped {
					b.AddBytes(p.attributes)
					b.AddASN1OctetString(p.mac)
				}
			})
		})
	})
	return b.BytesOrPanic()
}

// sealTo is Sealer.Seal to recipients, for written.
func sealTo(s *envelope.Sealer, to ...*keyring.Verified) starter {
	return func(w writer) (*envelope.Writer, error) { return s.Seal(w, to...) }
}
