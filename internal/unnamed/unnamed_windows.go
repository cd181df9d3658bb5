package unnamed

import (
	"crypto/rand"
	"os"
	"path/filepath"
)

// File makes a file in dir that Windows removes when its last handle is closed,
// also the one of a killed process: an open file can't be removed by name there.
// Only ciphertext may be written to it.
func File(dir string) (*os.File, error) {
	const deleteOnClose = 0x04000000 // FILE_FLAG_DELETE_ON_CLOSE
	name := filepath.Join(dir, "doublekeybox-"+rand.Text()+".spool")
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL|deleteOnClose, 0o600)
}
