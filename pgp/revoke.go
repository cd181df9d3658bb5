package pgp

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Revocation returns an armored revocation certificate of the key, to be kept
// for the day that the key is lost or in wrong hands, and published then: gpg
// --import takes it, and [ParseCertificate] a certificate in binary with the
// revocation's octets appended. It states no reason, which revokes for all
// times: from then on nobody believes anything that the key signed or signs.
//
// Whoever has the file can revoke the key, and nothing else.
func (k *Key) Revocation() ([]byte, error) {
	if k == nil || k.private == nil {
		return nil, errors.New("pgp: Revocation of the zero Key")
	}
	c := k.private.cert
	primary := k.private.secrets[string(c.primary.Fingerprint)]
	if primary == nil {
		return nil, errors.New("pgp: the secret part of the primary key is kept elsewhere, and only it can revoke the key")
	}
	none := packet.NoReason
	sig := &packet.Signature{
		Version: c.primary.Version, SigType: sigKeyRevocation, PubKeyAlgo: c.primary.PubKeyAlgo, Hash: crypto.SHA512,
		CreationTime: time.Now(), IssuerKeyId: &c.primary.KeyId, RevocationReason: &none,
	}
	var out bytes.Buffer
	err := keyGuard(func() error {
		if err := sig.RevokeKey(c.primary, primary, nil); err != nil {
			return err
		}
		return sig.Serialize(&out)
	})
	if err != nil {
		return nil, fmt.Errorf("pgp: cannot revoke the key: %w", err)
	}
	return armorKey(armorPublic, out.Bytes(), c.primary.Version == 4)
}
