// Package mimeparse finds the parts of a MIME message (RFC 2045, RFC 2046) and
// keeps where each stands, octet by octet: a signature covers octets, and what
// is verified has to be what is shown. It reads forward once, keeps headers
// only, and says where another program could see other parts.
package mimeparse

import (
	"errors"
	"fmt"
	"strings"
)

// ErrEncoding is in the chain of an error of reading a body that is so far from
// the transfer encoding stated that what it would decode to is anybody's guess.
var ErrEncoding = errors.New("mimeparse: the body is not in the transfer encoding that its header states")

// LimitError says that a message costs more than the caller, or the parser,
// allows. Nothing of the tree is returned with it.
type LimitError struct {
	What  string // "parts"
	Max   int64  // of them
	Fixed bool   // no field of [Limits] raises it
}

// Error implements error, on one line.
func (e *LimitError) Error() string {
	return fmt.Sprintf("mimeparse: the message has more than %d %s", e.Max, e.What)
}

// Limits bounds what a message may cost; all are set by the caller.
type Limits struct {
	Depth       int   // of parts in parts: the message itself is at depth 1
	Parts       int   // in all, those that have others in them included
	HeaderBytes int64 // of one part
}

// Field is one header field as it was received.
type Field struct {
	Name string // as written, without the colon
	Raw  []byte // the whole field with its name and line ends
}

// Header is the header of one part, in order.
type Header []Field

// Node is one part. Its offsets are in the source that was parsed.
type Node struct {
	Header Header
	Start  int64 // where the header begins
	Body   int64 // where the body begins
	End    int64 // behind the body; the line end before a boundary is not of it

	MediaType         string // in small letters; "text/plain" where none is given
	Params            map[string]string
	Encoding          string // Content-Transfer-Encoding in small letters, "7bit" where none is given
	Disposition       string // in small letters
	DispositionParams map[string]string
	Name              string // the file name, decoded, as far as it can be
	Size              int64  // octets of the decoded body of a leaf

	Parent   *Node
	Children []*Node // of a multipart, or the one message in a message/rfc822
	Findings []Finding

	damaged bool // the body cannot be decoded: ErrEncoding
}

// find notes a finding of the part.
func (n *Node) find(code string, ambiguous bool, text string, quoted ...string) {
	(*findings)(&n.Findings).find(code, ambiguous, text, quoted...)
}

type findings []Finding

// find notes a finding once, however often it is found: a hostile message has
// millions of one kind. One that is ambiguous takes the place of one that is
// not. Each %q in text is one of quoted, cut.
func (fs *findings) find(code string, ambiguous bool, text string, quoted ...string) {
	at := len(*fs)
	for i, f := range *fs {
		if f.Code == code {
			if f.Ambiguous || !ambiguous {
				return
			}
			at = i
		}
	}
	var full strings.Builder
	for _, q := range quoted {
		before, after, _ := strings.Cut(text, "%q")
		fmt.Fprintf(&full, "%s%.80q", before, q)
		text = after
	}
	full.WriteString(text)
	f := Finding{code, full.String(), ambiguous}
	if at < len(*fs) {
		(*fs)[at] = f
		return
	}
	*fs = append(*fs, f)
}

// Finding is something odd about one part.
type Finding struct {
	Code, Text string
	Ambiguous  bool // another program may find other parts or other content
}
