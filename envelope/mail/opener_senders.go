package mail

import (
	"errors"
	"net/mail"
	"regexp"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// maxAddresses is how many addresses of From the ring is asked for in one
// message, in all headers: more than one or two are an attack or a mistake.
const maxAddresses = 8

// addressLike finds what may be an address where From cannot be parsed.
var addressLike = regexp.MustCompile(`[^\s<>()\[\]:;,"]+@[^\s<>()\[\]:;,"]+`)

// addressesIn returns the addresses in the From fields of h. They say whose keys
// signatures are checked with and nothing else: whom a signature is believed to
// be by is judged later, by From as it is then.
func addressesIn(h mimeparse.Header) (out []string) {
	for _, value := range h.Values("From") {
		list, err := mail.ParseAddressList(value)
		if err != nil {
			out = append(out, addressLike.FindAllString(value, maxAddresses)...)
			continue
		}
		for _, a := range list {
			out = append(out, a.Address)
		}
		if len(out) >= maxAddresses {
			break
		}
	}
	return out
}

// believe adds those whom the ring knows as senders for the addresses. It is no
// error that there are none.
func (r *reading) believe(addresses []string) error {
	for _, a := range addresses {
		if r.o.Ring == nil || r.asked[a] || len(r.asked) == maxAddresses {
			continue
		}
		r.asked[a] = true
		known, err := r.o.Ring.Senders(a)
		if err != nil && !errors.Is(err, keyring.ErrRefused) && !isAddressError(a) {
			return err
		}
		for _, v := range known {
			r.addSender(v)
		}
	}
	return nil
}

// isAddressError reports whether a is no address that a ring can be asked for,
// which is no failure of the ring.
func isAddressError(a string) bool {
	_, err := mailbox.Parse(a)
	return err != nil
}

func (r *reading) addSender(v *keyring.Verified) {
	for _, have := range r.opener.Senders {
		if have.Fingerprint() == v.Fingerprint() {
			return
		}
	}
	r.opener.Senders = append(r.opener.Senders, v)
	r.formats = append(r.formats, envelope.Format(seam.Wrap(inside(v.Certificate()).Format())))
}

// inside returns what a certificate is made of: nil for nil, and for one that
// nobody made.
func inside(c *keyring.Certificate) seam.Certificate {
	if c == nil {
		return nil
	}
	return seam.Opaque[seam.Certificate](*c).Unwrap()
}
