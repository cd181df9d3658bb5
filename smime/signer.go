package smime

import (
	"crypto"
	"errors"
	"time"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

type signer struct{ key *privateKey }

func (s *signer) Certificate() seam.Certificate                 { return s.key.cert }
func (s *signer) CheckSign(now time.Time, p seam.Profile) error { return nil }
func (s *signer) digest() crypto.Hash                           { return crypto.SHA256 }
func (s *signer) digestAlgorithmDER() []byte                    { return nil }
func (s *signer) signerInfo(contentType, digest []byte, now time.Time) (der []byte, planned seam.Signature, err error) {
	return nil, seam.Signature{}, errors.New("smime: no signer")
}

// signerInfo is one signature of a SignedData.
type signerInfo struct{}

func parseSignerInfo(der []byte) (*signerInfo, error) {
	return nil, errors.New("smime: not a signature")
}
func (si *signerInfo) hash() (crypto.Hash, bool) { return 0, false }
func (si *signerInfo) verify(contentType []byte, digest []byte, certs []*certificate, senders []seam.Certificate, now time.Time) seam.Signature {
	return seam.Signature{Sender: -1}
}

// describe is verify without a digest: who claims to have signed, and how.
func (si *signerInfo) describe() seam.Signature { return seam.Signature{Sender: -1} }
