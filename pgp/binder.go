package pgp

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// binder makes the signatures that hold a certificate together, and writes
// them behind what they are about. After an error it does nothing more.
type binder struct {
	primary *packet.PrivateKey
	hashed  []byte // the primary key as it is signed
	now     time.Time
	out     []byte
	err     error
}

func newBinder(primary *packet.PrivateKey, now time.Time) *binder {
	b := &binder{primary: primary, now: now}
	var public []byte
	if public, b.err = publicBody(&primary.PublicKey); b.err == nil {
		b.hashed = hashedKey(public)
	}
	return b
}

func (b *binder) add(tag int, body []byte) { b.out = appendKeyPacket(b.out, tag, body) }

// direct, userID, subkey and revoke fill in a signature about the primary key,
// a user ID, or a subkey, and sign it.
func (b *binder) direct(sig *packet.Signature) { b.sign(sigDirectKey, sig) }
func (b *binder) revoke(sig *packet.Signature) { b.sign(sigKeyRevocation, sig) }
func (b *binder) userID(id []byte, sig *packet.Signature) {
	b.sign(sigCertLast, sig, hashedUserID(id))
}

// subkey also has a subkey for signing sign back, RFC 9580, Section 5.2.1.9,
// if its secret is there; without it what stood in an older binding serves on,
// as it covers nothing that changes.
func (b *binder) subkey(secret *packet.PrivateKey, public *packet.PublicKey, sig *packet.Signature) {
	body, err := publicBody(public)
	if err != nil {
		b.err = err
		return
	}
	what := hashedKey(body)
	if !sig.FlagSign {
		sig.EmbeddedSignature = nil
	} else if secret != nil {
		back := &packet.Signature{}
		b.make(secret, packet.SigTypePrimaryKeyBinding, back, b.hashed, what)
		sig.EmbeddedSignature = back
	}
	b.sign(sigSubkeyBinding, sig, what)
}

func (b *binder) sign(kind packet.SignatureType, sig *packet.Signature, parts ...[]byte) {
	b.make(b.primary, kind, sig, append([][]byte{b.hashed}, parts...)...)
	if b.err != nil {
		return
	}
	var out bytes.Buffer
	if b.err = keyGuard(func() error { return sig.Serialize(&out) }); b.err == nil {
		b.out = append(b.out, out.Bytes()...)
	}
}

// make signs, and looks whether what came out verifies: a fault in the
// computation would give away the key with the signature. Sign keeps some
// errors to itself, which this finds too.
func (b *binder) make(by *packet.PrivateKey, kind packet.SignatureType, sig *packet.Signature, parts ...[]byte) {
	if b.err != nil {
		return
	}
	id := by.KeyId
	sig.Version, sig.SigType, sig.PubKeyAlgo = by.Version, kind, by.PubKeyAlgo
	sig.Hash, sig.CreationTime, sig.IssuerKeyId = hashToSign, b.now, &id
	secret, why := reporting(by)
	b.err = keyGuard(func() error {
		h, err := sig.PrepareSign(config())
		if err != nil {
			return err
		}
		for _, p := range parts {
			h.Write(p)
		}
		return sig.Sign(h, secret, config())
	})
	if reason := why(); reason != nil {
		b.err = reason
	}
	if b.err == nil && !signedOver(&by.PublicKey, sig, parts...) {
		b.err = errBadSignature
	}
}

var errBadSignature = errors.New("pgp: a signature that was just made does not verify: the computer, or the key, is damaged")

// renewed returns what a signature says in one that is to be signed anew.
// Whatever go-crypto reads is kept; the salt is not, which is why this is no
// copy of the struct.
func renewed(old *packet.Signature) *packet.Signature {
	return &packet.Signature{
		SigLifetimeSecs: old.SigLifetimeSecs, KeyLifetimeSecs: old.KeyLifetimeSecs,
		PreferredSymmetric: old.PreferredSymmetric, PreferredHash: old.PreferredHash,
		PreferredCompression: old.PreferredCompression, PreferredCipherSuites: old.PreferredCipherSuites,
		IsPrimaryId: old.IsPrimaryId, Notations: slices.Clone(old.Notations),
		KeyserverPrefsValid: old.KeyserverPrefsValid, KeyserverPrefNoModify: old.KeyserverPrefNoModify,
		PreferredKeyserver: old.PreferredKeyserver, PolicyURI: old.PolicyURI,
		FlagsValid: old.FlagsValid, FlagCertify: old.FlagCertify, FlagSign: old.FlagSign,
		FlagEncryptCommunications: old.FlagEncryptCommunications, FlagEncryptStorage: old.FlagEncryptStorage,
		FlagSplitKey: old.FlagSplitKey, FlagAuthenticate: old.FlagAuthenticate, FlagGroupKey: old.FlagGroupKey,
		SEIPDv1: old.SEIPDv1, SEIPDv2: old.SEIPDv2,
		EmbeddedSignature: old.EmbeddedSignature,
	}
}

// publicBody returns the body of a public key packet.
func publicBody(k *packet.PublicKey) ([]byte, error) {
	var out bytes.Buffer
	if err := keyGuard(func() error { return k.SerializeForHash(&out) }); err != nil {
		return nil, err
	}
	return out.Bytes()[hashedHead(k):], nil
}

// secretBody returns the body of a secret key packet.
func secretBody(k *packet.PrivateKey) (body []byte, err error) {
	var out bytes.Buffer
	if err := keyGuard(func() error { return k.Serialize(&out) }); err != nil {
		return nil, err
	}
	err = splitKeyPackets(out.Bytes(), func(_ int, b []byte) error { body = b; return nil })
	return body, err
}
