package ses_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	netmail "net/mail"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/transport/ses"
	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

// office returns who writes, and the keys of those who have one.
func office() (*mail.Composer, error) {
	c := &mail.Composer{Keys: map[string][]*keyring.Verified{}}
	for _, address := range []string{"office@example.org", "bob@example.org", "carol@example.org"} {
		key, err := pgp.GenerateKey(pgp.KeyOptions{Address: address})
		if err != nil {
			return nil, err
		}
		certificate := key.Certificate()
		verified, err := keyring.Verify(certificate, keyring.Expect(certificate.Fingerprint()))
		if err != nil {
			return nil, err
		}
		c.Keys[address] = []*keyring.Verified{verified}
		if c.Signers == nil {
			c.Signers = []envelope.Signer{key.Signer()}
		}
	}
	return c, nil
}

func draft(to string) *mail.Draft {
	return &mail.Draft{
		From: netmail.Address{Address: "office@example.org"}, To: []netmail.Address{{Address: to}},
		Subject: "Your statement", Text: "It is there.\n", MessageID: "1@example.org",
	}
}

// A message that SES rejects is one that is refused, and why is in the result.
func ExampleClient_Send() {
	// ses.Client{Region: "eu-central-1", Credentials: config.Credentials}
	client, stop := ses.AlicesClient()
	defer stop()
	client.Region, client.Credentials = "eu-central-1", credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "from a file", "")
	defer client.Close()

	composer, err := office()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, to := range []string{"bob@example.org", "carol@example.org"} {
		plan, err := composer.Plan(draft(to))
		if err != nil {
			fmt.Println(err)
			return
		}
		sealed, err := plan.Seal()
		if err != nil {
			fmt.Println(err)
			return
		}
		result, err := client.Send(context.Background(), sealed[0])
		for _, r := range result.Recipients {
			fmt.Println(r.Address, r.Outcome, r.Reply)
		}
		fmt.Println(errors.Is(err, ses.ErrStopped), result.Which(smtp.Unknown))
		sealed[0].Close()
	}
	// Output:
	// bob@example.org accepted 250 "0107018f"
	// false []
	// carol@example.org refused 554 "MessageRejected: Email address is not verified."
	// false []
}

// Who has no key gets a letter with a locked box beside it.
func ExampleClient_SendNotice() {
	client, stop := ses.AlicesClient()
	defer stop()
	client.Region, client.Credentials = "eu-central-1", credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "from a file", "")
	defer client.Close()

	var locked bytes.Buffer
	w, err := zipbox.Lock(&locked, envelope.NewPassphrase())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Abort()
	file, err := w.Create("statement.txt", time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	io.WriteString(file, "All of it.\n")
	if err := w.Close(); err != nil {
		fmt.Println(err)
		return
	}
	composer, err := office()
	if err != nil {
		fmt.Println(err)
		return
	}
	notice, err := composer.Notify(draft("dave@example.org"), nil,
		mail.Box{Name: "statement.zip", Src: bytes.NewReader(locked.Bytes()), Size: int64(locked.Len())})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer notice.Close()
	result, err := client.SendNotice(context.Background(), notice)
	fmt.Println(result.Which(smtp.Accepted), err)
	// Output: [dave@example.org] <nil>
}
