package pgp

import (
	"bytes"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// handed takes the content key from the first identity that is one and fits
// the container, and reports whether there is such. Nobody can make one but
// internal/unverified.
func (s *session) handed() bool {
	for i, id := range s.plan.Identities {
		h, ok := id.(seam.SessionKeyHolder)
		if !ok {
			continue
		}
		number, key := h.SessionKey()
		cipher := packet.CipherFunction(number)
		if contentV2(cipher, packet.AEADModeOCB) == "" || len(key) != cipher.KeySize() {
			continue
		}
		// Version 1 leaves the cipher to what comes with the key.
		if s.first.cipher != 0 && cipher != s.first.cipher {
			continue
		}
		s.cipher, s.key, s.facts.OpenedBy = cipher, bytes.Clone(key), i
		return true
	}
	return false
}

// tell gives the content key to who watches.
func (s *session) tell() {
	for _, id := range s.plan.Identities {
		if w, ok := id.(seam.SessionKeyWatcher); ok {
			w.SawSessionKey(byte(s.cipher), s.key)
		}
	}
}
