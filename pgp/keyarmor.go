package pgp

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// The header lines of keys, RFC 9580, Section 6.2.
const (
	armorPublic = "PGP PUBLIC KEY BLOCK"
	armorSecret = "PGP PRIVATE KEY BLOCK"
)

// dearmorKey returns the octets in the one armored key block of b and the
// block's type, or b itself and "" where b is binary already.
//
// Text around the block is ignored, as people paste keys from mails. So is the
// checksum, as RFC 9580, Section 6.1 demands: it proves nothing against a
// person, and what is in a key is signed.
func dearmorKey(b []byte) (raw []byte, kind string, err error) {
	if len(b) == 0 {
		return nil, "", errors.New("pgp: no key: it is empty")
	}
	if b[0]&0x80 != 0 && !bytes.HasPrefix(b, utf8BOM) {
		return b, "", nil
	}
	kind, rest, err := keyArmorHead(b)
	if err != nil {
		return nil, "", err
	}
	if kind != armorPublic && kind != armorSecret {
		return nil, "", errMessage
	}
	raw, rest, err = keyArmorBody(rest)
	if err != nil {
		return nil, "", err
	}
	if bytes.Contains(rest, keyArmorBegin) {
		return nil, "", errSeveralKeys
	}
	return raw, kind, nil
}

var (
	utf8BOM       = []byte("\ufeff")
	keyArmorBegin = []byte("-----BEGIN PGP ")
	keyArmorDash  = []byte("-----")

	errSeveralKeys = errors.New("pgp: more than one key in one file: give each key a file of its own, so that it is clear which one is meant")
)

// nextLine cuts b after its first line feed and trims the line.
func nextLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, []byte("\n"))
	return bytes.TrimRight(line, " \t\r"), rest
}

// keyArmorHead finds the beginning of a block and reads on behind its headers.
func keyArmorHead(b []byte) (kind string, rest []byte, err error) {
	b = bytes.TrimPrefix(b, utf8BOM)
	for {
		if len(b) == 0 {
			return "", nil, errors.New("pgp: this is no OpenPGP key: neither binary nor armored")
		}
		var line []byte
		line, b = nextLine(b)
		line = bytes.TrimLeft(line, " \t")
		if bytes.HasPrefix(line, keyArmorBegin) && bytes.HasSuffix(line, keyArmorDash) {
			kind = string(bytes.TrimSuffix(bytes.TrimPrefix(line, keyArmorDash), keyArmorDash)[len("BEGIN "):])
			break
		}
	}
	for {
		line, after := nextLine(b)
		switch {
		case len(line) == 0:
			if len(b) == 0 {
				return "", nil, errArmorCut
			}
			return kind, after, nil
		case !bytes.Contains(line, []byte(":")):
			return kind, b, nil // some programs leave the empty line out
		}
		b = after
	}
}

var errArmorCut = fmt.Errorf("pgp: the armored key is cut off: it has no END line: %w", io.ErrUnexpectedEOF)

// keyArmorBody decodes the lines of a block up to its end.
func keyArmorBody(b []byte) (raw, rest []byte, err error) {
	text := make([]byte, 0, len(b))
	for {
		if len(b) == 0 {
			return nil, nil, errArmorCut
		}
		var line []byte
		line, b = nextLine(b)
		line = bytes.TrimLeft(line, " \t")
		if bytes.HasPrefix(line, []byte("-----END PGP ")) {
			break
		}
		if bytes.HasPrefix(line, []byte("=")) && (len(line) == 5 || len(text)%4 == 0) {
			continue // the checksum, right or wrong; else a line of padding
		}
		text = append(text, line...)
	}
	raw = make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(raw, text)
	if err != nil {
		return nil, nil, errors.New("pgp: the armored key is damaged: it is no base64")
	}
	return raw[:n], b, nil
}

// armorKey is dearmorKey's counterpart. The checksum is written for version 4
// keys, which GnuPG 2.2 does not read without it, and not for version 6 ones,
// where RFC 9580, Section 6.1 forbids it.
func armorKey(kind string, raw []byte, checksum bool) ([]byte, error) {
	var out bytes.Buffer
	w, err := armor.EncodeWithChecksumOption(&out, kind, nil, checksum)
	if err != nil {
		return nil, fmt.Errorf("pgp: armor: %w", err)
	}
	if _, err := w.Write(raw); err != nil {
		return nil, fmt.Errorf("pgp: armor: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pgp: armor: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// MarshalArmored returns an OpenPGP certificate as text, a "PGP PUBLIC KEY
// BLOCK", as it is sent and printed. c.Marshal gives the same in binary. It is
// an error if c is of another format or the zero value.
func MarshalArmored(c *keyring.Certificate) ([]byte, error) {
	if c != nil {
		if in, ok := seam.Opaque[seam.Certificate](*c).Unwrap().(*certificate); ok {
			return armorKey(armorPublic, in.encoding, in.primary.Version == 4)
		}
	}
	return nil, errors.New("pgp: MarshalArmored: this is no OpenPGP certificate")
}
