package interop_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// elem is one element of a message that can be changed and written again.
type elem struct {
	name   string
	tag    byte
	body   []byte // where it is primitive
	kids   []*elem
	parent *elem
	place  int    // among the parent's
	form   int    // of the length: 0 minimal, 0x80 indefinite, else long with so many octets
	off    int    // by how much the length that is written is wrong
	behind []byte // what follows the element
}

func (e *elem) constructed() bool { return e.tag&0x20 != 0 }

// readElem copies what parseBER found.
func readElem(msg []byte, n *node) *elem {
	e := &elem{tag: n.tag}
	if n.infinite {
		e.form = 0x80
	}
	if !e.constructed() {
		e.body = bytes.Clone(msg[n.body:n.end])
	}
	for _, k := range n.kids {
		e.kids = append(e.kids, readElem(msg, k))
	}
	return e
}

// write appends e as it stands.
func (e *elem) write(b []byte) []byte {
	body := e.body
	for _, k := range e.kids {
		body = k.write(body)
	}
	b = append(b, e.tag)
	size := len(body) + e.off
	octets := e.form
	if octets == 0 && size > 0x7f {
		for octets = 1; size>>(8*octets) > 0; octets++ {
		}
	}
	switch {
	case e.form == 0x80:
		b = append(b, 0x80)
		body = append(body[:len(body):len(body)], 0, 0)
	case octets == 0:
		b = append(b, byte(size))
	default:
		b = append(b, 0x80|byte(octets))
		for i := octets - 1; i >= 0; i-- {
			b = append(b, byte(size>>(8*i)))
		}
	}
	return append(append(b, body...), e.behind...)
}

// called names every element by its place in the structures of RFC 5652 and
// RFC 5083, as far as an argument needs to tell them apart.
func (e *elem) called(name string) {
	e.name = name
	for i, k := range e.kids {
		k.parent, k.place = e, i
		k.called(name + "." + kidName(e, k, i))
	}
}

var kidNames = map[string][]string{
	"m":            {"type", "content"},
	"body":         {"version"},
	"signer":       {"version", "sid", "digest"},
	"encapsulated": {"type", "content"},
	"encrypted":    {"type", "algorithm", "content"},
	"attribute":    {"type", "values"},
	"algorithm":    {"oid", "parameters"},
	"digest":       {"oid", "parameters"},
}

func kidName(e, k *elem, i int) string {
	short := e.name[bytes.LastIndexByte([]byte(e.name), '.')+1:]
	if n := kidNames[short]; i < len(n) && (short != "algorithm" || e.tag == sequence) {
		return n[i]
	}
	switch {
	case e.name == "m.content":
		return "body"
	case short == "body":
		return bodyName(e, k)
	case short == "recipients":
		return map[byte]string{0x30: "ktri", 0xa1: "kari", 0xa2: "kekri", 0xa3: "pwri"}[k.tag]
	case short == "signers":
		return "signer"
	case short == "digests":
		return "digest"
	case short == "attributes":
		return "attribute"
	case short == "certificates":
		return "certificate"
	case short == "signer":
		return map[byte]string{0xa0: "attributes", 0xa1: "unsigned", 0x30: "algorithm", 0x04: "signature"}[k.tag]
	case short == "ktri" && k.tag == sequence && i == 1, short == "ktri" && i == 1:
		return "rid"
	case (short == "ktri" || short == "kari") && k.tag == sequence && i == len(e.kids)-2:
		return "algorithm"
	case short == "kari" && k.tag == 0xa0:
		return "originator"
	}
	return fmt.Sprintf("%02x", k.tag)
}

func bodyName(e, k *elem) string {
	signed := false // SignedData has a SET before its last SEQUENCE
	for _, s := range e.kids {
		signed = signed || s.tag == 0xa0
		if s.tag == sequence {
			break
		}
	}
	last := e.kids[len(e.kids)-1]
	if last.tag == set {
		return map[byte]string{0x31: map[bool]string{true: "signers", false: "digests"}[k == last], 0x30: "encapsulated", 0xa0: "certificates", 0xa1: "crls"}[k.tag]
	}
	return map[byte]string{0x31: "recipients", 0x30: "encrypted", 0xa0: "originators", 0xa1: "attributes", 0x04: "mac", 0xa2: "unauthenticated"}[k.tag]
}

// all are e and what is below.
func (e *elem) all() (l []*elem) {
	l = append(l, e)
	for _, k := range e.kids {
		l = append(l, k.all()...)
	}
	return l
}

// mutation is one change of one message.
type mutation struct {
	op    string
	where string // the name of the element
	msg   []byte
}

// operations change the element in the tree that is theirs alone; they report
// false where they do not apply.
var operations = []struct {
	name string
	do   func(e *elem, r *rand.Rand) bool
}{
	{"tag", func(e *elem, r *rand.Rand) bool {
		others := []byte{0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x16, 0x17, 0x18, 0x24, 0x30, 0x31, 0x80, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4}
		old := e.tag
		e.tag = others[r.IntN(len(others))]
		return e.tag != old
	}},
	{"longer", func(e *elem, _ *rand.Rand) bool { e.off = 1; return e.form != 0x80 }},
	{"shorter", func(e *elem, _ *rand.Rand) bool { e.off = -1; return e.form != 0x80 && len(e.body)+len(e.kids) > 0 }},
	{"long-form", func(e *elem, r *rand.Rand) bool { e.form = 3 + r.IntN(4); return true }},
	{"indefinite", func(e *elem, _ *rand.Rand) bool {
		ok := e.form == 0 && e.constructed()
		e.form = 0x80
		return ok
	}},
	{"definite", func(e *elem, _ *rand.Rand) bool {
		ok := e.form == 0x80
		e.form = 0
		return ok
	}},
	{"segments", func(e *elem, _ *rand.Rand) bool {
		if e.tag != 0x04 && e.tag != 0x80 || len(e.body) < 2 {
			return false
		}
		half := len(e.body) / 2
		e.kids = []*elem{{tag: 0x04, body: e.body[:half]}, {tag: 0x04, body: e.body[half:]}}
		e.tag, e.body = e.tag|0x20, nil
		return true
	}},
	{"delete", func(e *elem, _ *rand.Rand) bool {
		if e.parent == nil {
			return false
		}
		e.parent.kids = append(e.parent.kids[:e.place:e.place], e.parent.kids[e.place+1:]...)
		return true
	}},
	{"twice", func(e *elem, _ *rand.Rand) bool {
		if e.parent == nil {
			return false
		}
		e.parent.kids = append(e.parent.kids[:e.place+1:e.place+1], e.parent.kids[e.place:]...)
		return true
	}},
	{"swap", func(e *elem, _ *rand.Rand) bool {
		if e.parent == nil || e.place+1 >= len(e.parent.kids) {
			return false
		}
		k := e.parent.kids
		k[e.place], k[e.place+1] = k[e.place+1], k[e.place]
		return !bytes.Equal(k[e.place].write(nil), k[e.place+1].write(nil))
	}},
	{"oid", func(e *elem, r *rand.Rand) bool {
		if e.tag != 0x06 {
			return false
		}
		other := knownOIDs[r.IntN(len(knownOIDs))]
		ok := string(e.body) != other
		e.body = []byte(other)
		return ok
	}},
	{"integer", func(e *elem, r *rand.Rand) bool {
		if e.tag != 0x02 || len(e.body) == 0 {
			return false
		}
		e.body[len(e.body)-1] += byte(1 + r.IntN(4))
		return true
	}},
	{"null", func(e *elem, _ *rand.Rand) bool { // parameters that should be absent, or should be there
		if e.tag != sequence || len(e.kids) == 0 || e.kids[0].tag != 0x06 {
			return false
		}
		if len(e.kids) == 1 {
			e.kids = append(e.kids, &elem{tag: 0x05})
		} else {
			e.kids = e.kids[:1]
		}
		return true
	}},
	{"empty", func(e *elem, _ *rand.Rand) bool {
		ok := len(e.body)+len(e.kids) > 0
		e.body, e.kids = nil, nil
		return ok
	}},
	{"grow", func(e *elem, _ *rand.Rand) bool { e.body = append(e.body, 0); return !e.constructed() }},
	{"lead", func(e *elem, _ *rand.Rand) bool { e.body = append([]byte{0}, e.body...); return !e.constructed() }},
	{"more", func(e *elem, r *rand.Rand) bool {
		e.kids = append(e.kids, &elem{tag: []byte{0x05, 0x9e, 0xa4, 0x30}[r.IntN(4)]})
		return e.constructed()
	}},
	{"behind", func(e *elem, r *rand.Rand) bool {
		e.behind = [][]byte{{0}, {0, 0}, {5, 0}, {0x0d, 0x0a}}[r.IntN(4)]
		return e.parent == nil
	}},
	{"end", func(e *elem, _ *rand.Rand) bool { e.behind = []byte{0, 0}; return e.form != 0x80 }},
}

// knownOIDs are taken for each other.
var knownOIDs = []string{
	"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01", "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03", // data, signedData, envelopedData
	"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17",                                                                         // authEnvelopedData
	"\x60\x86\x48\x01\x65\x03\x04\x01\x02", "\x60\x86\x48\x01\x65\x03\x04\x01\x2a", "\x60\x86\x48\x01\x65\x03\x04\x01\x2e", // AES-128-CBC, AES-256-CBC, AES-256-GCM
	"\x60\x86\x48\x01\x65\x03\x04\x01\x06", "\x60\x86\x48\x01\x65\x03\x04\x01\x2f", "\x2a\x86\x48\x86\xf7\x0d\x03\x07", // AES-128-GCM, AES-256-CCM, 3DES
	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07", "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", // RSA, OAEP, PSS
	"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", "\x2a\x86\x48\xce\x3d\x04\x03\x02", // SHA-256 with RSA, SHA-1 with RSA, ECDSA with SHA-256
	"\x2a\x86\x48\xce\x3d\x02\x01", "\x60\x86\x48\x01\x65\x03\x04\x02\x01", "\x60\x86\x48\x01\x65\x03\x04\x02\x02", "\x2b\x0e\x03\x02\x1a", // EC key, SHA-256, SHA-384, SHA-1
	"\x2b\x81\x04\x01\x0b\x01", "\x2b\x81\x05\x10\x86\x48\x3f\x00\x02", "\x60\x86\x48\x01\x65\x03\x04\x01\x2d", // ECDH with two KDFs, AES-256 wrap
	"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05", // contentType, messageDigest, signingTime
}

// mutations are all single changes of a message, and flips of single bits; the
// insides of certificates, which are most of a signed message, are thinned out.
func mutations(t *testing.T, msg []byte, r *rand.Rand) (l []mutation) {
	t.Helper()
	n, err := parseBER(msg, 0)
	require.NoError(t, err)
	fresh := func() *elem {
		e := readElem(msg, n)
		e.called("m")
		return e
	}
	require.Equal(t, msg, fresh().write(nil), "what is not changed is written as it was")
	elements := fresh().all()
	for i := range elements {
		if deep(elements[i].name) && r.IntN(8) > 0 {
			continue
		}
		for _, op := range operations {
			tree := fresh()
			e := tree.all()[i]
			if op.do(e, r) {
				l = append(l, mutation{op.name, elements[i].name, tree.write(nil)})
			}
		}
	}
	for _, at := range r.Perm(len(msg))[:len(msg)/4] {
		changed := bytes.Clone(msg)
		changed[at] ^= 1 << r.IntN(8)
		l = append(l, mutation{"flip", nameAt(n, fresh(), at), changed})
	}
	for range 8 {
		l = append(l, mutation{"cut", "m", msg[:r.IntN(len(msg))]})
	}
	return l
}

// deep reports whether a name is of the inside of a certificate.
func deep(name string) bool { return bytes.Contains([]byte(name), []byte(".certificate.")) }

// nameAt is the name of the element that an octet belongs to: of its content,
// or with + of its tag and length.
func nameAt(n *node, e *elem, at int) string {
	for i, k := range n.kids {
		if at >= k.at && at < k.next {
			return nameAt(k, e.kids[i], at)
		}
	}
	if at < n.body || at >= n.end {
		return e.name + "+"
	}
	return e.name
}
