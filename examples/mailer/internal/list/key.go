package list

import (
	"path/filepath"
	"strings"
)

// key reads whom the row is sealed to. Whether what is there is a fingerprint is
// seen where the certificate is held against it.
func (x *raw) key(e *Entry, bad func(column, format string, args ...any)) {
	file, fingerprint := strings.TrimSpace(x.cells["key"]), strings.TrimSpace(x.cells["fingerprint"])
	switch {
	case file == "" && fingerprint == "":
		return
	case file == "":
		bad("key", "there is a fingerprint, and no file of a certificate that has it")
		return
	case fingerprint == "":
		bad("fingerprint", "it is missing: anybody can make a certificate in anybody's name, and the fingerprint says which one is theirs")
		return
	case e.Delivery == ZIP:
		bad("key", "a zip is opened by a passphrase, and this names a certificate: leave it away, or deliver by openpgp, smime or link")
		return
	case !filepath.IsLocal(file) || filepath.Clean(file) == ".":
		bad("key", "%.80q leads out of the folder of certificates: give names within it", file)
		return
	}
	e.Key = Key{file, fingerprint}
}
