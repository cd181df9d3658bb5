package mail

import (
	"io"
	"net/mail"
	"time"
)

// Draft is a mail before it is sealed. Names, the subject and the texts are
// UTF-8 in any script; none may hold a control character but the line ends and
// tabs of Text and HTML. A Composer reads it once and does not change it.
type Draft struct {
	From    mail.Address
	ReplyTo []mail.Address
	To, Cc  []mail.Address
	Bcc     []mail.Address // each gets a message of their own, which names no other of them
	Subject string

	Date       time.Time // zero: when it is composed
	MessageID  string    // without angle brackets; "": a random one at the domain of From
	InReplyTo  []string  // message IDs without angle brackets
	References []string

	Text        string // "" with HTML "": a mail of attachments alone
	HTML        string // a document; a piece of one becomes a whole
	Attachments []Attachment
}

// Attachment is a file in a mail.
type Attachment struct {
	Name      string // a file name, no path
	MediaType string // "": by the extension of Name, else application/octet-stream

	// ContentID, where it is not "", makes the attachment an inline one, an
	// image mostly, to which HTML refers as cid:ContentID.
	ContentID string

	Body io.Reader // of any length; read once, to its end, and not closed
}
