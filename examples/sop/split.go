package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
)

// Packet types of RFC 9580, Section 5.
const (
	tagPKESK      = 1
	tagSignature  = 2
	tagSKESK      = 3
	tagOnePass    = 4
	tagSecretKey  = 5
	tagPublicKey  = 6
	tagCompressed = 8
	tagSED        = 9
	tagMarker     = 10
	tagLiteral    = 11
	tagSecretSub  = 7
	tagPublicSub  = 14
	tagSEIPD      = 18
	tagLibrePGP   = 20
)

// dearmorAll returns the octets in all blocks of armor in b, one after the
// other, or b where it is binary.
func dearmorAll(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, fail(badData, "it is empty")
	}
	if b[0]&0x80 != 0 && !bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")) {
		return b, nil
	}
	var out []byte
	r := bufio.NewReader(bytes.NewReader(b))
	for n := 0; ; n++ {
		block, err := armor.Decode(r)
		if err == io.EOF && n > 0 {
			return out, nil
		}
		if err != nil {
			return nil, fail(badData, "this is not OpenPGP: neither binary nor armored (%w)", err)
		}
		raw, err := io.ReadAll(block.Body)
		if err != nil {
			return nil, fail(badData, "its armor is damaged: %w", err)
		}
		out = append(out, raw...)
	}
}

// splitKeys returns the certificates or secret keys of a file, of which there
// may be several, each in binary: SOP knows no other way to hand over several.
func splitKeys(b []byte) (out [][]byte, err error) {
	raw, err := dearmorAll(b)
	if err != nil {
		return nil, err
	}
	begin := 0
	for at := 0; at < len(raw); {
		tag, n, err := packetAt(raw[at:])
		if err != nil {
			return nil, as(badData, err)
		}
		if (tag == tagPublicKey || tag == tagSecretKey) && at > begin {
			out = append(out, raw[begin:at])
			begin = at
		}
		at += n
	}
	return append(out, raw[begin:]), nil
}

var errCut = errors.New("a packet is cut off")

// packetAt returns the type of the packet that b begins with, and how long it
// is with its header. Partial lengths are for content only, RFC 9580, Section
// 4.2.1.4, and are refused.
func packetAt(b []byte) (tag, n int, err error) {
	if b[0]&0x80 == 0 {
		return 0, 0, errors.New("there is something that is no OpenPGP packet")
	}
	head, length := 1, uint64(0)
	number := func(octets int) {
		if len(b) < head+octets {
			err = errCut
			return
		}
		var v [8]byte
		copy(v[8-octets:], b[head:head+octets])
		head, length = head+octets, binary.BigEndian.Uint64(v[:])
	}
	if b[0]&0x40 == 0 { // the old form, RFC 9580, Section 4.2.2
		tag = int(b[0] >> 2 & 15)
		if b[0]&3 == 3 {
			return 0, 0, errors.New("a packet has no length")
		}
		number(1 << (b[0] & 3))
	} else {
		tag = int(b[0] & 63)
		number(1)
		switch first := length; {
		case err != nil || first < 192:
		case first < 224:
			number(1)
			length += (first-192)<<8 + 192
		case first < 255:
			return 0, 0, errors.New("a packet of a key comes in parts")
		default:
			number(4)
		}
	}
	if err == nil && length > uint64(len(b)-head) {
		err = errCut
	}
	return tag, head + int(length), err
}

// badKey is the exit code for a key or certificate that is refused: there is
// one for what nobody here can use, another one for what nobody can.
func badKey(raw []byte) int {
	if unknownAlgorithm(raw) {
		return unsupportedAsymmetric
	}
	return badData
}

// unknownAlgorithm reports whether a key or a subkey of these packets is of an
// algorithm that this library neither signs nor encrypts with.
func unknownAlgorithm(raw []byte) bool {
	for len(raw) > 0 {
		tag, n, err := packetAt(raw)
		if err != nil {
			return false
		}
		_, body, _ := packetHead(raw)
		switch tag {
		case tagPublicKey, tagSecretKey, tagPublicSub, tagSecretSub:
			// Version, four octets of time, algorithm: RFC 9580, Section 5.5.2.
			if n >= body+6 && raw[body] >= 4 && !knownAlgorithm(raw[body+5]) {
				return true
			}
		}
		raw = raw[n:]
	}
	return false
}

// knownAlgorithm is about RFC 9580, Section 9.1, and RFC 9980, Section 2.1.
func knownAlgorithm(id byte) bool {
	switch {
	case id >= 1 && id <= 3, id >= 17 && id <= 19, id == 22: // RSA, DSA, ECDH, ECDSA, EdDSA
		return true
	case id >= 25 && id <= 28: // X25519, X448, Ed25519, Ed448
		return true
	case id >= 30 && id <= 36: // ML-DSA, SLH-DSA, ML-KEM
		return true
	}
	return false
}
