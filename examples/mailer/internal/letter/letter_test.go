package letter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/list"
	"github.com/doublekeybox/doublekeybox/transport/link"
)

func sample(d list.Delivery) Data {
	out := Data{
		Entry:     list.Entry{Row: 1, Name: "Bob Example", Address: "bob@example.org", Documents: []string{"a.pdf"}, Delivery: d, Language: "en", Knows: "the-secret-of-bob"},
		Documents: []Document{{"statement.pdf", 102_400}, {"terms & <conditions>.pdf", 3}},
		From:      "Example Insurance",
	}
	if d == list.ZIP || d == list.Link {
		out.Number = "K7Q2-M4T9-X3WA"
	}
	if d == list.Link {
		out.Link = &link.Link{URL: "https://store.example/b/x?X-Amz-Signature=ab%2Fcd&X-Amz-Expires=60", Size: 102_400, SHA256: [32]byte{1}, Expires: time.Date(2026, 11, 29, 15, 4, 0, 0, time.UTC), Name: "documents.zip"}
		out.Page = "https://page.example/"
	}
	return out
}

func TestDefaults(t *testing.T) {
	l, err := Load("")
	require.NoError(t, err)
	for _, lang := range []string{"en", "de", "de-at"} {
		for _, d := range []list.Delivery{list.OpenPGP, list.SMIME, list.ZIP, list.Link} {
			subject, text, html, err := l.Render(lang, sample(d))
			require.NoError(t, err)
			t.Logf("%s\n%s\n%s", subject, text, html)
		}
	}
}
