package main

import (
	"bytes"
	"fmt"
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// fits says why no key of c is for this purpose of encryption (RFC 9580,
// Section 5.2.3.29, flags 0x04 and 0x08), of which the library asks for either.
// Whether c can be used at all is the library's question.
func fits(c *keyring.Certificate, purpose string, now time.Time) (err error) {
	if purpose == "any" {
		return nil
	}
	defer func() {
		if v := recover(); v != nil { // go-crypto is not trusted not to panic on keys from outside
			err = fmt.Errorf("its key flags cannot be read")
		}
	}()
	list, err := openpgp.ReadKeyRing(bytes.NewReader(c.Marshal()))
	if err != nil {
		return fmt.Errorf("its key flags cannot be read: %w", err)
	}
	for _, e := range list {
		for i := range e.Subkeys {
			b, err := e.Subkeys[i].Verify(now, nil) // neither revoked nor expired
			if err != nil || !b.FlagsValid {
				continue
			}
			if purpose == "storage" && b.FlagEncryptStorage || purpose == "communications" && b.FlagEncryptCommunications {
				return nil
			}
		}
	}
	return fmt.Errorf("it has no key for the purpose %q", purpose)
}
