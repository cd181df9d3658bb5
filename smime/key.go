package smime

import "github.com/doublekeybox/doublekeybox/internal/seam"

// privateKey is a certificate with its private key.
type privateKey struct {
	cert *certificate
}

// Certificate returns the certificate.
func (k *privateKey) Certificate() seam.Certificate { return k.cert }
