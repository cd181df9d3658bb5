package mail

import "github.com/doublekeybox/doublekeybox/internal/filename"

// SafeName makes of the name that a message gives a file a single name that is
// one everywhere: no path, no drive, no stream, no device of Windows; nothing
// hidden, nothing that a shell takes for an option; no control character, and
// none that turns the direction of writing or cannot be seen, so that "exe.pdf"
// is no program whose name is shown backwards. It has 1 to 200 octets of UTF-8
// and is its own SafeName. "" stays "".
//
// Two names may become one, and file systems take more to be one than are
// equal: make the file with O_EXCL, as [Save] does.
func SafeName(name string) string { return filename.Safe(name) }
