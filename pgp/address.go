package pgp

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// claimed returns the mail addresses of the user IDs that the owner stands by,
// each once. It does not depend on the time: they are claims, and a
// certificate does not change.
func (c *certificate) claimed() (list []string) {
	seen := map[string]bool{}
	for i := range c.users {
		u := &c.users[i]
		last := latest(u.certs)
		if last == nil || u.revoked(last, endOfTime) {
			continue
		}
		if a := addrSpec(string(u.id)); a != "" && !seen[a] {
			seen[a] = true
			list = append(list, a)
		}
	}
	return list
}

// maxAddrSpec is the longest address that mail can carry, RFC 5321, Section 4.5.3.1.
const maxAddrSpec = 254

// addrSpec returns the address in a user ID: "Name (comment) <address>" or the
// address alone, RFC 9580, Section 5.11. It returns "" where it is not plain
// which address is meant: with a second bracket, one program would see
// another than the next.
func addrSpec(id string) string {
	a := id
	if strings.ContainsAny(id, "<>") {
		open := strings.IndexByte(id, '<')
		if open < 0 || !strings.HasSuffix(id, ">") || strings.Count(id, "<") != 1 || strings.Count(id, ">") != 1 {
			return ""
		}
		a = id[open+1 : len(id)-1]
	}
	at := strings.LastIndexByte(a, '@')
	if at <= 0 || at == len(a)-1 || len(a) > maxAddrSpec || !utf8.ValidString(a) {
		return ""
	}
	odd := func(r rune) bool {
		return !unicode.IsGraphic(r) || unicode.IsSpace(r) || strings.ContainsRune(`"(),:;<>[\]`, r)
	}
	if strings.ContainsFunc(a, odd) || strings.ContainsRune(a[:at], '@') {
		return ""
	}
	return a
}

// isOf reports whether a user ID holds an address, in whatever form either is
// written.
func (u *userID) isOf(address mailbox.Address) bool {
	a, err := mailbox.Parse(addrSpec(string(u.id)))
	return err == nil && a == address
}
