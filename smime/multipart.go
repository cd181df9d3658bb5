package smime

import (
	"bufio"
	"bytes"
	"crypto"
	"hash"
	"io"
	"net/textproto"
	"strings"

	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Most mail that is signed and sealed is a multipart/signed inside of the
// encryption (RFC 8551, Section 3.5.3): the entity that was signed, and beside
// it the signature.

// multipartSigned is what the header of such an entity says.
type multipartSigned struct {
	boundary string
	micalg   string
}

// maxBoundary is RFC 2046's, Section 5.1.1.
const maxBoundary = 70

// parseMultipartSigned reads the Content-Type of an entity; ok is false for
// everything but a multipart/signed of S/MIME whose boundary is one.
func parseMultipartSigned(h textproto.MIMEHeader) (m multipartSigned, ok bool) {
	t, params, err := mediaType(h)
	if err != nil || t != "multipart/signed" {
		return m, false
	}
	// RFC 1847, Section 2.1: protocol is required, and the second part's type.
	if !isSignatureType(strings.ToLower(params["protocol"])) {
		return m, false
	}
	m = multipartSigned{boundary: params["boundary"], micalg: params["micalg"]}
	return m, isBoundary(m.boundary)
}

func isSignatureType(t string) bool {
	return t == "application/pkcs7-signature" || t == "application/x-pkcs7-signature"
}

// isBoundary reports whether s is a boundary as RFC 2046, Section 5.1.1 has
// it, with all other visible characters that mail programs use.
func isBoundary(s string) bool {
	if len(s) == 0 || len(s) > maxBoundary || s[len(s)-1] == ' ' {
		return false
	}
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// digests returns what the signed part is hashed with. The signature, which
// says so, comes after it: micalg is a hint (RFC 8551, Section 3.5.3.2).
//
// QUIRK: programs that went on from SHA-1 to SHA-256 did not always change
// micalg, so SHA-256 is computed anyway; and everything where micalg is absent
// or says something that is not known.
func (m *multipartSigned) digests() map[digestKind]hash.Hash {
	out := map[digestKind]hash.Hash{}
	add := func(all ...crypto.Hash) {
		for _, h := range all {
			if !weakHash(h) || !fipsOnly() {
				out[digestKind(h)] = h.New()
			}
		}
	}
	add(crypto.SHA256)
	for _, name := range strings.Split(m.micalg, ",") {
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "sha-256", "sha256":
		case "sha-384", "sha384":
			add(crypto.SHA384)
		case "sha-512", "sha512":
			add(crypto.SHA512)
		case "sha-224", "sha224":
			add(crypto.SHA224)
		case "sha-1", "sha1":
			add(crypto.SHA1)
		case "md5":
			add(crypto.MD5)
		default:
			add(crypto.SHA1, crypto.SHA224, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_384, crypto.SHA3_512)
			out[digestSHAKE256] = digestSHAKE256.new()
		}
	}
	return out
}

// hashes are digests of one content. It writes to all of them.
type hashes map[digestKind]hash.Hash

// Write hashes p with all of them.
func (hs hashes) Write(p []byte) (int, error) {
	for _, h := range hs {
		h.Write(p)
	}
	return len(p), nil
}

// signedMail reads a multipart/signed as a stream.
type signedMail struct {
	parts   *multipartReader
	digests hashes
	l       seam.Limits
}

// enterMultipartSigned reads the header of the entity that plain yields, and
// on to the signed part.
func enterMultipartSigned(plain io.Reader, l seam.Limits) (*signedMail, error) {
	br := bufio.NewReaderSize(plain, multipartBuffer)
	head, _ := br.Peek(maxEntityHeader) // an error comes again
	h, body, ok := entityHeader(head)
	if !ok {
		return nil, malformed("the header of a MIME entity is damaged")
	}
	m, ok := parseMultipartSigned(h)
	if !ok {
		return nil, malformed("a MIME entity is no multipart/signed of S/MIME")
	}
	// RFC 2045, Section 6.4: a multipart is not encoded.
	if e, err := transferEncoding(h); err != nil || e != "" {
		return nil, malformed("a multipart entity has an encoding")
	}
	br.Discard(body)
	parts, err := newMultipartReader(br, m.boundary)
	if err != nil {
		return nil, err
	}
	return &signedMail{parts: parts, digests: m.digests(), l: l}, nil
}

// content returns the reader of the signed part in its canonical form, which
// is what is signed and what is released.
func (m *signedMail) content() io.Reader {
	if m.parts.bareLF {
		return &crlfReader{src: m.parts.part()}
	}
	return m.parts.part()
}

// finish reads the signature and on to the end of the entity: two parts,
// and nothing but white space after them.
func (m *signedMail) finish() (*signedData, error) {
	if m.parts.last {
		return nil, malformed("a multipart/signed has no signature")
	}
	h, body, err := enterEntity(bufio.NewReaderSize(m.parts.part(), maxEntityHeader))
	if err != nil {
		return nil, err
	}
	if t, _, err := mediaType(h); err != nil || !isSignatureType(t) {
		return nil, malformed("the second part of a multipart/signed is no signature")
	}
	sd, err := readDetached(body, m.digests, m.l)
	if err != nil {
		return nil, err
	}
	// The part has ended: readDetached made sure that its body has.
	if !m.parts.last {
		return nil, malformed("a multipart/signed has more than two parts")
	}
	return sd, m.parts.epilogue()
}

// readDetached reads a whole SignedData without content, for content that was
// hashed already.
func readDetached(body io.Reader, digests hashes, l seam.Limits) (*signedData, error) {
	r := ber.NewReader(body)
	o, err := enterContentInfo(r)
	if err != nil {
		return nil, err
	}
	if o != oidSignedData {
		return nil, malformed("the second part of a multipart/signed is no signature")
	}
	sd, err := enterSignedData(r, l)
	if err != nil {
		return nil, err
	}
	switch {
	case sd.eContent != nil:
		// The signature would be over that content, and the other one shown
		// (CVE-2018-18509).
		return nil, malformed("the signature brings a content of its own")
	case sd.contentType != oidData:
		// RFC 8551, Section 2.4.2: a MIME entity is of that type. A signature
		// over something else must not become one over a mail.
		return nil, malformed("the signature is not one over a MIME entity")
	}
	for h := range sd.digests {
		if digests[h] == nil {
			delete(sd.digests, h) // not computed, and so reported
			continue
		}
		sd.digests[h] = digests[h]
	}
	return sd, sd.end(r)
}

// crlfReader yields src with CRLF for every LF that has no CR before it.
//
// QUIRK: RFC 8551, Section 3.1.1 wants text signed with lines that end in CRLF;
// what was stored on Unix in between has lost the CR.
type crlfReader struct {
	src  io.Reader
	in   []byte // read and not yet converted
	buf  []byte
	cr   bool // the last octet was a CR
	owed bool // a CR was put in, and its LF comes next
	err  error
}

const crlfBuffer = 16 << 10

// Read returns lines that end in CRLF.
func (c *crlfReader) Read(p []byte) (int, error) {
	for len(c.in) == 0 && !c.owed {
		if c.err != nil {
			return 0, c.err
		}
		if c.buf == nil {
			c.buf = make([]byte, crlfBuffer)
		}
		var n int
		n, c.err = c.src.Read(c.buf)
		c.in = c.buf[:n]
	}
	n := 0
	for n < len(p) && (len(c.in) > 0 || c.owed) {
		if c.owed {
			p[n] = '\n'
			n, c.owed = n+1, false
			continue
		}
		if i := bytes.IndexByte(c.in, '\n'); i != 0 {
			if i < 0 {
				i = len(c.in)
			}
			k := copy(p[n:], c.in[:i])
			c.cr = c.in[k-1] == '\r'
			n, c.in = n+k, c.in[k:]
			continue
		}
		p[n] = '\n'
		if !c.cr {
			p[n], c.owed = '\r', true
		}
		n, c.in, c.cr = n+1, c.in[1:], false
	}
	return n, nil
}
