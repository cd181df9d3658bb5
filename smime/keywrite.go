package smime

import (
	"encoding/pem"
	"fmt"
)

// Marshal returns k as [ParseKey] reads it: PEM with the private key in PKCS#8
// and the certificate. With a passphrase the key is encrypted, with PBKDF2
// (SHA-256, 600,000 iterations) and AES-256; without one it is not, and the
// result must be kept as secret as what it opens. A key in a hardware module
// cannot be marshalled, which is the only error but for fips140=only.
func (k *Key) Marshal(passphrase []byte) ([]byte, error) {
	return k.marshal(passphrase, writeIterations)
}

func (k *Key) marshal(passphrase []byte, iterations int) ([]byte, error) {
	return marshalKeys([]*Key{k}, passphrase, iterations)
}

// MarshalKeys returns keys as [ParseKeys] reads them, one after the other as
// [Key.Marshal] writes each. It fails as that does, and for no keys.
func MarshalKeys(keys []*Key, passphrase []byte) ([]byte, error) {
	return marshalKeys(keys, passphrase, writeIterations)
}

func marshalKeys(keys []*Key, passphrase []byte, iterations int) ([]byte, error) {
	if len(keys) == 0 {
		return nil, errNoKey
	}
	var out []byte
	for i, k := range keys {
		if k == nil || k.in == nil {
			return nil, errNoKey
		}
		if i == maxKeyFileKeys {
			return nil, fmt.Errorf("smime: more than %d private keys are not written into one file", maxKeyFileKeys)
		}
		block, err := k.in.block(passphrase, iterations)
		if err != nil {
			return nil, err
		}
		out = append(out, pem.EncodeToMemory(block)...)
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: k.in.cert.x.Raw})...)
	}
	return out, nil
}

// block returns the private key in PKCS#8, encrypted with the passphrase if
// there is one.
func (k *privateKey) block(passphrase []byte, iterations int) (*pem.Block, error) {
	der, err := marshalPKCS8(k.private)
	if err != nil {
		return nil, fmt.Errorf("smime: the private key cannot be taken out of where it is: %w", err)
	}
	if len(passphrase) == 0 {
		return &pem.Block{Type: pemPKCS8, Bytes: der}, nil
	}
	defer clear(der)
	encrypted, err := encryptPBES2(der, passphrase, iterations)
	if err != nil {
		return nil, err
	}
	return &pem.Block{Type: pemEncrypted, Bytes: encrypted}, nil
}
