package marks

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"html"
	"io"
	"mime"
	"strconv"
	"unicode/utf8"
)

// texts decode what is written into other text, wherever it stands in it. What
// is no code stays, so that each can be applied to anything.
var texts = []struct {
	name   string
	decode func([]byte) []byte
}{
	{"lines joined", joined},
	{"quoted printable", quotedPrintable},
	{"words of headers", headerWords},
	{"percent signs", func(b []byte) []byte { return hexAfter(b, '%') }},
	{"backslashes", backslashes},
	{"character references", func(b []byte) []byte { return []byte(html.UnescapeString(string(b))) }},
}

// streams decode what begins and ends somewhere.
var streams = []struct {
	name string
	each func(b []byte, found func([]byte))
}{
	{"base64", base64Runs},
	{"hexadecimal", hexRuns},
	{"gzip", gzips},
	{"zlib", zlibs},
	{"ZIP", zips},
}

// headerWords: RFC 2047. The charset is left as it is.
func headerWords(b []byte) []byte {
	d := mime.WordDecoder{CharsetReader: func(_ string, r io.Reader) (io.Reader, error) { return r, nil }}
	text, err := d.DecodeHeader(string(b))
	if err != nil {
		return b
	}
	return []byte(text)
}

// quotedPrintable: RFC 2045, Section 6.7.
func quotedPrintable(b []byte) []byte {
	b = bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("=\r\n"), nil), []byte("=\n"), nil)
	return hexAfter(b, '=')
}

// hexAfter replaces each sign with two hexadecimal digits behind it.
func hexAfter(b []byte, sign byte) []byte {
	if bytes.IndexByte(b, sign) < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == sign && i+2 < len(b) {
			if n, err := strconv.ParseUint(string(b[i+1:i+3]), 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

// backslashes undoes those of JSON (RFC 8259, Section 7) and of Go: a letter,
// \xHH, \uHHHH.
func backslashes(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	letters := map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'f': '\f'}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			out = append(out, b[i])
			continue
		}
		i++
		digits := map[byte]int{'x': 2, 'u': 4}[b[i]]
		if n, err := strconv.ParseUint(string(b[min(i+1, len(b)):min(i+1+digits, len(b))]), 16, 16); digits > 0 && err == nil {
			if digits == 2 {
				out = append(out, byte(n))
			} else {
				out = utf8.AppendRune(out, rune(n))
			}
			i += digits
			continue
		}
		if c, ok := letters[b[i]]; ok {
			out = append(out, c)
		} else {
			out = append(out, b[i])
		}
	}
	return out
}

// shortestRun is how many digits may be a code: fewer hold no mark.
const shortestRun = 8

// runs calls found with each run of octets that are digits, without what is
// skipped in it.
func runs(b []byte, is, skipped func(byte) bool, found func([]byte)) {
	var run []byte
	flush := func() {
		if len(run) >= shortestRun {
			found(run)
		}
		run = nil
	}
	for _, c := range b {
		switch {
		case is(c):
			run = append(run, c)
		case !skipped(c):
			flush()
		}
	}
	flush()
}

func lineEnd(c byte) bool { return c == '\r' || c == '\n' }

// base64Runs decodes both alphabets (RFC 4648, Sections 4 and 5), across lines
// and within one. Where a run begins is not known for sure, since a word before
// it may have run into it: so it is decoded from each of its first four digits.
func base64Runs(b []byte, found func([]byte)) {
	is := func(c byte) bool {
		return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_'
	}
	decode := func(run []byte) {
		std := bytes.ReplaceAll(bytes.ReplaceAll(run, []byte("-"), []byte("+")), []byte("_"), []byte("/"))
		for at := range 4 {
			part := std[at:]
			part = part[:len(part)/4*4+[]int{0, 0, 2, 3}[len(part)%4]]
			if got, err := base64.RawStdEncoding.DecodeString(string(part)); err == nil {
				found(got)
			}
		}
	}
	runs(b, is, lineEnd, decode)
	runs(b, is, func(byte) bool { return false }, decode)
}

func hexRuns(b []byte, found func([]byte)) {
	is := func(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }
	runs(b, is, lineEnd, func(run []byte) {
		for at := range 2 {
			part := run[at:]
			got := make([]byte, len(part)/2)
			hex.Decode(got, part[:len(part)/2*2])
			found(got)
		}
	})
}

// inflated calls found with what open reads at each place where begins stands,
// as far as it can be read: the end of a stream may be missing.
func inflated(b, begins []byte, open func(io.Reader) (io.Reader, error), found func([]byte)) {
	for at := 0; ; at++ {
		next := bytes.Index(b[at:], begins)
		if next < 0 {
			return
		}
		at += next
		r, err := open(bytes.NewReader(b[at:]))
		if err != nil {
			continue
		}
		got, _ := io.ReadAll(io.LimitReader(r, mostDecoded))
		found(got)
	}
}

func gzips(b []byte, found func([]byte)) {
	inflated(b, []byte{0x1f, 0x8b, 8}, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }, found)
}

// zlibs looks for the second octets that go with a window of 32 KiB (RFC 1950,
// Section 2.2).
func zlibs(b []byte, found func([]byte)) {
	for _, flags := range []byte{0x01, 0x5e, 0x9c, 0xda} {
		inflated(b, []byte{0x78, flags}, func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }, found)
	}
}

// zips reads entries by their own headers (APPNOTE, Section 4.3.7), so that an
// archive whose directory is missing is read too. What is stored is found as it
// is.
func zips(b []byte, found func([]byte)) {
	inflated(b, []byte("PK\x03\x04"), func(r io.Reader) (io.Reader, error) {
		var head [30]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, err
		}
		skip := int64(binary.LittleEndian.Uint16(head[26:])) + int64(binary.LittleEndian.Uint16(head[28:]))
		if _, err := io.CopyN(io.Discard, r, skip); err != nil {
			return nil, err
		}
		if binary.LittleEndian.Uint16(head[8:]) != 8 {
			return r, nil
		}
		return flate.NewReader(r), nil
	}, found)
}
