//go:build dkb_plain

package gcm

// SumLate is [Verifier.Sum] of a message whose additional data was not known before its end: CMS writes the authenticated
// attributes behind the content (RFC 5083, Section 2.1). The Verifier must have been made without additional data.
func (v *Verifier) SumLate(aad []byte) ([TagSize]byte, error) {
	if v.summed || v.err != nil {
		return v.Sum()
	}
	if len(v.m.aad) != 0 {
		return [TagSize]byte{}, v.fail(errLate)
	}
	v.m.aad = append([]byte(nil), aad...)
	return v.Sum()
}
