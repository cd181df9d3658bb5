package ldap_test

import (
	"context"
	"fmt"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/ldap"
)

// The directory of Bob's employer has his certificate. That it is his, the
// fingerprint says that he read out on the telephone.
func ExampleDirectory_Search() {
	// ldap.Directory{URL: "ldaps://ldap.example.org", Base: "ou=people,dc=example,dc=org", AllowPrivate: true}
	d, his, stop, err := ldap.BobsDirectory()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	onTheTelephone := his.Fingerprint()

	found, problems, err := d.Search(context.Background(), "bob@example.org", smime.ParseCertificate)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range problems {
		fmt.Println(p)
	}
	for _, c := range found {
		bob, err := keyring.Verify(c.Certificate, keyring.Expect(onTheTelephone))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(c.Source, bob.Evidence())
	}
	// Output: LDAP directory 127.0.0.1, "cn=Bob", userCertificate 1 expected fingerprint
}
