package pgp

import (
	"compress/bzip2"
	"compress/flate"
	"compress/zlib"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// Limits of compressed packets beside Limits.Decompressed. Text compresses to
// a tenth, empty forms and bitmaps to a fiftieth; what grows more than two
// hundredfold is made to, or is the empty disk image or blank scan that gpg
// compresses a thousandfold unasked. Content is streamed, so that its size
// costs no memory: for the first 64 MiB, half a second of inflating, any ratio
// will do. Beyond, a mail of 1 MiB must not become 1 GiB on somebody's disk.
const (
	inflateRatio = 200
	inflateFree  = 64 << 20 // octets that come out before the ratio counts
)

// inflated is what is in a compressed packet, RFC 9580, Section 5.6, up to the limits.
type inflated struct {
	r    io.Reader
	body *body
	read int64 // octets that were taken from body
	n    int64 // octets that came out
	most int64
}

func inflate(b *body, most int64) (*inflated, error) {
	f := &inflated{body: b, most: most}
	kind, err := b.octets(1)
	if err != nil {
		return nil, err
	}
	switch kind[0] {
	case 0:
		f.r = (*counted)(f)
	case 1:
		f.r = flate.NewReader((*counted)(f))
	case 2:
		z, err := zlib.NewReader((*counted)(f))
		if err != nil {
			return nil, damaged(err)
		}
		f.r = z
	case 3:
		f.r = bzip2.NewReader((*counted)(f))
	default:
		return nil, malformed("compressed with algorithm %d: not supported", kind[0])
	}
	return f, nil
}

// damaged keeps errors of the source, and says of those of a decompressor what they mean.
func damaged(err error) error {
	switch err.(type) {
	case flate.CorruptInputError, flate.InternalError, bzip2.StructuralError:
		return malformed("its compressed content is damaged")
	}
	switch err {
	case io.ErrUnexpectedEOF, io.EOF, zlib.ErrHeader, zlib.ErrChecksum, zlib.ErrDictionary:
		return malformed("its compressed content is damaged")
	}
	return err
}

// Read implements io.Reader.
func (f *inflated) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	f.n += int64(n)
	switch {
	case f.n > f.most:
		return 0, &envelope.LimitError{What: "octets of decompressed content", Max: f.most}
	case (f.n-inflateFree)/inflateRatio > f.read:
		return 0, &envelope.LimitError{What: "times the size of compressed content", Max: inflateRatio, Fixed: true}
	case err == nil || err == io.EOF:
		return n, err
	}
	return n, damaged(err)
}

// end reads what is left of the packet after the compressed data. Sequoia
// hides the size of a message there; no decompressor looks at it, and none of
// it is released.
func (f *inflated) end() error {
	_, err := io.Copy(io.Discard, f.body)
	return err
}

// counted is the body of the compressed packet, counting what is taken. With
// its ReadByte decompressors take not one octet too many.
type counted inflated

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	c.read += int64(n)
	return n, err
}

func (c *counted) ReadByte() (byte, error) {
	b, err := c.body.ReadByte()
	if err == nil {
		c.read++
	}
	return b, err
}
