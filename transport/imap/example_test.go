package imap_test

import (
	"bytes"
	"context"
	"fmt"
	netmail "net/mail"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/transport/imap"
)

// Alice keeps her own copy of what she sent, finds it and reads it.
func ExampleServer_Dial() {
	alice, err := pgp.GenerateKey(pgp.KeyOptions{Address: "alice@example.org"})
	if err != nil {
		fmt.Println(err)
		return
	}
	verified, err := keyring.Verify(alice.Certificate(), keyring.Expect(alice.Certificate().Fingerprint()))
	if err != nil {
		fmt.Println(err)
		return
	}
	composer := mail.Composer{
		Keys:    map[string][]*keyring.Verified{"alice@example.org": {verified}}, // a note to herself
		OwnCopy: []*keyring.Verified{verified}, Signers: []envelope.Signer{alice.Signer()},
	}
	plan, err := composer.Plan(&mail.Draft{
		From: netmail.Address{Address: "alice@example.org"}, To: []netmail.Address{{Address: "alice@example.org"}},
		Subject: "Lunch", Text: "At noon.\n", MessageID: "lunch@example.org",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	sealed, err := plan.Seal()
	if err != nil {
		fmt.Println(err)
		return
	}

	// imap.Server{URL: "imaps://imap.example.org", User: "alice", Password: fromTheKeychain}
	server, stop, err := imap.AlicesServer()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	ctx := context.Background()
	session, err := server.Dial(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()
	if _, err := session.Append(ctx, "Sent", sealed[len(sealed)-1], time.Now()); err != nil {
		fmt.Println(err)
		return
	}

	found, err := session.Search(ctx, "Sent", "lunch@example.org")
	if err != nil {
		fmt.Println(err)
		return
	}
	entries, err := session.List(ctx, "Sent", 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	var message bytes.Buffer // or a file
	if _, err := session.Fetch(ctx, "Sent", found[0], &message); err != nil {
		fmt.Println(err)
		return
	}
	opener := mail.Opener{Identities: []envelope.Identity{alice.Identity()}, Senders: []*keyring.Verified{verified}}
	m, err := opener.Open(&message)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	fmt.Println(len(entries), m.Summary().Subject, m.Summary().Verified)
	// Output: 1 Lunch true
}
