package smime

import (
	"errors"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// recipientInfo is one reader of a sealed message.
type recipientInfo struct{}

func parseRecipientInfos(der []byte) ([]*recipientInfo, error) { return nil, errors.New("smime: not a recipient") }
func (ri *recipientInfo) seamRecipient() seam.Recipient           { return seam.Recipient{} }
func (ri *recipientInfo) names(c *certificate) bool               { return false }
func (ri *recipientInfo) isPKCS1v15() bool                        { return false }

// unsupported returns why the content key cannot be unwrapped whoever holds
// the private key, "" if it can. It is known without a key.
func (ri *recipientInfo) unsupported() string { return "" }

func (k *privateKey) unwrap(ri *recipientInfo, cekLen int) (cek []byte, ok bool) { return nil, false }

func wrapFor(c *certificate, cek []byte, pkcs1v15 bool) (riDER []byte, planned seam.Recipient, version int, err error) {
	return nil, seam.Recipient{}, 0, errors.New("smime: no recipient")
}
