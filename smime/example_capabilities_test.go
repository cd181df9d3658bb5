package smime_test

import (
	"fmt"
	"io"
	"log"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// Bob said that he opens files with OpenSSL 3, and so reads AES-GCM.
func ExampleReads() {
	key, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	if err != nil {
		log.Fatal(err)
	}
	bob, err := keyring.Verify(key.Certificate(), keyring.Expect(key.Certificate().Fingerprint()))
	if err != nil {
		log.Fatal(err)
	}
	told, err := smime.Reads(time.Date(2026, time.May, 4, 0, 0, 0, 0, time.UTC), "AES-256-GCM")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(told.Algorithms(), told.Time().Year())
	if bob, err = bob.With(told.Note()); err != nil {
		log.Fatal(err)
	}

	w, err := envelope.Seal(io.Discard, bob)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort()
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(w.Receipt().Reason)
	// Output:
	// [AES-256-GCM] 2026
	// AES-256-GCM: every recipient lists it (stated on 2026-05-04)
}

// What Bob reads, his signed mail says.
func ExampleCapabilitiesOf() {
	fmt.Println(remember(&envelope.Report{}, time.Now()))
	// Output: []
}

// remember returns the senders of a report with what they said that they read.
func remember(r *envelope.Report, now time.Time) []*keyring.Verified {
	out := []*keyring.Verified{}
	for _, s := range r.Signatures {
		c, err := smime.CapabilitiesOf(s, now)
		if err != nil {
			continue // it says nothing, or nothing that counts
		}
		if v, err := s.Sender.With(c.Note()); err == nil {
			out = append(out, v)
		}
	}
	return out
}
