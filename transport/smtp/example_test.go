package smtp_test

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

// composed returns a mail from Alice to Bob and Carol, of whom only Bob is known
// to the server of the examples: sealed, signed only, and as a notice.
func composed() (sealed []*mail.Sealed, signed *mail.Clear, notice *mail.Notice, err error) {
	keys := map[string]*pgp.Key{}
	composer := mail.Composer{Keys: map[string][]*keyring.Verified{}}
	for _, address := range []string{"alice@example.org", "bob@example.org", "carol@example.org"} {
		if keys[address], err = pgp.GenerateKey(pgp.KeyOptions{Address: address}); err != nil {
			return nil, nil, nil, err
		}
		certificate := keys[address].Certificate()
		verified, err := keyring.Verify(certificate, keyring.Expect(certificate.Fingerprint()))
		if err != nil {
			return nil, nil, nil, err
		}
		composer.Keys[address] = []*keyring.Verified{verified}
	}
	composer.Signers = []envelope.Signer{keys["alice@example.org"].Signer()}
	draft := &mail.Draft{
		From: netmail.Address{Address: "alice@example.org"}, To: []netmail.Address{{Address: "bob@example.org"}, {Address: "carol@example.org"}},
		Subject: "Lunch", Text: "At noon?\n", MessageID: "lunch@example.org",
	}
	plan, err := composer.Plan(draft)
	if err != nil {
		return nil, nil, nil, err
	}
	if sealed, err = plan.Seal(); err != nil {
		return nil, nil, nil, err
	}
	if signed, err = composer.SignClear(draft, nil); err != nil {
		return nil, nil, nil, err
	}
	notice, err = composer.Notify(draft, nil) // with no box here: the text has a link
	return sealed, signed, notice, err
}

// The server knows Bob and not Carol: Bob gets the mail, and who was refused is
// in the result.
func ExampleServer_Send() {
	// smtp.Server{URL: "smtps://smtp.example.org", User: "alice", Password: fromTheKeychain}
	server, stop, err := smtp.AlicesServer()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	server.User, server.Password = "alice", func(context.Context) (string, error) { return "correct horse battery staple", nil }

	sealed, _, _, err := composed()
	if err != nil {
		fmt.Println(err)
		return
	}
	results, err := server.Send(context.Background(), sealed...)
	for _, r := range results {
		for _, to := range r.Recipients {
			fmt.Println(r.MessageID, to.Address, to.Outcome, to.Reply.Code)
		}
	}
	var partial *smtp.PartialError
	fmt.Println(errors.As(err, &partial))
	// Output:
	// lunch@example.org bob@example.org accepted 250
	// lunch@example.org carol@example.org refused 550
	// true
}

// One session sends many messages. What is deferred or not sent may be sent
// again, to those alone; it is never sealed again.
func ExampleServer_Dial() {
	server, stop, err := smtp.AlicesServer()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	sealed, signed, notice, err := composed()
	if err != nil {
		fmt.Println(err)
		return
	}
	session, err := server.Dial(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()
	result, err := session.Send(context.Background(), sealed[0], "bob@example.org")
	fmt.Println(result.Which(smtp.Accepted), result.Again(), err)

	// This one everybody on the way can read.
	result, err = session.SendSignedOnly(context.Background(), signed, "bob@example.org")
	fmt.Println(result.Which(smtp.Accepted), result.Again(), err)

	// This one too; what is in its boxes nobody can.
	result, err = session.SendNotice(context.Background(), notice, "bob@example.org")
	fmt.Println(result.Which(smtp.Accepted), result.Again(), err)
	// Output:
	// [bob@example.org] [] <nil>
	// [bob@example.org] [] <nil>
	// [bob@example.org] [] <nil>
}
