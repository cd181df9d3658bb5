package discover_test

import (
	"crypto/fips140"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
)

// sane is what holds whatever was read: something is said of every input, all
// that was found is a whole certificate that says where it is from, and nothing
// of it is believed.
func sane(t *testing.T, found []discover.Candidate, problems []discover.Problem) {
	t.Helper()
	require.NotZero(t, len(found)+len(problems))
	require.LessOrEqual(t, len(found), 10_000)
	require.LessOrEqual(t, len(problems), 1001)
	for _, c := range found {
		require.False(t, c.Certificate.Fingerprint().IsZero() && !fips140.Enforced())
		require.True(t, strings.HasPrefix(c.Source, "f"), c.Source)
		require.LessOrEqual(t, len(c.Notes), 40)
		_, err := keyring.Verify(c.Certificate, keyring.Evidence{})
		require.ErrorIs(t, err, keyring.ErrRefused)
	}
	for _, p := range problems {
		require.Error(t, p.Err)
		require.NotContains(t, p.Error(), "\n")
		require.NotContains(t, p.Error(), "\x1b")
	}
}

// FuzzRead: no input panics or goes on for ever, and it is the same again when
// it is read again.
func FuzzRead(f *testing.F) {
	for _, name := range []string{
		"pubring.kbx.b64", "pubring.gpg.b64", "secret.asc", "alice.pub.asc", "carol.p7c.b64", "carol.p12.b64",
		"nss.p12.b64", "nss.pem", "signed.eml", "trustdb.gpg.b64", "ownertrust.txt",
	} {
		f.Add(stored(f, name))
	}
	key := string(stored(f, "alice.pub.asc"))
	f.Add([]byte("BEGIN:VCARD\nEMAIL:a@b.c\nKEY;PGP;QUOTED-PRINTABLE:=41=\n=42\nKEY:data:,x\nBEGIN:VCARD\nEND:VCARD\nEND:VCARD\n"))
	f.Add([]byte("From: a@b.c\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/pgp-keys\n\n" + key + "\n--b--\n"))
	f.Add([]byte("\xff\xfe-\x00-\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := discover.Reader{Parsers: both(), PKCS12: func(string, []byte) ([]*keyring.Certificate, error) {
			return nil, errors.New("closed") // deriving keys takes most of the time, and is smime's
		}}
		found, problems := r.Read("f", b)
		sane(t, found, problems)
		again, _ := r.Read("f", b)
		require.Equal(t, fingerprints(found), fingerprints(again))
		_, _ = discover.NoteOwnerTrust(found, b)
		found, problems = r.Message("f", b)
		sane(t, found, problems)
	})
}

// FuzzAutocryptGossip: whatever is gossiped is about a recipient.
func FuzzAutocryptGossip(f *testing.F) {
	key := "addr=alice@example.org; keydata=" + folded([]byte{0xC6, 1, 4}) + "\n"
	f.Add([]byte("Autocrypt-Gossip: " + key + "Autocrypt-Gossip: " + key + "\n"))
	f.Add([]byte("Autocrypt-Gossip: _a=b;" + key + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := discover.Reader{Parsers: both()}
		found, problems := r.AutocryptGossip("f", b, "alice@example.org", "bob@example.org")
		sane(t, found, problems)
		require.LessOrEqual(t, len(found), 2)
		for _, c := range found {
			require.Contains(t, []string{"alice@example.org", "bob@example.org"}, strings.ToLower(c.Address))
		}
	})
}

// FuzzNoteOwnerTrust: notes are all that changes.
func FuzzNoteOwnerTrust(f *testing.F) {
	f.Add(stored(f, "trustdb.gpg.b64"))
	f.Add(stored(f, "ownertrust.txt"))
	box := stored(f, "pubring.kbx.b64")
	f.Fuzz(func(t *testing.T, b []byte) {
		found, _ := discover.Read("f", box, both()...)
		before := fingerprints(found)
		n, _ := discover.NoteOwnerTrust(found, b)
		require.LessOrEqual(t, n, len(found))
		require.Equal(t, before, fingerprints(found))
		for _, c := range found {
			require.LessOrEqual(t, len(c.Notes), 1)
		}
	})
}
