package discover

import (
	"errors"
	"fmt"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// maxAutocrypt is the size of an Autocrypt header field with its name and
// folding: larger ones are invalid for everybody (Autocrypt Level 1.1, "The
// Autocrypt Header").
const maxAutocrypt = 10 << 10

// AutocryptGossip finds the keys that the sender of a message tells of its other
// recipients (Autocrypt Level 1.1, "Key Gossip"). payload is the MIME entity
// that was inside the message's encryption, and calling this says so: who calls
// it with something that was not encrypted and signed believes everybody.
// recipients are the addresses in the message's To, Cc and Reply-To fields;
// gossip about anybody else is a problem and no candidate.
//
// Such a key is somebody's word about somebody else. Where it differs from the
// one that a ring has for the address, that is worth asking about.
func (r *Reader) AutocryptGossip(name string, payload []byte, recipients ...string) ([]Candidate, []Problem) {
	return r.collect(name, payload, func(c *collector, place string, b []byte) {
		header, _, err := splitHeader(b)
		if err != nil {
			c.problem(place, err)
			return
		}
		c.gossip(header, recipients)
	})
}

// gossip takes the keys of all Autocrypt-Gossip fields.
func (c *collector) gossip(header fields, recipients []string) {
	// Both sides are a stranger's, and long.
	to := map[string]bool{}
	for _, r := range recipients {
		if a, err := mailbox.Parse(lowerASCII(r)); err == nil {
			to[a.String()] = true
		}
	}
	all := map[string][]autocrypt{}
	var order []string
	n := 0
	for _, f := range header {
		if f.name != "autocrypt-gossip" {
			continue
		}
		n++
		place := fmt.Sprintf("Autocrypt-Gossip %d", n)
		a, err := parseAutocrypt(f)
		if err != nil {
			c.problem(place, err)
			continue
		}
		a.place = place
		about, err := mailbox.Parse(lowerASCII(a.address))
		key := about.String()
		if err != nil || !to[key] {
			c.problem(place, fmt.Errorf("it is about %.80q, to whom the message was not sent", a.address))
			continue
		}
		if all[key] == nil {
			order = append(order, key)
		}
		all[key] = append(all[key], a)
	}
	for _, key := range order {
		a := all[key]
		if len(a) > 1 {
			c.problem(a[0].place, fmt.Errorf("there are %d keys for %.80q: none is taken", len(a), key))
			continue
		}
		c.take("pgp", a[0].place, a[0].address, a[0].key, "told by the sender of a message of one of its other recipients")
	}
}

// autocryptHeader takes the key in the one valid Autocrypt field of a message.
func (c *collector) autocryptHeader(place string, header fields, from string) {
	here := join(place, "Autocrypt header")
	var valid []autocrypt
	for _, f := range header {
		if f.name != "autocrypt" {
			continue
		}
		a, err := parseAutocrypt(f)
		if err == nil && !sameAddress(a.address, from) {
			err = fmt.Errorf("it is about %.80q, and the message is from %.80q", a.address, from)
		}
		if err != nil {
			c.problem(here, err)
			continue
		}
		valid = append(valid, a)
	}
	switch {
	case len(valid) == 0:
		return
	case len(valid) > 1:
		c.problem(here, fmt.Errorf("there are %d: none is taken", len(valid)))
		return
	case strings.HasPrefix(lowerASCII(header.get("content-type")), "multipart/report"),
		lowerASCII(header.get("auto-submitted")) == "auto-replied":
		c.problem(here, errors.New("it is in an automatic reply: it is not taken"))
		return
	}
	var notes []string
	if valid[0].mutual {
		notes = []string{"prefer-encrypt: mutual"}
	}
	c.take("pgp", here, from, valid[0].key, notes...)
}

// autocrypt is what a valid field holds.
type autocrypt struct {
	place   string
	address string
	mutual  bool
	key     []byte
}

// parseAutocrypt reads a field as Autocrypt Level 1.1 has it:
//
//	addr=a@b.example.org; [prefer-encrypt=mutual;] keydata=BASE64
//
// An attribute that is not known makes all of it invalid, unless its name begins
// with an underscore: so later versions hide from earlier ones what those would
// misunderstand.
func parseAutocrypt(f field) (autocrypt, error) {
	var a autocrypt
	if f.size > maxAutocrypt {
		return a, fmt.Errorf("it has more than %d octets", maxAutocrypt)
	}
	seen := map[string]bool{}
	for _, attribute := range strings.Split(f.value, ";") {
		name, value, ok := strings.Cut(strings.TrimSpace(attribute), "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case name == "" && !ok:
			continue // behind the last semicolon
		case !ok:
			return a, fmt.Errorf("%.40q in it is no attribute", name)
		case seen["keydata"]:
			return a, errors.New("something follows the key in it")
		case strings.HasPrefix(name, "_"):
			continue
		case seen[name]:
			return a, fmt.Errorf("it has the attribute %.40q twice", name)
		}
		seen[name] = true
		switch name {
		case "addr":
			a.address = value
		case "prefer-encrypt":
			a.mutual = value == "mutual"
		case "keydata":
			var err error
			if a.key, err = keydata(value); err != nil {
				return a, err
			}
		default:
			return a, fmt.Errorf("it has the attribute %.40q, which is not known", name)
		}
	}
	if a.address == "" || a.key == nil {
		return a, errors.New("it lacks the address or the key")
	}
	return a, nil
}

// keydata decodes the one key of a field.
func keydata(value string) ([]byte, error) {
	b, err := unbase64(value)
	if err != nil {
		return nil, err
	}
	n, secret := 0, false
	err = splitKeys(b, func(k keyBlock) bool {
		n++
		secret = secret || k.secret
		return true
	})
	switch {
	case err != nil:
		return nil, err
	case secret:
		return nil, errors.New("its key is a secret one")
	case n != 1:
		return nil, fmt.Errorf("it holds %d keys, not one", n)
	}
	return b, nil
}
