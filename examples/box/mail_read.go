package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/internal/terminal"
)

// maxHeaderBytes is what the header of a mail or of a part may have: four
// times the longest that mail servers in wide use pass on.
const maxHeaderBytes = 256 << 10

// fieldLine is how a mail begins: with a header field. A sealed message begins
// with "-----BEGIN", or with an octet that is no letter.
var fieldLine = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*[ \t]*:`)

// unwrapMail returns the sealed message in a mail, or src as it is where it is
// no mail. What it returns can seek if src can.
func unwrapMail(src io.Reader) (body io.Reader, isMail bool, err error) {
	br := bufio.NewReader(src)
	head, err := br.Peek(200)
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	seeker, canSeek := src.(io.ReadSeeker)
	if canSeek {
		if _, err := seeker.Seek(0, io.SeekStart); err != nil {
			return nil, false, err
		}
	}
	switch isMail = fieldLine.Match(head); {
	case !isMail && canSeek:
		return src, false, nil
	case !isMail:
		return br, false, nil
	case canSeek:
		body, err = newMailFile(seeker)
	default:
		body, err = sealedPart(br)
	}
	return body, true, err
}

// mailFile is the sealed message in a mail that can be read from the start
// again, so that no copy of it is kept.
type mailFile struct {
	src  io.ReadSeeker
	body io.Reader
	n    int64
}

func newMailFile(src io.ReadSeeker) (*mailFile, error) {
	body, err := sealedPart(src)
	return &mailFile{src: src, body: body}, err
}

func (m *mailFile) Read(p []byte) (int, error) {
	n, err := m.body.Read(p)
	m.n += int64(n)
	return n, err
}

// Seek goes to the start, or says where it is.
func (m *mailFile) Seek(offset int64, whence int) (int64, error) {
	switch {
	case whence == io.SeekCurrent && offset == 0:
		return m.n, nil
	case whence != io.SeekStart || offset != 0:
		return 0, errors.New("a mail can be read from its start only")
	}
	if _, err := m.src.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	var err error
	m.body, err = sealedPart(m.src)
	m.n = 0
	return 0, err
}

// sealedPart returns the sealed message in the mail src, decoded.
func sealedPart(src io.Reader) (io.Reader, error) {
	e, err := message.ReadWithOptions(bufio.NewReaderSize(src, outputBuffer), &message.ReadOptions{MaxHeaderBytes: maxHeaderBytes})
	if err != nil {
		return nil, badMail(err)
	}
	kind, params, err := e.Header.ContentType()
	if err != nil {
		return nil, badMail(err)
	}
	switch kind {
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return &mailBody{e.Body}, nil
	case "multipart/encrypted":
		if !strings.EqualFold(params["protocol"], "application/pgp-encrypted") {
			return nil, badMail(fmt.Errorf("its protocol is %q", cut(params["protocol"])))
		}
		return pgpPart(e.MultipartReader())
	case "multipart/signed":
		return nil, badMail(errors.New("it is signed and not sealed: box mail read shows what is in it, and by whom"))
	}
	// QUIRK: gateways replace the type and leave the name.
	if _, d, err := e.Header.ContentDisposition(); err == nil && strings.EqualFold(d["filename"], "smime.p7m") {
		return &mailBody{e.Body}, nil
	}
	return nil, badMail(fmt.Errorf("its content is %q, which is not sealed", cut(kind)))
}

// pgpPart returns the second part of a PGP/MIME mail: RFC 3156, Section 4.
func pgpPart(mr message.MultipartReader) (io.Reader, error) {
	control, err := mr.NextPart()
	if err != nil {
		return nil, badMail(err)
	}
	if kind, _, _ := control.Header.ContentType(); kind != "application/pgp-encrypted" {
		return nil, badMail(fmt.Errorf("its first part is %q", cut(kind)))
	}
	version, err := io.ReadAll(io.LimitReader(control.Body, 1024))
	if err != nil {
		return nil, badMail(err)
	}
	if first, _, _ := bytes.Cut(version, []byte("\n")); !bytes.EqualFold(bytes.TrimSpace(first), []byte("Version: 1")) {
		return nil, badMail(fmt.Errorf("it is of an unknown PGP/MIME version, %q", cut(string(first))))
	}
	part, err := mr.NextPart()
	if err != nil {
		return nil, badMail(err)
	}
	return &mailBody{part.Body}, nil
}

// badMail makes what is wrong with a mail the error that it is: the sealed
// message cannot be found in it.
func badMail(err error) error {
	if errors.As(err, new(*terminal.FileError)) { // the input failed
		return err
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: as a mail: %w", envelope.ErrFormat, err)
}

// mailBody makes the errors of decoding what they are.
type mailBody struct{ r io.Reader }

func (b *mailBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if errors.As(err, new(base64.CorruptInputError)) || err == io.ErrUnexpectedEOF {
		err = badMail(err)
	}
	return n, err
}

// entityInfo is what a MIME entity says of itself. It is quoted before it is
// printed, and is never a path.
type entityInfo struct {
	name, mediaType string
	whole           bool // it has parts, and is written with them as it is
}

// fileInEntity returns the file in a MIME entity, which is what was sealed.
func fileInEntity(r io.Reader) (io.Reader, *entityInfo, error) {
	kept := &keeper{r: r, on: true}
	lr := &io.LimitedReader{R: kept, N: maxHeaderBytes}
	br := bufio.NewReaderSize(lr, outputBuffer)
	th, err := textproto.ReadHeader(br)
	if err != nil {
		if lr.N == 0 {
			return nil, nil, &envelope.LimitError{What: "octets in a header", Max: maxHeaderBytes}
		}
		if isOurs(err) {
			return nil, nil, err
		}
		return nil, nil, fmt.Errorf("%w: the content does not begin with a header, as in a mail it has to (%q); take the sealed part (smime.p7m) out of the mail and open that, which gives it as it is", envelope.ErrFormat, cut(err.Error()))
	}
	kept.on, lr.N = false, math.MaxInt64
	h := message.Header{Header: th}
	kind, params, err := h.ContentType()
	if err != nil || kind == "" {
		kind, params = "application/octet-stream", nil
	}
	info := &entityInfo{mediaType: kind, name: fileName(h, params)}
	if strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "message/") {
		info.whole = true
		return io.MultiReader(&kept.held, r), info, nil
	}
	// The octets of the file are wanted, not its text in another charset.
	h.SetContentType("application/octet-stream", nil)
	e, err := message.New(h, br)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", envelope.ErrFormat, err)
	}
	return &mailBody{e.Body}, info, nil
}

// isOurs reports whether err has a class already.
func isOurs(err error) bool {
	return exitCode(err) != exitOther || errors.As(err, new(*terminal.FileError))
}

func fileName(h message.Header, params map[string]string) string {
	if _, d, err := h.ContentDisposition(); err == nil && d["filename"] != "" {
		return d["filename"]
	}
	return params["name"]
}

// keeper keeps what is read through it while on.
type keeper struct {
	r    io.Reader
	on   bool
	held bytes.Buffer
}

func (k *keeper) Read(p []byte) (int, error) {
	n, err := k.r.Read(p)
	if k.on {
		k.held.Write(p[:n])
	}
	return n, err
}
