package discover

import (
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/packethead"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// maxAnswered is how many certificates one answer for one address may hold: a
// person has one or two, with those that they revoked. Each costs a parse.
const maxAnswered = 16

// The packets that say whose an OpenPGP key is, and those that begin something
// else, RFC 9580, Section 10.1.
const (
	tagSignature    = 2
	tagSecretSubkey = 7
	tagUserID       = 13
	tagSubkey       = 14
	tagAttribute    = 17
)

// ofAddress takes apart OpenPGP certificates that a source gave out for an
// address, as packets, and returns those that are for it with the user IDs of
// that address alone: what the domain of one address says of another one is
// nothing. Those that do not state the address are refused.
func ofAddress(b []byte, a mailbox.Address, parse func([]byte) (*keyring.Certificate, error)) ([]*keyring.Certificate, error) {
	var found []*keyring.Certificate
	var trouble error
	n := 0
	err := splitKeys(b, func(k keyBlock) bool {
		if n++; n > maxAnswered {
			return false
		}
		cert, err := oneOfAddress(k, a, parse)
		if err != nil {
			trouble = err
			return true
		}
		found = append(found, cert)
		return true
	})
	switch {
	case err != nil:
		// Nobody knows what the part that is missing would have said.
		return nil, refuse("what came for %s: %v", a, err)
	case n > maxAnswered:
		return nil, refuse("more than %d certificates came for %s", maxAnswered, a)
	case len(found) == 0:
		return nil, trouble // there was one at least, and it is not among those found
	}
	return found, nil
}

func oneOfAddress(k keyBlock, a mailbox.Address, parse func([]byte) (*keyring.Certificate, error)) (*keyring.Certificate, error) {
	if k.secret {
		return nil, refuse("a secret key came for %s: tell its owner, it is no longer one", a)
	}
	cert, err := parse(onlyUser(k.octets, a))
	if err != nil {
		return nil, refuse("what came for %s: %v", a, err)
	}
	for _, stated := range cert.Addresses() {
		if !mailbox.Same(stated, a.String()) { // the parser reads user IDs in another way than onlyUser
			return nil, refuse("a certificate that states %.80q came for %s", stated, a)
		}
	}
	return cert, states(cert, a)
}

// states returns nil if cert claims this address.
func states(cert *keyring.Certificate, a mailbox.Address) error {
	for _, stated := range cert.Addresses() {
		if mailbox.Same(stated, a.String()) {
			return nil
		}
	}
	return refuse("a certificate that does not state the address came for %s", a)
}

// onlyUser returns an OpenPGP certificate without the user IDs that are not for
// this address, without user attributes (images), and without the signatures
// over them. What the certificate says then is asked of the parser.
func onlyUser(b []byte, a mailbox.Address) []byte {
	out := make([]byte, 0, len(b))
	keep := true
	for len(b) > 0 {
		tag, size, err := packet(b)
		if err != nil {
			break // splitKeys went through it before
		}
		switch tag {
		case tagUserID:
			keep = mailbox.Same(addressOf(string(body(b[:size]))), a.String())
		case tagAttribute:
			keep = false
		case tagPublic, tagSubkey, tagSecretSubkey:
			keep = true
		}
		if keep {
			out = append(out, b[:size]...)
		}
		b = b[size:]
	}
	return out
}

// body returns what is in a packet that packet found to be whole.
func body(b []byte) []byte {
	_, _, head, _ := packethead.Read(b)
	return b[head:]
}

// addressOf returns the address in a user ID: in brackets at its end, or alone,
// RFC 9580, Section 5.11. The parser decides: where it reads another address
// than this, the certificate is refused.
func addressOf(id string) string {
	open := strings.LastIndexByte(id, '<')
	if open >= 0 && strings.HasSuffix(id, ">") {
		return id[open+1 : len(id)-1]
	}
	return id
}
