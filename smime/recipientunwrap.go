package smime

import (
	"crypto"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
)

// unwrap decrypts the content key, which must have cekLen octets, 16 or more.
//
// For RSA PKCS#1 v1.5 it always succeeds: where the padding or the length is
// wrong the key is a random one, and the content fails to decrypt with it as
// with any wrong key (RFC 3218, Section 2.3.2). Otherwise ok is false for every
// failure, and the reason is not told.
func (k *privateKey) unwrap(ri *recipientInfo, cekLen int) (cek []byte, ok bool) {
	switch {
	case ri.isPKCS1v15():
		return k.unwrapV15(ri.encryptedKey, cekLen), true
	case ri.unsupported() != "":
		return nil, false
	case ri.kind == keyTransport:
		return k.unwrapOAEP(ri, cekLen)
	case ri.kind == keyAgreement:
		return k.unwrapAgreement(ri, cekLen)
	}
	return nil, false
}

// opens reports whether the key is of the kind that ri asks for. That can be
// seen without using it.
func (k *privateKey) opens(ri *recipientInfo) bool {
	if ri.kind == keyAgreement {
		return k.exchanger != nil && ri.agree.curve == k.cert.key.curve
	}
	return k.decrypter != nil
}

// unwrapV15 returns the content key, or a random one.
//
// The standard library and others that honour SessionKeyLen choose between the
// two in constant time. They return errors only for what can be seen without
// the private key: the length of the ciphertext, its being above the modulus.
// A Decrypter that does not honour it shows by its timing alone whether the
// padding was right; the outcome is the same.
func (k *privateKey) unwrapV15(encrypted []byte, cekLen int) []byte {
	cek := make([]byte, cekLen)
	rand.Read(cek) // never fails, as crypto/rand documents
	if k.decrypter == nil {
		return cek
	}
	//lint:ignore SA1019 what most S/MIME mail is encrypted with; see above
	opts := &rsa.PKCS1v15DecryptOptions{SessionKeyLen: cekLen}
	out, err := k.decrypter.Decrypt(rand.Reader, encrypted, opts)
	if err == nil && len(out) == cekLen {
		copy(cek, out)
	}
	clear(out)
	return cek
}

// unwrapOAEP decrypts with RSAES-OAEP. Why OAEP fails is not told, neither by
// crypto/rsa, which computes it in constant time, nor here.
func (k *privateKey) unwrapOAEP(ri *recipientInfo, cekLen int) ([]byte, bool) {
	if k.decrypter == nil {
		return nil, false
	}
	out, err := k.decrypter.Decrypt(rand.Reader, ri.encryptedKey, &rsa.OAEPOptions{
		Hash:    ri.oaep.hash,
		MGFHash: ri.oaep.mgf,
		Label:   ri.oaep.label,
	})
	if err != nil || len(out) != cekLen {
		clear(out)
		return nil, false
	}
	return out, true
}

// unwrapAgreement derives the key-encryption key and unwraps with it. The
// originator's point comes from outside: crypto/ecdh refuses one that is not
// on the curve of our key, and the point at infinity, before the private key
// is used.
func (k *privateKey) unwrapAgreement(ri *recipientInfo, cekLen int) ([]byte, bool) {
	g := ri.agree
	if k.exchanger == nil || g.curve != k.cert.key.curve || len(ri.encryptedKey) != cekLen+wrapBlock {
		return nil, false
	}
	public, err := g.curve.ecdh().NewPublicKey(g.point)
	if err != nil {
		return nil, false
	}
	kek, err := agreeKEK(k.exchanger, public, g.kdf, g.wrap, g.ukm, g.size)
	if err != nil {
		return nil, false
	}
	defer clear(kek)
	return unwrapKey(kek, ri.encryptedKey)
}

// agreeKEK derives a key-encryption key of size octets from one private and
// one public key (RFC 5753, Section 3.1 and SEC 1, Section 3.6.1).
func agreeKEK(private ecdh.KeyExchanger, public *ecdh.PublicKey, kdf crypto.Hash, wrap, ukm []byte, size int) ([]byte, error) {
	z, err := private.ECDH(public)
	if err != nil {
		return nil, err
	}
	defer clear(z)
	info, err := sharedInfo(wrap, ukm, size)
	if err != nil {
		return nil, err
	}
	return x963KDF(kdf, z, info, size)
}
