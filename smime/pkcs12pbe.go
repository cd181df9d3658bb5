package smime

import (
	"crypto"
	"crypto/cipher"
	"crypto/des"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/rc2"
)

// What RFC 7292, Appendix B.3 derives, by number.
const (
	pbeKeyID = 1
	pbeIVID  = 2
)

// pbeCipher is an older cipher of PKCS#12 (RFC 7292, Appendix C).
type pbeCipher struct {
	keySize int
	create  func(key []byte) (cipher.Block, error)
}

// pbeByOID returns the cipher. Two keys of 3DES are K1, K2, K1.
//
// QUIRK: RC2 with 40 bits is how Windows, OpenSSL before 3.0 and Java protect
// certificates, which are no secret; private keys get 3DES. RC4 is not read.
func pbeByOID(o oid) (pbeCipher, bool) {
	switch o {
	case oidPBE3DES:
		return pbeCipher{24, des.NewTripleDESCipher}, true
	case oidPBE2DES:
		return pbeCipher{16, func(k []byte) (cipher.Block, error) {
			return des.NewTripleDESCipher(append(k[:16:16], k[:8]...))
		}}, true
	case oidPBERC2:
		return pbeCipher{16, func(k []byte) (cipher.Block, error) { return rc2.NewCipher(k, 128) }}, true
	case oidPBERC240:
		return pbeCipher{5, func(k []byte) (cipher.Block, error) { return rc2.NewCipher(k, 40) }}, true
	}
	return pbeCipher{}, false
}

var errPKCS12Cipher = errors.New("smime: the PKCS#12 file is encrypted with a cipher that is not supported: export it again, with AES")

// decrypt decrypts with PBES2, or with the older ciphers, whose parameters are
//
//	pkcs-12PbeParams ::= SEQUENCE { salt OCTET STRING, iterations INTEGER }
//
// The MAC was right, and so was the passphrase: whatever is wrong here is
// wrong with the file.
func (p *pkcs12Reader) decrypt(pbe *algorithm, data []byte) ([]byte, error) {
	if pbe.oid == oidPBES2 {
		return openPBES2(pbe.params, data, p.passphrase, &p.cost)
	}
	c, ok := pbeByOID(pbe.oid)
	if !ok {
		return nil, errPKCS12Cipher
	}
	s := cryptobyte.String(pbe.params)
	var salt cryptobyte.String
	var iterations int64
	if !s.ReadASN1(&s, asn1.SEQUENCE) || !s.ReadASN1(&salt, asn1.OCTET_STRING) || len(salt) > maxSalt ||
		!s.ReadASN1Integer(&iterations) || !s.Empty() || iterations < 1 {
		return nil, errPKCS12
	}
	if p.cost.add(iterations); p.cost.err != nil {
		return nil, p.cost.err
	}
	key := deriveKey(crypto.SHA1, pbeKeyID, p.password, salt, iterations, c.keySize)
	defer clear(key)
	block, err := c.create(key)
	if err != nil {
		return nil, fmt.Errorf("smime: decrypting PKCS#12: %w", err)
	}
	iv := deriveKey(crypto.SHA1, pbeIVID, p.password, salt, iterations, block.BlockSize())
	return decryptBlocks(block, iv, data)
}

// deriveKey is RFC 7292, Appendix B.2: size octets for the purpose id. Where one
// digest is not long enough, each octet of the input is changed for the next by
// adding the digest before, as numbers of v octets.
func deriveKey(h crypto.Hash, id byte, password, salt []byte, iterations int64, size int) []byte {
	d := h.New()
	v := d.BlockSize()
	input := append(fillBlocks(salt, v), fillBlocks(password, v)...)
	purpose := make([]byte, v)
	for i := range purpose {
		purpose[i] = id
	}
	var out []byte
	for {
		d.Reset()
		d.Write(purpose)
		d.Write(input)
		a := d.Sum(nil)
		for range iterations - 1 {
			d.Reset()
			d.Write(a)
			a = d.Sum(a[:0])
		}
		if out = append(out, a...); len(out) >= size {
			return out[:size]
		}
		addToBlocks(input, fillBlocks(a, v)[:v], v)
	}
}

// fillBlocks repeats b until it fills whole blocks of v octets; nothing stays
// nothing.
func fillBlocks(b []byte, v int) []byte {
	out := make([]byte, (len(b)+v-1)/v*v)
	for i := range out {
		out[i] = b[i%len(b)]
	}
	return out
}

// addToBlocks sets every block of v octets to its sum with b and 1, modulo 2^8v.
func addToBlocks(blocks, b []byte, v int) {
	one := new(big.Int).Add(new(big.Int).SetBytes(b), big.NewInt(1))
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(8*v))
	for ; len(blocks) > 0; blocks = blocks[v:] {
		sum := new(big.Int).SetBytes(blocks[:v])
		sum.Mod(sum.Add(sum, one), modulus).FillBytes(blocks[:v])
	}
}
