package mail

import (
	"bytes"
	"io"

	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
)

// maxBlank is how long a text may be that says nothing.
const maxBlank = 1024

// repaired returns the OpenPGP message in what a mail server made of a PGP/MIME
// mail, nil where p is nothing of that kind.
//
// QUIRK: Exchange and some gateways make the multipart/encrypted a
// multipart/mixed, with an empty text before it; Google Workspace puts its
// footer before the whole, which may be empty but for the line "-- ". Only a
// text that says nothing is passed over, and only in the message itself: then
// there is nothing beside the encrypted part that could be taken for part of it.
func repaired(p *Part) *mimeparse.Node {
	n := p.node
	if !p.spine || n.MediaType != "multipart/mixed" {
		return nil
	}
	parts := n.Children
	if len(parts) > 1 && parts[0].MediaType == "text/plain" && saysNothing(parts[0], p.src) {
		parts = parts[1:]
	}
	switch {
	case len(parts) == 1 && len(n.Children) == 2 && parts[0].MediaType == "multipart/encrypted" && notPGPMIME(parts[0]) == "":
		return parts[0].Children[1]
	case len(parts) == 2 && parts[0].MediaType == "application/pgp-encrypted" &&
		parts[1].MediaType == "application/octet-stream" && len(parts[1].Children) == 0:
		return parts[1]
	}
	return nil
}

// saysNothing reports whether a text is blank, or what ProtonMail's bridge
// writes in the place of a text that there is none of.
func saysNothing(n *mimeparse.Node, s *source) bool {
	if n.Size > maxBlank || len(n.Children) > 0 {
		return false
	}
	text, err := io.ReadAll(io.LimitReader(n.Decoded(s), maxBlank+1))
	text = bytes.TrimSpace(text)
	return err == nil && (len(text) == 0 || string(text) == "--" || string(text) == "Empty Message")
}

// mangled opens what was repaired.
func (r *reading) mangled(p *Part, leaf *mimeparse.Node) error {
	p.find("pgp-mime-repaired", "a mail server changed the structure of an encrypted mail: the encrypted part is taken for the whole, since nothing else is there", false)
	p.noteBelow(p.node.Children...)
	return r.sealed(p, leaf)
}
