package discover

import (
	"io/fs"

	"golang.org/x/net/dns/dnsmessage"
)

// SetPort has Web Key Directories be looked for at a port, since tests cannot
// listen at that of HTTPS.
func (w *Web) SetPort(port string) { w.port = port }

// DirWithin is Dir with a limit that a test reaches without 256 MiB.
func (r *Reader) DirWithin(name string, fsys fs.FS, most int64) ([]Candidate, []Problem) {
	return r.dir(name, fsys, most)
}

// What tests of the parts need.
var (
	WKDName    = wkdName
	OnlyUser   = onlyUser
	NoSuchHost = noSuchHost
)

// ParseAnswer is parseAnswer, with what is in the answer as single values.
func ParseAnswer(b []byte, id uint16, q dnsmessage.Question) (rcode dnsmessage.RCode, cut, validated bool, data [][]byte, err error) {
	a, err := parseAnswer(b, id, q)
	if err != nil {
		return 0, false, false, nil, err
	}
	return a.rcode, a.cut, a.validated, a.data, nil
}

// ErrNotOurs is errNotOurs.
var ErrNotOurs = errNotOurs
