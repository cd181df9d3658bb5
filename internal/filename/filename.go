// Package filename makes names for files out of names that strangers chose.
package filename

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNameBytes is the longest name that Safe returns. File systems take 255
// octets, or 255 units of UTF-16; what is left is for a number that tells two
// files of one name apart, and for a temporary name.
const maxNameBytes = 200

// maxExtensionBytes is the longest extension that is kept where a name is cut.
const maxExtensionBytes = 16

// Safe makes of the name that a message or an archive gives a file a single name that is
// one everywhere: no path, no drive, no stream, no device of Windows; nothing
// hidden, nothing that a shell takes for an option; no control character, and
// none that turns the direction of writing or cannot be seen, so that "exe.pdf"
// is no program whose name is shown backwards. It has 1 to 200 octets of UTF-8
// and is its own Safe. "" stays "".
//
// Two names may become one, and file systems take more to be one than are
// equal: [Fold] says which those are, and O_EXCL is sure.
func Safe(name string) string {
	if name == "" {
		return ""
	}
	var b strings.Builder
	for _, r := range name {
		switch {
		case r == utf8.RuneError, pathLike(r), unicode.IsControl(r):
			b.WriteByte('_')
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Cs, r), unicode.Is(unicode.Co, r),
			unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r), unicode.Is(unicode.Variation_Selector, r):
			// Not seen: left out.
		case unicode.IsSpace(r):
			b.WriteByte(' ') // of whatever width: some look like none
		default:
			b.WriteRune(r)
		}
	}
	return fitName(b.String())
}

// pathLike reports whether r is or looks like what separates the parts of a
// path on some system, or means something to one in a name. Programs that bring
// a name into an older character set make the ASCII character of some of these
// (Windows calls it best fit).
func pathLike(r rune) bool {
	const (
		ascii  = "/\\:*?\"<>|"
		slash  = "\u2044\u2215\u29f8\uff0f\u2571\u27cb" // fraction slash, division slash, big solidus, fullwidth, box drawing, rising diagonal
		back   = "\uff3c\u29f5\u29f9\u2216\ufe68\u2572" // fullwidth, operators, set minus, small, box drawing
		colon  = "\uff1a\ua789\u2236\ufe55"             // a stream of NTFS, a drive
		dot    = "\uff0e\u2024\u2025\u2026\ufe52"       // "..", by another name
		others = "\uff0a\uff1f\uff02\uff1c\uff1e\uff5c\ufffe\uffff"
	)
	return strings.ContainsRune(ascii+slash+back+colon+dot+others, r)
}

// fitName sees to the ends, the length and the names that systems keep for
// themselves.
func fitName(s string) string {
	s = cutName(trimName(s))
	if s == "" {
		return "unnamed"
	}
	if strings.ContainsRune(".-~$", rune(s[0])) || reserved(s) {
		// A file that is not shown, an option, a home directory, a device.
		s = "_" + s
	}
	return s
}

// trimName takes away blanks around s, and at its end dots too: Windows drops
// both there, so that "x.exe." is "x.exe".
func trimName(s string) string {
	return strings.TrimRight(strings.TrimLeft(s, " "), " .")
}

// cutName shortens s to maxNameBytes and keeps its extension. One octet is left
// for the "_" that fitName may put before it, and puts before none that has it.
func cutName(s string) string {
	if len(s) < maxNameBytes || len(s) == maxNameBytes && s[0] == '_' {
		return s
	}
	ext := ""
	if i := strings.LastIndexByte(s, '.'); i > 0 && len(s)-i <= maxExtensionBytes {
		ext = s[i:]
	}
	n := maxNameBytes - 1 - len(ext)
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return trimName(s[:n]) + ext
}

// reserved reports whether Windows takes s for a device, with whatever
// extension, or a file manager does what is in it.
func reserved(s string) bool {
	lower := strings.ToLower(s)
	switch lower {
	case "desktop.ini", "autorun.inf", "thumbs.db":
		return true
	}
	base, _, _ := strings.Cut(lower, ".")
	base = strings.TrimRight(base, " ")
	switch base {
	case "con", "prn", "aux", "nul", "conin$", "conout$", "clock$":
		return true
	}
	// COM1 to COM9 and LPT1 to LPT9; the superscripts ¹²³ are digits there too.
	digit, ok := strings.CutPrefix(base, "com")
	if !ok {
		digit, ok = strings.CutPrefix(base, "lpt")
	}
	return ok && utf8.RuneCountInString(digit) == 1 && strings.Contains("0123456789¹²³", digit)
}
