package discover_test

import (
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring/discover"
)

// mimePart returns a part in base64.
func mimePart(kind string, b []byte, more ...string) string {
	return fmt.Sprintf("Content-Type: %s\r\nContent-Transfer-Encoding: base64\r\n%s\r\n%s\r\n", kind, strings.Join(more, ""), folded(b)[2:])
}

// multi returns a multipart.
func multi(boundary string, parts ...string) string {
	s := "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n"
	for _, p := range parts {
		s += "--" + boundary + "\r\n" + p + "\r\n"
	}
	return s + "--" + boundary + "--\r\n"
}

func quotedPrintable(b []byte) string {
	var out strings.Builder
	w := quotedprintable.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.String()
}

// Where keys and certificates are in a message, and for whom it says they are.
func TestMessage(t *testing.T) {
	m := someKeys(t)
	p7c, p12 := stored(t, "carol.p7c.b64"), stored(t, "carol.p12.b64")
	deep := func(n int) string {
		s := mimePart("application/pgp-keys", m.alice)
		for i := range n {
			s = multi(fmt.Sprintf("b%d", i), s)
		}
		return s
	}
	type found = []string // source and address
	for name, c := range map[string]struct {
		message string
		found   found
		why     string
	}{
		"in the text":            {"\r\n" + string(m.aliceArmored), found{"m alice@example.org"}, ""},
		"in quoted-printable":    {"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quotedPrintable(m.aliceArmored), found{"m alice@example.org"}, ""},
		"attached, binary":       {multi("b", "\r\nHello", mimePart("application/pgp-keys", m.alice)), found{"m, part 2 alice@example.org"}, ""},
		"attached, armored":      {multi("b", mimePart("application/pgp-keys", m.aliceArmored)), found{"m, part 1 alice@example.org"}, ""},
		"attached, by its name":  {multi("b", mimePart("application/octet-stream; name=key.asc", m.alice)), found{"m, part 1 alice@example.org"}, ""},
		"attached, by file name": {multi("b", mimePart("application/octet-stream", m.carol, "Content-Disposition: attachment; filename=\"carol.CER\"\r\n")), found{"m, part 1 alice@example.org"}, ""},
		"attached, of no type":   {multi("b", mimePart("application/octet-stream", m.carol)), nil, "it holds no certificate"},
		"a picture":              {multi("b", mimePart("image/png", []byte("\x89PNG\r\n"))), nil, "it holds no certificate"},
		"a damaged key":          {multi("b", mimePart("application/pgp-keys", m.alice[:9])), nil, `"m, part 1": octet 0: it is cut off`},
		"a certificate":          {multi("b", mimePart("application/pkix-cert", m.carol)), found{"m, part 1 alice@example.org"}, ""},
		"with a signature":       {multi("b", "\r\nHello", mimePart("application/pkcs7-signature", p7c)), found{"m, part 2, certificate 1 alice@example.org", "m, part 2, certificate 2 "}, ""},
		"with x- signature":      {multi("b", mimePart("application/x-pkcs7-signature", p7c)), found{"m, part 1, certificate 1 alice@example.org", "m, part 1, certificate 2 "}, ""},
		"signed, opaque":         {mimePart("application/pkcs7-mime; smime-type=signed-data", p7c), found{"m, certificate 1 alice@example.org", "m, certificate 2 "}, ""},
		"certificates alone":     {mimePart("application/pkcs7-mime; smime-type=certs-only", p7c), found{"m, certificate 1 alice@example.org", "m, certificate 2 "}, ""},
		"sealed":                 {mimePart("application/pkcs7-mime; smime-type=enveloped-data", p7c), nil, "it holds no certificate"},
		"damaged signature":      {mimePart("application/pkcs7-mime; smime-type=signed-data", p7c[:99]), nil, "neither certificates nor a SignedData"},
		"PKCS#12":                {multi("b", mimePart("application/pkcs12", p12)), nil, "PKCS#12, which needs its passphrase"},
		"a vCard":                {multi("b", mimePart("text/vcard", []byte("BEGIN:VCARD\nEMAIL:c@example.org\nKEY:data:application/pkix-cert;base64,"+base64.StdEncoding.EncodeToString(m.carol)+"\nEND:VCARD\n"))), found{"m, part 1, vCard 1 c@example.org"}, ""},
		"forwarded":              {"Content-Type: message/rfc822\r\n\r\nFrom: bob@example.org\r\n\r\n" + string(m.aliceArmored), found{"m, forwarded bob@example.org"}, ""},
		"twelve deep":            {deep(12), found{"m" + strings.Repeat(", part 1", 12) + " alice@example.org"}, ""},
		"thirteen deep":          {deep(13), nil, "more than 12 deep"},
		"no boundary":            {"Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\n", nil, "a multipart without its boundary"},
		"other boundary":         {"Content-Type: multipart/mixed; boundary=c\r\n\r\n--b\r\n\r\n", nil, "cannot be told apart"},
		"cut multipart":          {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello", nil, "its end is missing"},
		"bad base64":             {"Content-Type: application/pgp-keys\r\nContent-Transfer-Encoding: base64\r\n\r\n????\r\n", nil, "its base64 is damaged"},
		"no content type":        {"Content-Type: ?\r\n\r\n" + string(m.aliceArmored), found{"m alice@example.org"}, ""},
		"1,000 parts":            {multi("b", strings.Split(strings.Repeat("\r\nHello|", 998)+mimePart("application/pgp-keys", m.alice), "|")...), found{"m, part 999 alice@example.org"}, ""},
		"1,001 parts":            {multi("b", strings.Split(strings.Repeat("\r\nHello|", 999)+mimePart("application/pgp-keys", m.alice), "|")...), nil, "more than 1000 parts"},
	} {
		t.Run(name, func(t *testing.T) {
			r := discover.Reader{Parsers: both()}
			message := []byte("From: Alice <alice@example.org>\r\nMIME-Version: 1.0\r\n" + c.message)
			list, problems := r.Message("m", message)
			var got found
			for _, f := range list {
				got = append(got, f.Source+" "+f.Address)
			}
			require.Equal(t, c.found, got, "%v", problems)
			if c.why == "" {
				require.Empty(t, problems)
			} else {
				require.Len(t, problems, 1)
				require.ErrorContains(t, problems[0], c.why)
			}
			// Read finds out by itself what it is.
			again, _ := r.Read("m", message)
			require.Len(t, again, len(list))
		})
	}
}

// A signature that came with a certificate proves nothing here, and the note
// says so.
func TestMessageSigned(t *testing.T) {
	skipFIPS(t)
	r := discover.Reader{Parsers: both()}
	found, problems := r.Message("m", stored(t, "signed.eml"))
	require.Empty(t, problems)
	require.Equal(t, listed(t, "gpgsm"), fingerprints(found))
	for _, c := range found {
		require.Equal(t, []string{"came with a signature, which was not checked"}, c.Notes)
		if len(c.Certificate.Addresses()) > 0 {
			require.Equal(t, "carol@example.org", c.Address)
		} else {
			require.Empty(t, c.Address) // her authority's
		}
	}
}

// What the standard library takes apart is short: of a field of 4 MiB it makes
// 160 MiB.
func TestMessageLongFields(t *testing.T) {
	m := someKeys(t)
	const from, kind = "alice@example.org", "application/pgp-keys"
	for _, c := range []struct {
		from, kind int // octets
		address    string
		found      int
		why        string
	}{
		{4096, 4096, from, 1, ""},
		{4097, 4096, "", 1, "the From field does not hold exactly one address"},
		{4096, 4097, "", 0, "its Content-Type has more than 4096 octets"},
	} {
		message := "From: " + from + " (" + strings.Repeat("a", c.from-len(from)-3) + ")\r\n" +
			"Content-Type: " + kind + "; a=" + strings.Repeat("a", c.kind-len(kind)-4) + "\r\n\r\n" + string(m.aliceArmored)
		r := discover.Reader{Parsers: both()}
		found, problems := r.Message("m", []byte(message))
		require.Len(t, found, c.found)
		if c.found > 0 {
			require.Equal(t, c.address, found[0].Address)
		}
		if c.why == "" {
			require.Empty(t, problems)
		} else {
			require.Len(t, problems, 1)
			require.ErrorContains(t, problems[0], c.why)
		}
	}
}
