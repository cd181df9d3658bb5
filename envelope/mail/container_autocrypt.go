package mail

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// maxAutocrypt is how large the value of an Autocrypt field may be: Autocrypt
// Level 1, Section 2.1.1.
const maxAutocrypt = 10 << 10

// autocrypt checks the certificate for the Autocrypt field.
func (p *planner) autocrypt() error {
	c := p.c.Autocrypt
	if c == nil {
		return nil
	}
	if formatOf(c) != formatPGP {
		return fmt.Errorf("%w: Composer.Autocrypt is no OpenPGP certificate", keyring.ErrRefused)
	}
	// Section 2.1: a field whose addr is not the one in From is ignored.
	if err := inside(c).Binds(p.from, p.now); err != nil {
		return fmt.Errorf("%w: Composer.Autocrypt: %w", keyring.ErrRefused, err)
	}
	if n := len(autocryptField(p.from, c).value); n > maxAutocrypt {
		return fmt.Errorf("%w: Composer.Autocrypt makes a field of %d octets, and programs ignore one of more than %d: give the key without others' certifications", keyring.ErrRefused, n, maxAutocrypt)
	}
	return nil
}

// autocryptField is Autocrypt Level 1, Section 2.1. Both attributes but keydata
// are short; that is cut where a blank is dropped again.
func autocryptField(from string, c *keyring.Certificate) field {
	const width = wantedLine - 1
	var b strings.Builder
	fmt.Fprintf(&b, "addr=%s; prefer-encrypt=mutual;\r\n keydata=", from)
	data := base64.StdEncoding.EncodeToString(c.Marshal())
	for len(data) > 0 {
		n := min(width, len(data))
		b.WriteString("\r\n " + data[:n])
		data = data[n:]
	}
	return field{"Autocrypt", b.String()}
}
