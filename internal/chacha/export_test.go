package chacha

// Skip pretends that n bytes, whole blocks, were written.
func (v *Verifier) Skip(n uint64) { v.h.length += n }

// Skip pretends that n bytes, whole blocks, were read.
func (d *Decrypter) Skip(n uint64) {
	d.room -= n
	d.stream.SetCounter(uint32(n/64 + 1))
}

// Skip pretends that n bytes, whole blocks, were written.
func (w *Encrypter) Skip(n uint64) {
	w.h.length += n
	w.stream.SetCounter(uint32(n/64 + 1))
}
