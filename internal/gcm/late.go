//go:build !dkb_plain

package gcm

// SumLate is [Verifier.Sum] of a message whose additional data was not known before its end: CMS writes the authenticated
// attributes behind the content (RFC 5083, Section 2.1). The Verifier must have been made without additional data.
func (v *Verifier) SumLate(aad []byte) ([TagSize]byte, error) {
	if v.summed || v.err != nil {
		return v.Sum()
	}
	if v.e.aadBits != 0 {
		return [TagSize]byte{}, v.fail(errLate)
	}
	if len(v.buf) > 0 {
		var scratch [16]byte
		v.e.total += uint64(len(v.buf))
		v.e.absorb(v.e.hash(v.buf, &scratch), len(v.buf))
		v.buf = nil
	}
	v.e.prepend(aad)
	return v.Sum()
}

// prepend makes the running hash what it would be, had aad been absorbed first. GHASH is linear: with A the hash of the
// additional data and k blocks of ciphertext behind it, the hash is A·H^k xor C, of which C is at hand.
func (e *engine) prepend(aad []byte) {
	if len(aad) == 0 {
		return
	}
	var scratch [16]byte
	k := (e.total - e.config.start + blockSize - 1) / blockSize
	e.z = e.z.xor(e.hash(aad, &scratch).mul(e.h.pow(k)))
	e.aadBits = uint64(len(aad)) * 8
}
