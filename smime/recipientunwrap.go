package smime

import (
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
	case ri.kind == keyEncapsulation:
		return k.unwrapEncapsulation(ri, cekLen)
	}
	return nil, false
}

// opens reports whether the key is of the kind that ri asks for. That can be
// seen without using it.
func (k *privateKey) opens(ri *recipientInfo) bool {
	switch ri.kind {
	case keyAgreement:
		return k.agreesOn(ri.agree.curve)
	case keyEncapsulation:
		return k.kem != nil && ri.kem.set == k.cert.key.kem
	}
	return k.decrypter != nil
}

// unwrapV15 returns the content key, or a random one.
//
// The standard library and others that honour SessionKeyLen choose between the
// two in constant time. They return errors only for what can be seen without
// the private key: the length of the ciphertext, its being above the modulus.
//
// Many hardware modules know nothing of SessionKeyLen and refuse it: they are
// asked once more without. For the others the second answer is the same error,
// so that nothing is told that the first did not tell. A module that is asked
// so may show by its timing whether the padding was right, which is between
// the caller and the module (see NewKey); the outcome is the same: whatever it
// answers, other than a key of the right length, the key is random.
func (k *privateKey) unwrapV15(encrypted []byte, cekLen int) []byte {
	cek := make([]byte, cekLen)
	rand.Read(cek) // never fails, as crypto/rand documents
	if k.decrypter == nil {
		return cek
	}
	//lint:ignore SA1019 what most S/MIME mail is encrypted with; see above
	opts := &rsa.PKCS1v15DecryptOptions{SessionKeyLen: cekLen}
	out, err := k.decrypter.Decrypt(rand.Reader, encrypted, opts)
	if err != nil {
		//lint:ignore SA1019 as above
		out, err = k.decrypter.Decrypt(rand.Reader, encrypted, new(rsa.PKCS1v15DecryptOptions))
	}
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
