package mail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/base64lines"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
	"github.com/doublekeybox/doublekeybox/internal/reread"
)

// Reopen returns a message that [Plan.Seal] wrote to a file before this process
// began, so that sending can go on: the size octets of f, from an address to
// rcpt, none for the own copy. formats are those that the message may be in:
// pgp.Format(), smime.Format().
//
// It takes only what is one sealed message in the very form that Seal writes,
// with nothing beside it, found out without a key: plain text cannot be sent by
// way of it. Whether rcpt are those whom it is sealed to it cannot know.
//
// Errors: one that wraps envelope.ErrFormat and says what is wrong with the
// message; one that says which address is none; what f returned. f has to stay
// as it is until Sealed.Close, which does not close it.
func Reopen(f File, size int64, from string, rcpt []string, formats ...envelope.Format) (*Sealed, error) {
	if f == nil {
		return nil, errors.New("mail: no file to reopen")
	}
	sender, err := oneAddress(from)
	if err != nil {
		return nil, err
	}
	s := &Sealed{from: sender.String(), own: len(rcpt) == 0}
	seen := make(map[mailbox.Address]bool)
	for _, r := range rcpt {
		a, err := oneAddress(r)
		if err != nil {
			return nil, err
		}
		if !seen[a] {
			seen[a] = true
			s.recipients = append(s.recipients, a.String())
		}
	}
	if s.src, err = reread.Pin(f, size); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	if err := s.inspect(sender, formats); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func oneAddress(text string) (mailbox.Address, error) {
	a, err := mailbox.Parse(text)
	if err == nil && a.IsDomain() {
		err = fmt.Errorf("%.80q is all of a domain and not one address", text)
	}
	if err != nil {
		return a, fmt.Errorf("mail: %w", err)
	}
	return a, nil
}

// notSealed is why a message is not one of ours.
func notSealed(format string, args ...any) error {
	return fmt.Errorf("%w: mail: this is no message as Plan.Seal writes it: %s", envelope.ErrFormat, fmt.Sprintf(format, args...))
}

// reopenLimits are what our messages have at most: a multipart/encrypted with
// its two parts; a header with an Autocrypt field.
var reopenLimits = mimeparse.Limits{Depth: 2, Parts: 3, HeaderBytes: maxHeader + maxAutocrypt + 8<<10}

// inspect checks the whole message and fills s.
func (s *Sealed) inspect(sender mailbox.Address, formats []envelope.Format) error {
	root, err := mimeparse.Parse(s.src, s.src.Size(), reopenLimits)
	if err != nil {
		return notSealed("%v", err)
	}
	for _, n := range append([]*mimeparse.Node{root}, root.Children...) {
		if len(n.Findings) > 0 {
			return notSealed("%s", n.Findings[0].Text)
		}
	}
	if err := s.header(root, sender); err != nil {
		return err
	}
	r, err := s.content(root, formats)
	if err != nil {
		return err
	}
	s.receipt = &envelope.Receipt{Report: *r, Written: s.src.Size()}
	return nil
}

// ourFields are the fields of the header that Seal writes, each once, before
// those of the container.
func isOurField(name string) bool {
	switch name {
	case "From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Autocrypt":
		return true
	}
	return false
}

// header checks all but the fields of the container, and reads what s is told by.
func (s *Sealed) header(root *mimeparse.Node, sender mailbox.Address) error {
	if n := root.Start; n != 0 {
		return notSealed("%d octets stand before its header", n)
	}
	raw := make([]byte, root.Body)
	if _, err := s.src.ReadAt(raw, 0); err != nil && err != io.EOF {
		return fmt.Errorf("mail: %w", err)
	}
	// What is a line end to one program only would begin a field there.
	if bytes.Count(raw, []byte("\r\n")) != bytes.Count(raw, []byte("\n")) || bytes.Count(raw, []byte("\r\n")) != bytes.Count(raw, []byte("\r")) {
		return notSealed("a line of its header does not end in CR LF")
	}
	for i, f := range root.Header {
		switch {
		case root.Header.Count(f.Name) != 1:
			return notSealed("it has several fields %.80q", f.Name)
		case i == 0 && f.Name != "From":
			return notSealed("its first field is %.80q", f.Name)
		}
	}
	from, err := mail.ParseAddressList(root.Header.Get("From"))
	if err != nil || len(from) != 1 {
		return notSealed("its field From is not one address")
	}
	if a, err := mailbox.Parse(from[0].Address); err != nil || a != sender {
		return notSealed("it is from %.254q, and not from %.254q", from[0].Address, sender.String())
	}
	id := root.Header.Get("Message-ID")
	s.messageID = strings.TrimSuffix(strings.TrimPrefix(id, "<"), ">")
	if id != "<"+s.messageID+">" || s.messageID == "" {
		return notSealed("it has no message ID")
	}
	s.utf8 = isUTF8([]field{{"", string(raw)}}, s.recipients)
	return nil
}

// content checks the container octet by octet and what is in it.
func (s *Sealed) content(root *mimeparse.Node, formats []envelope.Format) (*envelope.Report, error) {
	body := io.NewSectionReader(s.src, root.Body, s.src.Size()-root.Body)
	if root.MediaType == "multipart/encrypted" {
		return pgpContent(root, body, formats)
	}
	return smimeContent(root, body, formats)
}

// framed reports whether the header is fields that Seal writes and then exactly
// these of the container.
func framed(h mimeparse.Header, fields []field) bool {
	var want strings.Builder
	if err := writeFields(&want, fields...); err != nil || len(h) < len(fields) {
		return false
	}
	var got []byte
	for i, f := range h {
		if i >= len(h)-len(fields) {
			got = append(got, f.Raw...)
		} else if !isOurField(f.Name) {
			return false
		}
	}
	return string(got) == want.String()
}

func smimeContent(root *mimeparse.Node, body *io.SectionReader, formats []envelope.Format) (*envelope.Report, error) {
	var container string
	for _, c := range []string{containerAuthEnveloped, containerEnveloped} {
		if framed(root.Header, smimeFrame(c).fields) {
			container = c
		}
	}
	if container == "" {
		return nil, notSealed("its header has other fields than those that Seal writes, or other values for its container")
	}
	// Whatever is not base64 in our lines would be something beside the message.
	same := &comparer{want: body}
	lines := base64lines.NewWriter(same)
	again := io.NewSectionReader(body, 0, body.Size())
	r, err := envelope.Inspect(io.TeeReader(base64lines.NewReader(again), lines), formats...)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(lines.Close(), same.end()); err != nil {
		return nil, err
	}
	return sealedReport(r, formatSMIME, container)
}

func pgpContent(root *mimeparse.Node, body *io.SectionReader, formats []envelope.Format) (*envelope.Report, error) {
	boundary := root.Params["boundary"]
	around := pgpFrame(boundary)
	size := body.Size() - int64(len(around.head)+len(around.tail))
	if !strings.HasPrefix(boundary, boundaryMark) || !framed(root.Header, around.fields) || size < 0 {
		return nil, notSealed("its header has other fields than those that Seal writes, or other values for its container")
	}
	same := &comparer{want: body}
	io.WriteString(same, around.head) // its error comes from end too
	if same.err != nil {
		return nil, same.err
	}
	same = &comparer{want: io.NewSectionReader(body, int64(len(around.head))+size, int64(len(around.tail)))}
	io.WriteString(same, around.tail)
	if err := same.end(); err != nil {
		return nil, err
	}
	armor := io.NewSectionReader(body, int64(len(around.head)), size)
	r, err := envelope.Inspect(&armorOnly{r: armor}, formats...)
	if err != nil {
		return nil, err
	}
	return sealedReport(r, formatPGP, r.Container)
}

// sealedReport checks what was found in the container.
func sealedReport(r *envelope.Report, format, container string) (*envelope.Report, error) {
	switch {
	case !r.Encrypted:
		return nil, notSealed("it is not encrypted")
	case r.Format != format || r.Container != container || r.Armored != (format == formatPGP):
		return nil, notSealed("it is %s and %s, and its header says something else", r.Format, r.Container)
	case len(r.Recipients) == 0:
		return nil, notSealed("it is sealed to nobody")
	}
	return r, nil
}
