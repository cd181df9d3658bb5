package smime_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hkdf"
	"crypto/sha256"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ccm/ccmtest"
	"github.com/doublekeybox/doublekeybox/internal/rc2"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/smime"
)

// contentCipher is one way to encrypt content, by other code than the reader's.
type contentCipher struct {
	name   string
	oid    []byte
	keyLen int
	nonce  int
	tag    int // 0: CBC
	params func(nonce []byte, tag int) []byte
	seal   func(c *contentCipher, key, nonce, aad, plain []byte) []byte // ciphertext and tag
	legacy envelope.Legacy
	weak   string
}

func rc2Params(version ...byte) func([]byte, int) []byte {
	return func(iv []byte, _ int) []byte { return tlv(0x30, tlv(2, version), tlv(4, iv)) }
}

func octetParams(nonce []byte, _ int) []byte { return tlv(4, nonce) }

func icvParams(nonce []byte, tag int) []byte {
	return tlv(0x30, tlv(4, nonce), tlv(2, []byte{byte(tag)}))
}

func sealCBC(block func(key []byte) (cipher.Block, error)) func(*contentCipher, []byte, []byte, []byte, []byte) []byte {
	return func(_ *contentCipher, key, iv, _, plain []byte) []byte {
		b := must(block(key))
		pad := b.BlockSize() - len(plain)%b.BlockSize()
		out := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
		cipher.NewCBCEncrypter(b, iv).CryptBlocks(out, out)
		return out
	}
}

func sealCCM(c *contentCipher, key, nonce, aad, plain []byte) []byte {
	return ccmtest.Seal(key, nonce, aad, plain, c.tag)
}

func sealGCM(c *contentCipher, key, nonce, aad, plain []byte) []byte {
	return must(cipher.NewGCMWithTagSize(must(aes.NewCipher(key)), c.tag)).Seal(nil, nonce, plain, aad)
}

func sealChaCha(_ *contentCipher, key, nonce, aad, plain []byte) []byte {
	return must(chacha20poly1305.New(key)).Seal(nil, nonce, plain, aad)
}

func newRC2(key []byte) (cipher.Block, error) { return rc2.NewCipher(key, 8*len(key)) }

var (
	newDES    = des.NewTripleDESCipher
	chachaOID = oidOf("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x12")
	tdesOID   = oidOf("\x2a\x86\x48\x86\xf7\x0d\x03\x07")
	rc2OID    = oidOf("\x2a\x86\x48\x86\xf7\x0d\x03\x02")
)

// aesOID is 2.16.840.1.101.3.4.1.n.
func aesOID(n byte) []byte { return oidOf("\x60\x86\x48\x01\x65\x03\x04\x01" + string(rune(n))) }

func contentCiphers() []contentCipher {
	tdes, rc := envelope.Legacy{TripleDES: true}, envelope.Legacy{RC2: true}
	return []contentCipher{
		{"AES-128-GCM", aesOID(6), 16, 12, 16, icvParams, sealGCM, envelope.Legacy{}, ""},
		{"AES-192-GCM", aesOID(26), 24, 12, 12, icvParams, sealGCM, envelope.Legacy{}, ""},
		{"AES-256-GCM", aesOID(46), 32, 12, 14, icvParams, sealGCM, envelope.Legacy{}, ""},
		{"AES-128-CCM", aesOID(7), 16, 12, 16, icvParams, sealCCM, envelope.Legacy{}, ""},
		{"AES-192-CCM", aesOID(27), 24, 7, 14, icvParams, sealCCM, envelope.Legacy{}, ""},
		{"AES-256-CCM", aesOID(47), 32, 13, 12, icvParams, sealCCM, envelope.Legacy{}, ""},
		{"ChaCha20-Poly1305", chachaOID, 32, 12, 16, octetParams, sealChaCha, envelope.Legacy{}, ""},
		{"AES-128-CBC", aesOID(2), 16, 16, 0, octetParams, sealCBC(aes.NewCipher), envelope.Legacy{}, ""},
		{"AES-192-CBC", aesOID(22), 24, 16, 0, octetParams, sealCBC(aes.NewCipher), envelope.Legacy{}, ""},
		{"AES-256-CBC", aesOID(42), 32, 16, 0, octetParams, sealCBC(aes.NewCipher), envelope.Legacy{}, ""},
		{"3DES-CBC", tdesOID, 24, 8, 0, octetParams, sealCBC(newDES), tdes, "weak: the content is encrypted with triple DES"},
		{"RC2-40-CBC", rc2OID, 5, 8, 0, rc2Params(0, 160), sealCBC(newRC2), rc, "weak: the content is encrypted with RC2"},
		{"RC2-64-CBC", rc2OID, 8, 8, 0, rc2Params(120), sealCBC(newRC2), rc, "weak: the content is encrypted with RC2"},
		{"RC2-128-CBC", rc2OID, 16, 8, 0, rc2Params(58), sealCBC(newRC2), rc, "weak: the content is encrypted with RC2"},
	}
}

// in makes c a message that is encrypted so, with a content key that is
// derived (RFC 9709) if derive is set.
func (k *contentCipher) in(t testing.TB, c crafted, derive bool) crafted {
	t.Helper()
	allowed(t, "AES-GCM")
	cek, nonce := bytes.Repeat([]byte{0x42}, k.keyLen), bytes.Repeat([]byte{0x17}, k.nonce)
	if c.infos == nil {
		c.infos = [][]byte{must(smime.WrapFor(c.to.key.Certificate(), cek, c.v15))}
	}
	c.cbc = k.tag == 0
	inner := tlv(0x30, k.oid, k.params(nonce, k.tag))
	key := cek
	if derive {
		key = must(hkdf.Key(sha256.New, cek, []byte("The Cryptographic Message Syntax"), string(inner), k.keyLen))
	}
	if c.algorithm == nil {
		c.algorithm = func([]byte) []byte {
			if derive {
				return tlv(0x30, hkdfOID, inner)
			}
			return inner
		}
	}
	aad := c.aad
	if aad == nil && c.attrs != nil {
		aad = append([]byte{0x31}, c.attrs[1:]...)
	}
	out := k.seal(k, key, nonce, aad, c.plain)
	ct, tag := out[:len(out)-k.tag], out[len(out)-k.tag:]
	content, mac := c.content, c.mac
	c.content = func([]byte) []byte {
		if content != nil {
			return content(bytes.Clone(ct))
		}
		return tlv(0x80, ct)
	}
	c.mac = func([]byte) []byte {
		if mac != nil {
			return mac(bytes.Clone(tag))
		}
		return tlv(4, tag)
	}
	return c
}

// TestContentCiphers: what each cipher encrypts comes out, its key derived or
// not, with attributes and without; a bit changed anywhere is ErrDecrypt.
func TestContentCiphers(t *testing.T) {
	t.Parallel()
	allowed(t, "other ciphers than AES-CBC")
	short, long := fresh["RSA-3072"](), fresh["P-256"]()
	for _, k := range contentCiphers() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			who := long
			if k.keyLen < 16 { // which AES does not wrap (RFC 3394), and RSA, ten times as slow, does
				who = short
			}
			for _, size := range []int{0, 1, 15, 16, 17, 5000, 40_000} {
				text := bytes.Repeat([]byte{'x'}, size)
				sd := signedParts{by: who, content: text}.bytes(t)
				plain := crafted{to: who, plain: text}
				signed := crafted{to: who, plain: sd, contentType: signedOID}
				if k.tag > 0 {
					signed.attrs = tlv(0xa1, attribute(ctAttrOID, signedOID))
				}
				for _, c := range []crafted{plain, signed} {
					for _, derive := range []bool{false, true} {
						o := envelope.Opener{Identities: who.identities(), Legacy: k.legacy}
						o.Legacy.UnauthenticatedCBC = true
						msg := k.in(t, c, derive).bytes(t)
						for _, pipes := range []bool{false, true} {
							got, r, err := open(o, source(msg, pipes))
							require.NoError(t, err, "%d", size)
							require.True(t, bytes.Equal(text, got))
							require.Contains(t, r.Content, k.name)
							require.Equal(t, derive, r.Content != k.name)
							require.Equal(t, k.tag == 0 && c.contentType == nil, r.Unauthenticated)
							require.Len(t, r.Signatures, len(c.contentType)/len(signedOID))
							require.Equal(t, k.weak != "", slices.ContainsFunc(r.Findings, func(s string) bool { return len(k.weak) > 0 && bytes.HasPrefix([]byte(s), []byte(k.weak)) }))
						}
						if size != 17 {
							continue
						}
						// One bit, with and without its key: the same error.
						o.Legacy.UnauthenticatedCBC = false
						if k.tag == 0 && c.contentType == nil {
							_, _, err := open(o, bytes.NewReader(msg))
							require.True(t, err == envelope.ErrDecrypt, "nothing authenticates it: %v", err)
							continue
						}
						spoilt := c
						spoilt.content = func(ct []byte) []byte { ct[len(ct)/2] ^= 1; return tlv(0x80, ct) }
						lost := c
						ri := must(smime.WrapFor(who.key.Certificate(), make([]byte, k.keyLen), false))
						ri[len(ri)-1] ^= 1
						lost.infos = [][]byte{ri}
						bad := []crafted{spoilt, lost}
						if k.tag > 0 {
							x := c
							x.mac = func(tag []byte) []byte { tag[len(tag)-1] ^= 1; return tlv(4, tag) }
							y := c
							y.aad = []byte("other additional data")
							z := c
							z.content = func(ct []byte) []byte { return tlv(0x80, ct[:len(ct)-1]) }
							bad = append(bad, x, y, z)
						}
						for i, x := range bad {
							got, _, err := open(o, bytes.NewReader(k.in(t, x, derive).bytes(t)))
							require.True(t, err == envelope.ErrDecrypt, "%d: %v", i, err)
							require.Empty(t, got)
						}
					}
				}
			}
		})
	}
}

// TestPassesOfLateTags: a tag that hashes first what comes last takes a pass
// more, whatever the key and the content.
func TestPassesOfLateTags(t *testing.T) {
	t.Parallel()
	allowed(t, "other ciphers than AES-CBC")
	who := fresh["P-256"]()
	for _, k := range contentCiphers() {
		if k.tag == 0 {
			continue
		}
		late := 1
		if k.params(nil, 0)[0] == 0x30 && k.oid[len(k.oid)-1]%20 == 6 { // GCM: 6, 26, 46
			late = 0
		}
		file := crafted{to: who, plain: []byte("text")}
		signed := crafted{to: who, plain: signedInside(t, who).plain, contentType: signedOID, attrs: tlv(0xa1, attribute(ctAttrOID, signedOID))}
		lost := func(c crafted) crafted {
			ri := must(smime.WrapFor(who.key.Certificate(), make([]byte, k.keyLen), false))
			ri[len(ri)-1] ^= 1
			c.infos = [][]byte{ri}
			return c
		}
		wrong := func(c crafted) crafted {
			c.mac = func(tag []byte) []byte { tag[0] ^= 1; return tlv(4, tag) }
			return c
		}
		for name, c := range map[string]struct {
			msg    crafted
			passes int
			ok     bool
		}{
			"a file":            {file, late, true},
			"signed":            {signed, late + 1, true},
			"a file, wrong tag": {wrong(file), late, false},
			"signed, wrong tag": {wrong(signed), late, false},
			"a file, lost key":  {lost(file), late, false},
			"signed, lost key":  {lost(signed), late, false},
		} {
			msg := k.in(t, c.msg, false).bytes(t)
			s := session(t, who, msg, seam.Legacy{})
			err := s.Verify()
			n := 0
			for ; err == nil && s.Rereads(); n++ {
				err = s.Reread(bytes.NewReader(msg))
			}
			require.Equal(t, c.passes, n, "%s, %s", k.name, name)
			got, again := io.ReadAll(s.Again(bytes.NewReader(msg)))
			if c.ok {
				require.NoError(t, err)
				require.NoError(t, again)
				require.Equal(t, "text", string(got))
			} else {
				require.True(t, err == envelope.ErrDecrypt, "%v", err)
				require.Equal(t, envelope.ErrClosed, again)
			}
		}
	}
}

// TestLegacyCiphers: what is weak opens only where its own name allows it, and
// the error without says which. Nothing else is allowed by it, and what is not
// supported at all is named too.
func TestLegacyCiphers(t *testing.T) {
	t.Parallel()
	allowed(t, "other ciphers than AES-CBC")
	who := fresh["RSA-3072"]()
	every := envelope.Legacy{TripleDES: true, RC2: true, RSA1024: true}
	for _, k := range contentCiphers() {
		sd := signedParts{by: who, content: []byte("text")}.bytes(t)
		c := k.in(t, crafted{to: who, plain: sd, contentType: signedOID, attrs: map[bool][]byte{true: tlv(0xa1, attribute(ctAttrOID, signedOID))}[k.tag > 0]}, false)
		for _, l := range []envelope.Legacy{{}, {TripleDES: true}, {RC2: true}, {RSA1024: true}, every} {
			got, _, err := open(envelope.Opener{Identities: who.identities(), Legacy: l}, bytes.NewReader(c.bytes(t)))
			if (!k.legacy.TripleDES || l.TripleDES) && (!k.legacy.RC2 || l.RC2) {
				require.NoError(t, err, k.name)
				require.Equal(t, "text", string(got))
				continue
			}
			require.ErrorIs(t, err, envelope.ErrFormat)
			require.ErrorContains(t, err, map[bool]string{true: "Legacy.TripleDES", false: "Legacy.RC2"}[k.legacy.TripleDES])
			require.ErrorContains(t, err, k.name)
			require.Empty(t, got)
		}
		r, err := envelope.Inspect(bytes.NewReader(c.bytes(t)), smime.Format())
		require.NoError(t, err, "what it is can be seen without permission")
		require.Equal(t, k.name, r.Content)
		// A stranger's message is a stranger's, whatever is in it.
		_, _, err = open(envelope.Opener{Identities: fresh["stranger"]().identities()}, bytes.NewReader(c.bytes(t)))
		require.ErrorIs(t, err, envelope.ErrNotForYou)
	}
	for o, name := range map[string]string{
		"\x2b\x0e\x03\x02\x07":                         "single DES",
		"\x2a\x86\x48\x86\xf7\x0d\x03\x04":             "RC4",
		"\x2a\x86\x48\x86\xf6\x7d\x07\x42\x0a":         "CAST5",
		"\x2b\x06\x01\x04\x01\x81\x3c\x07\x01\x01\x02": "IDEA",
		"\x2a\x83\x1a\x8c\x9a\x44\x01\x04":             "SEED",
		"\x2a\x83\x08\x8c\x9a\x4b\x3d\x01\x01\x01\x02": "Camellia",
		"\x2a\x83\x08\x8c\x9a\x4b\x3d\x01\x01\x01\x03": "Camellia",
		"\x2a\x83\x08\x8c\x9a\x4b\x3d\x01\x01\x01\x04": "Camellia",
		"\x2a\x83\x08\x8c\x9a\x4b\x3d\x01\x01\x01\x05": "its content algorithm",
	} {
		for _, size := range []int{8, 16} {
			c := crafted{to: who, cbc: true, plain: []byte("text"), algorithm: func([]byte) []byte { return tlv(0x30, oidOf(o), tlv(4, make([]byte, size))) }}
			_, _, err := open(envelope.Opener{Identities: who.identities(), Legacy: every}, bytes.NewReader(c.bytes(t)))
			require.ErrorIs(t, err, envelope.ErrFormat)
			require.ErrorContains(t, err, name)
			require.ErrorContains(t, err, "not supported")
		}
	}
}

// TestCipherRules: each rule of the parameters, and of where a cipher has its
// place, has a message that breaks it alone.
func TestCipherRules(t *testing.T) {
	t.Parallel()
	allowed(t, "other ciphers than AES-CBC")
	who := fresh["RSA-3072"]()
	byName := map[string]contentCipher{}
	for _, k := range contentCiphers() {
		byName[k.name] = k
	}
	params := func(f func(nonce []byte, tag int) []byte) func(*contentCipher, *crafted) {
		return func(k *contentCipher, _ *crafted) { k.params = f }
	}
	nonce := func(n int) func(*contentCipher, *crafted) {
		return func(k *contentCipher, _ *crafted) { k.nonce = n }
	}
	announced := func(n int) func(*contentCipher, *crafted) {
		return params(func(nonce []byte, _ int) []byte { return icvParams(nonce, n) })
	}
	tag := func(n int) func(*contentCipher, *crafted) {
		return func(k *contentCipher, _ *crafted) { k.tag = n }
	}
	withoutICV := func(nonce []byte, _ int) []byte { return tlv(0x30, tlv(4, nonce)) }
	size := func(n int) func(*contentCipher, *crafted) {
		return func(_ *contentCipher, c *crafted) { c.plain = make([]byte, n) }
	}
	// A broken nonce, where the cipher of the test refuses it, is only announced.
	says := func(n int) func(*contentCipher, *crafted) {
		return params(func(_ []byte, tag int) []byte { return icvParams(make([]byte, n), tag) })
	}
	saysOctets := func(n int) func(*contentCipher, *crafted) {
		return params(func([]byte, int) []byte { return tlv(4, make([]byte, n)) })
	}
	as := func(outer []byte, mac bool) func(*contentCipher, *crafted) {
		return func(k *contentCipher, c *crafted) {
			c.outer = outer
			if !mac {
				c.mac = func([]byte) []byte { return nil }
			} else {
				c.after = tlv(4, make([]byte, 16))
			}
		}
	}
	for _, c := range []struct {
		cipher, name, text string // text is in the error
		bad, good          func(*contentCipher, *crafted)
	}{
		{"AES-256-CCM", "nonce of 6", "nonce is not 7 to 13", says(6), nonce(7)},
		{"AES-256-CCM", "nonce of 14", "nonce is not 7 to 13", says(14), nonce(13)},
		{"AES-256-CCM", "no nonce", "parameters are missing", params(func([]byte, int) []byte { return tlv(0x30) }), nil},
		{"AES-256-CCM", "nothing", "parameters are missing", params(func([]byte, int) []byte { return nil }), nil},
		{"AES-256-CCM", "a bare nonce", "parameters are missing", params(octetParams), nil},
		{"AES-256-CCM", "tag of 10", "tag length", tag(10), tag(12)},
		{"AES-256-CCM", "tag of 13", "tag length", announced(13), tag(14)},
		{"AES-256-CCM", "tag of 15", "tag length", announced(15), tag(16)},
		{"AES-256-CCM", "tag of 18", "tag length", announced(18), tag(16)},
		{"AES-256-CCM", "tag of 4", "tag length", tag(4), tag(12)},
		{"AES-256-CCM", "negative tag length", "tag length", announced(0xf4), nil},
		{"AES-256-CCM", "default of 12, and 16", "were announced", func(k *contentCipher, _ *crafted) { k.tag, k.params = 16, withoutICV }, params(withoutICV)},
		{"AES-256-CCM", "tag longer than announced", "were announced", func(k *contentCipher, _ *crafted) {
			k.tag = 16
			k.params = func(n []byte, _ int) []byte { return icvParams(n, 12) }
		}, tag(16)},
		{"AES-256-CCM", "something after the parameters", "tag length", params(func(n []byte, t int) []byte {
			return tlv(0x30, tlv(4, n), tlv(2, []byte{byte(t)}), tlv(5))
		}), nil},
		{"AES-256-CCM", "more than a nonce of 13 counts", "longer than AES-CCM", size(1 << 16), size(1<<16 - 1)},
		{"AES-256-CCM", "in EnvelopedData", "EnvelopedData with", as(envelopedOID, false), nil},
		{"ChaCha20-Poly1305", "nonce of 11", "nonce is not 12", saysOctets(11), nil},
		{"ChaCha20-Poly1305", "nonce of 24", "nonce is not 12", saysOctets(24), nil},
		{"ChaCha20-Poly1305", "no parameters", "nonce is not 12", params(func([]byte, int) []byte { return nil }), nil},
		{"ChaCha20-Poly1305", "parameters of GCM", "nonce is not 12", params(icvParams), nil},
		{"ChaCha20-Poly1305", "tag cut", "were announced", func(_ *contentCipher, c *crafted) {
			c.mac = func(tag []byte) []byte { return tlv(4, tag[:12]) }
		}, nil},
		{"ChaCha20-Poly1305", "in EnvelopedData", "EnvelopedData with", as(envelopedOID, false), nil},
		{"AES-256-GCM", "in EnvelopedData", "EnvelopedData with", as(envelopedOID, false), nil},
		{"AES-256-CBC", "in AuthEnvelopedData", "authenticates nothing", as(authEnvOID, true), nil},
		{"3DES-CBC", "in AuthEnvelopedData", "authenticates nothing", as(authEnvOID, true), nil},
		{"RC2-128-CBC", "in AuthEnvelopedData", "authenticates nothing", as(authEnvOID, true), nil},
		{"3DES-CBC", "IV of 7", "vector is not 8", saysOctets(7), nil},
		{"3DES-CBC", "IV of 16", "vector is not 8", saysOctets(16), nil},
		{"3DES-CBC", "no IV", "vector is not 8", params(func([]byte, int) []byte { return nil }), nil},
		{"RC2-128-CBC", "IV of 9", "vector is not 8", params(func([]byte, int) []byte { return tlv(0x30, tlv(2, []byte{58}), tlv(4, make([]byte, 9))) }), nil},
		{"RC2-128-CBC", "a bare IV", "RC2 parameters", params(octetParams), nil},
		{"RC2-128-CBC", "version without IV", "vector is not 8", params(func([]byte, int) []byte { return tlv(0x30, tlv(2, []byte{58})) }), nil},
		{"RC2-128-CBC", "something after the IV", "vector is not 8", params(func(iv []byte, _ int) []byte { return tlv(0x30, tlv(2, []byte{58}), tlv(4, iv), tlv(5)) }), nil},
		{"RC2-128-CBC", "something after the parameters", "AlgorithmIdentifier", params(func(iv []byte, n int) []byte { return append(rc2Params(58)(iv, n), 5, 0) }), nil},
		{"RC2-128-CBC", "128 itself as version", "40, 64 or 128", params(rc2Params(0, 128)), params(rc2Params(58))},
		{"RC2-128-CBC", "version of nine octets", "RC2 parameters", params(rc2Params(1, 0, 0, 0, 0, 0, 0, 0, 58)), nil},
		{"RC2-40-CBC", "negative version", "40, 64 or 128", params(rc2Params(160)), params(rc2Params(0, 160))},
	} {
		t.Run(c.cipher+", "+c.name, func(t *testing.T) {
			o := envelope.Opener{Identities: who.identities(), Legacy: envelope.Legacy{TripleDES: true, RC2: true, UnauthenticatedCBC: true}}
			message := func(change func(*contentCipher, *crafted)) []byte {
				k, m := byName[c.cipher], crafted{to: who, plain: []byte("a secret of some length")}
				if change != nil {
					change(&k, &m)
				}
				return k.in(t, m, false).bytes(t)
			}
			_, _, err := open(o, bytes.NewReader(message(c.good)))
			require.NoError(t, err, "the good twin")
			msg := message(c.bad)
			for _, src := range []io.Reader{bytes.NewReader(msg), pipe(msg)} {
				got, _, err := open(o, src)
				require.ErrorIs(t, err, envelope.ErrFormat)
				require.ErrorContains(t, err, c.text)
				require.Empty(t, got)
			}
		})
	}
}
