package pgp

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// web is the certificates of a file and of the introducers, and what they may
// have said of each other.
type web struct {
	address mailbox.Address
	now     time.Time
	target  *certificate
	nodes   []*webNode
	roots   []trustRoot

	kept, forged int // work, against its limits
}

// webNode is one primary key.
type webNode struct {
	hashed []byte // as it is hashed: what makes it one key
	cert   *certificate
	named  bool     // an introducer: cert is what was verified, and what the file adds
	copies [][]byte // of the file, its certificates in binary
	parsed bool
	issuer keyIssuer
}

const (
	maxWebOctets = 4 << 20 // of a file: every signature in it is held against every key
	maxWebKeys   = 100     // certificates of a file
)

// node returns the number of a primary key, a new one where it is not known.
func (w *web) node(hashed []byte) int {
	if i := slices.IndexFunc(w.nodes, func(n *webNode) bool { return bytes.Equal(n.hashed, hashed) }); i >= 0 {
		return i
	}
	head := 3
	if hashed[0] == 0x9B { // RFC 9580, Section 5.2.4
		head = 5
	}
	w.nodes = append(w.nodes, &webNode{hashed: hashed, issuer: newKeyIssuer(hashed[head:])})
	return len(w.nodes) - 1
}

// read takes a file apart into certificates. Nothing of them is parsed yet.
func (w *web) read(file []byte) error {
	if len(file) > maxWebOctets*2 {
		return &envelope.LimitError{What: "octets of certificates", Max: maxWebOctets, Fixed: true}
	}
	raw, err := dearmorKeys(file)
	switch {
	case err != nil:
		return err
	case len(raw) > maxWebOctets:
		return &envelope.LimitError{What: "octets of certificates", Max: maxWebOctets, Fixed: true}
	}
	var current []byte
	keys := 0
	end := func() {
		if current == nil {
			return
		}
		if h := hashedOfKey(current); h != nil {
			n := w.nodes[w.node(h)]
			n.copies = append(n.copies, current)
		}
		current = nil
	}
	err = splitKeyPackets(raw, func(tag int, body []byte) error {
		switch tag {
		case keyTagSecret, keyTagSecretSub:
			return errSecretKey
		case keyTagPublic:
			end()
			if keys++; keys > maxWebKeys {
				return &envelope.LimitError{What: "certificates in a file", Max: maxWebKeys, Fixed: true}
			}
			current = appendKeyPacket(nil, tag, body)
			return nil
		}
		if current != nil {
			current = appendKeyPacket(current, tag, body)
		}
		return nil
	})
	end()
	return err
}

// dearmorKeys is dearmorKey of public keys in any number of blocks.
func dearmorKeys(b []byte) (raw []byte, err error) {
	if len(b) == 0 || b[0]&0x80 != 0 && !bytes.HasPrefix(b, utf8BOM) {
		raw, _, err = dearmorKey(b)
		return raw, err
	}
	for range maxWebKeys {
		kind, rest, err := keyArmorHead(b)
		switch {
		case err != nil:
			return nil, err
		case kind == armorSecret:
			return nil, errSecretKey
		case kind != armorPublic:
			return nil, errMessage
		}
		part, rest, err := keyArmorBody(rest)
		if err != nil {
			return nil, err
		}
		raw = append(raw, part...)
		if b = rest; !bytes.Contains(b, keyArmorBegin) {
			return raw, nil
		}
	}
	return nil, &envelope.LimitError{What: "certificates in a file", Max: maxWebKeys, Fixed: true}
}

// hashedOfKey returns how the primary key at the beginning of b is hashed, nil
// for a version that is not read.
func hashedOfKey(b []byte) (hashed []byte) {
	_, n, head, err := keyPacketHeader(b)
	if err != nil || n < 6 {
		return nil
	}
	body := b[head : head+int(n)]
	switch body[0] {
	case 4:
		if n > 0xFFFF {
			return nil
		}
		return append([]byte{0x99, byte(n >> 8), byte(n)}, body...)
	case 6:
		return append([]byte{0x9B, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, body...)
	}
	return nil
}

// certificate returns what a node's certificate is, with what the file adds to
// the one that was verified, a revocation above all; nil for none that can be
// read. It is parsed when something first depends on it.
func (n *webNode) certificate() *certificate {
	if n.parsed {
		return n.cert
	}
	n.parsed = true
	for _, b := range n.copies {
		c, err := parseCertificate(b)
		if err != nil {
			continue
		}
		if n.cert != nil {
			if c, err = merge(n.cert, c); err != nil {
				continue
			}
		}
		n.cert = c
	}
	return n.cert
}

// net asks, from the target outwards, who says what of whom.
func (w *web) net() (*trustNet, error) {
	t := w.node(w.target.hashed)
	// As it was given, and not as the file has it.
	w.nodes[t].cert, w.nodes[t].parsed, w.nodes[t].named = w.target, true, false
	net := &trustNet{target: t, roots: w.roots}
	asked := map[int]bool{t: true}
	for hop, todo := 1, []int{t}; hop <= maxTrustDepth && len(todo) > 0; hop++ {
		var next []int
		for _, to := range todo {
			edges, err := w.said(to, t)
			if err != nil {
				return nil, err
			}
			for _, e := range edges {
				net.edges = append(net.edges, e)
				if !asked[e.from] {
					asked[e.from], next = true, append(next, e.from)
				}
			}
		}
		todo = next
	}
	return net, nil
}

// said returns the certifications of a key that bear on the target: of its user
// IDs with the address, or of any user ID those that make its owner an
// introducer for the address.
func (w *web) said(to, target int) (edges []trustEdge, err error) {
	n := w.nodes[to]
	c := n.certificate()
	if c == nil {
		return nil, nil
	}
	for i := range c.users {
		u := &c.users[i]
		s := newest(u.certs, w.now)
		if s == nil || u.revoked(s, endOfTime) || to == target && !u.isOf(w.address) {
			continue
		}
		o := &opinion{what: hashedUserID(u.id)}
		if err := w.hear(n, u.id, o); err != nil {
			return nil, err
		}
		for from, by := range w.nodes {
			if from == to || len(o.sigs) == 0 || !slices.ContainsFunc(o.sigs, func(h heard) bool { return by.issuer.mayHaveMade(h.body) }) {
				continue
			}
			e, err := w.edge(o, from, to, target)
			if err != nil {
				return nil, err
			}
			if e.amount > 0 {
				edges = append(edges, e)
			}
		}
	}
	return edges, nil
}

// hear collects what the copies of a key say of one of its user IDs.
func (w *web) hear(n *webNode, id []byte, o *opinion) error {
	for _, b := range n.copies {
		ours := false
		err := splitKeyPackets(b, func(tag int, body []byte) error {
			switch tag {
			case keyTagUserID:
				ours = bytes.Equal(body, id)
			case keyTagSignature:
				may := func(n *webNode) bool { return n.issuer.mayHaveMade(body) }
				if !ours || len(body) > maxSigBytes || n.issuer.mayHaveMade(body) || !slices.ContainsFunc(w.nodes, may) {
					return nil
				}
				sig := readCertification(body)
				if sig == nil || !tagged(sig, n.hashed, o.what) {
					return nil
				}
				if w.kept++; w.kept > maxOpinions {
					return &envelope.LimitError{What: "certifications by introducers", Max: maxOpinions, Fixed: true}
				}
				o.sigs = append(o.sigs, heard{sig, body})
			case keyTagMarker, keyTagTrust, keyTagPadding:
			default:
				ours = false
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// edge returns what from says of a user ID, amount 0 for nothing that counts.
func (w *web) edge(o *opinion, from, to, target int) (e trustEdge, err error) {
	by := w.nodes[from].certificate()
	if by == nil || by.Refuse() != nil {
		return e, nil
	}
	last, _, err := o.lastWord(by, w.nodes[to].cert, w.now, &w.forged)
	if err != nil || last == nil || by.certified(last.CreationTime, w.now) != "" {
		return e, err
	}
	amount, depth := trust(last.Signature)
	if to != target && (depth == 0 || !w.covers(last.body)) {
		return e, nil
	}
	return trustEdge{from, to, depth, amount}, nil
}

// within reports whether the address is in one of these domains, or below it.
func (w *web) within(domains []string) bool {
	return slices.ContainsFunc(domains, func(d string) bool {
		a, err := mailbox.Parse("@" + strings.TrimPrefix(d, "@"))
		return err == nil && (a.Domain() == w.address.Domain() || strings.HasSuffix(w.address.Domain(), "."+a.Domain()))
	})
}

// covers reports whether a trust signature extends to the address: it has no
// regular expression, or each is of the one form that is read and one of them
// fits. Subpackets of the hashed area alone count.
func (w *web) covers(body []byte) bool {
	const regularExpression = 6 // RFC 9580, Section 5.2.3.22
	var domains []string
	found := false
	for area, _ := hashedArea(body); len(area) > 0; {
		n, head := subpacketLen(area)
		if n == 0 || head+n > len(area) {
			return false
		}
		if area[head]&0x7F == regularExpression {
			d, ok := domainOfRegex(string(area[head+1 : head+n]))
			if !ok {
				return false
			}
			domains, found = append(domains, d), true
		}
		area = area[head+n:]
	}
	return !found || w.bracketed() && w.within(domains)
}

// bracketed reports whether every user ID of the target with the address has it
// in angle brackets, which the regular expressions ask for.
func (w *web) bracketed() bool {
	for i := range w.target.users {
		if u := &w.target.users[i]; u.isOf(w.address) && !bytes.HasSuffix(u.id, []byte(">")) {
			return false
		}
	}
	return true
}

// domainOfRegex returns the domain of the one regular expression that is read.
func domainOfRegex(s string) (domain string, ok bool) {
	s, zero := strings.CutSuffix(s, "\x00")
	s, head := strings.CutPrefix(s, `<[^>]+[@.]`)
	s, tail := strings.CutSuffix(s, `>$`)
	if !zero || !head || !tail {
		return "", false
	}
	// Each dot is escaped, and nothing else means anything but itself.
	for label := range strings.SplitSeq(s, `\.`) {
		if label == "" || strings.ContainsAny(label, `.\*+?()[]^$|<>@ `) {
			return "", false
		}
	}
	return strings.ReplaceAll(s, `\.`, "."), true
}
