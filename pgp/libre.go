package pgp

import "github.com/ProtonMail/go-crypto/openpgp/packet"

// libreHeader reads the parameters of LibrePGP's OCB encrypted data packet,
// draft-koch-librepgp, Section 5.16. GnuPG 2.3 and later write it for keys that
// ask for it. It is read and never written.
func (s *sealed) libreHeader(b *body) error {
	s.body, s.container = b, containerLibre
	h, err := b.octets(4)
	if err != nil {
		return err
	}
	if h[0] != 1 || h[2] == byte(packet.AEADModeGCM) {
		return malformed("encrypted data of LibrePGP, version %d, mode %d: not supported", h[0], h[2])
	}
	return s.suite(h[1], h[2], h[3])
}
