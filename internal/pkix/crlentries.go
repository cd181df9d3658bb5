package pkix

import (
	"bytes"
	"cmp"
	stdasn1 "encoding/asn1"
	"errors"
	"hash/maphash"
	"math"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// entries are those of a CRL, in DER, with where to find one: large lists have
// millions, of some 30 octets each, and are kept for as long as they are asked.
type entries struct {
	list  cryptobyte.String
	seed  maphash.Seed
	index []indexed // sorted
}

// indexed is where an entry begins whose issuer and serial number have this hash.
type indexed struct {
	hash uint64
	at   uint32
}

// entry is what a CRL says of one certificate.
type entry struct {
	serial []byte // the inside of the INTEGER
	when   time.Time
	reason int
	issuer string // the key of another issuer's name; "": as before
	bad    string // a critical extension that is not known
}

// withoutEntries takes the entries out of a CRL. RFC 5280, Section 5.1:
//
//	TBSCertList ::= SEQUENCE {
//	     version             Version OPTIONAL,
//	     signature           AlgorithmIdentifier,
//	     issuer              Name,
//	     thisUpdate          Time,
//	     nextUpdate          Time OPTIONAL,
//	     revokedCertificates SEQUENCE OF SEQUENCE { ... } OPTIONAL,
//	     crlExtensions       [0] EXPLICIT Extensions OPTIONAL }
func withoutEntries(tbs, algorithm, signature []byte) (short []byte, list cryptobyte.String, ok bool) {
	in := cryptobyte.String(tbs)
	if !in.ReadASN1(&in, asn1.SEQUENCE) {
		return nil, nil, false
	}
	body := in
	if !in.SkipOptionalASN1(asn1.INTEGER) || !in.SkipASN1(asn1.SEQUENCE) || !in.SkipASN1(asn1.SEQUENCE) {
		return nil, nil, false
	}
	for range 2 {
		if !in.SkipOptionalASN1(asn1.UTCTime) || !in.SkipOptionalASN1(asn1.GeneralizedTime) {
			return nil, nil, false
		}
	}
	before := body[:len(body)-len(in)]
	if !in.ReadOptionalASN1(&list, new(bool), asn1.SEQUENCE) || uint64(len(list)) > math.MaxUint32 {
		return nil, nil, false
	}
	// Nothing else: of a second list one reader would see one, and another the other.
	after := in
	if !after.SkipOptionalASN1(context(0)) || !after.Empty() {
		return nil, nil, false
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(before)
			b.AddBytes(in)
		})
		b.AddBytes(algorithm)
		b.AddASN1BitString(signature)
	})
	short, err := b.Bytes()
	return short, list, err == nil
}

// readEntries reads which certificates are listed. The issuer of an entry is
// the CRL's own until one says otherwise, which then holds for those after it
// (RFC 5280, Section 5.3.3).
func (l *CRL) readEntries() error {
	es := &l.entries
	es.seed = maphash.MakeSeed()
	issuer := l.issuer.key
	for rest := es.list; !rest.Empty(); {
		at := len(es.list) - len(rest)
		e, ok := readEntry(&rest)
		switch {
		case !ok:
			return errors.New("malformed entry of a CRL")
		case e.issuer != "" && !l.scope.indirect:
			return errors.New("malformed certificateIssuer in a CRL")
		case e.issuer != "":
			issuer = e.issuer
		}
		if e.bad != "" {
			l.bad = "has an entry with a critical extension that is not known: " + e.bad
		}
		es.index = append(es.index, indexed{es.hash(issuer, e.serial), uint32(at)})
	}
	es.index = slices.Clip(es.index)
	slices.SortFunc(es.index, func(a, b indexed) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.at, b.at)) })
	return nil
}

// hash is what an entry is found by. Nobody outside knows the seed, so that
// nobody can make two that are the same.
func (es *entries) hash(issuer string, serial []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(es.seed)
	h.WriteString(issuer)
	h.Write(serial)
	return h.Sum64()
}

// readEntry consumes
//
//	SEQUENCE {
//	     userCertificate    CertificateSerialNumber,
//	     revocationDate     Time,
//	     crlEntryExtensions Extensions OPTIONAL }
func readEntry(s *cryptobyte.String) (e entry, ok bool) {
	var in, list cryptobyte.String
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !in.ReadASN1((*cryptobyte.String)(&e.serial), asn1.INTEGER) || !minimal(e.serial) {
		return e, false
	}
	if in.PeekASN1Tag(asn1.UTCTime) {
		ok = in.ReadASN1UTCTime(&e.when)
	} else {
		ok = in.ReadASN1GeneralizedTime(&e.when)
	}
	if !ok || in.Empty() {
		return e, ok
	}
	if !in.ReadASN1(&list, asn1.SEQUENCE) || !in.Empty() {
		return e, false
	}
	for !list.Empty() {
		if !e.readExtension(&list) {
			return e, false
		}
	}
	return e, true
}

// readExtension consumes one Extension of an entry (RFC 5280, Section 5.3).
func (e *entry) readExtension(list *cryptobyte.String) bool {
	const (
		reasonCode        = "\x55\x1d\x15" // 2.5.29.21
		certificateIssuer = "\x55\x1d\x1d" // 2.5.29.29
	)
	var x, kind, value cryptobyte.String
	critical := false
	if !list.ReadASN1(&x, asn1.SEQUENCE) || !x.ReadASN1Element(&kind, asn1.OBJECT_IDENTIFIER) ||
		x.PeekASN1Tag(asn1.BOOLEAN) && !x.ReadASN1Boolean(&critical) || !x.ReadASN1(&value, asn1.OCTET_STRING) || !x.Empty() {
		return false
	}
	switch string(kind[2:]) { // an identifier of more than 127 octets is none of these
	case reasonCode:
		return value.ReadASN1Enum(&e.reason) && value.Empty()
	case certificateIssuer:
		names, ok := parseGeneralNames(value)
		if !ok || names[0].form != formDirectory {
			return false
		}
		e.issuer = names[0].name.key
		return true
	}
	if critical {
		var id stdasn1.ObjectIdentifier
		if !kind.ReadASN1ObjectIdentifier(&id) {
			return false
		}
		e.bad = id.String()
	}
	return true
}

// minimal reports whether b is the inside of an INTEGER in DER.
func minimal(b []byte) bool {
	return len(b) == 1 || len(b) > 1 && (b[0] != 0 || b[1] >= 0x80) && (b[0] != 0xff || b[1] < 0x80)
}

// find returns what the list says of c: of several entries the last.
func (l *CRL) find(c *Certificate) (found entry, ok bool) {
	var b cryptobyte.Builder
	b.AddASN1BigInt(c.X.SerialNumber)
	der := cryptobyte.String(b.BytesOrPanic())
	var serial cryptobyte.String
	if !der.ReadASN1(&serial, asn1.INTEGER) {
		return found, false
	}
	es := &l.entries
	hash := es.hash(c.issuer.key, serial)
	i, _ := slices.BinarySearchFunc(es.index, hash, func(x indexed, want uint64) int { return cmp.Compare(x.hash, want) })
	for ; i < len(es.index) && es.index[i].hash == hash; i++ {
		at := es.list[es.index[i].at:]
		if e, read := readEntry(&at); read && bytes.Equal(e.serial, serial) {
			found, ok = e, true
		}
	}
	return found, ok
}
