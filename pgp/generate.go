package pgp

import (
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// KeyOptions says what key to make.
type KeyOptions struct {
	Address   string
	Name      string
	Algorithm string
	Profile   envelope.Profile
	Lifetime  time.Duration
}

// GenerateKey makes a key.
func GenerateKey(o KeyOptions) (*Key, error) { return nil, errNotBuilt }
