package smime_test

import (
	"bytes"
	"fmt"

	"github.com/doublekeybox/doublekeybox/smime"
)

// A post-quantum pair: one key signs, the other opens.
func ExampleGenerateKeys() {
	keys, err := smime.GenerateKeys(smime.KeyOptions{Address: "bob@example.org", Algorithm: "mldsa65+mlkem768"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(keys), keys[0].Certificate().Addresses(), keys[1].Certificate().Addresses())
	// Output: 2 [bob@example.org] [bob@example.org]
}

// The pair that an authority issues, in one file.
func ExampleParseKeys() {
	pair, err := smime.GenerateKeys(smime.KeyOptions{Address: "bob@example.org", Algorithm: "mldsa65+mlkem768"})
	if err != nil {
		fmt.Println(err)
		return
	}
	file, err := smime.MarshalKeys(pair, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	keys, err := smime.ParseKeys(bytes.NewReader(file), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, k := range keys {
		fmt.Println(k.Certificate().Fingerprint() == pair[i].Certificate().Fingerprint())
	}
	// Output:
	// true
	// true
}

// Several keys in one file; without a passphrase it must be kept secret.
func ExampleMarshalKeys() {
	pair, err := smime.GenerateKeys(smime.KeyOptions{Address: "bob@example.org", Algorithm: "mldsa65+mlkem768"})
	if err != nil {
		fmt.Println(err)
		return
	}
	file, err := smime.MarshalKeys(pair, []byte("correct horse battery staple"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(bytes.Count(file, []byte("BEGIN ENCRYPTED PRIVATE KEY")))
	// Output: 2
}
