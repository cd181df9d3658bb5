//go:build cgo

package token

import (
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"
)

// handle is a private key in a token.
type handle struct {
	t      *Token
	object pkcs11.ObjectHandle
	always bool // each use wants the PIN: PKCS #11, CKA_ALWAYS_AUTHENTICATE
}

// errFault is a signature that is wrong: one can give a key away.
var errFault = errors.New("token: the signature that the token made does not verify: the token, or the way to it, is damaged")

// refused is what the token says when an operation begins, of which it has seen
// nothing yet but its kind.
func refused(mechanism string, err error) error {
	if err == nil || lost(err) {
		return err
	}
	return &MechanismError{Mechanism: mechanism, Reason: err.Error()}
}

func (h handle) sign(m *pkcs11.Mechanism, name string, data []byte) (sig []byte, err error) {
	err = h.t.session(func(s pkcs11.SessionHandle) error {
		if err := refused(name, h.t.ctx.SignInit(s, []*pkcs11.Mechanism{m}, h.object)); err != nil {
			return err
		}
		if err := h.again(s, "signing with a key of the token "+h.t.name); err != nil {
			return err
		}
		sig, err = h.t.ctx.Sign(s, data)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("token: signing: %w", err)
	}
	return sig, nil
}

// again asks for the PIN where the key wants it for each use.
func (h handle) again(s pkcs11.SessionHandle, purpose string) error {
	if !h.always {
		return nil
	}
	if err := h.t.login(s, pkcs11.CKU_CONTEXT_SPECIFIC, purpose); err != nil {
		return begunError{err}
	}
	return nil
}

func (h handle) decrypt(m *pkcs11.Mechanism, name string, data []byte) (out []byte, err error) {
	err = h.t.session(func(s pkcs11.SessionHandle) error {
		if err := refused(name, h.t.ctx.DecryptInit(s, []*pkcs11.Mechanism{m}, h.object)); err != nil {
			return err
		}
		if err := h.again(s, "opening with a key of the token "+h.t.name); err != nil {
			return err
		}
		out, err = h.t.ctx.Decrypt(s, data)
		return err
	})
	return out, err
}
