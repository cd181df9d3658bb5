package letter

import (
	"fmt"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/examples/internal/sizes"
)

// functions are those of the templates of a language. One that is not known
// here writes as ISO 8601 does.
func functions(language string) map[string]any {
	base, _, _ := strings.Cut(strings.ToLower(language), "-")
	f := forms[base]
	return map[string]any{"size": f.size, "date": f.date, "datetime": f.datetime}
}

// form is how a language writes dates and sizes.
type form struct {
	day    string // after the number of the day
	months [12]string
	comma  string // in front of decimals; "": a point
}

var forms = map[string]form{
	"en": {"", [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}, ""},
	"de": {".", [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}, ","},
}

// date writes the day of t.
func (f form) date(t time.Time) string {
	if f.months[0] == "" {
		return t.UTC().Format(time.DateOnly)
	}
	year, month, day := t.UTC().Date()
	return fmt.Sprintf("%d%s %s %d", day, f.day, f.months[month-1], year)
}

// datetime writes t to the minute, in UTC, since nobody knows where a letter is
// read.
func (f form) datetime(t time.Time) string {
	return f.date(t) + ", " + t.UTC().Format("15:04") + " UTC"
}

// size writes octets as a person says them.
func (f form) size(octets int64) string {
	s := sizes.Text(octets)
	if f.comma != "" {
		s = strings.Replace(strings.Replace(s, ".", f.comma, 1), "bytes", "Byte", 1)
	}
	return s
}
