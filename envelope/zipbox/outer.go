package zipbox

import (
	"encoding/binary"
	"math"

	"github.com/doublekeybox/doublekeybox/internal/winzip"
)

// What is around the encrypted octets of an archive of ours is the same in each,
// but for two sizes. So a reader makes it again and compares: who changed
// something on the way is found out, although the format authenticates nothing
// of it.
const (
	outerName = "attachments.zip"

	// mark is the comment of the inner archive. It is authenticated, and says
	// that what is around it is as we write it.
	mark = "doublekeybox 1"
)

// Signatures, and the sizes of what has a fixed one (APPNOTE 6.3.10, Section 4.3).
const (
	sigLocal      = 0x04034b50
	sigDescriptor = 0x08074b50
	sigCentral    = 0x02014b50
	sigEnd        = 0x06054b50
	sigEnd64      = 0x06064b50
	sigLocator64  = 0x07064b50
	sigExtraData  = 0x08064b50

	sizeLocal     = 30
	sizeCentral   = 46
	sizeEnd       = 22
	sizeEnd64     = 56
	sizeLocator64 = 20
)

const (
	methodStore   = 0
	methodDeflate = 8
	methodAES     = 99

	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3  // sizes come after the content
	flagStrong     = 1 << 6  // PKWARE's own encryption
	flagUTF8       = 1 << 11 // names are UTF-8
	flagMasked     = 1 << 13 // the central directory is encrypted

	extraZip64       = 0x0001
	extraStrong      = 0x0017
	extraUnicodePath = 0x7075
	extraAES         = 0x9901

	versionAES  = 51
	madeOnUnix  = 3
	outerMode   = 0o100600 // a file of its owner alone
	outerDate   = 1<<5 | 1 // 1 January 1980: when it was locked is nobody's business
	outerFlags  = flagEncrypted | flagDescriptor
	vendorAE2   = 2
	most32      = math.MaxUint32
	most16      = math.MaxUint16
	locatorDisk = 1
)

// le writes little-endian numbers of 2, 4 and 8 octets.
type le []byte

func (b *le) u16(vs ...uint16) {
	for _, v := range vs {
		*b = binary.LittleEndian.AppendUint16(*b, v)
	}
}

func (b *le) u32(vs ...uint32) {
	for _, v := range vs {
		*b = binary.LittleEndian.AppendUint32(*b, v)
	}
}

func (b *le) u64(vs ...int64) {
	for _, v := range vs {
		*b = binary.LittleEndian.AppendUint64(*b, uint64(v))
	}
}

func (b *le) text(s string) { *b = append(*b, s...) }

// aesField is the extra field that says how an entry is encrypted.
func (b *le) aesField() {
	b.u16(extraAES, 7, vendorAE2)
	b.text("AE")
	*b = append(*b, byte(winzip.AES256))
	b.u16(methodStore)
}

const sizeAESField = 4 + 7

// outerHead is what stands before the salt.
func outerHead() []byte {
	var b le
	b.u32(sigLocal)
	b.u16(versionAES, outerFlags, methodAES, 0, outerDate)
	b.u32(0, 0, 0) // the checksum is none in AE-2, the sizes come later
	b.u16(uint16(len(outerName)), sizeAESField)
	b.text(outerName)
	b.aesField()
	return b
}

// outerTail is what stands behind the tag of an entry of n encrypted octets.
func outerTail(n int64) []byte {
	var b le
	size := n + int64(winzip.AES256.Overhead())
	start := int64(len(outerHead()))
	long := size >= most32 // sizes that 32 bits do not hold

	b.u32(sigDescriptor, 0)
	if long {
		b.u64(size, n)
	} else {
		b.u32(uint32(size), uint32(n))
	}
	directory := start + size + int64(len(b))
	at := len(b)

	b.u32(sigCentral)
	b.u16(madeOnUnix<<8|versionAES, versionAES, outerFlags, methodAES, 0, outerDate)
	b.u32(0)
	extra := uint16(sizeAESField)
	if long {
		b.u32(most32, most32)
		extra += 4 + 16
	} else {
		b.u32(uint32(size), uint32(n))
	}
	b.u16(uint16(len(outerName)), extra, 0, 0, 0)
	b.u32(outerMode<<16, 0)
	b.text(outerName)
	if long {
		b.u16(extraZip64, 16)
		b.u64(n, size)
	}
	b.aesField()
	length := int64(len(b) - at)

	shown := uint32(min(directory, most32))
	if directory >= most32 {
		b.u32(sigEnd64)
		b.u64(sizeEnd64 - 12)
		b.u16(madeOnUnix<<8|versionAES, versionAES)
		b.u32(0, 0)
		b.u64(1, 1, length, directory)
		b.u32(sigLocator64, 0)
		b.u64(directory + length)
		b.u32(locatorDisk)
	}
	b.u32(sigEnd)
	b.u16(0, 0, 1, 1)
	b.u32(uint32(length), shown)
	b.u16(0)
	return b
}
