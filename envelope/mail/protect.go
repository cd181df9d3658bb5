package mail

import (
	"strings"
	"time"
)

// outer returns what of the inner fields goes outside, where everybody can read
// it, and the HP-Outer fields that say inside what went outside: RFC 9788,
// Section 2.2 and Section 3.2.
func (c *checked) outer(p HeaderPolicy, inner []field) (outer, hpOuter []field) {
	for _, f := range inner {
		f, ok := c.confide(p, f)
		if !ok {
			continue
		}
		outer = append(outer, f)
		said := strings.TrimSuffix(f.name+": "+unfold(f.value), " ") // of an empty subject that nothing hides
		hpOuter = append(hpOuter, field{"HP-Outer", fold("HP-Outer", said)})
	}
	return outer, hpOuter
}

// confide returns what a policy leaves of a field; false: nothing.
func (c *checked) confide(p HeaderPolicy, f field) (field, bool) {
	if strings.EqualFold(f.name, "Bcc") {
		return field{}, false // under every policy: that is what it is for
	}
	if p == NoConfidentiality {
		return f, true
	}
	switch strings.ToLower(f.name) {
	case "subject":
		return field{f.name, "[...]"}, true
	case "keywords", "comments":
		return field{}, false
	}
	if p != Shy {
		return f, true
	}
	switch strings.ToLower(f.name) {
	case "from":
		return addressField(f.name, []address{c.from}, false), true
	case "to":
		return addressField(f.name, c.to, false), true
	case "cc":
		return addressField(f.name, c.cc, false), true
	case "reply-to":
		return addressField(f.name, c.replyTo, false), true
	case "date":
		return field{f.name, c.date.In(time.UTC).Format(dateLayout)}, true
	}
	return f, true
}

// hidden returns the fields that a person is shown and that p keeps from
// whoever carries the message, with values as they are read: RFC 9788, Section 5.2.
func (c *checked) hidden(p HeaderPolicy) []field {
	var display []field
	for _, f := range c.protected(nil) {
		if o, ok := c.confide(p, f); !ok || o.value != f.value {
			display = append(display, c.shown(f))
		}
	}
	return display
}

// shown returns a field with its value decoded.
func (c *checked) shown(f field) field {
	list := func(as ...address) string {
		var texts []string
		for _, a := range as {
			if a.name == "" {
				texts = append(texts, a.String())
			} else {
				texts = append(texts, a.name+" <"+a.String()+">")
			}
		}
		return strings.Join(texts, ", ")
	}
	switch f.name {
	case "Subject":
		return field{f.name, c.subject}
	case "From":
		return field{f.name, list(c.from)}
	case "To":
		return field{f.name, list(c.to...)}
	case "Cc":
		return field{f.name, list(c.cc...)}
	case "Reply-To":
		return field{f.name, list(c.replyTo...)}
	}
	return field{f.name, unfold(f.value)}
}
