package main

import (
	"bufio"
	"bytes"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
)

// armorCommands are the subcommands on ASCII armor.
func armorCommands() []command {
	return []command{
		{
			name: "armor", about: "makes text of binary OpenPGP; text stays as it is",
			prepare: func(a *app, o *options) func([]string) error {
				return func([]string) error { return enarmor(a.stdout, a.stdin) }
			},
		},
		{
			name: "dearmor", about: "makes binary of armored OpenPGP; binary stays as it is",
			prepare: func(a *app, o *options) func([]string) error {
				return func([]string) error { return dearmor(a.stdout, a.stdin) }
			},
		},
	}
}

// armorPeek is how much is looked at to know of what kind something is:
// signatures alone, which are small, differ from a message that begins with one.
const armorPeek = 64 << 10

// looksArmored reports whether r begins as text does that has armor in it.
func looksArmored(r *bufio.Reader) (bool, error) {
	switch _, err := r.Peek(1); {
	case err == io.EOF:
		return false, fail(badData, "standard input is empty")
	case err != nil:
		return false, err
	}
	head, _ := r.Peek(armorPeek)
	if head[0]&0x80 != 0 && !bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")) {
		return false, nil
	}
	if !bytes.Contains(head, []byte("-----BEGIN PGP ")) {
		return false, fail(badData, "this is not OpenPGP: neither binary nor armored")
	}
	return true, nil
}

func enarmor(dst io.Writer, src io.Reader) error {
	r := bufio.NewReaderSize(src, armorPeek)
	text, err := looksArmored(r)
	if err != nil {
		return err
	}
	if text {
		_, err := io.Copy(dst, r)
		return err
	}
	head, _ := r.Peek(armorPeek)
	label, checksum, err := kindOf(head)
	if err != nil {
		return err
	}
	return writeArmor(dst, r, label, checksum)
}

// writeArmor makes armor of all of src. The checksum is for version 4 only,
// RFC 9580, Section 6.1: GnuPG 2.2 does not read without it, and nobody else
// looks at it.
func writeArmor(dst io.Writer, src io.Reader, label string, checksum bool) error {
	out := bufio.NewWriter(dst)
	w, err := armor.EncodeWithChecksumOption(out, label, nil, checksum)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, src); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	out.WriteByte('\n') // Flush returns its error
	return out.Flush()
}

// kindOf tells from the beginning of something binary what its armor is called,
// and whether a checksum belongs to it: where nothing is of version 6.
func kindOf(head []byte) (label string, checksum bool, err error) {
	tag, body, ok := packetHead(head)
	if !ok {
		return "", false, fail(badData, "this is not OpenPGP: it does not begin with a packet")
	}
	checksum = len(head) <= body || head[body] < 6 && (tag != tagSEIPD || head[body] < 2)
	switch tag {
	case tagSecretKey:
		return "PGP PRIVATE KEY BLOCK", checksum, nil
	case tagPublicKey:
		return "PGP PUBLIC KEY BLOCK", checksum, nil
	case tagSignature:
		if onlySignatures(head) {
			return "PGP SIGNATURE", checksum, nil
		}
		return "PGP MESSAGE", checksum, nil
	case tagLiteral, tagCompressed, tagMarker: // what they begin with is no version
		return "PGP MESSAGE", true, nil
	case tagPKESK, tagSKESK, tagOnePass, tagSED, tagSEIPD, tagLibrePGP:
		return "PGP MESSAGE", checksum, nil
	}
	return "", false, fail(badData, "no key, certificate, message or signature begins with a packet of type %d", tag)
}

// onlySignatures reports whether nothing but signatures is in b, which may be
// cut off: so many are no message.
func onlySignatures(b []byte) bool {
	for len(b) > 0 {
		tag, _, ok := packetHead(b)
		if ok && tag != tagSignature {
			return false
		}
		_, n, err := packetAt(b)
		if err != nil {
			return true
		}
		b = b[n:]
	}
	return true
}

// packetHead returns the type of the packet that b begins with and where its
// body begins.
func packetHead(b []byte) (tag, body int, ok bool) {
	if len(b) < 2 || b[0]&0x80 == 0 {
		return 0, 0, false
	}
	if b[0]&0x40 == 0 {
		return int(b[0] >> 2 & 15), 1 + [4]int{1, 2, 4, 0}[b[0]&3], true
	}
	tag, body = int(b[0]&63), 2
	switch {
	case b[1] >= 192 && b[1] < 224:
		body = 3
	case b[1] == 255:
		body = 6
	}
	return tag, body, true
}

func dearmor(dst io.Writer, src io.Reader) error {
	r := bufio.NewReaderSize(src, armorPeek)
	text, err := looksArmored(r)
	if err != nil {
		return err
	}
	// Through the buffer, so that of what is small and damaged nothing is written.
	out := bufio.NewWriterSize(struct{ io.Writer }{dst}, outputBuffer)
	if !text {
		head, _ := r.Peek(armorPeek)
		if _, _, err := kindOf(head); err != nil {
			return err
		}
		if _, err := io.Copy(out, r); err != nil {
			return err
		}
		return out.Flush()
	}
	for n := 0; ; n++ {
		block, err := armor.Decode(r)
		if err == io.EOF && n > 0 {
			return out.Flush()
		}
		switch {
		case err != nil:
			return fail(badData, "the armor is damaged: %w", err)
		case block.Type == "PGP SIGNED MESSAGE":
			return fail(badData, "this is text with a signature, which is not armor: see inline-detach")
		}
		if _, err := io.Copy(out, block.Body); err != nil {
			return fail(badData, "the armor is damaged: %w", err)
		}
	}
}
