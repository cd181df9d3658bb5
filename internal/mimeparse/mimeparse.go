// Package mimeparse finds the parts of a MIME message (RFC 2045, RFC 2046) and
// keeps where each stands, octet by octet: a signature covers octets, and what
// is verified has to be what is shown. It reads forward once, keeps headers
// only, and says where another program could see other parts.
package mimeparse

// Limits bounds what a message may cost; all are set by the caller.
type Limits struct {
	Depth       int
	Parts       int
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
}

// Finding is something odd about one part.
type Finding struct {
	Code, Text string
	Ambiguous  bool // another program may find other parts or other content
}
