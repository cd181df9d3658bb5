package smime

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/scrypt"

	"github.com/doublekeybox/doublekeybox/envelope"
)

const (
	// maxIterations is the most that PBKDF2 and its kin may be asked for by
	// one file. OWASP's advice of 2023 is 600,000 for SHA-256; ten million
	// take some seconds.
	maxIterations = 10_000_000

	// maxScrypt is the most memory in octets that scrypt may be asked for.
	maxScrypt = 256 << 20

	// maxScryptLanes is the most that scrypt's work may be multiplied by.
	maxScryptLanes = 16

	// writeIterations is what we ask for: OWASP's advice. It is handed down
	// to where it is used, so that tests can do with fewer.
	writeIterations = 600_000

	// maxSalt is the size of a salt in octets; it is 8 to 64 everywhere.
	maxSalt = 1024
)

// ErrPassphrase says that the private key in a file is encrypted, and the
// passphrase does not open it, or that there is none. A damaged file may look
// the same.
var ErrPassphrase = errors.New("smime: wrong passphrase for the private key, or none given")

// errPBES2 is for what is not damaged by a wrong passphrase.
var errPBES2 = errors.New("smime: the encrypted private key is malformed")

// decryptPBES2 decrypts an EncryptedPrivateKeyInfo (RFC 5958, Section 3) with
// PBES2 (RFC 8018, Section 6.2). What it costs is checked before it is done.
//
//	EncryptedPrivateKeyInfo ::= SEQUENCE {
//	   encryptionAlgorithm  EncryptionAlgorithmIdentifier,
//	   encryptedData        EncryptedData }
//	PBES2-params ::= SEQUENCE {
//	   keyDerivationFunc AlgorithmIdentifier {{PBES2-KDFs}},
//	   encryptionScheme AlgorithmIdentifier {{PBES2-Encs}} }
func decryptPBES2(der, passphrase []byte, cost *iterationBudget) ([]byte, error) {
	s := cryptobyte.String(der)
	var in, data cryptobyte.String
	var pbe algorithm
	if !s.ReadASN1(&in, asn1.SEQUENCE) || !s.Empty() ||
		!readAlgorithm(&in, &pbe, asn1.SEQUENCE) ||
		!in.ReadASN1(&data, asn1.OCTET_STRING) || !in.Empty() {
		return nil, errPBES2
	}
	if pbe.oid != oidPBES2 {
		return nil, errors.New("smime: the private key is encrypted in an old way: convert the file with openssl pkcs8 -topk8")
	}
	return openPBES2(pbe.params, data, passphrase, cost)
}

// openPBES2 decrypts data with PBES2-params.
func openPBES2(params, data, passphrase []byte, cost *iterationBudget) ([]byte, error) {
	p := cryptobyte.String(params)
	var in cryptobyte.String
	var kdf, enc algorithm
	if !p.ReadASN1(&in, asn1.SEQUENCE) || !p.Empty() ||
		!readAlgorithm(&in, &kdf, asn1.SEQUENCE) ||
		!readAlgorithm(&in, &enc, asn1.SEQUENCE) || !in.Empty() {
		return nil, errPBES2
	}
	size, err := encryptionKeySize(enc.oid)
	if err != nil {
		return nil, err
	}
	var key []byte
	switch kdf.oid {
	case oidPBKDF2:
		key, err = deriveByPBKDF2(kdf.params, passphrase, size, cost)
	case oidScrypt:
		key, err = deriveByScrypt(kdf.params, passphrase, size, cost)
	default:
		err = errors.New("smime: the private key is encrypted with a key derivation that is not supported")
	}
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return decryptPadded(&enc, key, data)
}

// encryptionKeySize returns the size of a cipher's key in octets.
//
// QUIRK: 3DES is what OpenSSL wrote before 1.1; the key is the user's own, and
// is written anew with AES.
func encryptionKeySize(o oid) (int, error) {
	switch o {
	case oidAES128CBC:
		return 16, nil
	case oidAES192CBC:
		return 24, nil
	case oidDESEDE3CBC:
		if fipsOnly() {
			return 0, notApproved("a private key encrypted with 3DES")
		}
		return 24, nil
	case oidAES256CBC:
		return 32, nil
	}
	return 0, errors.New("smime: the private key is encrypted with a cipher that is not supported")
}

// pbkdf2Params are the parameters of PBKDF2. RFC 8018, Appendix A.2:
//
//	PBKDF2-params ::= SEQUENCE {
//	   salt CHOICE {
//	     specified OCTET STRING,
//	     otherSource AlgorithmIdentifier {{PBKDF2-SaltSources}} },
//	   iterationCount INTEGER (1..MAX),
//	   keyLength INTEGER (1..MAX) OPTIONAL,
//	   prf AlgorithmIdentifier {{PBKDF2-PRFs}} DEFAULT algid-hmacWithSHA1 }
type pbkdf2Params struct {
	salt       cryptobyte.String
	iterations int64
	size       int64 // 0: not stated
	prf        algorithm
}

func readPBKDF2(params []byte) (p pbkdf2Params, ok bool) {
	p.prf.oid = oidHMACSHA1
	s := cryptobyte.String(params)
	if !s.ReadASN1(&s, asn1.SEQUENCE) || !s.ReadASN1(&p.salt, asn1.OCTET_STRING) || len(p.salt) > maxSalt ||
		!s.ReadASN1Integer(&p.iterations) || p.iterations < 1 {
		return p, false
	}
	if s.PeekASN1Tag(asn1.INTEGER) && (!s.ReadASN1Integer(&p.size) || p.size < 1) {
		return p, false
	}
	if !s.Empty() && !readAlgorithm(&s, &p.prf, asn1.SEQUENCE) {
		return p, false
	}
	return p, s.Empty()
}

func deriveByPBKDF2(params, passphrase []byte, size int, cost *iterationBudget) ([]byte, error) {
	p, ok := readPBKDF2(params)
	if !ok || p.size != 0 && p.size != int64(size) {
		return nil, errPBES2
	}
	if cost.add(p.iterations); cost.err != nil {
		return nil, cost.err
	}
	h, ok := hmacByOID(p.prf.oid)
	if !ok {
		return nil, errors.New("smime: the private key is encrypted with a digest that is not supported")
	}
	if weakHash(h) && fipsOnly() {
		return nil, notApproved("a private key encrypted with HMAC-SHA-1")
	}
	if len(p.salt) < 16 && fipsOnly() {
		return nil, notApproved("a private key encrypted with a salt of fewer than 128 bits")
	}
	key, err := pbkdf2.Key(h.New, string(passphrase), p.salt, int(p.iterations), size)
	if err != nil {
		return nil, fmt.Errorf("smime: decrypting the private key: %w", err)
	}
	return key, nil
}

// hmacByOID returns the digest of an HMAC.
func hmacByOID(o oid) (crypto.Hash, bool) {
	switch o {
	case oidHMACSHA1:
		return crypto.SHA1, true
	case oidHMACSHA224:
		return crypto.SHA224, true
	case oidHMACSHA256:
		return crypto.SHA256, true
	case oidHMACSHA384:
		return crypto.SHA384, true
	case oidHMACSHA512:
		return crypto.SHA512, true
	}
	return 0, false
}

// deriveByScrypt derives with scrypt. RFC 7914, Section 7:
//
//	scrypt-params ::= SEQUENCE {
//	   salt OCTET STRING,
//	   costParameter INTEGER (1..MAX),
//	   blockSize INTEGER (1..MAX),
//	   parallelizationParameter INTEGER (1..MAX),
//	   keyLength INTEGER (1..MAX) OPTIONAL }
func deriveByScrypt(params, passphrase []byte, size int, cost *iterationBudget) ([]byte, error) {
	s := cryptobyte.String(params)
	var salt cryptobyte.String
	var n, r, p, stated int64
	if !s.ReadASN1(&s, asn1.SEQUENCE) || !s.ReadASN1(&salt, asn1.OCTET_STRING) || len(salt) > maxSalt ||
		!s.ReadASN1Integer(&n) || !s.ReadASN1Integer(&r) || !s.ReadASN1Integer(&p) ||
		n < 2 || n&(n-1) != 0 || r < 1 || p < 1 {
		return nil, errPBES2
	}
	if !s.Empty() && (!s.ReadASN1Integer(&stated) || stated != int64(size)) || !s.Empty() {
		return nil, errPBES2
	}
	// Divided, not multiplied, so that nothing overflows.
	if n > maxScrypt/128 || r > maxScrypt/128/n {
		return nil, &envelope.LimitError{What: "octets of memory for scrypt of a private key", Max: maxScrypt, Fixed: true}
	}
	if p > maxScryptLanes {
		return nil, &envelope.LimitError{What: "lanes of scrypt for a private key", Max: maxScryptLanes, Fixed: true}
	}
	if cost.addScrypt(128 * n * r * p); cost.err != nil {
		return nil, cost.err
	}
	if fipsOnly() {
		return nil, notApproved("a private key encrypted with scrypt")
	}
	key, err := scrypt.Key(passphrase, salt, int(n), int(r), int(p), size)
	if err != nil {
		return nil, fmt.Errorf("smime: decrypting the private key: %w", err)
	}
	return key, nil
}

// decryptPadded decrypts CBC with the padding of RFC 8018, Section 6.1.1.
// Nobody but the user who types the passphrase sees whether it was right.
func decryptPadded(enc *algorithm, key, data []byte) ([]byte, error) {
	var block cipher.Block
	var err error
	if enc.oid == oidDESEDE3CBC {
		block, err = des.NewTripleDESCipher(key)
	} else {
		block, err = aes.NewCipher(key)
	}
	if err != nil {
		return nil, fmt.Errorf("smime: decrypting the private key: %w", err)
	}
	s := cryptobyte.String(enc.params)
	var iv cryptobyte.String
	if !s.ReadASN1(&iv, asn1.OCTET_STRING) || !s.Empty() || len(iv) != block.BlockSize() {
		return nil, errPBES2
	}
	return decryptBlocks(block, iv, data)
}

// decryptBlocks is what decryptPadded does with the block cipher.
func decryptBlocks(block cipher.Block, iv, data []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(data) == 0 || len(data)%size != 0 {
		return nil, errPBES2
	}
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, data)
	n := int(out[len(out)-1])
	if n < 1 || n > size {
		clear(out)
		return nil, ErrPassphrase
	}
	good := 1
	for _, c := range out[len(out)-n:] {
		good &= subtle.ConstantTimeByteEq(c, byte(n))
	}
	if good != 1 {
		clear(out)
		return nil, ErrPassphrase
	}
	return out[:len(out)-n], nil
}

// encryptPBES2 encrypts a PrivateKeyInfo: PBKDF2 with SHA-256, AES-256 in CBC.
// Nothing authenticates it but that a private key and its certificate come out
// that belong together, which is checked on reading.
func encryptPBES2(der, passphrase []byte, iterations int) ([]byte, error) {
	var salt, iv [16]byte
	rand.Read(salt[:]) // never fails, as crypto/rand documents
	rand.Read(iv[:])
	key, err := pbkdf2.Key(sha256.New, string(passphrase), salt[:], iterations, 32)
	if err != nil {
		return nil, fmt.Errorf("smime: encrypting the private key: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	n := aes.BlockSize - len(der)%aes.BlockSize
	data := append(make([]byte, 0, len(der)+n), der...)
	for range n {
		data = append(data, byte(n))
	}
	cipher.NewCBCEncrypter(block, iv[:]).CryptBlocks(data, data)
	var b cryptobyte.Builder
	seq := func(b *cryptobyte.Builder, f func(*cryptobyte.Builder)) { b.AddASN1(asn1.SEQUENCE, f) }
	seq(&b, func(b *cryptobyte.Builder) {
		seq(b, func(b *cryptobyte.Builder) {
			oidPBES2.add(b)
			seq(b, func(b *cryptobyte.Builder) {
				seq(b, func(b *cryptobyte.Builder) {
					oidPBKDF2.add(b)
					seq(b, func(b *cryptobyte.Builder) {
						b.AddASN1OctetString(salt[:])
						b.AddASN1Int64(int64(iterations))
						addAlgorithmNULL(b, oidHMACSHA256)
					})
				})
				seq(b, func(b *cryptobyte.Builder) {
					oidAES256CBC.add(b)
					b.AddASN1OctetString(iv[:])
				})
			})
		})
		b.AddASN1OctetString(data)
	})
	return b.Bytes()
}
