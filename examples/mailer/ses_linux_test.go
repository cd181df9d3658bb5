package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/examples/mailer/internal/sample"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// sesEmulator is where the script of the peers has it.
const sesEmulator = "http://127.0.0.1:12902"

// fromSES is a mail as the emulator took it apart, by a parser of its own.
type fromSES struct {
	MessageID   string `json:"messageId"`
	Subject     string
	Body        struct{ Text string }
	Attachments []struct{ Filename, ContentType, Content string }
}

func (m *fromSES) file(t *testing.T, kind string) []byte {
	for _, a := range m.Attachments {
		if a.ContentType == kind {
			b, err := base64.StdEncoding.DecodeString(a.Content)
			require.NoError(t, err)
			return b
		}
	}
	return nil
}

// TestSES sends a whole run by the API of SES, in all four deliveries, with the
// objects of the links in a real bucket: the emulator has every mail once, under
// the ID that the journal notes, and what is in it opens.
func TestSES(t *testing.T) {
	startServer(t, "server-ses.sh", "node")
	bucket := startServer(t, "server-s3.sh", "python3")
	dir := t.TempDir()
	w, err := sample.Make(dir, sample.Options{People: 8, Document: sample.Fixed(3000)})
	require.NoError(t, err)
	for name, text := range map[string]string{
		"aws":    "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = not a secret\n",
		"bucket": "[default]\naws_access_key_id = writer\naws_secret_access_key = writer-secret-key\n[links]\naws_access_key_id = reader\naws_secret_access_key = reader-secret-key\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	config := map[string]any{
		"from": "Example Insurance <" + w.From + ">", "ring": "ring", "rate": 0,
		"sign": []map[string]string{{"key": filepath.Base(w.Keys[0])}, {"key": filepath.Base(w.Keys[1])}},
		"ses":  map[string]any{"region": "eu-central-1", "endpoint": sesEmulator, "credentials_file": "aws"},
		"s3": map[string]any{
			"endpoint": "https://localhost:12900", "region": "us-east-1", "bucket": "drop", "lifetime": "1h", "credentials_file": "bucket",
			"links_profile": "links", "authorities": filepath.Join(bucket, "tls", "ca.pem"), "insecure_unconfirmed_encryption": true,
		},
		"passphrases": map[string]any{"file": map[string]string{"to": w.PrintShop}},
	}
	b, err := json.Marshal(config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mailer.json"), b, 0o600))
	var out, problems bytes.Buffer
	code := run([]string{
		"send", "--config", filepath.Join(dir, "mailer.json"), "--list", w.List, "--documents", w.Documents, "--run", filepath.Join(dir, "run"),
	}, nil, &out, &problems)
	require.Zero(t, code, "%s%s", &out, &problems)

	answer, err := http.Get(sesEmulator + "/store")
	require.NoError(t, err)
	defer answer.Body.Close()
	var all struct{ Emails []*fromSES }
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&all))
	require.Len(t, all.Emails, len(w.People))
	journal, err := os.ReadFile(filepath.Join(dir, "run", "journal.jsonl"))
	require.NoError(t, err)
	kinds := map[string]int{}
	for _, m := range all.Emails {
		require.Contains(t, string(journal), m.MessageID)
		sealed := m.file(t, "application/pkcs7-mime")
		armored := m.file(t, "application/octet-stream")
		switch {
		case sealed != nil:
			kinds["smime"]++
			opensAgain(t, w, "Content-Type: application/pkcs7-mime; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n"+wrapped(sealed))
		case armored != nil:
			kinds["openpgp"]++
			opensAgain(t, w, "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n"+
				"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n"+string(armored)+"\r\n--b--\r\n")
		case m.file(t, "application/zip") != nil:
			kinds["zip"]++
		default:
			kinds["link"]++
			require.Contains(t, m.Body.Text, "https://localhost:12900/drop/")
		}
	}
	// One of the two links goes to somebody with an S/MIME key, in a sealed mail.
	require.Equal(t, map[string]int{"openpgp": 2, "smime": 3, "zip": 2, "link": 1}, kinds)
}

// opensAgain: one of the customers opens the mail, and the insurer signed it.
func opensAgain(t *testing.T, w *sample.World, content string) {
	t.Helper()
	raw := "From: " + w.From + "\r\nSubject: [...]\r\nMIME-Version: 1.0\r\n" + content
	for _, p := range w.People {
		o := mail.Opener{
			Identities: p.Identities, Senders: w.Senders, Addresses: []string{p.Address},
			Formats: []envelope.Format{pgp.Format(), smime.Format()},
		}
		m, err := o.Open(strings.NewReader(raw))
		require.NoError(t, err)
		opened := m.Err() == nil && m.Summary().Encrypted
		signer := m.Summary().Signer
		require.NoError(t, m.Close())
		if opened {
			require.Equal(t, w.From, signer)
			return
		}
	}
	require.Fail(t, "nobody opens it")
}

// wrapped is base64 as a mail has it.
func wrapped(b []byte) string {
	var out strings.Builder
	for text := base64.StdEncoding.EncodeToString(b); text != ""; {
		n := min(76, len(text))
		out.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
	return out.String()
}
