package mail_test

import (
	"bytes"
	"compress/zlib"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/smime"
)

// compressed is a CompressedData, RFC 3274.
func compressed(t testing.TB, entity string) string {
	t.Helper()
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, err := w.Write([]byte(entity))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	var b cryptobyte.Builder
	tagged := asn1.Tag(0).ContextSpecific().Constructed()
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier([]int{1, 2, 840, 113549, 1, 9, 16, 1, 9})
		b.AddASN1(tagged, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(0)
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier([]int{1, 2, 840, 113549, 1, 9, 16, 3, 8})
				})
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier([]int{1, 2, 840, 113549, 1, 7, 1})
					b.AddASN1(tagged, func(b *cryptobyte.Builder) { b.AddASN1OctetString(z.Bytes()) })
				})
			})
		})
	})
	return cms("compressed-data", b.BytesOrPanic())
}

func certsOnly(t testing.TB) string {
	t.Helper()
	b, err := smime.MarshalCertificates(partyOf(t, "eve").smime.Certificate())
	require.NoError(t, err)
	return cms("certs-only", b)
}

// S/MIME messages, and whatever is in them.
func TestSMIME(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	const sealed, mime = "S/MIME", "application/pkcs7-mime"
	for _, c := range []struct{ name, entity, want string }{
		{"opaque", opaque(t, hello, alice), "1 application/pkcs7-mime [signed]\n1.1 text/plain sp\n"},
		{"compressed", compressed(t, hello), "1 application/pkcs7-mime [compressed]\n1.1 text/plain\n"},
		{"compressed and signed", compressed(t, opaque(t, hello, alice)),
			"1 application/pkcs7-mime [compressed]\n1.1 text/plain sp\n"},
		{"compressed twice", compressed(t, compressed(t, hello)),
			"1 application/pkcs7-mime [compressed !]\n"},
		{"compressed, wrapped, compressed", compressed(t, opaque(t, compressed(t, hello), alice)),
			"1 application/pkcs7-mime [compressed]\n1.1 application/pkcs7-mime sp [compressed !]\n"},
		{"certificates", certsOnly(t), "1 application/pkcs7-mime [certificates]\n"},
		{"triple wrapping", opaque(t, sealedTo(t, sealed, opaque(t, hello, alice), nil, bob), alice),
			"1 application/pkcs7-mime [signed]\n1.1 application/pkcs7-mime sp [encrypted]\n1.1.1 text/plain esp\n"},
		{"triple wrapping of multiparts", signedBy(t, sealed, sealedTo(t, sealed, signedBy(t, sealed, hello, alice), nil, bob), alice),
			"1 multipart/signed [signed]\n1.1 application/pkcs7-mime sp [encrypted]\n1.1.1 text/plain esp\n"},
		{"signed twice", signedBy(t, sealed, opaque(t, hello, alice), alice),
			"1 multipart/signed [signed]\n1.1 application/pkcs7-mime sp [signed]\n1.1.1 text/plain sp\n"},
		{"both formats", sealedTo(t, sealed, signedBy(t, "OpenPGP", hello, alice), nil, bob),
			"1 application/pkcs7-mime [encrypted]\n1.1 multipart/signed ep [signed]\n1.1.1 text/plain esp\n"},
		{"attached", mixed(hello, opaque(t, hello, alice)), "1 multipart/mixed\n1.1 text/plain\n1.2 application/pkcs7-mime [signed errant]\n1.2.1 text/plain s\n"},
		{"certificates attached", mixed(hello, certsOnly(t)), "1 multipart/mixed\n1.1 text/plain\n1.2 application/pkcs7-mime [certificates errant]\n"},
		{"for somebody else", sealedTo(t, sealed, hello, nil, partyOf(t, "eve")), "1 application/pkcs7-mime [encrypted !]\n"},
		{"nothing of the kind", strings.Replace(hello, "text/plain", mime, 1), "1 application/pkcs7-mime\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, shape(opened(t, reader(t), headers+c.entity)))
		})
	}
}

// What a CMS message is its content says, and neither smime-type nor name:
// every kind under every name.
func TestSMIMEType(t *testing.T) {
	alice, bob := partyOf(t, "alice"), partyOf(t, "bob")
	for kind, entity := range map[string]string{
		"encrypted": sealedTo(t, "S/MIME", hello, alice, bob), "signed": opaque(t, hello, alice), "compressed": compressed(t, hello),
	} {
		genuine := opened(t, reader(t), headers+entity)
		require.NotContains(t, codes(genuine), "smime-type")
		stated := map[string]string{"encrypted": "enveloped-data", "signed": "signed-data", "compressed": "compressed-data"}[kind]
		for _, lie := range []string{"enveloped-data", "authEnveloped-data", "signed-data", "certs-only", "compressed-data", "nonsense"} {
			m := opened(t, reader(t), headers+strings.Replace(entity, "smime-type="+stated, "smime-type="+lie, 1))
			require.Equal(t, shape(genuine), shape(m))
			same := lie == stated || kind == "encrypted" && lie == "authEnveloped-data" || kind == "signed" && lie == "certs-only"
			require.Equal(t, !same, strings.Contains(strings.Join(codes(m), " "), "smime-type"), "%s as %s", kind, lie)
		}
		for _, header := range []string{
			"Content-Type: application/x-pkcs7-mime\r\n",
			"Content-Type: application/pkcs7-mime\r\n",
			"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=SMIME.P7M\r\n",
			"Content-Type: application/octet-stream; name=smime.p7m\r\n",
		} {
			_, rest, ok := strings.Cut(entity, "\r\n")
			require.True(t, ok)
			m := opened(t, reader(t), headers+header+rest)
			require.Equal(t, kind, m.Layers()[0].Kind, header)
			require.Equal(t, "hello\r\n", text(t, m, "1.1"))
		}
		// The one thing: nothing says that it might be S/MIME.
		_, rest, _ := strings.Cut(entity, "\r\n")
		require.Empty(t, opened(t, reader(t), headers+"Content-Type: application/octet-stream; name=smime.bin\r\n"+rest).Layers())
	}
}

// A signature that brings content of its own is over that (CVE-2018-18509).
func TestDetachedWithContent(t *testing.T) {
	alice := partyOf(t, "alice")
	entity := signedBy(t, "S/MIME", hello, alice)
	i := strings.Index(entity, "Content-Type: application/pkcs7-signature")
	require.Positive(t, i)
	j := strings.Index(entity, "\r\n--sig-pkcs7--")
	_, whole, _ := strings.Cut(opaque(t, strings.TrimSuffix(hello, "\r\n"), alice), "\r\n")
	m := opened(t, reader(t), headers+entity[:i]+"Content-Type: application/pkcs7-signature\r\n"+whole+entity[j:])
	require.Equal(t, "1 multipart/signed [signed !]\n1.1 text/plain\n", shape(m))
	require.ErrorIs(t, m.Layers()[0].Err, envelope.ErrFormat)
	require.Contains(t, codes(m), "detached-with-content")
	require.False(t, m.Summary().Verified)

	m = opened(t, reader(t), headers+entity)
	require.NoError(t, m.Layers()[0].Err)
	require.NotContains(t, codes(m), "detached-with-content")
}

// Layers are counted where they are in each other, through both formats.
func TestLayersLimit(t *testing.T) {
	alice := partyOf(t, "alice")
	wrapped := func(n int) string {
		entity := hello
		for i := range n {
			format := []string{"OpenPGP", "S/MIME"}[i%2]
			entity = signedBy(t, format, entity, alice)
		}
		return headers + entity
	}
	o := reader(t)
	for _, c := range []struct{ set, most int }{{0, 8}, {2, 2}, {1, 1}, {99, 16}} {
		o.Limits = mail.Limits{Layers: c.set}
		m := opened(t, o, wrapped(c.most))
		require.Len(t, m.Layers(), c.most)
		for _, l := range m.Layers() {
			require.NoError(t, l.Err)
		}
		_, err := o.Open(strings.NewReader(wrapped(c.most + 1)))
		var l *envelope.LimitError
		require.ErrorAs(t, err, &l)
		require.Equal(t, int64(c.most), l.Max)
		require.Contains(t, l.What, "layers")
	}
}

// A mail with many signed parts is read, and as many of them are checked as a
// digest of a mailing list has.
func TestLayersBeside(t *testing.T) {
	var all []string
	part := signedBy(t, "OpenPGP", hello, partyOf(t, "alice"))
	for range 66 {
		all = append(all, part)
	}
	m := opened(t, reader(t), headers+mixed(all...))
	require.Len(t, m.Layers(), 64)
	n := 0
	for _, p := range m.Parts() {
		if p.Signed {
			n++
		}
	}
	require.Equal(t, 64, n)
	require.Contains(t, codes(m), "too-many-layers")
	require.NotContains(t, codes(opened(t, reader(t), headers+mixed(all[:64]...))), "too-many-layers")
}
