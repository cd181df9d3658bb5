package smime

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudflare/circl/sign/slhdsa"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// counterForge returns what makes a good countersignature of value.
func counterForge(t testing.TB, k *privateKey, value []byte) *forge {
	f := newForge(t, k)
	digest := sha256.Sum256(value)
	f.attributes = [][]byte{attribute(t, oidMessageDigest, tlv(4, digest[:]))}
	return f
}

// signedWith returns a SignedData of the content with the SignerInfos, and with
// the certificates.
func signedWith(content []byte, infos [][]byte, certs ...*certificate) []byte {
	var all []byte
	for _, c := range certs {
		all = append(all, c.x.Raw...)
	}
	return tlv(0x30, slices.Concat(
		[]byte{2, 1, 1}, tlv(0x31, derAlgorithm(oidSHA256)),
		tlv(0x30, append(oidData.tlv(), tlv(0xa0, tlv(4, content))...)),
		tlv(0xa0, all), tlv(0x31, slices.Concat(infos...))))
}

// verifySigned reads a SignedData to its end.
func verifySigned(t testing.TB, der []byte, p *seam.OpenPlan) (*signedData, []seam.Signature, error) {
	t.Helper()
	p.Limits = seam.Limits{Certificates: 64, Signatures: 16, HeaderBytes: 1 << 22}
	p.Now = time.Now()
	sd, err := enterSignedData(ber.NewReader(bytes.NewReader(der)), p.Limits)
	require.NoError(t, err)
	_, err = copied(sd, sd.eContent)
	require.NoError(t, err)
	if err := sd.finish(); err != nil {
		return sd, nil, err
	}
	return sd, sd.verify(p), nil
}

// TestCounterSignatures: what is said of a countersignature, and that whatever
// it is the signature beside it stays what it is.
func TestCounterSignatures(t *testing.T) {
	t.Parallel()
	allowed(t, "SHA-1")
	author, witness := testKey(t, "rsa3072"), testKey(t, "p256")
	main := newForge(t, author)
	var value []byte // that the author's signature has
	main.value = func(v []byte) []byte { value = v; return v }
	main.der(t)
	main.value = nil // PKCS#1 v1.5 makes the same signature again
	other := sha256.Sum256([]byte("another value"))
	for _, c := range []struct {
		name   string
		change func(*forge)
		want   seam.SignatureStatus
		detail string
	}{
		{"good", func(*forge) {}, seam.SignatureValid, ""},
		{"with contentType", func(f *forge) {
			f.attributes = append(f.attributes, attribute(t, oidContentType, oidData.tlv()))
		}, seam.SignatureBad, "a countersignature has none"},
		{"without messageDigest", func(f *forge) {
			f.attributes = [][]byte{attribute(t, oidSigningTime, tlv(0x17, []byte(time.Now().UTC().Format("060102150405Z"))))}
		}, seam.SignatureBad, "messageDigest is missing"},
		{"without attributes", func(f *forge) { f.attributes, f.signedAs = nil, value }, seam.SignatureUnsupported, "without signed attributes"},
		{"of another value", func(f *forge) {
			f.attributes = [][]byte{attribute(t, oidMessageDigest, tlv(4, other[:]))}
		}, seam.SignatureBad, "not the one that was countersigned"},
		{"of the content", func(f *forge) {
			f.attributes = [][]byte{attribute(t, oidMessageDigest, tlv(4, contentDigest))}
		}, seam.SignatureBad, "not the one that was countersigned"},
		{"wrong", func(f *forge) { f.value = func(v []byte) []byte { v[len(v)-1] ^= 1; return v } }, seam.SignatureBad, "wrong"},
		{"unknown digest", func(f *forge) { f.digestAlgorithm = derAlgorithm(oidPBES2) }, seam.SignatureUnsupported, "digest that is not supported"},
		{"unknown algorithm", func(f *forge) { f.signatureAlgorithm = derAlgorithm(oidPBES2) }, seam.SignatureUnsupported, "algorithm that is not supported"},
		{"unknown signer", func(f *forge) { f.sid = []byte{0x80, 1, 7} }, seam.SignatureUnchecked, "neither"},
		{"countersigned itself", func(f *forge) { f.extra = tlv(0xa1, attribute(t, oidCounterSignature, []byte{0x30, 0})) }, seam.SignatureValid, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := counterForge(t, witness, value)
			c.change(f)
			m := *main
			m.extra = tlv(0xa1, attribute(t, oidCounterSignature, f.der(t)))
			der := signedWith(content, [][]byte{m.der(t)}, author.cert, witness.cert)
			for _, senders := range [][]seam.Certificate{nil, {witness.cert, author.cert}} {
				_, got, err := verifySigned(t, der, &seam.OpenPlan{Senders: senders})
				require.NoError(t, err)
				require.Len(t, got, 1)
				require.Equal(t, seam.SignatureValid, got[0].Status, got[0].Detail)
				require.Len(t, got[0].CounterSignatures, 1)
				counter := got[0].CounterSignatures[0]
				require.Equal(t, c.want, counter.Status, counter.Detail)
				require.Contains(t, counter.Detail, c.detail)
				require.Empty(t, counter.CounterSignatures)
				if senders != nil && c.want == seam.SignatureValid {
					require.Equal(t, 0, counter.Sender)
					require.Equal(t, 1, got[0].Sender)
				}
			}
			// Nor does a good one save a bad signature.
			m.signedAs = []byte("something else")
			m.extra = tlv(0xa1, attribute(t, oidCounterSignature, f.der(t)))
			_, got, err := verifySigned(t, signedWith(content, [][]byte{m.der(t)}, author.cert, witness.cert), &seam.OpenPlan{})
			require.NoError(t, err)
			require.Equal(t, seam.SignatureBad, got[0].Status)
		})
	}
}

// TestUnsignedAttributes: nothing beside a signature changes what it is, only
// the limit on signatures holds for all of them together.
func TestUnsignedAttributes(t *testing.T) {
	t.Parallel()
	k := testKey(t, "p256")
	good := counterForge(t, k, []byte("not this value")).der(t)
	counters := func(n int) []byte { return attribute(t, oidCounterSignature, slices.Repeat([][]byte{good}, n)...) }
	for _, c := range []struct {
		name    string
		extra   []byte
		counted int
		finding string
	}{
		{"none", nil, 0, ""},
		{"empty", tlv(0xa1, nil), 0, ""},
		{"no attribute", tlv(0xa1, []byte{5, 0}), 0, ""},
		{"no type", tlv(0xa1, []byte{0x30, 0}), 0, ""},
		{"no values", tlv(0xa1, tlv(0x30, oidCounterSignature.tlv())), 0, ""},
		{"empty countersignature", tlv(0xa1, attribute(t, oidCounterSignature)), 0, ""},
		{"countersignature that is none", tlv(0xa1, attribute(t, oidCounterSignature, []byte{0x30, 0})), 0, "1 countersignatures cannot be read"},
		{"two values", tlv(0xa1, counters(2)), 2, ""},
		{"two attributes", tlv(0xa1, slices.Concat(counters(1), counters(1))), 2, ""},
		{"time stamp", tlv(0xa1, attribute(t, oidTimeStampToken, []byte{0x30, 0})), 0, "time stamp"},
		{"unknown", tlv(0xa1, attribute(t, oidPBES2, []byte{0x30, 0})), 0, ""},
		{"15", tlv(0xa1, counters(15)), 15, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForge(t, k)
			f.extra = c.extra
			sd, got, err := verifySigned(t, signedWith(content, [][]byte{f.der(t)}, k.cert), &seam.OpenPlan{})
			require.NoError(t, err)
			require.Equal(t, seam.SignatureValid, got[0].Status, got[0].Detail)
			require.Len(t, got[0].CounterSignatures, c.counted)
			require.Len(t, sd.describe()[0].CounterSignatures, c.counted)
			require.Contains(t, strings.Join(sd.findings, "\n"), c.finding)
			require.Equal(t, c.finding == "", len(sd.findings) == 0, sd.findings)
		})
	}
	f := newForge(t, k)
	for _, extra := range [][]byte{tlv(0xa1, counters(16)), tlv(0xa1, attribute(t, oidCounterSignature, slices.Repeat([][]byte{{0x30, 0}}, 16)...))} {
		f.extra = extra
		_, _, err := verifySigned(t, signedWith(content, [][]byte{f.der(t)}, k.cert), &seam.OpenPlan{})
		require.ErrorIs(t, err, envelope.ErrLimit)
	}
	f.extra = tlv(0xa1, counters(8))
	one := f.der(t)
	_, _, err := verifySigned(t, signedWith(content, [][]byte{one, one}, k.cert), &seam.OpenPlan{})
	require.ErrorIs(t, err, envelope.ErrLimit, "of two signatures together")
	f.extra = tlv(0xa1, counters(7))
	_, got, err := verifySigned(t, signedWith(content, [][]byte{one, newForge(t, k).der(t)}, k.cert), &seam.OpenPlan{})
	require.NoError(t, err)
	require.Len(t, got, 2)
}

// TestStrayAttributes: what counts only where it is signed is not taken from
// beside the signature, and a signature that has it there is not made as the
// standards say.
func TestStrayAttributes(t *testing.T) {
	t.Parallel()
	k := testKey(t, "p256")
	for name, c := range map[string]struct {
		o    oid
		want seam.SignatureStatus
	}{
		"contentType":            {oidContentType, seam.SignatureBad},
		"messageDigest":          {oidMessageDigest, seam.SignatureBad},
		"signingTime":            {oidSigningTime, seam.SignatureBad},
		"SMIMECapabilities":      {oidSMIMECapabilities, seam.SignatureBad},
		"signingCertificate":     {oidSigningCertificate, seam.SignatureBad},
		"signingCertificateV2":   {oidSigningCertificateV2, seam.SignatureBad},
		"CMSAlgorithmProtection": {oidAlgorithmProtection, seam.SignatureBad},
		"none of these":          {oidPBES2, seam.SignatureValid},
	} {
		f := newForge(t, k)
		f.extra = tlv(0xa1, attribute(t, c.o, []byte{5, 0}))
		got := f.judge(t)
		require.Equal(t, c.want, got.Status, name)
		if c.want == seam.SignatureBad {
			require.Equal(t, "the attribute "+name+" is there unsigned", got.Detail)
		}
	}
	f := newForge(t, k)
	f.attributes = append(f.attributes, attribute(t, oidCounterSignature, []byte{0x30, 0}))
	require.Contains(t, f.judge(t).Detail, "countersignature is among the signed attributes")
	f.attributes[2] = attribute(t, oidTimeStampToken, []byte{0x30, 0})
	require.Equal(t, seam.SignatureValid, f.judge(t).Status)
}

// TestCounterSignaturesAreBounded: 4 MiB of the smallest there are must not
// become a hundred in memory before somebody counts them.
func TestCounterSignaturesAreBounded(t *testing.T) {
	t.Parallel()
	small := tlv(0x30, slices.Concat([]byte{2, 1, 3}, tlv(0x80, []byte{1}), tlv(0x30, []byte{6, 1, 1}), tlv(0x30, []byte{6, 1, 1}), []byte{4, 0}))
	for name, c := range map[string]struct {
		n, kept int
	}{
		"as many as a message may have": {maxCounters, maxCounters},
		"one more":                      {maxCounters + 1, maxCounters + 1},
		"many more":                     {1000, maxCounters + 1},
	} {
		one := parseUnsigned(attribute(t, oidCounterSignature, bytes.Repeat(small, c.n)))
		require.Len(t, one.counters, c.kept, name)
		each := parseUnsigned(bytes.Repeat(attribute(t, oidCounterSignature, bytes.Repeat(small, c.n/50)), 50))
		require.LessOrEqual(t, len(each.counters), maxCounters+1, name)
	}
}

// TestCertificatesOfOneName: how many certificates all signatures of a message
// are checked with, which is what a forged message costs.
func TestCertificatesOfOneName(t *testing.T) {
	t.Parallel()
	const signatures = 16
	k := testKey(t, "p256")
	var certs []*certificate
	for i := range maxCandidates {
		// Another certificate, of the same name and number: the last octet is
		// one of its signature's.
		raw := bytes.Clone(k.cert.x.Raw)
		raw[len(raw)-1] ^= byte(i)
		c, err := parseCertificate(raw)
		require.NoError(t, err)
		certs = append(certs, c)
	}
	info := newForge(t, k).der(t)
	sd, got, err := verifySigned(t, signedWith(content, slices.Repeat([][]byte{info}, signatures), certs...), &seam.OpenPlan{})
	require.NoError(t, err)
	require.Len(t, got, signatures)
	for i, s := range got {
		require.Equal(t, seam.SignatureValid, s.Status, "%d: each is checked with one", i)
	}
	require.Equal(t, maxFurther, sd.further)
	require.Len(t, sd.named(sd.signers[0]), 1)
	sd.further = 0
	require.Len(t, sd.named(sd.signers[0]), maxCandidates)
}

// TestAttributesInBER: what is signed is DER, however it was sent (RFC 5652,
// Section 5.4), and a signature over octets that are not DER is none.
func TestAttributesInBER(t *testing.T) {
	t.Parallel()
	k := testKey(t, "p256")
	for _, sent := range []bool{false, true} {
		for _, signed := range []bool{false, true} {
			f := newForge(t, k)
			slices.SortFunc(f.attributes, bytes.Compare)
			set := setOf(f.attributes)
			inner := set[2:]
			require.Equal(t, int(set[1]), len(inner), "a short length")
			if signed {
				f.signedAs = slices.Concat([]byte{0x31, 0x80}, inner, []byte{0, 0})
			}
			der := f.der(t)
			if sent {
				at := bytes.Index(der, append([]byte{0xa0, byte(len(inner))}, inner...))
				require.Positive(t, at)
				body := slices.Concat(der[:at], []byte{0xa0, 0x80}, inner, []byte{0, 0}, der[at+2+len(inner):])
				in := cryptobyte.String(body)
				require.True(t, in.Skip(2))
				if der[1] == 0x81 {
					require.True(t, in.Skip(1))
				} else if der[1] == 0x82 {
					require.True(t, in.Skip(2))
				}
				der = tlv(0x30, in)
			}
			_, got, err := verifySigned(t, signedWith(content, [][]byte{der}, k.cert), &seam.OpenPlan{})
			require.NoError(t, err)
			want := seam.SignatureValid
			if signed {
				want = seam.SignatureBad
			}
			require.Equal(t, want, got[0].Status, "sent %t, signed %t: %s", sent, signed, got[0].Detail)
		}
	}
}

// BenchmarkVerifySLHDSA is what the slowest signature costs that is checked.
func BenchmarkVerifySLHDSA(b *testing.B) {
	k := slhKey(b, slhdsa.SHAKE_256f, "\x60\x86\x48\x01\x65\x03\x04\x03\x1f")
	f := newForge(b, testKey(b, "p256"))
	f.key, f.signatureAlgorithm, f.opts = k, derAlgorithm("\x60\x86\x48\x01\x65\x03\x04\x03\x1f"), crypto.Hash(0)
	var sid cryptobyte.Builder
	addIssuerAndSerial(&sid, k.cert)
	f.sid = sid.BytesOrPanic()
	si, err := parseSignerInfo(f.der(b))
	require.NoError(b, err)
	for b.Loop() {
		got := si.verify(oidData.tlv(), contentDigest, nil, []seam.Certificate{k.cert}, time.Now())
		require.Equal(b, seam.SignatureValid, got.Status)
	}
}
