package main

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// The lines of the cleartext signature framework, RFC 9580, Section 7.1.
const (
	clearBegin = "-----BEGIN PGP SIGNED MESSAGE-----"
	clearEnd   = "-----BEGIN PGP SIGNATURE-----"
)

// clearsign writes a cleartext signature, RFC 9580, Section 7. The library
// writes none: whoever sends text to people is better served by a signature of
// its own. This is a detached signature over text, with the text before it.
//
// What is signed ends as the text does: the line end before the signature is
// none of it. Blanks at the ends of lines, which are not signed, are left out.
func clearsign(dst io.Writer, src io.Reader, signers []envelope.Signer, v4 bool) error {
	var sig bytes.Buffer
	w, err := (&envelope.Sealer{Armor: true, Text: true, Signers: signers}).SignDetached(&sig)
	if err != nil {
		return err
	}
	defer w.Abort()
	head := clearBegin + "\n\n"
	if v4 { // readers of RFC 4880 take the digest for MD5 without
		head = clearBegin + "\nHash: SHA512\n\n"
	}
	if _, err := io.WriteString(dst, head); err != nil {
		return err
	}
	in := bufio.NewReader(src)
	for {
		line, err := in.ReadString('\n')
		if err != nil && err != io.EOF {
			return err
		}
		signed, err2 := clearLine(line)
		if err2 != nil {
			return err2
		}
		if _, err := io.WriteString(w, signed); err != nil {
			return err
		}
		shown := strings.TrimSuffix(signed, "\r\n")
		if strings.HasPrefix(shown, "-") {
			shown = "- " + shown
		}
		if _, err := io.WriteString(dst, shown+"\n"); err != nil {
			return err
		}
		if err == io.EOF {
			break
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err = sig.WriteTo(dst)
	return err
}

// clearLine is what is signed of a line, with its end.
func clearLine(line string) (string, error) {
	if strings.Contains(line, "\x00") {
		return "", fail(expectedText, "there is a NUL in the content: programs end lines there")
	}
	text, ended := strings.CutSuffix(line, "\n")
	if ended {
		text = strings.TrimSuffix(text, "\r")
	}
	text = strings.TrimRight(text, " \t")
	if ended {
		text += "\r\n"
	}
	return text, nil
}

// clearsigned reports whether b begins like a cleartext signature.
func clearsigned(b []byte) bool {
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF")), " \t\r\n")
	return bytes.HasPrefix(b, []byte(clearBegin))
}

// splitCleartext takes a cleartext signature apart that the library found to be
// one: into its text as the signature covers it, with line ends of one octet,
// and its signatures.
func splitCleartext(b []byte) (text, sigs []byte, err error) {
	in := bufio.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF"))))
	begun, headers := false, true
	var lines []string
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, nil, fail(badData, "the cleartext signature is cut off")
		}
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		switch {
		case !begun: // empty lines may come before the first one
			begun = strings.TrimSpace(line) != ""
		case headers:
			headers = line != ""
		case strings.TrimRight(line, " \t") == clearEnd:
			rest, err := io.ReadAll(in)
			if err != nil {
				return nil, nil, err
			}
			sigs, err = dearmorAll(append([]byte(clearEnd+"\n"), rest...))
			return []byte(strings.Join(lines, "\n")), sigs, err
		default: // an escape goes first: behind it there may be nothing but blanks
			lines = append(lines, strings.TrimRight(strings.TrimPrefix(line, "- "), " \t"))
		}
	}
}
