package mail

import (
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
)

// listOf returns the mailing list that passed a message on, by the fields that
// the programs write which run lists: Mailman, Sympa, Google Groups, ezmlm,
// majordomo. "" where there is none. It is the word of whoever carried the
// message, and decoded.
func listOf(outer mimeparse.Header) string {
	for _, name := range []string{"List-Post", "X-BeenThere", "Mailing-List", "X-Mailing-List", "List-Id"} {
		for _, v := range outer.Values(name) {
			if who := listName(name, collapsed(decoded(v))); who != "" {
				return who
			}
		}
	}
	// Lists of old say no more than that they are one: RFC 2076, Section 3.9.
	for _, v := range outer.Values("Precedence") {
		if strings.EqualFold(collapsed(v), "list") {
			if s := outer.Values("Sender"); len(s) == 1 {
				return listName("Sender", collapsed(decoded(s[0])))
			}
		}
	}
	return ""
}

// listName takes the address or the name of a list out of one of its fields.
func listName(field, value string) string {
	switch field {
	case "List-Post": // RFC 2369, Section 3.4: <mailto:list@example.org>, or NO
		if strings.EqualFold(strings.TrimSpace(value), "NO") {
			return ""
		}
		_, value, _ = strings.Cut(value, "<")
		value, _, _ = strings.Cut(value, ">")
		if len(value) < 7 || !strings.EqualFold(value[:7], "mailto:") {
			return ""
		}
		value, _, _ = strings.Cut(value[7:], "?")
	case "Mailing-List": // "contact list-help@example.org; run by ezmlm", "list NAME@yahoogroups.com; contact …"
		value, _, _ = strings.Cut(value, ";")
		value = strings.TrimPrefix(strings.TrimPrefix(value, "list "), "contact ")
	case "List-Id", "Sender", "X-Mailing-List": // RFC 2919, Section 3: a phrase <list.example.org>
		if _, in, ok := strings.Cut(value, "<"); ok {
			value, _, _ = strings.Cut(in, ">")
		}
	}
	return strings.TrimSpace(value)
}
