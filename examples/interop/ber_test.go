package interop_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// node is one element of a message in BER, by its place there.
type node struct {
	tag       byte // the identifier octet; no message here has one of more octets
	at        int  // of the identifier octet
	body, end int  // of the content; behind end may stand end-of-contents octets
	next      int  // behind them
	kids      []*node
	infinite  bool
}

var errBER = errors.New("no BER")

// parseBER reads one element, and what is in it where it is constructed. It is
// for messages that our peers wrote.
func parseBER(b []byte, at int) (*node, error) {
	if at+2 > len(b) || b[at]&0x1f == 0x1f {
		return nil, errBER
	}
	n := &node{tag: b[at], at: at, body: at + 2}
	size := int(b[at+1])
	switch {
	case size == 0x80:
		n.infinite = true
	case size > 0x80:
		octets := size & 0x7f
		if octets > 4 || n.body+octets > len(b) {
			return nil, errBER
		}
		size = 0
		for range octets {
			size = size<<8 | int(b[n.body])
			n.body++
		}
	}
	n.end = n.body + size
	if n.infinite {
		n.end = len(b)
	}
	if n.end > len(b) || n.infinite && n.tag&0x20 == 0 {
		return nil, errBER
	}
	n.next = n.end
	if n.tag&0x20 == 0 {
		return n, nil
	}
	for p := n.body; p < n.end; {
		if n.infinite && p+2 <= len(b) && b[p] == 0 && b[p+1] == 0 {
			n.end, n.next = p, p+2
			return n, nil
		}
		kid, err := parseBER(b, p)
		if err != nil || kid.next > n.end {
			return nil, errBER
		}
		n.kids = append(n.kids, kid)
		p = kid.next
	}
	if n.infinite {
		return nil, errBER
	}
	return n, nil
}

// leaves are the primitive elements of n in their order.
func (n *node) leaves() (l []*node) {
	if n.tag&0x20 == 0 {
		return []*node{n}
	}
	for _, k := range n.kids {
		l = append(l, k.leaves()...)
	}
	return l
}

// last is the last of n's elements with that tag, nil without one.
func (n *node) last(tag byte) (found *node) {
	for _, k := range n.kids {
		if k.tag == tag {
			found = k
		}
	}
	return found
}

const (
	octetString = 0x04
	sequence    = 0x30
	set         = 0x31
)

// part finds in a ContentInfo what a cell's direction names.
func part(t *testing.T, msg []byte, name string) *node {
	t.Helper()
	root, err := parseBER(msg, 0)
	require.NoError(t, err)
	body := root.kids[1].kids[0]
	infos := body.last(set)
	var found *node
	if encrypted := body.last(sequence); encrypted.at > infos.at {
		found = sealedPart(body, infos.kids[0], encrypted, name)
	} else {
		found = signedPart(encrypted, infos.kids[0], name)
	}
	require.NotNil(t, found, "no %s in the message", name)
	return found
}

// sealedPart looks into EnvelopedData and AuthEnvelopedData.
func sealedPart(body, recipient, encrypted *node, name string) *node {
	switch name {
	case "content":
		return largest(encrypted.kids[2].leaves())
	case "nonce":
		return firstTagged(encrypted.kids[1], octetString)
	case "tag":
		return body.last(octetString)
	case "attributes":
		return largest(body.last(0xa1).leaves())
	case "salt":
		return firstTagged(recipient, octetString)
	case "ephemeral": // [0] originator, in it [1] originatorKey
		leaves := recipient.kids[1].leaves()
		return leaves[len(leaves)-1]
	case "key":
		if recipient.tag == 0xa1 {
			recipient = recipient.last(sequence).kids[0]
		}
		return recipient.last(octetString)
	}
	return nil
}

// signedPart looks into SignedData.
func signedPart(encapsulated, signer *node, name string) *node {
	switch name {
	case "content":
		return largest(encapsulated.kids[1].leaves())
	case "signature":
		return signer.last(octetString)
	case "attributes": // the digest, or what else is long
		return firstTagged(signer.last(0xa0), octetString)
	}
	return nil
}

func firstTagged(n *node, tag byte) *node {
	for _, l := range n.leaves() {
		if l.tag == tag {
			return l
		}
	}
	return nil
}

func largest(leaves []*node) (found *node) {
	for _, l := range leaves {
		if found == nil || l.end-l.body > found.end-found.body {
			found = l
		}
	}
	return found
}
