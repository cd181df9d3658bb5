package pgp

import (
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"fmt"
	"hash"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Names of the post-quantum encryption algorithms.
const (
	mlkem768Name  = "ML-KEM-768+X25519"
	mlkem1024Name = "ML-KEM-1024+X448"
)

// keyAlgorithm names a public key algorithm, RFC 9580, Section 9.1, and
// RFC 9980. An ECDH packet does not say on which curve.
func keyAlgorithm(id byte) string {
	switch packet.PublicKeyAlgorithm(id) {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSAEncryptOnly, packet.PubKeyAlgoRSASignOnly:
		return "RSA PKCS#1 v1.5"
	case packet.PubKeyAlgoElGamal:
		return "Elgamal"
	case packet.PubKeyAlgoDSA:
		return "DSA"
	case packet.PubKeyAlgoECDH:
		return "ECDH"
	case packet.PubKeyAlgoECDSA:
		return "ECDSA"
	case packet.PubKeyAlgoEdDSA:
		return "EdDSA"
	case packet.PubKeyAlgoX25519:
		return "X25519"
	case packet.PubKeyAlgoX448:
		return "X448"
	case packet.PubKeyAlgoEd25519:
		return "Ed25519"
	case packet.PubKeyAlgoEd448:
		return "Ed448"
	case packet.PubKeyAlgoMldsa65Ed25519:
		return "ML-DSA-65+Ed25519"
	case packet.PubKeyAlgoMldsa87Ed448:
		return "ML-DSA-87+Ed448"
	case packet.PubKeyAlgoSlhdsaShake128s:
		return "SLH-DSA-SHAKE-128s"
	case packet.PubKeyAlgoSlhdsaShake128f:
		return "SLH-DSA-SHAKE-128f"
	case packet.PubKeyAlgoSlhdsaShake256s:
		return "SLH-DSA-SHAKE-256s"
	case packet.PubKeyAlgoMlkem768X25519:
		return mlkem768Name
	case packet.PubKeyAlgoMlkem1024X448:
		return mlkem1024Name
	}
	return fmt.Sprintf("algorithm %d", id)
}

// digest is a hash algorithm of RFC 9580, Section 9.5.
type digest struct {
	name string
	new  func() hash.Hash // nil: signatures with it are not checked
	weak bool             // collisions can be made
}

// Numbers of hash algorithms.
const (
	hashMD5    = 1
	hashSHA1   = 2
	hashRIPEMD = 3
	hashSHA256 = 8
	hashSHA512 = 10
)

func digestByID(id byte) digest {
	switch id {
	case hashMD5:
		return digest{name: "MD5", weak: true}
	case hashSHA1:
		return digest{name: "SHA-1", weak: true}
	case hashRIPEMD:
		return digest{name: "RIPEMD-160", weak: true}
	case 8:
		return digest{name: "SHA-256", new: sha256.New}
	case 9:
		return digest{name: "SHA-384", new: sha512.New384}
	case hashSHA512:
		return digest{name: "SHA-512", new: sha512.New}
	case 11:
		return digest{name: "SHA-224", new: sha256.New224}
	case 12:
		return digest{name: "SHA3-256", new: func() hash.Hash { return sha3.New256() }}
	case 14:
		return digest{name: "SHA3-512", new: func() hash.Hash { return sha3.New512() }}
	}
	return digest{name: fmt.Sprintf("hash %d", id)}
}

// signatureAlgorithm names what a signature was made with.
func signatureAlgorithm(key, hash byte) string {
	return keyAlgorithm(key) + ", " + digestByID(hash).name
}

// cipherName names a cipher that is read here, "" for all others.
func cipherName(cipher packet.CipherFunction) string {
	switch cipher {
	case packet.CipherAES128:
		return "AES-128"
	case packet.CipherAES192:
		return "AES-192"
	case packet.CipherAES256:
		return "AES-256"
	}
	return ""
}

// contentV2 names the cipher and mode of SEIPDv2, "" where they are not read here.
func contentV2(cipher packet.CipherFunction, mode packet.AEADMode) string {
	c, m := cipherName(cipher), ""
	switch mode {
	case packet.AEADModeEAX:
		m = "EAX"
	case packet.AEADModeOCB:
		m = "OCB"
	case packet.AEADModeGCM:
		m = "GCM"
	}
	if c == "" || m == "" {
		return ""
	}
	return c + "-" + m
}

// keyName is how reports name a key that a message points to: by the whole
// fingerprint where the message has it, else by key ID.
func keyName(fingerprint []byte, id uint64) string {
	if len(fingerprint) > 0 {
		return fmt.Sprintf("key %X", fingerprint)
	}
	return fmt.Sprintf("key ID %016X", id)
}
