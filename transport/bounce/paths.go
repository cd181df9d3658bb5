// Package bounce says where mail that cannot be delivered comes back to, one
// place for each recipient (VERP), and reads what comes back (RFC 3464).
//
// Anybody can write a bounce: what one says is a claim. What cannot be forged is
// the address that it was sent to, where [Paths] made it: it names the
// recipient, under a MAC. Nothing here does anything about a bounce; whoever
// takes addresses off a list, or tries again, decides by [Paths.Origin] first.
package bounce

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// Paths makes return paths that name a recipient, and reads them. It is a plain
// value, is not changed by its methods, and may be used concurrently.
//
// A path is Local+token+recipient=their.domain@Domain: what
// is after the first plus goes to the mailbox Local, as most servers have it.
type Paths struct {
	Local  string // the mailbox that bounces go to, "bounces"; short: see Address
	Domain string

	// Key is a secret of at least 16 octets, kept as long as bounces are waited
	// for.
	Key []byte

	Time func() time.Time // nil: time.Now
}

// Errors of [Paths].
var (
	// ErrTooLong is that of a recipient whose address does not fit into a local
	// part, which has 64 octets (RFC 5321, Section 4.5.3.1.1).
	ErrTooLong = errors.New("bounce: the recipient's address does not fit into a return path")

	// ErrForged is that of a return path that Paths did not make, with this key,
	// in the last 30 days.
	ErrForged = errors.New("bounce: the return path is not one that was given out")
)

// What a path is made of.
const (
	maxLocal = 64
	minKey   = 16

	// lifetime is in days: servers try for five, and some are down for weeks.
	lifetime = 30

	// wrap is after how many days the day begins anew: 15 bits.
	wrap = 1 << 15

	dayDigits = 3  // of base32
	tagDigits = 5  // 25 bits: which of the messages to one recipient it was
	macDigits = 12 // 60 bits, each guess of which is a mail to send
)

// Origin is what a return path was made for.
type Origin struct {
	Recipient string // in the form in which addresses are compared
	Day       time.Time
	tag       string
	key       []byte
}

// Is reports whether the message was that with the Message-ID messageID, but
// for one chance in 33 million that it was another one to the same recipient.
func (o *Origin) Is(messageID string) bool {
	return hmac.Equal([]byte(o.tag), []byte(tag(o.key, messageID)))
}

// Address returns the return path for a message to a recipient. It is the
// function that smtp.Server.ReturnPath wants. An address outside of ASCII
// becomes a path in ASCII.
//
// The error is ErrTooLong, which for the Local "b" no address of letters and up
// to 41 octets meets, or says what is wrong with p or the recipient.
func (p *Paths) Address(messageID, recipient string) (string, error) {
	if err := p.check(); err != nil {
		return "", err
	}
	to, err := mailbox.Parse(recipient)
	if err != nil || to.IsDomain() {
		return "", fmt.Errorf("bounce: %.80q is no address of anybody", recipient)
	}
	day := dayText(p.now())
	mark := tag(p.Key, messageID)
	local := p.Local + "+" + day + mark + p.mac(day, mark, to.String()) + "+" + encodeLocal(to.Local()) + "=" + to.Domain()
	if len(local) > maxLocal {
		return "", ErrTooLong
	}
	return local + "@" + p.Domain, nil
}

// Origin returns what a return path was made for: the address that a bounce was
// sent to, as the server that took it says (Delivered-To, X-Original-To, or the
// RCPT itself), and not as the bounce's own header does. The error is ErrForged
// for whatever Address did not return in the last 30 days.
func (p *Paths) Origin(path string) (*Origin, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	at := strings.LastIndexByte(path, '@')
	prefix := p.Local + "+"
	const token = dayDigits + tagDigits + macDigits
	if at < len(prefix)+token+1 || !strings.EqualFold(path[at+1:], p.Domain) || !strings.EqualFold(path[:len(prefix)], prefix) || path[len(prefix)+token] != '+' {
		return nil, ErrForged
	}
	// Servers on the way may have changed the case.
	code := strings.ToLower(path[len(prefix) : len(prefix)+token])
	day, mark, mac := code[:dayDigits], code[dayDigits:dayDigits+tagDigits], code[dayDigits+tagDigits:]
	local, domain, ok := cutLast(path[len(prefix)+token+1:at], "=")
	if local, ok = decodeLocal(local, ok); !ok {
		return nil, ErrForged
	}
	to, err := mailbox.Parse(local + "@" + domain)
	if err != nil || !hmac.Equal([]byte(mac), []byte(p.mac(day, mark, to.String()))) {
		return nil, ErrForged
	}
	made, ok := dayOf(day, p.now())
	if !ok {
		return nil, ErrForged
	}
	return &Origin{Recipient: to.String(), Day: made, tag: mark, key: p.Key}, nil
}

func (p *Paths) check() error {
	if len(p.Key) < minKey {
		return fmt.Errorf("bounce: the key has %d octets: %d are the least", len(p.Key), minKey)
	}
	a, err := mailbox.Parse(p.Local + "@" + p.Domain)
	if err != nil || a.IsDomain() || a.Local() != p.Local || a.Domain() != p.Domain || strings.ContainsRune(p.Local, '+') || strings.ContainsFunc(p.Local, func(r rune) bool { return r > '~' }) {
		return fmt.Errorf("bounce: %.80q at %.80q is no mailbox for bounces: a local part in ASCII without a plus, and a domain in A-labels", p.Local, p.Domain)
	}
	return nil
}

func (p *Paths) now() time.Time {
	if p.Time != nil {
		return p.Time()
	}
	return time.Now()
}

// mac covers the recipient without regard to case, which is lost on some ways.
func (p *Paths) mac(day, mark, recipient string) string {
	return digits(p.Key, "return path\x00"+day+mark+"\x00"+strings.ToLower(recipient), macDigits)
}

func tag(key []byte, messageID string) string {
	return digits(key, "message\x00"+messageID, tagDigits)
}

// digits returns the first n digits of a MAC in base32.
func digits(key []byte, text string, n int) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return encoding().EncodeToString(m.Sum(nil))[:n]
}

func encoding() *base32.Encoding {
	return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
}

// dayText returns the day as three digits.
func dayText(t time.Time) string {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], uint16(t.Unix()/86400%wrap)<<1)
	return encoding().EncodeToString(b[:])[:dayDigits]
}

// dayOf returns the day that text means, if that is one of the last ones, or
// tomorrow, since clocks differ.
func dayOf(text string, now time.Time) (time.Time, bool) {
	today := now.Unix() / 86400
	for ago := int64(-1); ago <= lifetime; ago++ {
		t := time.Unix((today-ago)*86400, 0).UTC()
		if dayText(t) == text {
			return t, true
		}
	}
	return time.Time{}, false
}

// encodeLocal writes a local part so that nothing in it means anything to a
// server: letters, digits, dot, hyphen and underscore stay, any other octet is
// "=" and two hexadecimal digits.
func encodeLocal(s string) string {
	var out strings.Builder
	for i := range len(s) {
		if c := s[i]; plain(c) {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "=%02X", c)
		}
	}
	return out.String()
}

func plain(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '-' || c == '_'
}

// decodeLocal undoes encodeLocal, where ok.
func decodeLocal(s string, ok bool) (string, bool) {
	var out []byte
	for ; ok && s != ""; s = s[1:] {
		switch {
		case plain(s[0]):
			out = append(out, s[0])
		case s[0] == '=' && len(s) >= 3:
			c, err := strconv.ParseUint(s[1:3], 16, 8)
			if err != nil {
				return "", false
			}
			out = append(out, byte(c))
			s = s[2:]
		default:
			return "", false
		}
	}
	return string(out), ok
}

// cutLast cuts s around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
