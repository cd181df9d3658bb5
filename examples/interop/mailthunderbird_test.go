package interop_test

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// mailThunderbird is a person's Thunderbird: accounts with keys of their own,
// and the authority of the others and their keys accepted.
type mailThunderbird struct {
	w  *mailWorld
	tb *thunderbird
}

// meet makes Thunderbird know both sides of a cell.
func (p mailThunderbird) meet(t *testing.T, c mailCell, l *letter) {
	me, friend := l.to, l.from
	if c.direction == "open" {
		me, friend = friend, me
	}
	p.w.once("thunderbird "+me.key.name, func() {
		p.tb.load(t, cell{peer: c.peer, format: c.format, key: c.key})
		args := map[string]string{"address": me.address, "name": me.name}
		if c.format == "pgp" {
			args["fingerprint"] = plainHex(me.fingerprint)
		}
		p.tb.do(t, nil, "me", args)
	})
	p.w.once("thunderbird "+friend.key.name, func() {
		p.tb.do(t, nil, "friend", map[string]string{"format": c.format, "cert": friend.public})
	})
}

func (p mailThunderbird) send(t *testing.T, c mailCell, l *letter) []byte {
	t.Helper()
	p.meet(t, c, l)
	dir := t.TempDir()
	file, out := filepath.Join(dir, attachment), filepath.Join(dir, "sent.eml")
	write(t, file, []byte(l.content))
	args := map[string]string{"format": c.format, "from": l.from.address, "to": l.to.address, "subject": l.subject, "text": l.text,
		"attach": file, "out": out}
	if c.signed() {
		args["sign"] = "yes"
	}
	if c.encrypted() {
		args["encrypt"] = "yes"
	}
	p.tb.do(t, nil, "send", args)
	return read(t, out)
}

func (p mailThunderbird) read(t *testing.T, c mailCell, l *letter, eml []byte) *shown {
	t.Helper()
	p.meet(t, c, l)
	dir := t.TempDir()
	args := map[string]string{"in": file(t, eml), "out": dir, "text": l.text}
	if c.signed() {
		args["signed"] = "yes"
	}
	if c.encrypted() {
		args["encrypted"] = "yes"
	}
	var s struct {
		Names                         []string
		Subject, Title, From, Text    string
		Encrypted, Signed, Technology string
	}
	p.tb.do(t, &s, "read", args)
	t.Logf("%+v", s)
	require.Equal(t, map[string]string{"pgp": "OpenPGP", "smime": "S/MIME"}[c.format], s.Technology)
	require.Equal(t, s.Subject, s.Title)
	got := &shown{subject: s.Subject, from: s.From, text: s.Text, files: map[string]string{},
		encrypted: s.Encrypted == "message-encrypted-ok.svg", good: s.Signed == map[string]string{"pgp": "message-signed-verified.svg", "smime": "message-signed-ok.svg"}[c.format]}
	for i, name := range s.Names {
		got.files[name] = string(read(t, filepath.Join(dir, strconv.Itoa(i))))
	}
	return got
}
