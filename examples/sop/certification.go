package main

import "slices"

// Packet types, RFC 9580, Section 5.
const tagUserID = 13

// certifications are what others signed about a certificate, which the library
// does not keep: whole packets by the user ID that they stand behind.
type certifications map[string][][]byte

// packets hands each packet of a certificate that was parsed to visit.
func packets(raw []byte, visit func(tag int, body, whole []byte)) {
	for len(raw) > 0 {
		tag, n, err := packetAt(raw)
		if err != nil {
			return
		}
		_, head, _ := packetHead(raw)
		visit(tag, raw[head:n], raw[:n])
		raw = raw[n:]
	}
}

// take adds what others signed about the user IDs of c. It is not verified.
func (o certifications) take(c rawCert) {
	own := map[string]bool{}
	packets(c.Marshal(), func(tag int, body, _ []byte) {
		if tag == tagSignature {
			own[string(body)] = true
		}
	})
	seen := map[[2]string]bool{} // not looked for one by one: of some keys there are 150,000
	for id, list := range o {
		for _, whole := range list {
			seen[[2]string{id, string(whole)}] = true
		}
	}
	id, behind := "", false
	packets(c.raw, func(tag int, body, whole []byte) {
		switch tag {
		case tagUserID:
			id, behind = string(body), true
		case tagSignature:
			key := [2]string{id, string(whole)}
			if behind && certifies(body) && !own[string(body)] && !seen[key] {
				seen[key] = true
				o[id] = append(o[id], whole)
			}
		default:
			behind = false
		}
	})
}

// certifies reports whether a signature is a certification, or takes one back,
// RFC 9580, Section 5.2.1: 0x10 to 0x13, and 0x30.
func certifies(body []byte) bool {
	return len(body) > 1 && (body[1] >= 0x10 && body[1] <= 0x13 || body[1] == 0x30)
}

// graft puts the certifications behind the signatures of their user IDs. Of
// user IDs that the certificate does not have they are dropped.
func (o certifications) graft(cert []byte) (out []byte) {
	var waiting [][]byte
	packets(cert, func(tag int, body, whole []byte) {
		if tag != tagSignature {
			out = append(out, slices.Concat(waiting...)...)
			waiting = nil
		}
		if tag == tagUserID {
			waiting = o[string(body)]
		}
		out = append(out, whole...)
	})
	return append(out, slices.Concat(waiting...)...)
}

// hasUserID reports whether exactly this user ID is in a certificate.
func hasUserID(cert []byte, id string) (yes bool) {
	packets(cert, func(tag int, body, _ []byte) { yes = yes || tag == tagUserID && string(body) == id })
	return yes
}

// onlyUserID returns a certificate without its other user IDs and their signatures.
func onlyUserID(cert []byte, id string) (out []byte) {
	skip := false
	packets(cert, func(tag int, body, whole []byte) {
		switch tag {
		case tagUserID:
			skip = string(body) != id
		case tagSignature:
		default:
			skip = false
		}
		if !skip {
			out = append(out, whole...)
		}
	})
	return out
}
