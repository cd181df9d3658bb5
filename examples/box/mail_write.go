package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"mime"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// sealMail writes a whole mail to out: the content of in is the only part of
// it, with its file name and type, and all of that is sealed. In clear text
// there are the addresses, the date and nothing of the file.
func sealMail(s *envelope.Sealer, out io.Writer, in *input, to []*keyring.Verified, signers []key) (*envelope.Receipt, error) {
	inner, err := entityHeader(in.name)
	if err != nil {
		return nil, err
	}
	s.Entity = true
	isPGP := strings.HasPrefix(to[0].Fingerprint().URI(), "OPENPGP4FPR:")
	s.Armor = isPGP // RFC 3156, Section 4: the encrypted part is armored

	// The header of the mail names the container, which is known only after
	// Seal chose it and wrote the first octets.
	late := new(lateWriter)
	w, err := s.Seal(late, to...)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	outer, err := startMail(out, isPGP, w.Report().Container, to, signers)
	if err != nil {
		return nil, err
	}
	if err := late.begin(outer.body); err != nil {
		return nil, err
	}
	if err := writeEntity(w, inner, in); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return w.Receipt(), outer.close()
}

// lateWriter holds what is written until it is known where it goes: the header
// of a sealed message, which is small.
type lateWriter struct {
	held bytes.Buffer
	w    io.Writer
}

func (l *lateWriter) Write(p []byte) (int, error) {
	if l.w == nil {
		return l.held.Write(p)
	}
	return l.w.Write(p)
}

func (l *lateWriter) begin(w io.Writer) error {
	_, err := l.held.WriteTo(w)
	l.w, l.held = w, bytes.Buffer{}
	return err
}

// entityHeader describes the file inside the encryption.
func entityHeader(name string) (h message.Header, err error) {
	base := filepath.Base(name)
	if name == "-" {
		base = "content.bin"
	}
	// A line end in a name would end the header field and begin another.
	if !utf8.ValidString(base) || strings.ContainsFunc(base, unicode.IsControl) {
		return h, fmt.Errorf("the file's name has characters that cannot be in a mail: rename it, or seal standard input")
	}
	kind, _, err := mime.ParseMediaType(mime.TypeByExtension(filepath.Ext(base)))
	// RFC 2046, Section 5.2.1 and RFC 2045, Section 6.4: parts and whole mails
	// must not be base64, and a file is to arrive octet by octet.
	if err != nil || strings.HasPrefix(kind, "message/") || strings.HasPrefix(kind, "multipart/") {
		kind = "application/octet-stream"
	}
	h.Set("Content-Transfer-Encoding", "base64")
	h.SetContentDisposition("attachment", map[string]string{"filename": base}) // encoded as RFC 2231 says where it is not ASCII
	h.SetContentType(kind, map[string]string{"name": base})
	return h, nil
}

func writeEntity(w io.Writer, h message.Header, in io.Reader) error {
	buf := bufio.NewWriterSize(w, outputBuffer)
	e, err := message.CreateWriter(buf, h)
	if err != nil {
		return err
	}
	if _, err := io.Copy(onlyWriter{e}, in); err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	if _, err := buf.WriteString("\r\n"); err != nil {
		return err
	}
	return buf.Flush()
}

// outerMail is a mail whose body is the sealed message.
type outerMail struct {
	body  io.Writer
	close func() error
}

func startMail(out io.Writer, isPGP bool, container string, to []*keyring.Verified, signers []key) (*outerMail, error) {
	// Fields are added at the top: what is set last comes first.
	var h mail.Header
	if isPGP {
		h.SetContentType("multipart/encrypted", map[string]string{"protocol": "application/pgp-encrypted", "boundary": rand.Text()})
		setAddresses(&h, to, signers)
		return startPGPMail(out, h)
	}
	// RFC 8551, Section 3.2.2; RFC 5083 for authEnveloped-data.
	kind := "enveloped-data"
	if container == "AuthEnvelopedData" {
		kind = "authEnveloped-data"
	}
	h.Set("Content-Disposition", `attachment; filename="smime.p7m"`)
	h.Set("Content-Transfer-Encoding", "base64")
	h.SetContentType("application/pkcs7-mime", map[string]string{"smime-type": kind, "name": "smime.p7m"})
	setAddresses(&h, to, signers)
	w, err := message.CreateWriter(out, h.Header)
	if err != nil {
		return nil, err
	}
	return &outerMail{w, func() error {
		if err := w.Close(); err != nil {
			return err
		}
		_, err := io.WriteString(out, "\r\n")
		return err
	}}, nil
}

// startPGPMail begins a PGP/MIME mail: RFC 3156, Section 4.
func startPGPMail(out io.Writer, h mail.Header) (*outerMail, error) {
	w, err := message.CreateWriter(out, h.Header)
	if err != nil {
		return nil, err
	}
	var control, body message.Header
	control.Set("Content-Description", "PGP/MIME version identification")
	control.SetContentType("application/pgp-encrypted", nil)
	part, err := w.CreatePart(control)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(part, "Version: 1\r\n"); err != nil {
		return nil, err
	}
	if err := part.Close(); err != nil {
		return nil, err
	}
	body.Set("Content-Transfer-Encoding", "7bit") // makes line ends CRLF, which armor has not
	body.SetContentDisposition("inline", map[string]string{"filename": "encrypted.asc"})
	body.Set("Content-Description", "OpenPGP encrypted message")
	body.SetContentType("application/octet-stream", map[string]string{"name": "encrypted.asc"})
	part, err = w.CreatePart(body)
	if err != nil {
		return nil, err
	}
	return &outerMail{part, func() error {
		if err := part.Close(); err != nil {
			return err
		}
		return w.Close()
	}}, nil
}

// setAddresses says in clear text who writes to whom and when, and nothing of
// the content. The addresses are those of the verified certificates.
func setAddresses(h *mail.Header, to []*keyring.Verified, signers []key) {
	h.Set("MIME-Version", "1.0")
	h.SetMessageID(rand.Text() + "@box.invalid") // no host name, which would tell where it was made
	h.SetDate(time.Now().UTC())                  // nor the time zone
	h.SetSubject("...")                          // as mail programs do for a sealed subject: RFC 9788, Section 3
	var list []*mail.Address
	for _, v := range to {
		list = append(list, mailAddresses(v.Certificate())...)
	}
	if len(list) > 0 {
		h.SetAddressList("To", list)
	}
	var from []*mail.Address
	for _, k := range signers {
		from = append(from, mailAddresses(k.Certificate())...)
	}
	if len(from) > 0 {
		h.SetAddressList("From", from)
	} else {
		h.Set("From", "undisclosed-sender:;") // RFC 6854: a From that names nobody
	}
}

// mailAddresses are the first address of a certificate, if it is one.
func mailAddresses(c *keyring.Certificate) []*mail.Address {
	for _, a := range c.Addresses() {
		if isAddress(a) {
			return []*mail.Address{{Address: a}}
		}
	}
	return nil
}
