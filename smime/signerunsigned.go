package smime

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// unsignedAttributes are what stands beside a signature and is not covered by
// it: anybody on the way can add, change and take it away. So nothing in it,
// damaged or not, makes a signature better.
type unsignedAttributes struct {
	counters []*signerInfo
	damaged  int    // countersignatures that are none
	stamped  bool   // there is a time stamp (RFC 3161, Appendix A)
	stray    string // the name of an attribute that has a meaning only where it is signed
}

// maxCounters is the most that envelope.Limits.Signatures can be.
const maxCounters = 64

// signatures returns how many signatures there are.
func (u *unsignedAttributes) signatures() int { return len(u.counters) + u.damaged }

// parseUnsigned reads the content of UnsignedAttributes, as far as it is any.
// There may be many countersignature attributes, each with one value or more
// (RFC 5652, Section 11.4). Countersignatures of countersignatures are not
// looked at.
func parseUnsigned(s cryptobyte.String) (u unsignedAttributes) {
	for n := 0; !s.Empty() && n < maxAttributes; n++ {
		var in, values cryptobyte.String
		var o oid
		if !s.ReadASN1(&in, asn1.SEQUENCE) || !readOID(&in, &o) || !in.ReadASN1(&values, asn1.SET) {
			return u
		}
		switch o {
		case oidTimeStampToken:
			u.stamped = true
		case oidCounterSignature:
			u.readCounters(values)
		default:
			// RFC 5652, Sections 11.1 to 11.3; RFC 8551, Section 2.5.2; RFC
			// 5035, Section 3; RFC 6211, Section 2: these MUST NOT be unsigned.
			if name, read := new(signedAttributes).reader(o); read != nil {
				u.stray = name
			}
		}
	}
	return u
}

// readCounters reads the values of a countersignature attribute, up to one more
// than a message may have: the caller's limit counts them, and taken apart they
// are 30 times as large as they are in the header of a message.
func (u *unsignedAttributes) readCounters(values cryptobyte.String) {
	for !values.Empty() && u.signatures() <= maxCounters {
		var der cryptobyte.String
		if !values.ReadAnyASN1Element(&der, new(asn1.Tag)) {
			u.damaged++
			return
		}
		si := &signerInfo{counter: true}
		if _, err := si.parse(der); err != nil {
			u.damaged++
			continue
		}
		u.counters = append(u.counters, si)
	}
}

// countersignatures judges those of si: whether each is over the octets of its
// value (RFC 5652, Section 11.4).
func (sd *signedData) countersignatures(si *signerInfo, p *seam.OpenPlan) (out []seam.Signature) {
	for _, c := range si.unsigned.counters {
		var digest []byte
		if d, ok := c.digest(); ok {
			h := d.new()
			h.Write(si.value)
			digest = h.Sum(nil)
		}
		out = append(out, c.verify(nil, digest, sd.named(c), p.Senders, p.Now))
	}
	return out
}

// describe tells who claims to have countersigned, without checking it.
func (u *unsignedAttributes) describe() (out []seam.Signature) {
	for _, c := range u.counters {
		out = append(out, c.describe())
	}
	return out
}
