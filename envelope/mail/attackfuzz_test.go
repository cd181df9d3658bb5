package mail_test

import (
	"crypto/fips140"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// genuineMails are mails of each kind, as Alice sent them.
var genuineMails = sync.OnceValue(func() (all []string) {
	c := everybody()
	entity := multipartOf("mixed", "inside", plain(genuine), page("<p>"+genuine+"</p>"))
	for _, f := range formats {
		all = append(all,
			header+signed(f, protect(entity, "clear", header), c.alice),
			header+sealed(f, kept(entity, header), []*someone{c.alice}, c.bob),
			header+sealed(f, signed(f, kept(entity, header), c.alice), nil, c.bob),
			header+signed(f, sealed(f, kept(entity, header), []*someone{c.alice}, c.bob), c.alice))
	}
	return all
})

// hostileLines are what is put into them.
var hostileLines = []string{
	foreign, "", " ", "\t", " " + foreign, "From: " + eveAddress, "from : " + eveAddress, "Subject: " + foreign, "To: " + eveAddress,
	"Reply-To: " + eveAddress, "Content-Type: text/html", "Content-Type: multipart/mixed; boundary=inside", "Content-Type: multipart/mixed; boundary=x",
	"Content-Type: multipart/signed; boundary=inside", "Content-Type: text/plain; hp=clear", "Content-Type: message/rfc822",
	"Content-Transfer-Encoding: quoted-printable", "Content-Transfer-Encoding: base64", "Content-Disposition: attachment; filename=" + foreign,
	"HP-Outer: Subject: " + foreign, "HP-Outer: From: " + eveAddress, "--signed-outside", "--signed-outside--", "--inside--", "--inside", "--x", "--x--",
	"--encrypted-pgp", "--encrypted-pgp--", "MIME-Version: 1.0", "X: \rFrom: " + eveAddress, "X: \x00", " boundary=x", "; boundary=x",
	foreign + "\r\n--inside", "--x\r\nContent-Type: text/plain\r\n\r\n" + foreign,
}

// FuzzChanged changes lines of genuine mails as a script says: what is still
// verified says what it said before, but for its line ends, which a signature
// over text does not cover (RFC 3156, Section 5).
func FuzzChanged(f *testing.F) {
	f.Add(uint8(0), []byte{0, 0, 0})
	for i := range 8 {
		f.Add(uint8(i), []byte{4, 2, 5, 5, 3, 7})
		f.Add(uint8(i), []byte{0, 5, 0, 3, 9, 1, 4, 8, 10})
		f.Add(uint8(i), []byte{1, 1, 6, 2, 30, 4})
		f.Add(uint8(i), []byte{4, 200, 0, 4, 7, 35})
	}
	f.Fuzz(func(t *testing.T, kind uint8, script []byte) {
		if fips140.Enforced() || len(script) > 60 {
			t.Skip("skipped: too long, or with GODEBUG=fips140=only, which allows none of these mails")
		}
		source := genuineMails()[int(kind)%len(genuineMails())]
		was, verified := told(t, everybody(), source, true)
		require.True(t, verified)
		if now, verified := told(t, everybody(), edited(source, script), true); verified {
			require.Equal(t, oneLineEnd(was), oneLineEnd(now))
		}
	})
}

// edited changes a mail: three octets of the script say what, where and with what.
func edited(source string, script []byte) string {
	lines := strings.SplitAfter(source, "\r\n")
	for ; len(script) >= 3 && len(lines) > 0; script = script[3:] {
		i, arg := int(script[1])%len(lines), int(script[2])
		switch script[0] % 6 {
		case 0:
			lines = append(lines[:i:i], lines[i+1:]...)
		case 1:
			j := arg % len(lines)
			lines[i], lines[j] = lines[j], lines[i]
		case 2:
			lines = append(lines[:i:i], append([]string{lines[arg%len(lines)]}, lines[i:]...)...)
		case 3:
			ends := []string{"", "\n", "\r", "\r\n ", "\r\r\n"}
			lines[i] = strings.Replace(lines[i], "\r\n", ends[arg%len(ends)], 1)
		default:
			lines = append(lines[:i:i], append([]string{hostileLines[arg%len(hostileLines)] + "\r\n"}, lines[i:]...)...)
		}
	}
	return strings.Join(lines, "")
}

// oneLineEnd makes all line ends in what told returns, which are quoted, one kind.
func oneLineEnd(s string) string { return strings.NewReplacer(`\r\n`, `\n`, `\r`, `\n`).Replace(s) }
