package discover

import (
	"bufio"
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/armor"
)

const (
	blockBegin = "-----BEGIN "
	blockEnd   = "-----END "
	blockDash  = "-----"
)

var (
	errBlockCut   = fmt.Errorf("its END line is missing: %w", io.ErrUnexpectedEOF)
	errManyBlocks = fmt.Errorf("more than %d blocks: the rest is not read", maxCandidates)
)

// text looks for blocks of armor and PEM: lines from one that begins such a
// block to one that ends it. All else is text that somebody put around them.
func (c *collector) text(place string, b []byte) {
	blocks := splitBlocks(b)
	with := c.private(blocks)
	before := len(c.found) + len(c.problems)
	for n, k := range blocks {
		if !c.room() {
			return
		}
		here := place
		if len(blocks) > 1 {
			here = join(place, fmt.Sprintf("block %d", n+1))
		}
		c.block(here, k, with)
	}
	if len(blocks) > maxCandidates {
		c.problem(place, errManyBlocks)
	}
	if with != nil && len(c.found)+len(c.problems) == before {
		c.problem(place, errPrivateAlone)
	}
}

// block is one of armor or PEM.
type block struct {
	label  string
	octets []byte // from its first line to its last; a part of the input
	cut    bool
}

// splitBlocks finds what begins with a line "-----BEGIN label-----" and ends
// with its END line. A line that begins another block ends one that has none.
func splitBlocks(b []byte) (all []block) {
	open := -1
	var label string
	for at := 0; at < len(b) && len(all) <= maxCandidates; {
		line, end := b[at:], len(b)
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line, end = line[:i], at+i+1
		}
		if !bytes.Contains(line, []byte(blockDash)) {
			at = end
			continue
		}
		text := strings.TrimPrefix(strings.TrimSpace(string(line[:min(len(line), maxBlockLine)])), "\ufeff")
		if l, ok := labelOf(text, blockBegin); ok {
			if open >= 0 {
				all = append(all, block{label, b[open:at:at], true})
			}
			open, label = at, l
		} else if l, ok := labelOf(text, blockEnd); ok && open >= 0 && l == label {
			all = append(all, block{label, b[open:end:end], false})
			open = -1
		}
		at = end
	}
	if open >= 0 {
		all = append(all, block{label, b[open:], true})
	}
	return all
}

// maxBlockLine is more than the first and the last line of any block have.
const maxBlockLine = 200

func labelOf(line, prefix string) (string, bool) {
	s, ok := strings.CutPrefix(line, prefix)
	if ok {
		s, ok = strings.CutSuffix(s, blockDash)
	}
	return s, ok && s != ""
}

// private returns the notes for certificates beside a private key: they are
// taken, and it is not.
func (c *collector) private(blocks []block) []string {
	for _, k := range blocks {
		if isPrivate(k.label) {
			return []string{"of a file with a private key, which is not taken"}
		}
	}
	return nil
}

// isPrivate reports whether PEM of that label holds a private key: RFC 7468,
// Sections 10 and 11, and "RSA PRIVATE KEY" and so on before it.
func isPrivate(label string) bool {
	return strings.HasSuffix(label, "PRIVATE KEY")
}

// block takes one block. Messages, signatures, parameters and what else is made
// of such lines is passed over.
func (c *collector) block(place string, k block, notes []string) {
	switch k.label {
	case armor.PublicKey, armor.PrivateKey:
		if k.cut {
			c.problem(place, errBlockCut)
			return
		}
		raw, err := dearmor(k.octets)
		if err != nil {
			c.take("pgp", place, "", k.octets) // which says better what is wrong, or knows a quirk
			return
		}
		c.keys(place, "", raw)
		return
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "PKCS7", "CMS", "PKCS12":
	default:
		return
	}
	if k.cut {
		c.problem(place, errBlockCut)
		return
	}
	p, _ := pem.Decode(trimBlock(k.octets))
	if p == nil {
		c.problem(place, errors.New("its base64 is damaged"))
		return
	}
	switch k.label {
	case "PKCS7", "CMS":
		c.signed(place, "", p.Bytes, notes...)
	case "PKCS12":
		c.pkcs12(place, p.Bytes, notes...)
	case "TRUSTED CERTIFICATE":
		c.trusted(place, p.Bytes, notes)
	default:
		c.take("smime", place, "", p.Bytes, notes...)
	}
}

// trusted takes what openssl x509 -trustout writes: a certificate, and behind it
// what openssl's user would trust it for.
func (c *collector) trusted(place string, b []byte, notes []string) {
	s := cryptobyte.String(b)
	var one cryptobyte.String
	if !s.ReadASN1Element(&one, asn1.SEQUENCE) {
		c.problem(place, errNoCertificate)
		return
	}
	c.take("smime", place, "", one, append(notes[:len(notes):len(notes)], "settings of trust are beside it (not taken)")...)
}

// trimBlock takes blanks and a byte order mark away from before the first line,
// which encoding/pem wants at the beginning of a line.
func trimBlock(b []byte) []byte {
	if i := bytes.Index(b, []byte(blockBegin)); i > 0 {
		b = b[i:]
	}
	return b
}

// dearmor decodes OpenPGP's armor. Its checksum says nothing: RFC 9580, Section
// 6.1.
func dearmor(b []byte) ([]byte, error) {
	r, err := armor.NewReader(bufio.NewReader(bytes.NewReader(b)))
	if err != nil {
		return nil, err
	}
	r.Again()
	return io.ReadAll(r) // less than b has
}
