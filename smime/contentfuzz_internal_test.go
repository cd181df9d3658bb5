package smime

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// FuzzContentAlgorithm: what is accepted is a cipher that can be made, with a
// key, a nonce and a tag of lengths that it has.
func FuzzContentAlgorithm(f *testing.F) {
	icv := func(o oid, nonce int, tag ...byte) []byte {
		params := tlv(4, make([]byte, nonce))
		if len(tag) > 0 {
			params = append(params, tlv(2, tag)...)
		}
		return tlv(0x30, append(o.tlv(), tlv(0x30, params)...))
	}
	for _, der := range [][]byte{
		icv(oidAES128GCM, 12, 16), icv(oidAES256GCM, 12), icv(oidAES256GCM, 13, 16),
		icv(oidAES192CCM, 7, 14), icv(oidAES256CCM, 13), icv(oidAES256CCM, 12, 13), icv(oidAES128CCM, 12, 4),
		tlv(0x30, append(oidChaCha20Poly1305.tlv(), tlv(4, make([]byte, 12))...)),
		tlv(0x30, append(oidAES128CBC.tlv(), tlv(4, make([]byte, 16))...)),
		tlv(0x30, append(oidDESEDE3CBC.tlv(), tlv(4, make([]byte, 8))...)),
		tlv(0x30, append(oidRC2CBC.tlv(), tlv(0x30, append(tlv(2, []byte{58}), tlv(4, make([]byte, 8))...))...)),
		tlv(0x30, append(oidRC2CBC.tlv(), tlv(4, make([]byte, 8))...)),
		tlv(0x30, oidAES256GCM.tlv()),
	} {
		f.Add(der)
		f.Add(tlv(0x30, append(oidCEKHKDF.tlv(), der...)))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		a, err := parseContentAlgorithm(der)
		if err != nil {
			require.ErrorIs(t, err, envelope.ErrFormat)
			return
		}
		require.NotEmpty(t, a.name)
		require.Equal(t, a.aead(), a.fits(containerAuthEnveloped) == nil)
		require.Equal(t, a.aead(), a.fits(containerEnveloped) != nil)
		require.Equal(t, a.aead(), a.tagLen >= 12 && a.tagLen <= 16)
		require.Equal(t, a.weakness() == "", a.checkLegacy(seam.Legacy{}) == nil)
		require.NoError(t, a.checkLegacy(seam.Legacy{TripleDES: true, RC2: true}))
		key, err := a.key(make([]byte, a.keyLen))
		require.NoError(t, err)
		require.Len(t, key, a.keyLen)
		if checkFIPS(&a) != nil {
			return
		}
		d, err := a.decrypter(bytes.NewReader(make([]byte, 64)), key)
		require.NoError(t, err)
		n, err := io.Copy(io.Discard, d)
		if a.aead() {
			require.NoError(t, err)
			require.EqualValues(t, 64, n)
		}
		if a.mode == modeCCM || a.mode == modeChaCha {
			v, err := a.verifier(key, []byte("additional data"), 64)
			require.NoError(t, err)
			_, err = v.Write(make([]byte, 64))
			require.NoError(t, err)
			require.False(t, v.Check(make([]byte, a.tagLen)))
		}
	})
}
