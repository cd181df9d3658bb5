package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// authority issues certificates for scripts.
type authority struct {
	dir  string
	x    *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

// makePKI is "pki DIR": an authority, whose root is DIR/root.pem and whose
// certificate for issuing is DIR/ca.pem, and certificates of people by it, of
// whom each is special in one thing.
func makePKI(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: pki DIR")
	}
	root := &authority{dir: ts.MkAbs(args[0])}
	ts.Check(os.MkdirAll(filepath.Join(root.dir, "people"), 0o700))
	root.issue(ts, "root", nil, func(c *x509.Certificate) {
		c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign, nil
	})
	ca := &authority{dir: root.dir}
	ca.x, ca.key = root.issue(ts, "ca", root, func(c *x509.Certificate) {
		c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign, nil
	})
	ca.next = 10
	person := func(name string, change func(*x509.Certificate)) *x509.Certificate {
		x, key := ca.issue(ts, name, ca, func(c *x509.Certificate) {
			c.EmailAddresses = []string{name + "@example.org"}
			if change != nil {
				change(c)
			}
		})
		der, err := x509.MarshalPKCS8PrivateKey(key)
		ts.Check(err)
		ca.write(ts, name+".key", block("PRIVATE KEY", der), block("CERTIFICATE", x.Raw))
		ca.write(ts, name+"-chain.pem", block("CERTIFICATE", x.Raw), block("CERTIFICATE", ca.x.Raw))
		return x
	}
	person("bob", nil)
	person("eve", nil)
	gone := person("gone", nil)
	person("late", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	person("web", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	signs := person("pair", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })
	encrypts := person("pair2", func(c *x509.Certificate) {
		c.KeyUsage, c.EmailAddresses = x509.KeyUsageKeyAgreement, []string{"pair@example.org"}
	})
	ca.write(ts, "both.pem", block("CERTIFICATE", signs.Raw), block("CERTIFICATE", encrypts.Raw))
	for i := range 20 {
		ca.issue(ts, fmt.Sprintf("people/%d", i), ca, func(c *x509.Certificate) {
			c.EmailAddresses = []string{fmt.Sprintf("customer%d@example.org", i)}
		})
	}
	root.revoke(ts, "root.crl")
	ca.revoke(ts, "ca.crl", gone.SerialNumber)
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func (a *authority) write(ts *testscript.TestScript, name string, parts ...[]byte) {
	ts.Check(os.WriteFile(filepath.Join(a.dir, name), bytes.Join(parts, nil), 0o600))
}

// issue makes NAME.pem. Without an authority it is self-signed, and a becomes it.
func (a *authority) issue(ts *testscript.TestScript, name string, by *authority, change func(*x509.Certificate)) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	a.next++
	c := &x509.Certificate{
		SerialNumber: big.NewInt(a.next), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	}
	change(c)
	parent, signer := c, key
	if by != nil {
		parent, signer = by.x, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	ts.Check(err)
	x, err := x509.ParseCertificate(der)
	ts.Check(err)
	a.write(ts, name+".pem", block("CERTIFICATE", der))
	if by == nil {
		a.x, a.key = x, key
	}
	return x, key
}

// revoke makes a list of these serial numbers.
func (a *authority) revoke(ts *testscript.TestScript, name string, serials ...*big.Int) {
	l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour)}
	for _, s := range serials {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: s, RevocationTime: time.Now().Add(-time.Hour), ReasonCode: 1})
	}
	der, err := x509.CreateRevocationList(rand.Reader, l, a.x, a.key)
	ts.Check(err)
	a.write(ts, name, der)
}
