package smime_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

func signedMessage(t testing.TB, s envelope.Sealer, content []byte, detached bool) []byte {
	t.Helper()
	var out bytes.Buffer
	begin := s.Sign
	if detached {
		begin = s.SignDetached
	}
	w, err := begin(&out)
	require.NoError(t, err)
	defer w.Abort()
	_, err = io.Copy(w, bytes.NewReader(content))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Equal(t, int64(len(content)), w.Receipt().Bytes)
	return out.Bytes()
}

func verify(o envelope.Opener, src io.Reader) ([]byte, *envelope.Report, error) {
	m, err := o.Verify(src)
	if err != nil {
		return nil, nil, err
	}
	defer m.Close()
	got, err := io.ReadAll(m)
	return got, m.Report(), err
}

func TestSign(t *testing.T) {
	t.Parallel()
	a, b := fresh["RSA-3072"](), fresh["P-384"]()
	content := bytes.Repeat([]byte("line\r\n"), 30_000)
	for _, kind := range kinds {
		for _, armor := range []bool{false, true} {
			for _, size := range []int{0, 1, 65535, 65536, 65537, len(content)} {
				who := fresh[kind]()
				s := envelope.Sealer{Signers: who.signers(), Armor: armor}
				o := envelope.Opener{Senders: who.senders()}
				msg := signedMessage(t, s, content[:size], false)
				for _, src := range []io.Reader{bytes.NewReader(msg), pipe(msg)} {
					got, r, err := verify(o, src)
					require.NoError(t, err)
					require.True(t, bytes.Equal(content[:size], got))
					require.Equal(t, "SignedData", r.Container)
					require.Equal(t, armor, r.Armored)
					require.False(t, r.Encrypted)
				}
				sig := signedMessage(t, s, content[:size], true)
				r, err := o.VerifyDetached(bytes.NewReader(sig), bytes.NewReader(content[:size]))
				require.NoError(t, err)
				require.Same(t, who.verified, r.Signatures[0].Sender)
			}
		}
	}
	// Two signers with different digests.
	s := envelope.Sealer{Signers: append(a.signers(), b.signers()...)}
	msg := signedMessage(t, s, content, false)
	for _, who := range []*person{a, b} {
		_, r, err := verify(envelope.Opener{Senders: who.senders()}, bytes.NewReader(msg))
		require.NoError(t, err)
		require.Len(t, r.Signatures, 2)
		require.True(t, r.Signatures[0].Valid() && r.Signatures[1].Valid())
	}
	_, _, err := verify(envelope.Opener{Senders: fresh["stranger"]().senders()}, bytes.NewReader(msg))
	require.ErrorIs(t, err, envelope.ErrSignature)
	_, err = (&envelope.Opener{Identities: a.identities()}).Open(bytes.NewReader(msg))
	require.ErrorIs(t, err, envelope.ErrFormat, "signed is not sealed")
	_, _, err = verify(envelope.Opener{Senders: a.senders()}, bytes.NewReader(sealed(t, envelope.Sealer{Profile: envelope.Modern}, nil, a.verified)))
	require.ErrorIs(t, err, envelope.ErrFormat, "sealed is not signed")
}

// TestSignedRules: what is wrong with a SignedData in one way, beside what is not.
func TestSignedRules(t *testing.T) {
	t.Parallel()
	who, other := fresh["P-256"](), fresh["stranger"]()
	text := []byte("I owe you nothing")
	base := signedParts{by: who, content: text}
	info := base.signerInfo(t)
	cert := who.key.Certificate().Marshal()
	type change = func(*signedParts)
	for _, c := range []struct {
		name      string
		bad, good change
		err       error
	}{
		{"other content", func(s *signedParts) { s.signs = []byte("I owe you 1 EUR") }, nil, envelope.ErrSignature},
		{"other signer", func(s *signedParts) { s.by = other }, nil, envelope.ErrSignature},
		{"no signer", func(s *signedParts) { s.infos = [][]byte{} }, func(s *signedParts) { s.infos = [][]byte{info} }, envelope.ErrSignature},
		{"digest not announced", func(s *signedParts) { s.digests = [][]byte{tlv(0x30, sha512OID)} }, func(s *signedParts) {
			s.digests = [][]byte{tlv(0x30, sha512OID), tlv(0x30, sha256OID, tlv(5))}
		}, envelope.ErrSignature},
		{"no digest announced", func(s *signedParts) { s.digests = [][]byte{} }, nil, envelope.ErrSignature},
		{"type of the content changed", func(s *signedParts) { s.infos, s.contentType = [][]byte{info}, signedOID }, func(s *signedParts) { s.contentType = signedOID }, envelope.ErrSignature},
		{"one of two signatures bad", func(s *signedParts) {
			wrong := signedParts{by: who, content: []byte("x")}.signerInfo(t)
			s.infos = [][]byte{info, wrong}
		}, func(s *signedParts) { s.infos = [][]byte{info, info} }, envelope.ErrSignature},
		{"no content", func(s *signedParts) { s.eContent = func([]byte) []byte { return nil } }, nil, envelope.ErrFormat},
		{"content not an OCTET STRING", func(s *signedParts) {
			s.eContent = func(b []byte) []byte { return tlv(0xa0, tlv(0x0c, b)) }
		}, func(s *signedParts) {
			s.eContent = func(b []byte) []byte { return tlv(0xa0, tlv(0x24, tlv(4, b[:4]), tlv(4, b[4:]))) }
		}, envelope.ErrFormat},
		{"content twice", func(s *signedParts) {
			s.eContent = func(b []byte) []byte { return tlv(0xa0, tlv(4, b), tlv(4, b)) }
		}, nil, envelope.ErrFormat},
		{"version 0", func(s *signedParts) { s.version = 255 }, func(s *signedParts) { s.version = 5 }, envelope.ErrFormat},
		{"certificates under another tag", func(s *signedParts) { s.certs = tlv(0xa3, cert) }, func(s *signedParts) { s.certs = []byte{} }, envelope.ErrFormat},
		{"17 signatures", func(s *signedParts) { s.infos = repeat(info, 17) }, func(s *signedParts) { s.infos = repeat(info, 16) }, envelope.ErrLimit},
		{"65 certificates", func(s *signedParts) { s.certs = tlv(0xa0, repeat(cert, 65)...) }, func(s *signedParts) { s.certs = tlv(0xa0, repeat(cert, 64)...) }, envelope.ErrLimit},
		{"17 digests", func(s *signedParts) { s.digests = repeat(tlv(0x30, sha256OID), 17) }, func(s *signedParts) { s.digests = repeat(tlv(0x30, sha256OID), 16) }, envelope.ErrLimit},
		{"revocation lists of 5 MiB", func(s *signedParts) { s.crls = tlv(0xa1, make([]byte, 5<<20)) }, func(s *signedParts) { s.crls = tlv(0xa1, make([]byte, 3<<20)) }, envelope.ErrLimit},
		{"a signature that is none", func(s *signedParts) { s.infos = [][]byte{tlv(0x30, tlv(2, []byte{1}))} }, nil, envelope.ErrFormat},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := envelope.Opener{Senders: who.senders()}
			good, bad := base, base
			if c.good != nil {
				c.good(&good)
			}
			c.bad(&bad)
			got, _, err := verify(o, bytes.NewReader(message(good.bytes(t))))
			require.NoError(t, err, "the good twin")
			require.Equal(t, text, got)
			got, _, err = verify(o, bytes.NewReader(message(bad.bytes(t))))
			require.ErrorIs(t, err, c.err)
			require.Empty(t, got)
		})
	}
}

func repeat(b []byte, n int) (out [][]byte) {
	for range n {
		out = append(out, b)
	}
	return out
}

// TestOddCertificates: what is no certificate is passed over, and said.
func TestOddCertificates(t *testing.T) {
	who := fresh["P-256"]()
	cert := who.key.Certificate().Marshal()
	for name, odd := range map[string][]byte{
		"broken": tlv(0x30, []byte{5, 0}), "large": tlv(0x30, make([]byte, 100<<10)), "of another choice": tlv(0xa3, []byte{5, 0}),
		"an attribute certificate": tlv(0xa2, []byte{5, 0}), "an old attribute certificate": tlv(0xa1, []byte{5, 0}),
	} {
		s := signedParts{by: who, content: []byte("x"), certs: tlv(0xa0, odd, cert)}
		_, r, err := verify(envelope.Opener{Senders: who.senders()}, bytes.NewReader(message(s.bytes(t))))
		require.NoError(t, err, name)
		require.Contains(t, strings.Join(r.Findings, "\n"), "1 of its certificates", name)
		require.Equal(t, strings.Contains(name, "attribute"), strings.Contains(strings.Join(r.Findings, "\n"), "attribute"), name)
	}
}

func TestDetachedRules(t *testing.T) {
	who := fresh["P-256"]()
	o := envelope.Opener{Senders: who.senders()}
	text := []byte("text")
	sig := signedMessage(t, envelope.Sealer{Signers: who.signers()}, text, true)
	_, err := o.VerifyDetached(bytes.NewReader(sig), bytes.NewReader(text))
	require.NoError(t, err)
	report, err := o.VerifyDetached(bytes.NewReader(sig), bytes.NewReader([]byte("Text")))
	require.ErrorIs(t, err, envelope.ErrSignature)
	require.NotNil(t, report)
	_, err = o.VerifyDetached(bytes.NewReader(append(bytes.Clone(sig), 0)), bytes.NewReader(text))
	require.ErrorIs(t, err, envelope.ErrFormat)
	_, err = o.VerifyDetached(bytes.NewReader(sig[:len(sig)-1]), bytes.NewReader(text))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	opaque := signedMessage(t, envelope.Sealer{Signers: who.signers()}, text, false)
	_, err = o.VerifyDetached(bytes.NewReader(opaque), bytes.NewReader(text))
	require.ErrorIs(t, err, envelope.ErrFormat, "a signature with a content of its own")
	_, _, err = verify(o, bytes.NewReader(sig))
	require.ErrorIs(t, err, envelope.ErrFormat, "a message without its content")
	disk := io.ErrClosedPipe
	_, err = o.VerifyDetached(bytes.NewReader(sig), &failing{err: disk})
	require.ErrorIs(t, err, disk)
}

// TestZeroSigners: a message without signatures is not a signed one, alone or
// inside an envelope that nothing else authenticates.
func TestZeroSigners(t *testing.T) {
	who := fresh["RSA-3072"]()
	none := signedParts{by: who, content: []byte("text"), infos: [][]byte{}}.bytes(t)
	one := signedParts{by: who, content: []byte("text")}.bytes(t)
	o := envelope.Opener{Identities: who.identities()}
	for _, wrapped := range []bool{false, true} {
		c := crafted{to: who, cbc: true, contentType: signedOID, plain: one}
		if wrapped {
			c.contentType, c.plain = data, message(one)
		}
		got, _, err := open(o, bytes.NewReader(c.bytes(t)))
		require.NoError(t, err)
		require.Equal(t, "text", string(got))
		c.plain = none
		if wrapped {
			c.plain = message(none)
		}
		got, _, err = open(o, bytes.NewReader(c.bytes(t)))
		require.Equal(t, envelope.ErrDecrypt, err)
		require.Empty(t, got)
		// With permission the octets come out as they are.
		o := o
		o.Legacy.UnauthenticatedCBC = true
		got, r, err := open(o, bytes.NewReader(c.bytes(t)))
		require.NoError(t, err)
		require.True(t, bytes.Equal(c.plain, got))
		require.True(t, r.Unauthenticated)
		require.Empty(t, r.Signatures)
	}
}

// TestStrangersSignatureAuthenticates: any certificate proves that CBC content
// is whole; who signed is another question, which RequireSignature asks.
func TestStrangersSignatureAuthenticates(t *testing.T) {
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	who, stranger := fresh["RSA-3072"](), fresh["stranger"]()
	msg := sealed(t, envelope.Sealer{Profile: envelope.Compatible, Signers: stranger.signers()}, []byte("text"), who.verified)
	o := envelope.Opener{Identities: who.identities(), Senders: who.senders()}
	got, r, err := open(o, bytes.NewReader(msg))
	require.NoError(t, err)
	require.Equal(t, "text", string(got))
	require.False(t, r.Unauthenticated)
	require.Len(t, r.Signatures, 1)
	require.True(t, r.Signatures[0].Valid())
	require.Nil(t, r.Signatures[0].Sender)
	require.Equal(t, stranger.verified.Fingerprint(), r.Signatures[0].Certificate.Fingerprint())
	o.RequireSignature = true
	_, _, err = open(o, bytes.NewReader(msg))
	require.ErrorIs(t, err, envelope.ErrSignature)
	o.Senders = []*keyring.Verified{who.verified, stranger.verified}
	_, _, err = open(o, bytes.NewReader(msg))
	require.NoError(t, err)
}

// TestInspect holds what a keyless reader sees of each form.
func TestInspect(t *testing.T) {
	who := fresh["P-384"]()
	for _, f := range forms(who) {
		r, err := envelope.Inspect(bytes.NewReader(sealed(t, f.seal, make([]byte, 100), who.verified)), smime.Format())
		require.NoError(t, err)
		require.True(t, r.Encrypted)
		require.Len(t, r.Recipients, 1)
		require.Equal(t, -1, r.OpenedBy)
		require.Empty(t, r.Signatures)
		require.Equal(t, strings.HasPrefix(f.name, "CBC"), r.Unauthenticated)
	}
	for _, detached := range []bool{false, true} {
		r, err := envelope.Inspect(bytes.NewReader(signedMessage(t, envelope.Sealer{Signers: who.signers()}, nil, detached)), smime.Format())
		require.NoError(t, err)
		require.False(t, r.Encrypted)
		require.Len(t, r.Signatures, 1)
		require.False(t, r.Signatures[0].Valid(), "nobody checked it")
		require.NotEmpty(t, r.Signatures[0].SignerID)
	}
}
