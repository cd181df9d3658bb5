package mail_test

import (
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// A mail is read from a file. What is said of it as a whole is in the Summary;
// each part says for itself what covers it.
func ExampleOpener_Open() {
	opener := &mail.Opener{
		Formats: []envelope.Format{pgp.Format(), smime.Format()},
		// With keys to open with and people to believe:
		// Identities: []envelope.Identity{key.Identity()},
		// Ring: ring,
	}
	message, err := opener.Open(strings.NewReader("From: alice@example.org\r\n" +
		"Subject: the report\r\n" +
		"MIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n" +
		"\r\n" +
		"--b\r\n" +
		"\r\n" +
		"Here it is.\r\n" +
		"--b\r\n" +
		"Content-Type: application/pdf\r\n" +
		"Content-Disposition: attachment; filename=\"../report.pdf\"\r\n" +
		"Content-Transfer-Encoding: base64\r\n" +
		"\r\n" +
		"JVBERi0xLjcK\r\n" +
		"--b--\r\n"))
	if err != nil {
		log.Fatal(err)
	}
	defer message.Close()
	summary := message.Summary()
	fmt.Printf("verified: %t, from %q: %q\n", summary.Verified, summary.From, summary.Subject)
	for _, part := range message.Parts() {
		fmt.Printf("%s %s %q %d octets\n", part.Path, part.MediaType, part.SafeName, part.Size)
	}
	text := message.Parts()[1]
	if _, err := io.Copy(os.Stdout, text.Open()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// verified: false, from "alice@example.org": "the report"
	// 1 multipart/mixed "" 0 octets
	// 1.1 text/plain "" 11 octets
	// 1.2 application/pdf "_.._report.pdf" 9 octets
	// Here it is.
}
