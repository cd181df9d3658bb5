package smime_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/smime"
)

// hkdfOID is id-alg-cek-hkdf-sha256, RFC 9709.
var hkdfOID = oidOf("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x1f")

// derived is a message whose content key was derived for the algorithm inner,
// and whose parts say what change makes of them.
func derived(t *testing.T, to *person, cbc bool, plain []byte, change func(c *crafted, inner []byte)) []byte {
	t.Helper()
	cek, nonce := bytes.Repeat([]byte{0x42}, 32), make([]byte, 12)
	inner := tlv(0x30, gcm256, gcmParams(nonce, tlv(2, []byte{16})))
	if cbc {
		nonce = make([]byte, 16)
		inner = tlv(0x30, cbc256, tlv(4, nonce))
	}
	key, err := hkdf.Key(sha256.New, cek, []byte("The Cryptographic Message Syntax"), string(inner), 32)
	require.NoError(t, err)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	c := crafted{to: to, cbc: cbc, plain: plain}
	if cbc {
		pad := 16 - len(plain)%16
		ct := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
		cipher.NewCBCEncrypter(block, nonce).CryptBlocks(ct, ct)
		c.content = func([]byte) []byte { return tlv(0x80, ct) }
	} else {
		aead, err := cipher.NewGCM(block)
		require.NoError(t, err)
		ct := aead.Seal(nil, nonce, plain, nil)
		c.content = func([]byte) []byte { return tlv(0x80, ct[:len(plain)]) }
		c.mac = func([]byte) []byte { return tlv(4, ct[len(plain):]) }
	}
	c.algorithm = func([]byte) []byte { return tlv(0x30, hkdfOID, inner) }
	if change != nil {
		change(&c, inner)
	}
	return c.bytes(t)
}

// TestCEKHKDF: a derived content key (RFC 9709) is read, and what is inside of
// the derivation is judged as if there were none.
func TestCEKHKDF(t *testing.T) {
	allowed(t, "AES-GCM")
	who := fresh["P-256"]()
	text := []byte("a secret")
	signed := message(signedParts{by: who, content: text}.bytes(t))
	for _, c := range []struct {
		name   string
		cbc    bool
		change func(c *crafted, inner []byte)
		err    error
	}{
		{"GCM", false, nil, nil},
		{"CBC around a signature", true, nil, nil},
		{"GCM in EnvelopedData", false, func(c *crafted, _ []byte) {
			c.outer, c.mac = envelopedOID, func([]byte) []byte { return nil }
		}, envelope.ErrFormat},
		{"CBC in AuthEnvelopedData", true, func(c *crafted, _ []byte) {
			c.outer, c.after = authEnvOID, tlv(4)
		}, envelope.ErrFormat},
		{"derived twice", false, func(c *crafted, inner []byte) {
			c.algorithm = func([]byte) []byte { return tlv(0x30, hkdfOID, tlv(0x30, hkdfOID, inner)) }
		}, envelope.ErrFormat},
		{"the derivation stripped", false, func(c *crafted, inner []byte) {
			c.algorithm = func([]byte) []byte { return inner }
		}, envelope.ErrDecrypt},
		{"not derived", false, func(c *crafted, _ []byte) { c.content, c.mac = nil, nil }, envelope.ErrDecrypt},
		{"derived for another nonce", false, func(c *crafted, _ []byte) {
			c.algorithm = func(n []byte) []byte {
				n = bytes.Clone(n)
				n[0] ^= 1
				return tlv(0x30, hkdfOID, tlv(0x30, gcm256, gcmParams(n, tlv(2, []byte{16}))))
			}
		}, envelope.ErrDecrypt},
	} {
		t.Run(c.name, func(t *testing.T) {
			plain := text
			if c.cbc {
				plain = signed
			}
			got, _, err := open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(derived(t, who, c.cbc, plain, c.change)))
			if c.err == nil {
				require.NoError(t, err)
				require.Equal(t, text, got)
				return
			}
			require.ErrorIs(t, err, c.err)
			require.Empty(t, got)
		})
	}
}

// TestContentElsewhere: where the encrypted content is not in the message, the
// error says so: it is a message that nothing else is wrong with.
func TestContentElsewhere(t *testing.T) {
	who := fresh["P-256"]()
	for _, there := range []bool{true, false} {
		c := crafted{to: who, plain: []byte("text")}
		if !there {
			c.content = func([]byte) []byte { return nil }
		}
		_, _, err := open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(c.bytes(t)))
		if there {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, envelope.ErrFormat)
		require.ErrorContains(t, err, "its content is not in it")
	}
}

// TestRecipientsLimit: so many recipients are parsed and no more, also those
// that share one RecipientInfo.
func TestRecipientsLimit(t *testing.T) {
	who := fresh["P-256"]()
	ri := must(smime.WrapFor(who.key.Certificate(), bytes.Repeat([]byte{0x42}, 32), false))
	for n, ok := range map[int]bool{3: true, 4: false} {
		msg := crafted{to: who, plain: []byte("text"), infos: repeat(ri, n)}.bytes(t)
		o := envelope.Opener{Identities: who.identities(), Limits: envelope.Limits{Recipients: 3}}
		_, _, err := open(o, bytes.NewReader(msg))
		if ok {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, envelope.ErrLimit)
		}
	}
}

// TestBadPaddingWithPermission: with permission for CBC without a signature,
// content whose padding is wrong is still not released, not even its beginning.
func TestBadPaddingWithPermission(t *testing.T) {
	who := fresh["P-256"]()
	o := envelope.Opener{Identities: who.identities()}
	o.Legacy.UnauthenticatedCBC = true
	c := crafted{to: who, cbc: true, plain: bytes.Repeat([]byte("0123456789abcdef"), 64<<10)}
	got, r, err := open(o, bytes.NewReader(c.bytes(t)))
	require.NoError(t, err)
	require.True(t, r.Unauthenticated)
	require.True(t, bytes.Equal(c.plain, got))
	c.content = func(ct []byte) []byte {
		ct[len(ct)-17] ^= 0xff // the padding's last octet
		return tlv(0x80, ct)
	}
	got, _, err = open(o, bytes.NewReader(c.bytes(t)))
	require.Equal(t, envelope.ErrDecrypt, err)
	require.Empty(t, got)
}

// TestSessionRefusesUnauthenticated: the format itself refuses CBC that nothing
// authenticates, whatever the package above does.
func TestSessionRefusesUnauthenticated(t *testing.T) {
	who := fresh["P-256"]()
	format := seam.Opaque[seam.Format](smime.Format()).Unwrap()
	msg := crafted{to: who, cbc: true, plain: []byte("text")}.bytes(t)
	for _, allowed := range []bool{true, false} {
		s, err := format.Open(bytes.NewReader(msg), &seam.OpenPlan{
			Identities:           []seam.Identity{seam.Opaque[seam.Identity](who.key.Identity()).Unwrap()},
			Now:                  time.Now(),
			AllowUnauthenticated: allowed,
			Limits:               seam.Limits{Recipients: 10, PrivateTrial: 10, Certificates: 10, Signatures: 10, HeaderBytes: 1 << 20},
		})
		require.NoError(t, err)
		err = s.Verify()
		if allowed {
			require.NoError(t, err)
			require.Equal(t, seam.AuthNone, s.Facts().Auth)
		} else {
			require.Equal(t, envelope.ErrDecrypt, err)
		}
		require.NoError(t, s.Close())
	}
}
