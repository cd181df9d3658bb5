package envelope

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doublekeybox/doublekeybox/internal/phrase"
)

// Passphrase opens a message without a private key: whoever knows the text
// reads it. [NewPassphrase] and [NewPassphraseOf] make one that nobody can guess,
// [WeakPassphrase] takes one that a person chose, and [OpenPassphrase] one to
// open with only. The text is shown by [Passphrase.Reveal] and by nothing else.
// The zero value is refused everywhere. Immutable, and safe for concurrent use.
type Passphrase struct {
	// A function, so that what prints by reflection, and does not ask the
	// methods below in an unexported field, has nothing to follow.
	in func() passphrase
}

type passphrase struct {
	text string
	from origin
}

// origin is which function made a passphrase.
type origin int

const (
	generated origin = iota
	chosen
	forOpening
)

func newPassphrase(text string, from origin) *Passphrase {
	return &Passphrase{func() passphrase { return passphrase{text, from} }}
}

// maxPassphrase is what is taken in octets: a page of text is a mistake.
const maxPassphrase = 1024

// NewPassphrase returns a fresh random passphrase of 99 bits: five groups of
// four small letters and digits with hyphens between, which every keyboard has;
// none of them looks like another. Tell its text to the recipient by another way
// than the message.
func NewPassphrase() *Passphrase { return newPassphrase(phrase.Letters(), generated) }

// NewPassphraseOf is NewPassphrase for people who type other things more easily.
// kind is one of
//
//	letters  as NewPassphrase
//	words    ten English words of 4 to 7 small letters: 100 bits, easy to read
//	         aloud; no two of the 1,024 begin with the same four letters, or
//	         differ in one alone
//	digits   six groups of five digits: 99 bits, for the keys of a telephone and
//	         for keyboards of any script
//
// and anything else is an error.
func NewPassphraseOf(kind string) (*Passphrase, error) {
	switch kind {
	case "letters":
		return NewPassphrase(), nil
	case "words":
		return newPassphrase(phrase.Words(), generated), nil
	case "digits":
		return newPassphrase(phrase.Digits(), generated), nil
	}
	return nil, fmt.Errorf("envelope: a passphrase can be made of letters, words or digits, not of %.80q", kind)
}

// WeakPassphrase accepts a passphrase that a person chose. Weak, since people
// choose what others choose too: whoever has the message can try billions of
// passphrases at home, on as many computers as they like, and nobody notices.
// Deriving the key costs each trial some time, and that is all that is in the
// way.
//
// text has 1 to 1,024 octets of UTF-8 without control characters; a line end
// belongs to the file that it was read from. It is used as it is: where it
// holds other characters than ASCII, pass it in Unicode's normal form C, as
// programs that open the message do.
func WeakPassphrase(text string) (*Passphrase, error) {
	if err := checkPassphrase(text); err != nil {
		return nil, err
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return nil, errors.New("envelope: a passphrase to seal with must be UTF-8 without control characters: is a line end left from the file that it came from?")
	}
	return newPassphrase(text, chosen), nil
}

// OpenPassphrase takes any passphrase, of 1 to 1,024 octets, for
// [Opener].Passphrases. A [Sealer] refuses it: where it comes from is not known.
func OpenPassphrase(text string) (*Passphrase, error) {
	if err := checkPassphrase(text); err != nil {
		return nil, err
	}
	return newPassphrase(text, forOpening), nil
}

func checkPassphrase(text string) error {
	switch {
	case text == "":
		return errors.New("envelope: the passphrase is empty")
	case len(text) > maxPassphrase:
		return &LimitError{What: "octets in a passphrase", Max: maxPassphrase, Fixed: true}
	}
	return nil
}

// Reveal returns the text, "" for a zero Passphrase. Show it to its owner, and
// keep it out of logs.
func (p Passphrase) Reveal() string {
	if p.in == nil {
		return ""
	}
	return p.in().text
}

// Generated reports whether [NewPassphrase] or [NewPassphraseOf] made p: then
// nobody can guess it.
func (p Passphrase) Generated() bool { return p.in != nil && p.in().from == generated }

// OpensOnly reports whether nothing is sealed with p: [OpenPassphrase] made it,
// or nothing did.
func (p Passphrase) OpensOnly() bool { return p.in == nil || p.in().from == forOpening }

// redacted is shown in place of the text.
const redacted = "[passphrase]"

// String implements fmt.Stringer, and does not show the text.
func (p Passphrase) String() string { return redacted }

// GoString implements fmt.GoStringer, and does not show the text.
func (p Passphrase) GoString() string { return redacted }

// Format implements fmt.Formatter: no verb shows the text.
func (p Passphrase) Format(f fmt.State, verb rune) { io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler, which JSON and XML ask too,
// and does not show the text.
func (p Passphrase) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer, and does not show the text.
func (p Passphrase) LogValue() slog.Value { return slog.StringValue(redacted) }

// texts returns the texts of all, for sealing or for opening.
func texts(ps []*Passphrase, sealing bool) (out [][]byte, err error) {
	for i, p := range ps {
		switch {
		case p == nil || p.in == nil:
			return nil, fmt.Errorf("envelope: passphrase %d is the zero value: make it with NewPassphrase, WeakPassphrase or OpenPassphrase", i+1)
		case sealing && p.in().from == forOpening:
			return nil, fmt.Errorf("envelope: passphrase %d is for opening only: seal with NewPassphrase, or accept it with WeakPassphrase", i+1)
		}
		out = append(out, []byte(p.in().text))
	}
	return out, nil
}

// writtenPassphrases is how many passphrases one message may have: a reader
// derives a key for each until one fits, and gives up after as many.
const writtenPassphrases = 8
