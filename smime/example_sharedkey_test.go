package smime_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

// A key that both sides hold opens what the other one sealed with
//
//	openssl cms -encrypt -binary -secretkeyid C0FEE0 -secretkey 0001…0E0F
//
// Nobody signed it, so AES-CBC has to be allowed by its name.
func ExampleSharedKey() {
	msg, err := base64.StdEncoding.DecodeString("MIGXBgkqhkiG9w0BBwOggYkwgYYCAQIxM6IxAgEEMAUEA8D+4DALBglghkgBZQMEAQUEGNV/W2rOE7UPYultTfmWYMT+2oo0PUfetzBMBgkqhkiG9w0BBwEwHQYJYIZIAWUDBAECBBDU6ZDgeY1sEFnaUTKvDWhfgCCIrUEClFPAAPuvkjhgyCC27QGA8ppNauF+K7Mn20jssg==")
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := hex.DecodeString("000102030405060708090a0b0c0d0e0f")
	if err != nil {
		fmt.Println(err)
		return
	}
	shared, err := smime.SharedKey([]byte{0xc0, 0xfe, 0xe0}, key)
	if err != nil {
		fmt.Println(err)
		return
	}
	o := envelope.Opener{
		Identities: []envelope.Identity{shared},
		Legacy:     envelope.Legacy{UnauthenticatedCBC: true},
	}
	m, err := o.Open(bytes.NewReader(msg))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	text, err := io.ReadAll(m)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", text)
	fmt.Println(m.Report().Recipients[0].ID)
	// Output:
	// some content for the peers
	// shared key C0FEE0
}
