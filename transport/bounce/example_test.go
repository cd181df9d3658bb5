package bounce_test

import (
	"fmt"
	"strings"

	"github.com/doublekeybox/doublekeybox/transport/bounce"
)

// Each recipient has a return path of their own, which nobody else can make. It
// is what smtp.Server.ReturnPath wants.
func ExamplePaths_Address() {
	paths := &bounce.Paths{Local: "b", Domain: "example.org", Key: []byte("a secret of 16 octets or more")}
	path, err := paths.Address("lunch@example.org", "bob@example.net")
	if err != nil {
		fmt.Println(err)
		return
	}
	origin, err := paths.Origin(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(origin.Recipient, origin.Is("lunch@example.org"))
	_, err = paths.Origin(strings.Replace(path, "bob", "eve", 1))
	fmt.Println(err)
	// Output:
	// bob@example.net true
	// bounce: the return path is not one that was given out
}

// What a bounce says is what somebody wrote.
func ExampleRead() {
	message := strings.ReplaceAll(`From: MAILER-DAEMON@example.net
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; bob@example.net
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 no such user
--b--
`, "\n", "\r\n")
	report, err := bounce.Read(strings.NewReader(message))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range report.Recipients {
		fmt.Println(r.Address, r.Status, r.Permanent(), r.Diagnostic)
	}
	// Output: bob@example.net 5.1.1 true 550 no such user
}
