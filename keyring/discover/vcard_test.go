package discover_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring/discover"
)

// Keys in vCards of all versions, and whom the cards are of. RFC 6350, Section
// 6.8.1; RFC 2426, Section 3.7.2; vCard 2.1, "Public Key".
func TestVCard(t *testing.T) {
	m := someKeys(t)
	text := base64.StdEncoding.EncodeToString(m.alice)
	card := func(version string, lines ...string) string {
		return "BEGIN:VCARD\r\nVERSION:" + version + "\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n"
	}
	const email = "EMAIL:alice@example.org"
	for name, c := range map[string]struct {
		b     string
		found []string // source and address
		why   string
	}{
		"4.0, data":            {card("4.0", email, "KEY:data:application/pgp-keys;base64,"+text), []string{"f, vCard 1 alice@example.org"}, ""},
		"4.0, data, escaped":   {card("4.0", email, `KEY:data:application/pgp-keys\;base64\,`+text), []string{"f, vCard 1 alice@example.org"}, ""},
		"4.0, data, percent":   {card("4.0", email, "KEY:data:application/pgp-keys,"+strings.ReplaceAll(string(m.aliceArmored), "\n", "%0A")), []string{"f, vCard 1 alice@example.org"}, ""},
		"4.0, data, folds":     {card("4.0", email, "KEY:data:application/pgp-keys;base64,"+folded(m.alice)), []string{"f, vCard 1 alice@example.org"}, ""},
		"4.0, no data":         {card("4.0", email, "KEY:data:application/pgp-keys"), nil, "its data: URI has no data"},
		"4.0, bad percent":     {card("4.0", email, "KEY:data:,%GG"), nil, "its data: URI is damaged"},
		"4.0, bad base64":      {card("4.0", email, "KEY:data:;base64,?"), nil, "its base64 is damaged"},
		"4.0, text":            {card("4.0", email, "KEY;VALUE=text:"+strings.ReplaceAll(string(m.aliceArmored), "\n", `\n`)), []string{"f, vCard 1 alice@example.org"}, ""},
		"4.0, elsewhere":       {card("4.0", email, "KEY:https://example.org/key.asc"), nil, `the key is elsewhere, and not fetched: "https://example.org/key.asc"`},
		"4.0, a group":         {card("4.0", "item1."+email, "item1.KEY:data:;base64,"+text), []string{"f, vCard 1 alice@example.org"}, ""},
		"3.0":                  {card("3.0", "KEY;TYPE=PGP;ENCODING=b:"+folded(m.alice), email), []string{"f, vCard 1 alice@example.org"}, ""},
		"3.0, X509":            {card("3.0", "KEY;type=X509;encoding=B:"+folded(m.carol), email), []string{"f, vCard 1 alice@example.org"}, ""},
		"3.0, damaged":         {card("3.0", "KEY;TYPE=PGP;ENCODING=b:"+folded(m.alice[:9]), email), nil, `"f, vCard 1": octet 0: it is cut off`},
		"2.1":                  {card("2.1", email, "KEY;X509;BASE64:"+folded(m.carol), ""), []string{"f, vCard 1 alice@example.org"}, ""},
		"2.1, quoted":          {card("2.1", email, "KEY;PGP;ENCODING=QUOTED-PRINTABLE:"+strings.ReplaceAll(quotedPrintable(m.aliceArmored), "\r\n", "=0D=0A=\r\n"), ""), []string{"f, vCard 1 alice@example.org"}, ""},
		"nothing that says so": {card("3.0", email, "KEY:"+text), []string{"f, vCard 1 alice@example.org"}, ""},
		"no address":           {card("4.0", "KEY:data:;base64,"+text), []string{"f, vCard 1 "}, ""},
		"mailto":               {card("4.0", "EMAIL;PREF=1:mailto:alice@example.org", "KEY:data:;base64,"+text), []string{"f, vCard 1 alice@example.org"}, ""},
		"another's key":        {card("4.0", "EMAIL:bob@example.org", "KEY:data:;base64,"+text), []string{"f, vCard 1 bob@example.org"}, ""},
		"two keys":             {card("4.0", email, "KEY:data:;base64,"+text, "KEY:data:;base64,"+text), []string{"f, vCard 1, KEY 1 alice@example.org", "f, vCard 1, KEY 2 alice@example.org"}, ""},
		"one of two":           {card("4.0", email, "KEY:data:;base64,?", "KEY:data:;base64,"+text), []string{"f, vCard 1, KEY 2 alice@example.org"}, `"f, vCard 1, KEY 1": its base64`},
		"two cards":            {card("4.0", "KEY:data:;base64,"+text) + card("4.0", email, "KEY:data:;base64,"+text), []string{"f, vCard 1 ", "f, vCard 2 alice@example.org"}, ""},
		"a card within":        {card("2.1", email, "AGENT:", "BEGIN:VCARD\r\nEMAIL:bob@example.org\r\nEND:VCARD", "KEY;PGP;BASE64:"+text), []string{"f, vCard 2 alice@example.org"}, ""},
		"the key within":       {card("2.1", email, "BEGIN:VCARD\r\nKEY;PGP;BASE64:"+text+"\r\nEND:VCARD"), []string{"f, vCard 1 "}, ""},
		"four deep":            {strings.Repeat("BEGIN:VCARD\n", 4) + "KEY:" + text + "\n" + strings.Repeat("END:VCARD\n", 4), []string{"f, vCard 1 "}, ""},
		"five deep":            {strings.Repeat("BEGIN:VCARD\n", 5) + "KEY:" + text + "\n" + strings.Repeat("END:VCARD\n", 5), nil, "more than 4 deep"},
		"a card in a key":      {card("4.0", "KEY;VALUE=text:"+strings.ReplaceAll(card("4.0", "KEY:"+text), "\r\n", `\n`)), nil, "and not fetched"},
		"cut":                  {strings.TrimSuffix(card("4.0", email, "KEY:data:;base64,"+text), "END:VCARD\r\n"), nil, "a vCard is cut off"},
		"line feeds, low case": {strings.ReplaceAll(strings.ToLower("BEGIN:VCARD\r\nEND:VCARD\r\n")+card("4.0", email, "key:data:;base64,"+text), "\r\n", "\n"), []string{"f, vCard 2 alice@example.org"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			found, problems := discover.Read("f", []byte(c.b), both()...)
			var got []string
			for _, f := range found {
				got = append(got, f.Source+" "+f.Address)
				require.Empty(t, f.Notes)
			}
			require.Equal(t, c.found, got, "%v", problems)
			if c.why == "" {
				require.Empty(t, problems)
			} else {
				require.Len(t, problems, 1)
				require.ErrorContains(t, problems[0], c.why)
			}
		})
	}
}

// Of several addresses the one is taken that the certificate states too.
func TestVCardAddresses(t *testing.T) {
	m := someKeys(t)
	key := "\nKEY:" + base64.StdEncoding.EncodeToString(m.alice) + "\nEND:VCARD\n"
	for emails, want := range map[string][]string{
		"EMAIL:a@example.net\nEMAIL:Alice@EXAMPLE.org": {"Alice@EXAMPLE.org", `the vCard is also for "a@example.net"`},
		"EMAIL:alice@example.org\nEMAIL:a@example.net": {"alice@example.org", `the vCard is also for "a@example.net"`},
		"EMAIL:a@example.net\nEMAIL:b@example.net":     {"a@example.net", `the vCard is also for "b@example.net"`},
		"EMAIL: \nEMAIL:a@example.net":                 {"a@example.net"},
	} {
		found, problems := discover.Read("f", []byte("BEGIN:VCARD\n"+emails+key), both()...)
		require.Empty(t, problems)
		require.Len(t, found, 1)
		require.Equal(t, want, append([]string{found[0].Address}, found[0].Notes...))
	}
}

// What a card says beside each of its certificates is there once: with a hundred
// addresses and ten thousand certificates it would else be 400 MiB.
func TestVCardNotesShared(t *testing.T) {
	m := someKeys(t)
	emails := strings.Repeat("EMAIL:"+strings.Repeat("\x01", 320)+"\n", 100)
	key := "KEY:" + base64.StdEncoding.EncodeToString(bytes.Repeat(m.carol, 3)) + "\n"
	found, problems := discover.Read("f", []byte("BEGIN:VCARD\n"+emails+key+"END:VCARD\n"), both()...)
	require.Empty(t, problems)
	require.Len(t, found, 3)
	for _, f := range found {
		require.Len(t, f.Notes, 32)
		for i, note := range f.Notes {
			require.Same(t, unsafe.StringData(found[0].Notes[i]), unsafe.StringData(note))
		}
	}
}
