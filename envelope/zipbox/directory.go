package zipbox

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/winzip"
)

// entry is one file or folder as the central directory has it, and where its
// octets are. It is comparable: a source that changed is found out so.
type entry struct {
	name          string // as it is written
	flags, method uint16
	time, date    uint16
	crc           uint32
	size, packed  int64 // of the content, and in the archive
	at            int64 // of the local header
	mode          uint32
	comment       int   // how long the one in the directory is
	data          int64 // of the first octet behind the local header
	aes           aesInfo
}

// aesInfo is what an encrypted entry says about its encryption.
type aesInfo struct {
	vendor   uint16 // 1 and 2: AE-1 and AE-2; 0: not encrypted
	strength winzip.Strength
	method   uint16 // of the content
	salt     [winzip.MaxSaltSize]byte
	verifier [winzip.VerifierSize]byte
	tag      [winzip.TagSize]byte
}

func (e *entry) folder() bool { return strings.HasSuffix(e.name, "/") }

// empty reports whether there is nothing to encrypt in e. Programs that encrypt
// leave folders as they are; bsdtar empty files too, compressed to two octets,
// and zip.js says that they are encrypted.
func (e *entry) empty() bool { return e.size == 0 && e.packed <= 2 }

// encrypted reports whether there is a salt in e, a tag, and all between.
func (e *entry) encrypted() bool { return e.aes.vendor != 0 && e.packed > 0 }

// kind is how the content of e is compressed.
func (e *entry) kind() uint16 {
	if e.aes.vendor != 0 {
		return e.aes.method
	}
	return e.method
}

// modified is when the file was changed, in no time zone; zero where the archive
// does not say.
func (e *entry) modified() time.Time {
	month, day := e.date>>5&15, e.date&31
	if month == 0 || month > 12 || day == 0 {
		return time.Time{}
	}
	return time.Date(1980+int(e.date>>9), time.Month(month), int(day), int(e.time>>11), int(e.time>>5&63), int(e.time&31)*2, 0, time.UTC)
}

// directory reads the entries of an archive. Everything must be where the format
// has it: from the first octet to the last each belongs to one entry, or to the
// directory. There are programs that forgive much, each something else, and two
// that read one archive as two different ones are what an attacker needs.
type directory struct {
	src     io.ReaderAt
	size    int64
	most    int64 // octets of the central directory
	comment string
	start   int64 // of the central directory
	entries []entry
}

// maxComment is how long the comment at the end of an archive can be.
const maxComment = 1<<16 - 1

func readDirectory(src io.ReaderAt, size, most int64) (*directory, error) {
	d := &directory{src: src, size: size, most: most}
	count, length, err := d.end()
	if err != nil {
		return nil, err
	}
	raw, err := d.read(d.start, length)
	if err != nil {
		return nil, err
	}
	for len(raw) > 0 {
		if len(d.entries) == count {
			return nil, refuse(codeDamaged, "", "there is more in its directory than it says")
		}
		if raw, err = d.central(raw); err != nil {
			return nil, err
		}
	}
	if len(d.entries) != count {
		return nil, refuse(codeDamaged, "", "there is less in its directory than it says")
	}
	return d, d.locals()
}

// read returns the n octets at off.
func (d *directory) read(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > d.size-n {
		return nil, refuse(codeDamaged, "", "it points behind its own end")
	}
	var b bytes.Buffer // grows with what is there
	b.Grow(int(min(n, sizeEnd+maxComment)) + bytes.MinRead)
	m, err := io.Copy(&b, io.NewSectionReader(d.src, off, n))
	if err == nil && m < n {
		err = io.ErrUnexpectedEOF
	}
	return b.Bytes(), err
}

func u16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func u32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

// u64 returns a number that is compared with sizes: none is that large.
func u64(b []byte) int64 { return int64(min(binary.LittleEndian.Uint64(b), 1<<62)) }

// end reads the end of the archive: how many entries there are, and how many
// octets of directory.
func (d *directory) end() (count int, length int64, err error) {
	if d.size == 0 {
		return 0, 0, refuse(codeCut, "", "it is empty")
	}
	tail, err := d.read(max(0, d.size-sizeEnd-maxComment), min(d.size, sizeEnd+maxComment))
	if err != nil {
		return 0, 0, err
	}
	at, err := d.findEnd(tail)
	if err != nil {
		return 0, 0, err
	}
	b := tail[at:]
	d.comment = string(b[sizeEnd:])
	end := d.size - int64(len(b)) // of what is before
	total, start := int64(u16(b[10:])), int64(u32(b[16:]))
	length = int64(u32(b[12:]))
	var l []byte // where the other end is, of longer fields
	if end >= sizeLocator64 {
		if l, err = d.read(end-sizeLocator64, sizeLocator64); err != nil {
			return 0, 0, err
		}
		if u32(l) != sigLocator64 {
			l = nil
		}
	}
	// QUIRK: zip.js says of the number of the disk too that the other end has it.
	first := func(disk uint16) bool { return disk == 0 || disk == most16 && l != nil }
	if !first(u16(b[4:])) || !first(u16(b[6:])) || u16(b[8:]) != u16(b[10:]) {
		return 0, 0, refuse(codeDisks, "", "it is a part of an archive: give all parts to a program that joins them")
	}
	if l != nil {
		at, c, n, s, err := d.end64(l, end-sizeLocator64)
		if err != nil {
			return 0, 0, err
		}
		if !agrees(total, c, most16) || !agrees(length, n, most32) || !agrees(start, s, most32) {
			return 0, 0, refuse(codeDiffer, "", "its two ends contradict each other")
		}
		end, total, length, start = at, c, n, s
	}
	switch {
	case total > mostFiles:
		return 0, 0, &envelope.LimitError{What: "files in one archive", Max: mostFiles, Fixed: true}
	case length > d.most:
		return 0, 0, &envelope.LimitError{What: "octets in the directory of an archive", Max: d.most}
	case start > end-length:
		return 0, 0, refuse(codeDamaged, "", "its directory is not where it says")
	case start < end-length:
		return 0, 0, refuse(codeBefore, "", "something is in front of it, or of its directory, that is no part of it")
	}
	d.start = start
	return int(total), length, nil
}

// agrees reports whether a short field is the long one, or says that it is long.
func agrees(short, long, most int64) bool { return short == long || short == most }

// findEnd finds the one place where an end fits: two are two archives.
func (d *directory) findEnd(tail []byte) (at int, err error) {
	at = -1
	sig := le{}
	sig.u32(sigEnd)
	some := false
	for i := len(tail); ; {
		if i = bytes.LastIndex(tail[:i], sig); i < 0 {
			break
		}
		some = true
		if len(tail)-i < sizeEnd || int(u16(tail[i+20:])) != len(tail)-i-sizeEnd {
			continue
		}
		if at >= 0 {
			return 0, refuse(codeAfter, "", "it has two ends")
		}
		at = i
	}
	if at >= 0 {
		return at, nil
	}
	if some {
		return 0, refuse(codeAfter, "", "something follows it that is no part of it, or its end is cut off")
	}
	head, err := d.read(0, min(d.size, 4))
	switch {
	case err != nil:
		return 0, err
	case len(head) == 4 && (u32(head) == sigLocal || u32(head) == sigExtraData):
		return 0, refuse(codeCut, "", "it ends too early")
	}
	return 0, refuse(codeNoZip, "", "it is no ZIP archive")
}

// end64 reads the end that has longer fields; it stands right before its
// locator l at where.
func (d *directory) end64(l []byte, where int64) (at int64, count, length, start int64, err error) {
	at = u64(l[8:])
	if u32(l[4:]) != 0 || u32(l[16:]) > 1 {
		return 0, 0, 0, 0, refuse(codeDisks, "", "it is a part of an archive: give all parts to a program that joins them")
	}
	if at > where-sizeEnd64 {
		return 0, 0, 0, 0, refuse(codeDamaged, "", "its end is not where it says")
	}
	b, err := d.read(at, sizeEnd64)
	if err != nil {
		return 0, 0, 0, 0, err
	}
	switch {
	case u32(b) != sigEnd64:
		return 0, 0, 0, 0, refuse(codeDamaged, "", "its end is not where it says")
	case u16(b[14:]) >= 62 && u64(b[4:]) > sizeEnd64-12:
		return 0, 0, 0, 0, refuse(codeDirectory, "", "its names are encrypted by PKWARE's own way, which is not supported")
	case u64(b[4:]) != sizeEnd64-12 || at != where-sizeEnd64:
		return 0, 0, 0, 0, refuse(codeDamaged, "", "its end is not where it says")
	case u32(b[16:]) != 0 || u32(b[20:]) != 0 || u64(b[24:]) != u64(b[32:]):
		return 0, 0, 0, 0, refuse(codeDisks, "", "it is a part of an archive: give all parts to a program that joins them")
	}
	return at, u64(b[32:]), u64(b[40:]), u64(b[48:]), nil
}

// central reads the first entry of raw and returns what follows it.
func (d *directory) central(raw []byte) (rest []byte, err error) {
	if len(raw) >= 4 && u32(raw) == sigExtraData {
		return nil, refuse(codeDirectory, "", "its names are encrypted by PKWARE's own way, which is not supported")
	}
	if len(raw) < sizeCentral || u32(raw) != sigCentral {
		return nil, refuse(codeDamaged, "", "its directory is damaged")
	}
	n, m, k := int(u16(raw[28:])), int(u16(raw[30:])), int(u16(raw[32:]))
	if len(raw)-sizeCentral < n+m+k {
		return nil, refuse(codeDamaged, "", "its directory is damaged")
	}
	e := entry{
		name:  string(raw[sizeCentral:][:n]),
		flags: u16(raw[8:]), method: u16(raw[10:]), time: u16(raw[12:]), date: u16(raw[14:]),
		crc: u32(raw[16:]), packed: int64(u32(raw[20:])), size: int64(u32(raw[24:])), at: int64(u32(raw[42:])),
		comment: k,
	}
	switch host := raw[5]; host {
	case madeOnUnix, 19: // Unix, macOS
		e.mode = u32(raw[38:]) >> 16
	case 0, 6, 10, 11, 14: // where attributes are those of MS-DOS
		const reparsePoint = 0x400
		if u32(raw[38:])&reparsePoint != 0 {
			return nil, refuse(codeLink, e.name, "it is a link, not a file")
		}
	}
	if u16(raw[34:]) != 0 && u16(raw[34:]) != most16 {
		return nil, refuse(codeDisks, "", "it is a part of an archive: give all parts to a program that joins them")
	}
	x, err := readExtra(e.name, raw[sizeCentral+n:][:m])
	if err != nil {
		return nil, err
	}
	long := x.zip64
	for _, f := range []*int64{&e.size, &e.packed, &e.at} {
		if *f != most32 || long == nil {
			continue
		}
		if len(long) < 8 {
			return nil, refuse(codeDamaged, e.name, "its sizes are damaged")
		}
		*f, long = u64(long), long[8:]
	}
	e.aes = x.aes
	if err := e.check(); err != nil {
		return nil, err
	}
	d.entries = append(d.entries, e)
	return raw[sizeCentral+n+m+k:], nil
}

// extra is what is looked at of the fields behind a header.
type extra struct {
	zip64 []byte
	aes   aesInfo
}

func readExtra(name string, b []byte) (x extra, err error) {
	seen := map[uint16]bool{}
	for len(b) > 0 {
		if len(b) < 4 || len(b)-4 < int(u16(b[2:])) {
			return x, refuse(codeDamaged, name, "its extra fields are damaged")
		}
		id, f := u16(b), b[4:][:u16(b[2:])]
		b = b[4+len(f):]
		switch id {
		case extraZip64, extraAES, extraStrong, extraUnicodePath:
			if seen[id] {
				return x, refuse(codeDamaged, name, "an extra field is there twice")
			}
			seen[id] = true
		}
		switch id {
		case extraZip64:
			x.zip64 = f
		case extraStrong:
			return x, refuse(codeStrong, name, "it is encrypted by PKWARE's own way, which is not supported")
		case extraUnicodePath:
			return x, refuse(codeDiffer, name, "it has a second name")
		case extraAES:
			if len(f) != 7 || string(f[2:4]) != "AE" || u16(f) < 1 || u16(f) > vendorAE2 || !winzip.Strength(f[4]).Valid() {
				return x, refuse(codeDamaged, name, "how it is encrypted is damaged, or not known")
			}
			x.aes = aesInfo{vendor: u16(f), strength: winzip.Strength(f[4]), method: u16(f[5:])}
		}
	}
	return x, nil
}

// check looks at one entry by itself.
func (e *entry) check() error {
	if _, err := safePath(e.name); err != nil {
		return err
	}
	// A pipe is what 7-Zip read a file from.
	const kindMask, regular, folder, pipe = 0o170000, 0o100000, 0o040000, 0o010000
	switch kind := e.mode & kindMask; {
	case kind != 0 && kind != regular && kind != pipe && !(kind == folder && e.folder()):
		return refuse(codeLink, e.name, "it is a link or a device, not a file")
	case e.flags&flagMasked != 0:
		return refuse(codeDirectory, e.name, "names are encrypted by PKWARE's own way, which is not supported")
	case e.flags&flagStrong != 0:
		return refuse(codeStrong, e.name, "it is encrypted by PKWARE's own way, which is not supported")
	case e.flags&flagEncrypted != 0 && e.method != methodAES:
		return refuse(codeZipCrypto, e.name, "it is encrypted by the old way of ZIP, which anybody breaks: have it sent again, with AES-256")
	case (e.method == methodAES) != (e.aes.vendor != 0), e.method == methodAES && e.flags&flagEncrypted == 0:
		return refuse(codeDamaged, e.name, "whether it is encrypted is damaged")
	case e.kind() != methodStore && e.kind() != methodDeflate:
		return refuse(codeMethod, e.name, "it is compressed by a way that is not supported: use deflate, or none")
	case e.folder() && e.size != 0:
		return refuse(codeDamaged, e.name, "it is a folder, and has content")
	case e.aes.vendor == vendorAE2 && e.crc != 0:
		return refuse(codeDamaged, e.name, "it has a checksum of its content, where none may be")
	case e.encrypted() && e.packed < e.overhead():
		return refuse(codeDamaged, e.name, "it is too short to be encrypted")
	case e.kind() == methodStore && e.size != e.packed-e.overhead():
		return refuse(codeDiffer, e.name, "its sizes contradict each other")
	}
	return nil
}

// overhead is what encrypting e added.
func (e *entry) overhead() int64 {
	if !e.encrypted() {
		return 0
	}
	return int64(e.aes.strength.Overhead())
}

// locals reads what stands at each entry, and holds it to the directory. From
// the first octet on each entry begins where the one before it ends.
func (d *directory) locals() error {
	order := make([]*entry, len(d.entries))
	for i := range d.entries {
		order[i] = &d.entries[i]
	}
	slices.SortStableFunc(order, func(a, b *entry) int { return int(max(-1, min(1, a.at-b.at))) })
	if len(order) == 0 && d.start != 0 || len(order) > 0 && order[0].at != 0 {
		return refuse(codeBefore, "", "something is in front of it that is no part of it")
	}
	taken := names{}
	for i, e := range order {
		next := d.start
		if i+1 < len(order) {
			next = order[i+1].at
		}
		if err := d.local(e, next); err != nil {
			return err
		}
		path, err := safePath(e.name)
		if err != nil {
			return err
		}
		if !e.folder() && !taken.add(path) {
			return refuse(codeDuplicate, e.name, "there are two files of this name, or that some systems take for one")
		}
	}
	return nil
}
