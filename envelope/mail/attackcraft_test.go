package mail_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha1" // to be refused
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// tlv is one element of DER.
func tlv(tag byte, parts ...[]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.Tag(tag), func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(parts...)) })
	return b.BytesOrPanic()
}

func oid(arcs ...int) []byte { return sure(asn1.Marshal(asn1.ObjectIdentifier(arcs))) }

var (
	oidData          = oid(1, 2, 840, 113549, 1, 7, 1)
	oidSigned        = oid(1, 2, 840, 113549, 1, 7, 2)
	oidContentType   = oid(1, 2, 840, 113549, 1, 9, 3)
	oidMessageDigest = oid(1, 2, 840, 113549, 1, 9, 4)
	algSHA256        = tlv(0x30, oid(2, 16, 840, 1, 101, 3, 4, 2, 1))
	algSHA1          = tlv(0x30, oid(1, 3, 14, 3, 2, 26))
	algECDSA256      = tlv(0x30, oid(1, 2, 840, 10045, 4, 3, 2))
	algECDSA1        = tlv(0x30, oid(1, 2, 840, 10045, 4, 1))
)

// signerInfo is one signature of CMS (RFC 5652, Section 5.3), which can be
// wrong in each of its parts.
type signerInfo struct {
	key     *ecdsa.PrivateKey
	cert    *x509.Certificate
	content string
	attrs   func(digest []byte) [][]byte // nil: what RFC 5652 asks for
	bare    bool                         // without signed attributes
	sha1    bool
	damaged bool
}

func attribute(kind []byte, values ...[]byte) []byte { return tlv(0x30, kind, tlv(0x31, values...)) }

func goodAttributes(digest []byte) [][]byte {
	return [][]byte{attribute(oidContentType, oidData), attribute(oidMessageDigest, tlv(4, digest))}
}

func (s signerInfo) bytes() []byte {
	hash, signature := algSHA256, algECDSA256
	digest := func(b []byte) []byte { d := sha256.Sum256(b); return d[:] }
	if s.sha1 {
		hash, signature = algSHA1, algECDSA1
		digest = func(b []byte) []byte { d := sha1.Sum(b); return d[:] } // to be refused
	}
	over, attrs := []byte(s.content), []byte(nil)
	if !s.bare {
		make := s.attrs
		if make == nil {
			make = goodAttributes
		}
		list := make(digest(over))
		slices.SortFunc(list, slices.Compare)
		// RFC 5652, Section 5.4: signed as a SET OF, written as [0].
		over, attrs = tlv(0x31, list...), tlv(0xa0, list...)
	}
	sig := sure(ecdsa.SignASN1(rand.Reader, s.key, digest(over)))
	if s.damaged {
		sig[len(sig)-1] ^= 1
	}
	sid := tlv(0x30, s.cert.RawIssuer, sure(asn1.Marshal(s.cert.SerialNumber)))
	return tlv(0x30, []byte{2, 1, 1}, sid, hash, attrs, signature, tlv(4, sig))
}

// signedData is a SignedData with content, or without where that is nil.
func signedData(content []byte, certs []*x509.Certificate, signers ...signerInfo) []byte {
	var infos [][]byte
	for _, s := range signers {
		infos = append(infos, s.bytes())
	}
	slices.SortFunc(infos, slices.Compare)
	var raw []byte
	for _, c := range certs {
		raw = append(raw, c.Raw...)
	}
	encapsulated := tlv(0x30, oidData)
	if content != nil {
		encapsulated = tlv(0x30, oidData, tlv(0xa0, tlv(4, content)))
	}
	digests := tlv(0x31, algSHA256)
	if len(signers) == 0 {
		digests = tlv(0x31)
	} else if signers[0].sha1 {
		digests = tlv(0x31, algSHA1)
	}
	return tlv(0x30, oidSigned, tlv(0xa0, tlv(0x30, []byte{2, 1, 1}, digests, encapsulated, tlv(0xa0, raw), tlv(0x31, infos...))))
}

// pgpPacket is one packet of OpenPGP (RFC 9580, Section 4.2).
type pgpPacket struct {
	tag  byte
	body []byte
}

func (p pgpPacket) bytes() []byte {
	b := []byte{0xc0 | p.tag, 0xff}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(p.body))), p.body...)
}

// packets takes a message apart, joining partial bodies.
func packets(m []byte) (all []pgpPacket) {
	for len(m) > 0 {
		sane(m[0]&0xc0 == 0xc0)
		p := pgpPacket{tag: m[0] & 0x3f}
		m = m[1:]
		for more := true; more; {
			var n int
			n, more, m = packetLength(m)
			p.body = append(p.body, m[:n]...)
			m = m[n:]
		}
		all = append(all, p)
	}
	return all
}

func packetLength(m []byte) (n int, partial bool, after []byte) {
	switch l := int(m[0]); {
	case l < 192:
		return l, false, m[1:]
	case l < 224:
		return (l-192)<<8 + int(m[1]) + 192, false, m[2:]
	case l == 255:
		return int(binary.BigEndian.Uint32(m[1:])), false, m[5:]
	default:
		return 1 << (l & 31), true, m[1:]
	}
}

func joined(all []pgpPacket) (m []byte) {
	for _, p := range all {
		m = append(m, p.bytes()...)
	}
	return m
}

// rewritePGP changes the last packet of a message, the encrypted data.
func rewritePGP(m []byte, change func(p *pgpPacket)) []byte {
	all := packets(m)
	change(&all[len(all)-1])
	return joined(all)
}

// literal is a literal data packet.
func literal(name, content string) pgpPacket {
	b := append([]byte{'b', byte(len(name))}, name...)
	return pgpPacket{tag: 11, body: append(append(b, 0, 0, 0, 0), content...)}
}

// toDER gives BER of our own making definite lengths, and encrypted content
// that stands in pieces in one.
func toDER(ber []byte) []byte {
	out, rest := element(ber)
	sane(len(rest) == 0)
	return out
}

func element(b []byte) (der, rest []byte) {
	tag, n, indefinite := b[0], int(b[1]), b[1] == 0x80
	b = b[2:]
	if n > 0x80 {
		l := 0
		for range n & 0x7f {
			l, b = l<<8|int(b[0]), b[1:]
		}
		n = l
	}
	if tag&0x20 == 0 {
		return tlv(tag, b[:n]), b[n:]
	}
	body := b
	if !indefinite {
		body, rest = b[:n], b[n:]
	}
	var children [][]byte
	octets := true
	for len(body) > 0 && !(indefinite && body[0] == 0 && body[1] == 0) {
		var c []byte
		octets = octets && body[0] == 4
		c, body = element(body)
		children = append(children, c)
	}
	if indefinite {
		rest = body[2:]
	}
	if tag != 0xa0 || !octets || len(children) == 0 {
		return tlv(tag, children...), rest
	}
	var all []byte
	for _, c := range children {
		s := cryptobyte.String(c)
		var v cryptobyte.String
		sane(s.ReadASN1(&v, cbasn1.OCTET_STRING))
		all = append(all, v...)
	}
	return tlv(0x80, all), rest
}
