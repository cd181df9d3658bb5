package smtp

import (
	"bytes"
	"crypto/tls"
	"io"
)

// piece is what is written at a time: a record of TLS. A server that takes
// little has Conn.Block's time for each of them.
const piece = 16 << 10

// dots writes a mail as it stands after DATA: of each line that begins with a
// dot the dot is written twice (RFC 5321, Section 4.5.2). What is written to it
// passed look, so that CRLF ends each of its lines and nothing else is CR or LF;
// and it is all of the mail but its last CRLF.
//
// The writer of net/textproto, which go-smtp gives out, does the same octet by
// octet, and takes as long for it as sealing the mail does.
type dots struct {
	dst  io.Writer
	last byte // the octet before; '\n' before the first
}

func (d *dots) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if d.last == '\n' && rest[0] == '.' {
			if _, err := d.dst.Write([]byte{'.'}); err != nil {
				return len(p) - len(rest), err
			}
		}
		// Up to the next line that begins with a dot.
		n := min(len(rest), piece)
		if i := bytes.Index(rest[:n], []byte("\n.")); i >= 0 {
			n = i + 1
		}
		if m, err := d.dst.Write(rest[:n]); err != nil {
			return len(p) - len(rest) + m, err
		}
		d.last = rest[n-1]
		rest = rest[n:]
	}
	return len(p), nil
}

// lastLine gives what is written to it to first but for the last CRLF of n
// octets, which it gives to last.
type lastLine struct {
	first, last io.Writer
	n           int64 // that are for first still
}

func (l *lastLine) Write(p []byte) (int, error) {
	k := min(int64(len(p)), max(l.n, 0))
	n, err := l.first.Write(p[:k])
	l.n -= int64(n)
	if err != nil || int(k) == len(p) {
		return n, err
	}
	m, err := l.last.Write(p[k:])
	return n + m, err
}

// content returns where a mail of size octets is written to after DATA was
// answered: to w, which go-smtp gave, or around it where the connection is one
// of TLS from its first octet on; the end of STARTTLS only go-smtp has. The last
// CRLF is w's in any case, so that it ends the mail as it would any other.
func (s *Session) content(w io.Writer, size int64) io.Writer {
	if _, ok := s.conn.Conn.(*tls.Conn); !ok {
		return w
	}
	return &lastLine{first: &dots{dst: s.conn, last: '\n'}, last: w, n: size - int64(len("\r\n"))}
}
