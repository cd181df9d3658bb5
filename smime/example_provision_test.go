package smime_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"log"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// provisioned returns a certificate and the module that holds its key.
func provisioned() (*keyring.Certificate, module) {
	key, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	if err != nil {
		log.Fatal(err)
	}
	file, err := key.Marshal(nil)
	if err != nil {
		log.Fatal(err)
	}
	block, _ := pem.Decode(bytes.TrimSpace(file))
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		log.Fatal(err)
	}
	return key.Certificate(), module{private.(*ecdsa.PrivateKey)}
}
