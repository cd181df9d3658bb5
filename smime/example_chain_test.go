package smime_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"time"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

func ExampleChainTo() {
	// The root of the authority that issues to the customers, and the
	// certificate of one of them.
	rootPEM, bobPEM := issued("bob@example.org")

	root, err := smime.ParseCertificate(rootPEM)
	if err != nil {
		log.Fatal(err)
	}
	// Made once, for all customers.
	authorities := &smime.Authorities{Roots: []*keyring.Certificate{root}}

	bob, err := smime.ParseCertificate(bobPEM)
	if err != nil {
		log.Fatal(err)
	}
	for _, address := range []string{"bob@example.org", "eve@example.org"} {
		verified, err := keyring.Verify(bob, smime.ChainTo(address, authorities))
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(verified.Evidence())
	}
	// Output:
	// an authority's certificate for "bob@example.org", revocation not checked
	// keyring: refused: smime: the certificate is not for "eve@example.org", but for "bob@example.org"
}

// issued makes an authority and a certificate by it.
func issued(address string) (rootPEM, certPEM []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Example Root"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}
	bob := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Bob"}, EmailAddresses: []string{address},
		NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		KeyUsage: x509.KeyUsageKeyAgreement, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	}
	block := func(c *x509.Certificate) []byte {
		der, err := x509.CreateCertificate(rand.Reader, c, root, key.Public(), key)
		if err != nil {
			log.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return block(root), block(bob)
}
