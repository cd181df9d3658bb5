package smime_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/smime"
)

// Messages are put together here octet by octet, by other code than the
// library's, so that each can be wrong in exactly one way.

func tlv(tag byte, parts ...[]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.Tag(tag), func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(parts, nil)) })
	return b.BytesOrPanic()
}

func oidOf(s string) []byte { return tlv(6, []byte(s)) }

var (
	data         = oidOf("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01")
	signedOID    = oidOf("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02")
	envelopedOID = oidOf("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03")
	authEnvOID   = oidOf("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17")
	ctAttrOID    = oidOf("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03")
	gcm256       = oidOf("\x60\x86\x48\x01\x65\x03\x04\x01\x2e")
	gcm192       = oidOf("\x60\x86\x48\x01\x65\x03\x04\x01\x1a")
	cbc256       = oidOf("\x60\x86\x48\x01\x65\x03\x04\x01\x2a")
	ctr256       = oidOf("\x60\x86\x48\x01\x65\x03\x04\x01\x2d")
	sha256OID    = oidOf("\x60\x86\x48\x01\x65\x03\x04\x02\x01")
	sha512OID    = oidOf("\x60\x86\x48\x01\x65\x03\x04\x02\x03")
)

// crafted is one sealed message in parts. Its zero value with a person is a
// good one; each field replaces a part, and a func changes one.
type crafted struct {
	to          *person
	plain       []byte
	cbc         bool
	v15         bool
	outer       []byte // content type of the ContentInfo
	version     []byte
	infos       [][]byte // nil: one for to
	contentType []byte
	algorithm   func(nonce []byte) []byte
	nonce       []byte
	keyLen      int
	attrs       []byte // the [1], nil: none
	aad         []byte // nil: the SET OF of attrs
	mac         func(tag []byte) []byte
	content     func(ct []byte) []byte // the [0] with its header
	before      []byte                 // after the version
	after       []byte                 // after mac or content
	trail       []byte                 // after the message
}

func gcmParams(nonce []byte, rest ...[]byte) []byte {
	return tlv(0x30, append([][]byte{tlv(4, nonce)}, rest...)...)
}

func (c crafted) bytes(t testing.TB) []byte {
	t.Helper()
	if !c.cbc {
		allowed(t, "AES-GCM")
	}
	if c.v15 {
		allowed(t, "RSA PKCS#1 v1.5 encryption")
	}
	key := bytes.Repeat([]byte{0x42}, 32)
	if c.keyLen > 0 {
		key = key[:c.keyLen]
	}
	if c.infos == nil {
		ri, err := smime.WrapFor(c.to.key.Certificate(), key, c.v15)
		require.NoError(t, err)
		c.infos = [][]byte{ri}
	}
	if c.contentType == nil {
		c.contentType = data
	}
	if c.version == nil {
		c.version = tlv(2, []byte{0})
	}
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	var ct, tag []byte
	if c.cbc {
		if c.nonce == nil {
			c.nonce = make([]byte, 16)
		}
		pad := 16 - len(c.plain)%16
		ct = append(slices.Clone(c.plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
		cipher.NewCBCEncrypter(block, c.nonce[:16]).CryptBlocks(ct, ct)
	} else {
		if c.nonce == nil {
			c.nonce = make([]byte, 12)
		}
		aead, err := cipher.NewGCMWithNonceSize(block, len(c.nonce))
		require.NoError(t, err)
		if c.aad == nil && c.attrs != nil {
			c.aad = append([]byte{0x31}, c.attrs[1:]...)
		}
		ct = aead.Seal(nil, c.nonce, c.plain, c.aad)
		ct, tag = ct[:len(c.plain)], ct[len(c.plain):]
	}
	if c.algorithm == nil {
		c.algorithm = func(nonce []byte) []byte {
			if c.cbc {
				return tlv(0x30, cbc256, tlv(4, nonce))
			}
			return tlv(0x30, gcm256, gcmParams(nonce, tlv(2, []byte{16})))
		}
	}
	if c.content == nil {
		c.content = func(ct []byte) []byte { return tlv(0x80, ct) }
	}
	mac := []byte(nil)
	if !c.cbc {
		mac = tlv(4, tag)
		if c.mac != nil {
			mac = c.mac(tag)
		}
	}
	if c.outer == nil {
		c.outer = authEnvOID
		if c.cbc {
			c.outer = envelopedOID
		}
	}
	return append(tlv(0x30, c.outer, tlv(0xa0, tlv(0x30,
		c.version, c.before, tlv(0x31, c.infos...),
		tlv(0x30, c.contentType, c.algorithm(c.nonce), c.content(ct)),
		c.attrs, mac, c.after))), c.trail...)
}

// signedParts is a SignedData in parts; the zero value with a person is good.
type signedParts struct {
	by          *person
	content     []byte
	digests     [][]byte // AlgorithmIdentifiers
	contentType []byte
	eContent    func([]byte) []byte // what follows the type; nil: [0] OCTET STRING
	certs       []byte              // nil: the signer's
	infos       [][]byte
	signs       []byte // what is signed, if not content
	version     byte
	crls        []byte
}

func (s signedParts) bytes(t testing.TB) []byte {
	t.Helper()
	if s.contentType == nil {
		s.contentType = data
	}
	if s.digests == nil {
		s.digests = [][]byte{tlv(0x30, sha256OID)}
	}
	if s.eContent == nil {
		s.eContent = func(b []byte) []byte { return tlv(0xa0, tlv(4, b)) }
	}
	if s.certs == nil {
		s.certs = tlv(0xa0, s.by.key.Certificate().Marshal())
	}
	if s.infos == nil {
		s.infos = [][]byte{s.signerInfo(t)}
	}
	if s.version == 0 {
		s.version = 1
	}
	return tlv(0x30, tlv(2, []byte{s.version}), tlv(0x31, s.digests...),
		tlv(0x30, s.contentType, s.eContent(s.content)), s.certs, s.crls, tlv(0x31, s.infos...))
}

func (s signedParts) signerInfo(t testing.TB) []byte {
	t.Helper()
	covered := s.content
	if s.signs != nil {
		covered = s.signs
	}
	contentType := s.contentType
	if contentType == nil {
		contentType = data
	}
	sum := sha256.Sum256(covered)
	der, err := smime.SignerInfoOf(s.by.key, contentType, sum[:], time.Now())
	require.NoError(t, err)
	return der
}

// message puts a ContentInfo around a SignedData.
func message(sd []byte) []byte { return tlv(0x30, signedOID, tlv(0xa0, sd)) }
