package zipbox

import (
	"github.com/doublekeybox/doublekeybox/internal/winzip"
)

// local reads the local header of e, which ends with its content before next.
func (d *directory) local(e *entry, next int64) error {
	if e.at > next-sizeLocal {
		return refuse(codeOverlap, e.name, "it shares octets with another entry, or with the directory")
	}
	b, err := d.read(e.at, sizeLocal)
	if err != nil {
		return err
	}
	if u32(b) != sigLocal {
		return refuse(codeDamaged, e.name, "it is not where the directory says")
	}
	n, m := int64(u16(b[26:])), int64(u16(b[28:]))
	e.data = e.at + sizeLocal + n + m
	if e.data > next-e.packed {
		return refuse(codeOverlap, e.name, "it shares octets with another entry, or with the directory")
	}
	more, err := d.read(e.at+sizeLocal, n+m)
	if err != nil {
		return err
	}
	x, err := readExtra(e.name, more[n:])
	if err != nil {
		return err
	}
	differ := refuse(codeDiffer, e.name, "what stands at the entry contradicts the directory")
	aes := e.aes
	aes.salt, aes.verifier, aes.tag = x.aes.salt, x.aes.verifier, x.aes.tag
	if string(more[:n]) != e.name || u16(b[6:]) != e.flags || u16(b[8:]) != e.method ||
		u16(b[10:]) != e.time || u16(b[12:]) != e.date || x.aes != aes {
		return differ
	}
	crc, packed, size := u32(b[14:]), int64(u32(b[18:])), int64(u32(b[22:]))
	if size == most32 && len(x.zip64) >= 8 {
		size, x.zip64 = u64(x.zip64), x.zip64[8:]
	}
	if packed == most32 && len(x.zip64) >= 8 {
		packed = u64(x.zip64)
	}
	later := e.flags&flagDescriptor != 0 // zero here, or what it is
	if !(crc == e.crc || later && crc == 0) || !(packed == e.packed || later && packed == 0) || !(size == e.size || later && size == 0) {
		return differ
	}
	if err := d.descriptor(e, next-e.data-e.packed); err != nil {
		return err
	}
	return d.encryption(e)
}

// descriptor reads the n octets between the content of e and what follows.
func (d *directory) descriptor(e *entry, n int64) error {
	gap := refuse(codeGap, e.name, "something follows it that is no part of the archive")
	if e.flags&flagDescriptor == 0 || n > 24 {
		if n != 0 {
			return gap
		}
		return nil
	}
	b, err := d.read(e.data+e.packed, n)
	if err != nil {
		return err
	}
	// APPNOTE 4.3.9: the signature may be missing; sizes have 4 octets or 8.
	switch n {
	case 16, 24:
		if u32(b) != sigDescriptor {
			return gap
		}
		b = b[4:]
	case 12, 20:
	default:
		return gap
	}
	packed, size := int64(u32(b[4:])), int64(0)
	if len(b) == 20 {
		packed, size = u64(b[4:]), u64(b[12:])
	} else {
		size = int64(u32(b[8:]))
	}
	if u32(b) != e.crc || packed != e.packed || size != e.size {
		return refuse(codeDiffer, e.name, "what follows the entry contradicts the directory")
	}
	return nil
}

// encryption reads what stands around the encrypted octets of e.
func (d *directory) encryption(e *entry) error {
	if !e.encrypted() {
		return nil
	}
	n := e.aes.strength.SaltSize()
	b, err := d.read(e.data, int64(n+winzip.VerifierSize))
	if err != nil {
		return err
	}
	copy(e.aes.salt[:], b[:n])
	copy(e.aes.verifier[:], b[n:])
	if b, err = d.read(e.data+e.packed-winzip.TagSize, winzip.TagSize); err != nil {
		return err
	}
	copy(e.aes.tag[:], b)
	return nil
}
