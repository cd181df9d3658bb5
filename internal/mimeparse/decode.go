package mimeparse

import (
	"io"

	"github.com/doublekeybox/doublekeybox/internal/base64lines"
)

// Decoded returns the body with its transfer encoding undone. It can be read
// once; call Decoded again to read it again. Damage that is found in the wild
// is tolerated, and is a finding: what is not of the alphabet of base64 is
// skipped. A body that is not base64 at all is an error that wraps
// [ErrEncoding]. The body of a multipart, and that of an encoding that is
// unknown, comes as it is.
func (n *Node) Decoded(src io.ReaderAt) io.Reader { return n.Decode(n.RawBody(src)) }

// Decode is Decoded for a body that the caller reads: raw is what RawBody
// returns.
func (n *Node) Decode(raw io.Reader) io.Reader {
	switch {
	case n.boundary() != nil || n.isMessage():
		return raw
	case n.damaged:
		return failing{}
	case n.Encoding == "base64":
		return base64lines.NewReader(raw)
	case n.Encoding == "quoted-printable":
		return &qpReader{src: raw}
	}
	return raw
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, ErrEncoding }

// decodeChunk is how much is read of a body or a text at once.
const decodeChunk = 32 << 10
