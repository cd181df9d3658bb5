package interop_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mailCell is one line of mail.txt; the header there explains the fields.
type mailCell struct{ peer, format, key, state, direction string }

func (c mailCell) name() string {
	return strings.Join([]string{c.format, c.key, c.state, c.direction}, "/")
}

func (c mailCell) signed() bool    { return c.state != "encrypted" }
func (c mailCell) encrypted() bool { return c.state != "signed" }

// cbc reports whether the peer knows S/MIME without authenticated encryption
// alone.
func (c mailCell) cbc() bool { return c.format == "smime" && c.encrypted() && c.peer != "openssl" }

// unauthenticated reports whether anybody could have changed what the peer sent.
func (c mailCell) unauthenticated() bool { return c.cbc() && !c.signed() && c.direction == "open" }

// subjectUnread reports whether the peer does not look for a protected subject
// in what is encrypted: Thunderbird 153 does in OpenPGP alone.
func (c mailCell) subjectUnread() bool {
	return c.peer == "thunderbird" && c.format == "smime" && c.encrypted()
}

var mailFields = []struct {
	name   string
	values []string
}{
	{"peer", []string{"thunderbird", "neomutt", "neomutt-classic", "gpg", "openssl", "gpgsm", "pgpmail"}},
	{"format", []string{"pgp", "smime"}},
	{"key", []string{"rsa3072", "curve25519", "p256"}},
	{"state", []string{"signed", "encrypted", "both"}},
	{"direction", []string{"seal", "open"}},
}

func parseMailCell(line string) (c mailCell, err error) {
	words := strings.Fields(line)
	if len(words) != len(mailFields) {
		return c, fmt.Errorf("%q has %d fields, want %d", line, len(words), len(mailFields))
	}
	for i, f := range mailFields {
		if !slices.Contains(f.values, words[i]) {
			return c, fmt.Errorf("%q: %q is no %s", line, words[i], f.name)
		}
	}
	return mailCell{words[0], words[1], words[2], words[3], words[4]}, nil
}

func readMailCells(t *testing.T) ([]mailCell, int) { return readList(t, "mail.txt", parseMailCell) }

// TestMailList is [TestList] for mail.txt.
func TestMailList(t *testing.T) {
	cells, count := readMailCells(t)
	require.Len(t, cells, count)
	seen := map[mailCell]bool{}
	for _, c := range cells {
		require.False(t, seen[c], "twice: %s %s", c.peer, c.name())
		seen[c] = true
	}
	for _, bad := range []string{
		"gpg pgp rsa3072 both",
		"gpg pgp rsa3072 both seal open",
		"gpg pgp rsa1024 both seal",
		"mutt pgp rsa3072 both seal",
		"gpg pgp rsa3072 neither seal",
	} {
		_, err := parseMailCell(bad)
		require.Error(t, err, bad)
	}
	_, err := parseMailCell("gpg pgp rsa3072 both seal")
	require.NoError(t, err)
}

// TestMailCells fills mail.txt.
func TestMailCells(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the peers are programs that take their time to start")
	}
	cells, count := readMailCells(t)
	w := newMailWorld(t)
	green := fillByPeer(t, cells, func(c mailCell) string { return c.peer }, func(t *testing.T, peer string) func(*testing.T, mailCell) {
		p := w.mailPeer(t, peer)
		return func(t *testing.T, c mailCell) { w.fill(t, p, c) }
	})
	tally(t, "mail cells", green, count)
}

// fill runs one cell: what one side wrote is what the other one shows.
func (w *mailWorld) fill(t *testing.T, p mailPeer, c mailCell) {
	ours, theirs := w.person(t, c, ourAlgorithm), w.person(t, c, c.key)
	var got *shown
	var l *letter
	if c.direction == "seal" {
		l = newLetter(c, ours, theirs)
		got = p.read(t, c, l, w.compose(t, c, l))
	} else {
		l = newLetter(c, theirs, ours)
		got = w.open(t, c, l, p.send(t, c, l))
	}
	if c.direction == "seal" && c.subjectUnread() {
		l.subject = "[...]"
	}
	require.Equal(t, l.subject, got.subject)
	require.Contains(t, got.from, l.from.address)
	require.Contains(t, got.text, l.text)
	require.Equal(t, map[string]string{attachment: l.content}, got.files)
	require.Equal(t, c.encrypted(), got.encrypted, "shown as encrypted")
	require.Equal(t, c.signed(), got.good, "shown as signed, with a good signature")
	if c.direction == "seal" && c.state == "signed" && strings.HasPrefix(c.peer, "neomutt") {
		w.spoil(t, p, c, l)
	}
}

// spoil changes one character of what was signed: what is shown is not trusted.
// The programs without a mail in them end with an error, which no cell looks past.
func (w *mailWorld) spoil(t *testing.T, p mailPeer, c mailCell, l *letter) {
	eml := w.compose(t, c, l)
	require.Equal(t, 1, bytes.Count(eml, []byte("aus K")))
	l.text = strings.Replace(l.text, "aus K", "aus L", 1)
	got := p.read(t, c, l, bytes.Replace(eml, []byte("aus K"), []byte("aus L"), 1))
	require.Contains(t, got.text, l.text)
	require.False(t, got.good, "what was changed is shown with a good signature")
}
