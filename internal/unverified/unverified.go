// Package unverified is for a program that is handed everything it needs and
// asks nobody: the Stateless OpenPGP command line (examples/sop). It makes
// evidence that always holds, and lets session keys in and out.
//
// Each of these is what the public packages exist to prevent. So they are kept
// here, where nobody outside this module can import them, and a test of
// internal/arrows keeps all of it but that one program away.
package unverified

import (
	"bytes"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Names of what the public packages hide, so that a caller can convert:
//
//	keyring.Evidence(unverified.HandedOver())
//	unverified.Format(pgp.Format())
type (
	Evidence = seam.Opaque[seam.Evidence]
	Format   = seam.Opaque[seam.Format]
	Identity = seam.Opaque[seam.Identity]
)

// HandedOver is evidence that holds for every certificate: whoever ran the
// program handed it over, and answers for it.
func HandedOver() Evidence {
	return seam.Wrap(seam.Evidence{
		Basis: seam.BasisUnverified,
		Why:   "handed over by whoever ran this program, and not verified",
		Check: func(seam.Certificate) error { return nil },
	})
}

// SessionKey is a content key with the number of its cipher, RFC 9580,
// Section 9.3.
type SessionKey struct {
	Cipher byte
	Key    []byte
}

// Holding returns the identity that opens messages of this format with a
// session key, instead of a private key.
func Holding(f Format, k SessionKey) Identity {
	return seam.Wrap[seam.Identity](&holder{f.Unwrap(), SessionKey{k.Cipher, bytes.Clone(k.Key)}})
}

type holder struct {
	format seam.Format
	key    SessionKey
}

var _ seam.SessionKeyHolder = (*holder)(nil)

func (h *holder) Format() seam.Format { return h.format }

func (h *holder) SessionKey() (cipher byte, key []byte) { return h.key.Cipher, h.key.Key }

// Watch returns an identity that opens nothing, and sets k to the session key
// that a message beside it is opened with. It is right only where the content
// turns out to be authentic: a key of no use is told too.
func Watch(f Format, k *SessionKey) Identity {
	return seam.Wrap[seam.Identity](&watcher{f.Unwrap(), k})
}

type watcher struct {
	format seam.Format
	key    *SessionKey
}

var _ seam.SessionKeyWatcher = (*watcher)(nil)

func (w *watcher) Format() seam.Format { return w.format }

func (w *watcher) SawSessionKey(cipher byte, key []byte) {
	*w.key = SessionKey{cipher, bytes.Clone(key)}
}
