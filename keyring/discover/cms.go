package discover

import (
	"fmt"

	"github.com/doublekeybox/doublekeybox/internal/pkix"
)

// signed takes the certificates of a SignedData: one that only carries them
// (.p7c, RFC 8551, Section 3.8), or those that a signer sent with a signature
// (Section 3.5), which proves nothing of whose they are.
func (c *collector) signed(place, address string, b []byte, notes ...string) {
	certs, err := pkix.SignedCertificates(b, maxFile, maxCandidates+1)
	if err != nil {
		c.problem(place, err)
		return
	}
	for i, der := range certs {
		here := place
		if len(certs) > 1 {
			here = join(place, fmt.Sprintf("certificate %d", i+1))
		}
		c.take("smime", here, address, der, notes...)
	}
}
