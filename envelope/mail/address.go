package mail

import (
	"net/mail"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// address is one of a draft's that was checked.
type address struct {
	name string // a display name; "" for none
	mailbox.Address
}

// checkAddress reads one address of a draft. where names the field.
func (c *checker) address(where string, a mail.Address) address {
	m, err := mailbox.Parse(a.Address)
	switch {
	case err != nil:
		c.problem(where, "%v", err)
	case m.IsDomain():
		c.problem(where, "%.80q is all of a domain and not one address", a.Address)
	}
	c.oneLine(where+": the name", a.Name)
	if strings.ContainsFunc(a.Name, turns) {
		c.problem(where, "the name %.80q has a character that turns the direction of the line: leave it out", a.Name)
	}
	return address{a.Name, m}
}

func (c *checker) addresses(where string, as []mail.Address) []address {
	all := make([]address, 0, len(as))
	for _, a := range as {
		all = append(all, c.address(where, a))
	}
	return all
}

// addressField writes a list of addresses, with their names or without. What is
// not ASCII of a local part stays UTF-8: nothing else encodes it (RFC 6532,
// Section 3.2).
func addressField(name string, as []address, names bool) field {
	texts := make([]string, 0, len(as))
	for _, a := range as {
		switch {
		case !names:
			texts = append(texts, a.String())
		case a.name == "":
			texts = append(texts, a.String())
		default:
			texts = append(texts, phrase(a.name)+" <"+a.String()+">")
		}
	}
	return field{name, fold(name, strings.Join(texts, ", "))}
}
