package smime

import (
	"bufio"
	"compress/flate"
	"compress/zlib"
	"errors"
	"io"

	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Limits of compressed content beside Limits.Decompressed. Text compresses to
// a tenth, empty forms and bitmaps to a fiftieth; what grows more than two
// hundredfold is made to. Content is streamed, so that its size costs no
// memory: for the first 64 MiB, half a second of inflating, any ratio will do.
// Beyond, a mail of 1 MiB must not become 1 GiB on somebody's disk.
const (
	inflateRatio = 200
	inflateFree  = 64 << 20 // octets that come out before the ratio counts

	// maxAlgorithm is how long the AlgorithmIdentifier of zlib may be.
	maxAlgorithm = 64
)

// compressedData reads a CompressedData as a stream (RFC 3274, Section 1.1):
//
//	CompressedData ::= SEQUENCE {
//	    version CMSVersion,       -- always set to 0
//	    compressionAlgorithm CompressionAlgorithmIdentifier,
//	    encapContentInfo EncapsulatedContentInfo }
//
// It is the reader of what was compressed, up to the limits.
type compressedData struct {
	r           *ber.Reader
	contentType oid
	src         *bufio.Reader // what is compressed
	z           io.Reader
	in, out     int64 // octets that were taken from the message, and that came out
	most        int64
	err         error // sticky
}

// enterCompressedData reads on to the content. r stands at the CompressedData.
func enterCompressedData(r *ber.Reader, l seam.Limits) (*compressedData, error) {
	c := &compressedData{r: r, most: l.Decompressed}
	if err := r.Enter(asn1.SEQUENCE); err != nil {
		return nil, formatError(err)
	}
	if _, err := version(r, 0, 0); err != nil {
		return nil, err
	}
	der, err := r.DER(maxAlgorithm)
	if err != nil {
		return nil, formatError(err)
	}
	// RFC 3274, Section 2: zlib is the only algorithm, and without parameters.
	if o, _, err := parseAlgorithm(der); err != nil || o != oidZlib {
		return nil, malformed("compressed with an algorithm that is not supported")
	}
	if err := r.Enter(asn1.SEQUENCE); err != nil {
		return nil, formatError(err)
	}
	o, err := r.Primitive(asn1.OBJECT_IDENTIFIER, maxOID)
	if err != nil {
		return nil, formatError(err)
	}
	c.contentType = oid(o)
	if err := r.Enter(context(0)); err != nil {
		return nil, formatError(err)
	}
	octets, err := r.Octets(asn1.OCTET_STRING)
	if err != nil {
		return nil, formatError(err)
	}
	// A decompressor takes not one octet too many from a bufio.Reader.
	c.src = bufio.NewReader(&countedReader{octets, &c.in})
	return c, nil
}

// countedReader counts what is read.
type countedReader struct {
	r io.Reader
	n *int64
}

// Read counts what it returns.
func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	*c.n += int64(n)
	return n, err
}

// Read returns io.EOF only after the checksum was right and if nothing follows
// the compressed octets (RFC 1950, Section 2.2).
func (c *compressedData) Read(p []byte) (n int, err error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.z == nil {
		if c.z, err = zlib.NewReader(c.src); err != nil {
			c.err = inflateError(err)
			return 0, c.err
		}
	}
	n, err = c.z.Read(p)
	c.out += int64(n)
	switch {
	case c.out > c.most:
		c.err = &envelope.LimitError{What: "octets of decompressed content", Max: c.most}
	case (c.out-inflateFree)/inflateRatio > c.in:
		c.err = &envelope.LimitError{What: "times the size of compressed content", Max: inflateRatio, Fixed: true}
	case err == io.EOF:
		c.err = c.atEnd()
	case err != nil:
		c.err = inflateError(err)
	}
	return n, c.err
}

// atEnd returns io.EOF if nothing follows what was compressed.
func (c *compressedData) atEnd() error {
	if _, err := c.src.ReadByte(); err == nil {
		return malformed("there is more after its compressed content")
	} else if err != io.EOF {
		return inflateError(err)
	}
	return io.EOF
}

// inflateError keeps errors of the source, and says of those of the
// decompressor what they mean.
func inflateError(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.As(err, &corrupt), err == zlib.ErrHeader, err == zlib.ErrChecksum, err == zlib.ErrDictionary,
		err == io.EOF, err == io.ErrUnexpectedEOF: // the OCTET STRING ended, and the message goes on
		return malformed("its compressed content is damaged")
	}
	return formatError(err)
}

// finish reads on from behind the content to the end of the CompressedData.
func (c *compressedData) finish() error { return leave(c.r, 3) }
