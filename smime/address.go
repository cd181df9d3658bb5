package smime

import (
	"crypto/x509"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

const (
	maxLocalPart = 64  // octets before the @: RFC 5321, Section 4.5.3.1.1
	maxDomain    = 255 // octets after it: Section 4.5.3.1.2
)

// oidSmtpUTF8Mailbox is the type of the otherName that is a mail address whose
// local part is not ASCII (RFC 9598, Section 3): 1.3.6.1.5.5.7.8.9.
const oidSmtpUTF8Mailbox oid = "\x2b\x06\x01\x05\x05\x07\x08\x09"

// addressesOf returns the mail addresses that x claims: those of its subject
// alternative name and, only where that has none, the emailAddress attributes
// of the subject, which RFC 8550, Section 3 keeps for legacy.
func addressesOf(x *x509.Certificate) []string {
	utf8Names := smtpUTF8MailboxesOf(x)
	if len(x.EmailAddresses) > 0 || len(utf8Names) > 0 {
		return mailboxesOf(x)
	}
	var out []string
	for _, n := range x.Subject.Names {
		a, ok := n.Value.(string)
		if ok && n.Type.String() == emailAddressText && validAddress(a) {
			out = append(out, a)
		}
	}
	return out
}

// mailboxesOf returns the addresses in the subject alternative name of x: its
// rfc822Names and SmtpUTF8Mailboxes. Octets that are no address are left out,
// not cleaned up: "a@b\x00.example" must not become somebody's address.
func mailboxesOf(x *x509.Certificate) []string {
	var out []string
	for _, a := range x.EmailAddresses {
		if validAddress(a) {
			out = append(out, a)
		}
	}
	for _, a := range smtpUTF8MailboxesOf(x) {
		if validUTF8Address(a) {
			out = append(out, a)
		}
	}
	return out
}

// smtpUTF8MailboxesOf returns what x calls so, whatever it is. RFC 5280,
// Section 4.2.1.6:
//
//	otherName [0] SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY }
//
// and RFC 9598, Section 3: SmtpUTF8Mailbox ::= UTF8String (SIZE (1..MAX)).
func smtpUTF8MailboxesOf(x *x509.Certificate) (out []string) {
	for _, e := range x.Extensions {
		if e.Id.String() != subjectAltNameText {
			continue
		}
		s := cryptobyte.String(e.Value)
		var names cryptobyte.String
		if !s.ReadASN1(&names, asn1.SEQUENCE) {
			return nil
		}
		for !names.Empty() {
			var name, value, mailbox cryptobyte.String
			var tag asn1.Tag
			var id oid
			if !names.ReadAnyASN1(&name, &tag) {
				return nil
			}
			if tag == context(0).Constructed() && readOID(&name, &id) && id == oidSmtpUTF8Mailbox &&
				name.ReadASN1(&value, context(0).Constructed()) && name.Empty() &&
				value.ReadASN1(&mailbox, asn1.UTF8String) && value.Empty() {
				out = append(out, string(mailbox))
			}
		}
	}
	return out
}

// subjectAltNameText is subjectAltName in the form that crypto/x509 gives.
const subjectAltNameText = "2.5.29.17"

// emailAddressText is oidEmailAddress in the form that crypto/x509 gives.
const emailAddressText = "1.2.840.113549.1.9.1"

// validAddress reports whether s is an addr-spec in ASCII, local@domain, of
// characters that need no quoting (RFC 5322, Section 3.2.3).
func validAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && isASCII(s) && len(local) <= maxLocalPart && len(domain) <= maxDomain &&
		dotAtom(local) && dotAtom(domain)
}

// validUTF8Address reports whether s may be a SmtpUTF8Mailbox: the local part
// has characters that are not ASCII, since one that has none must be an
// rfc822Name (RFC 9598, Section 3), and a domain that is. Two forms of one
// address would be two ways around whoever looks for one of them.
func validUTF8Address(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && len(local) <= maxLocalPart && len(domain) <= maxDomain &&
		utf8.ValidString(local) && !isASCII(local) && dotAtom(local) && isASCII(domain) && dotAtom(domain)
}

// isFor reports whether one of a certificate's mailboxes is an address. What
// stands before the @ is compared octet for octet, without normalisation
// (RFC 9598, Section 5), with the normal form of what is asked for.
func isFor(mailboxes []string, address mailbox.Address) bool {
	return slices.ContainsFunc(mailboxes, func(m string) bool {
		a, err := mailbox.Parse(m)
		return err == nil && a == address && strings.HasPrefix(m, address.Local()+"@")
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// dotAtom reports whether s is a dot-atom-text (RFC 5322, Section 3.2.3), with
// the characters that RFC 6532, Section 3.2 adds, as far as they can be seen.
func dotAtom(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" {
			return false
		}
		for _, r := range part {
			letter := 'a' <= r|0x20 && r|0x20 <= 'z' && r < utf8.RuneSelf
			seen := r >= utf8.RuneSelf && r != utf8.RuneError && unicode.IsPrint(r)
			if !letter && !seen && !('0' <= r && r <= '9') && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r) {
				return false
			}
		}
	}
	return true
}
