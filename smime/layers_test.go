package smime_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha512"
	"encoding/base64"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

var (
	compressedOID = oidOf("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09")
	zlibOID       = oidOf("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x08")
	digestedOID   = oidOf("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x05")
	encryptedOID  = oidOf("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06")
	authDataOID   = oidOf("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x02")
)

// pressed is a CompressedData in parts; with content alone it is a good one.
type pressed struct {
	version     byte
	algorithm   []byte
	contentType []byte
	content     []byte
	change      func([]byte) []byte // of the compressed octets
	octets      func([]byte) []byte // the OCTET STRING
	after       []byte
}

func deflated(content []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write(content)
	w.Close()
	return b.Bytes()
}

func (p pressed) bytes() []byte {
	if p.algorithm == nil {
		p.algorithm = tlv(0x30, zlibOID)
	}
	if p.contentType == nil {
		p.contentType = data
	}
	z := deflated(p.content)
	if p.change != nil {
		z = p.change(z)
	}
	if p.octets == nil {
		p.octets = func(b []byte) []byte { return tlv(4, b) }
	}
	return tlv(0x30, tlv(2, []byte{p.version}), p.algorithm, tlv(0x30, p.contentType, tlv(0xa0, p.octets(z))), p.after)
}

// info puts a ContentInfo around content.
func info(contentType, content []byte) []byte { return tlv(0x30, contentType, tlv(0xa0, content)) }

// entityOf is a MIME entity of a message.
func entityOf(smimeType string, message []byte) []byte {
	return []byte("Content-Type: application/pkcs7-mime; smime-type=" + smimeType + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString(message) + "\r\n")
}

// mailParts is a multipart/signed in parts; with who and part it is a good one.
type mailParts struct {
	by        *person
	part      string // the signed entity
	signs     string // what is signed, if not part
	sd        func(*signedParts)
	signature []byte // nil: of by over part
	whole     string // "" is goodMail
}

const (
	signedPart = "Content-Type: text/plain\r\n\r\nline\r\n--other\r\nlast line"
	goodMail   = "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=\"=-b\"\r\n\r\n" +
		"This is signed.\r\n\r\n--=-b\r\nPART\r\n--=-b\r\n" + goodSignaturePart + "\r\n--=-b--\r\n"
	goodSignaturePart = "Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\nSIGNATURE"
)

func (m mailParts) bytes(t testing.TB) []byte {
	t.Helper()
	if m.whole == "" {
		m.whole = goodMail
	}
	if m.signature == nil {
		sd := signedParts{by: m.by, content: []byte(m.part), eContent: func([]byte) []byte { return nil }}
		if m.signs != "" {
			sd.content = []byte(m.signs)
		}
		if m.sd != nil {
			m.sd(&sd)
		}
		m.signature = message(sd.bytes(t))
	}
	return []byte(strings.NewReplacer("PART", m.part, "SIGNATURE", base64.StdEncoding.EncodeToString(m.signature)).Replace(m.whole))
}

func change(old, now string) func(*mailParts) {
	return func(m *mailParts) {
		if m.whole == "" {
			m.whole = goodMail
		}
		if !strings.Contains(m.whole, old) {
			panic("nothing to change: " + old)
		}
		m.whole = strings.Replace(m.whole, old, now, 1)
	}
}

// TestLayers: what is around content in the mail of the world, in CBC, which a
// signature inside has to authenticate, and in GCM.
func TestLayers(t *testing.T) {
	t.Parallel()
	who := fresh["P-256"]()
	text := []byte("text")
	sd := func(contentType, content []byte) []byte {
		return signedParts{by: who, contentType: contentType, content: content}.bytes(t)
	}
	press := func(contentType, content []byte) []byte {
		return pressed{contentType: contentType, content: content}.bytes()
	}
	mail := mailParts{by: who, part: signedPart}.bytes(t)
	inside := sd(nil, text)
	for _, c := range []struct {
		name        string
		contentType []byte
		plain       []byte
		want        string
		signatures  int
		compressed  bool
		gcmOnly     bool // nothing in it authenticates CBC
		cbcOnly     bool // GCM content says what it is, or is a file
	}{
		{name: "signed", contentType: signedOID, plain: sd(nil, text), want: "text", signatures: 1},
		{name: "signed, with a ContentInfo", contentType: signedOID, plain: message(sd(nil, text)), want: "text", signatures: 1},
		{name: "signed message as data", plain: message(sd(nil, text)), want: "text", signatures: 1, cbcOnly: true},
		{name: "signed entity", plain: entityOf("signed-data", message(sd(nil, text))), want: "text", signatures: 1},
		{name: "signed entity under a wrong name", plain: entityOf("compressed-data", message(sd(nil, text))), want: "text", signatures: 1},
		{name: "multipart/signed", plain: mail, want: signedPart, signatures: 1},
		{name: "compressed", contentType: compressedOID, plain: press(nil, text), want: "text", compressed: true, gcmOnly: true},
		{name: "compressed, with a ContentInfo", contentType: compressedOID, plain: info(compressedOID, press(nil, text)), want: "text", compressed: true, gcmOnly: true},
		{name: "compressed entity", plain: entityOf("compressed-data", info(compressedOID, press(nil, text))), want: "text", compressed: true, gcmOnly: true},
		{name: "compressed in signed", contentType: signedOID, plain: sd(compressedOID, press(nil, text)), want: "text", signatures: 1, compressed: true},
		{name: "signed in compressed", contentType: compressedOID, plain: press(signedOID, sd(nil, text)), want: "text", signatures: 1, compressed: true},
		{name: "signed message in compressed data", plain: info(compressedOID, press(nil, message(sd(nil, text)))), want: "text", signatures: 1, compressed: true, cbcOnly: true},
		{name: "signed entity in compressed", contentType: compressedOID, plain: press(nil, entityOf("signed-data", message(sd(nil, text)))), want: "text", signatures: 1, compressed: true},
		{name: "multipart/signed in compressed entity", plain: entityOf("compressed-data", info(compressedOID, press(nil, mail))), want: signedPart, signatures: 1, compressed: true},
		// The first signature is the last layer.
		{name: "signed in signed", contentType: signedOID, plain: sd(signedOID, inside), want: string(inside), signatures: 1},
		{name: "signed in compressed in signed", contentType: signedOID, plain: sd(compressedOID, press(signedOID, []byte("\x30\x00"))), want: "\x30\x00", signatures: 1, compressed: true},
		{name: "multipart/signed in signed", contentType: signedOID, plain: sd(nil, mail), want: string(mail), signatures: 1},
		{name: "compressed entity in signed", contentType: signedOID, plain: sd(nil, entityOf("compressed-data", info(compressedOID, press(nil, text)))),
			want: string(entityOf("compressed-data", info(compressedOID, press(nil, text)))), signatures: 1},
	} {
		for _, cbc := range []bool{true, false} {
			t.Run(c.name+map[bool]string{true: ", CBC", false: ", GCM"}[cbc], func(t *testing.T) {
				x := crafted{to: who, cbc: cbc, contentType: c.contentType, plain: c.plain}
				if c.contentType != nil && !cbc {
					x.attrs = tlv(0xa1, attribute(ctAttrOID, c.contentType))
				}
				o := envelope.Opener{Identities: who.identities(), Senders: who.senders()}
				for _, pipes := range []bool{false, true} {
					got, r, err := open(o, source(x.bytes(t), pipes))
					if cbc && c.gcmOnly {
						require.Equal(t, envelope.ErrDecrypt, err)
						o := o
						o.Legacy.UnauthenticatedCBC = true
						got, r, err = open(o, source(x.bytes(t), pipes))
						require.True(t, err == nil && r.Unauthenticated)
					}
					require.NoError(t, err)
					if !cbc && c.cbcOnly {
						require.Equal(t, string(c.plain), string(got))
						continue
					}
					require.Equal(t, c.want, string(got))
					require.Len(t, r.Signatures, c.signatures)
					for _, s := range r.Signatures {
						require.True(t, s.Valid())
						require.Same(t, who.verified, s.Sender)
					}
					require.Equal(t, c.compressed, strings.Contains(strings.Join(r.Findings, "\n"), "was compressed"))
				}
			})
		}
	}
}

// TestMultipartRules: what is wrong with a multipart/signed in one way, beside
// what is not. In CBC all of it is the one error.
func TestMultipartRules(t *testing.T) {
	t.Parallel()
	who, other := fresh["P-256"](), fresh["stranger"]()
	sig256 := "Content-Type: application/pkcs7-signature"
	for _, c := range []struct {
		name      string
		bad, good func(*mailParts)
	}{
		{"an octet changed", func(m *mailParts) { m.signs = strings.Replace(signedPart, "line", "Line", 1) }, nil},
		{"signature over the last line break", func(m *mailParts) { m.signs = signedPart + "\r\n" }, func(m *mailParts) { m.part += "\r\n" }},
		{"other signer", func(m *mailParts) {
			m.sd = func(s *signedParts) { s.certs = tlv(0xa0, other.key.Certificate().Marshal()) }
		}, nil},
		{"no signer", func(m *mailParts) { m.sd = func(s *signedParts) { s.infos = [][]byte{} } }, nil},
		{"signature with a content", func(m *mailParts) {
			m.sd = func(s *signedParts) { s.eContent = func(b []byte) []byte { return tlv(0xa0, tlv(4, b)) } }
		}, nil},
		{"signature over another type", func(m *mailParts) { m.sd = func(s *signedParts) { s.contentType = signedOID } }, nil},
		{"no signature", func(m *mailParts) { m.whole = strings.Replace(goodMail, "--=-b\r\n"+goodSignaturePart+"\r\n", "", 1) }, nil},
		{"signature without end", func(m *mailParts) { m.whole = strings.TrimSuffix(goodMail, "\r\n--=-b--\r\n") }, func(m *mailParts) { m.whole = strings.TrimSuffix(goodMail, "\r\n") }},
		{"three parts", change("\r\n--=-b--\r\n", "\r\n--=-b\r\n\r\nthird\r\n--=-b--\r\n"), nil},
		{"epilogue", change("--=-b--\r\n", "--=-b--\r\nfooter\r\n"), change("--=-b--\r\n", "--=-b--\r\n \r\n\t\r\n")},
		{"preamble that is no text", change("This is signed.", "This is \x01."), change("This is signed.", "Das ist für dich.\r\n \t")},
		{"preamble in no charset", change("This is signed.", "f\xfcr"), change("This is signed.\r\n\r\n", "")},
		{"preamble too long", change("This is signed.", strings.Repeat("line\r\n", 1000)), change("This is signed.", strings.Repeat("line\r\n", 600))},
		{"preamble line too long", change("This is signed.", strings.Repeat("x", 70<<10)), nil},
		{"first delimiter closes", change("--=-b\r\nPART", "--=-b--\r\nPART"), change("--=-b\r\nPART", "--=-b \t\r\nPART")},
		{"text after the boundary", change("--=-b\r\n"+sig256, "--=-b x\r\n"+sig256), change("--=-b\r\n"+sig256, "--=-b \r\n"+sig256)},
		{"longer boundary inside", func(m *mailParts) { m.part += "\r\n--=-bc\r\n" }, func(m *mailParts) { m.part += "\r\n --=-bc\r\n--=-\r\n" }},
		{"boundary after LF inside", func(m *mailParts) { m.part += "\n--=-b\r\n" }, func(m *mailParts) { m.part += "\n--=-a\r\n" }},
		{"delimiter after LF", change("PART\r\n", "PART\n"), nil},
		{"part of nothing", func(m *mailParts) { m.whole, m.signs = strings.Replace(goodMail, "PART\r\n", "", 1), "" }, nil},
		{"longer boundary in the header", change(`boundary="=-b"`, `boundary="=-bb"`), nil},
		{"boundary twice", change(`boundary="=-b"`, `boundary="=-a"; boundary="=-b"`), change(`boundary="=-b"`, `x-boundary="=-a"; BOUNDARY="=-b"`)},
		{"no boundary", change(`; boundary="=-b"`, ""), nil},
		{"boundary of 71 octets", func(m *mailParts) { m.whole = strings.ReplaceAll(goodMail, "=-b", strings.Repeat("b", 71)) }, func(m *mailParts) { m.whole = strings.ReplaceAll(goodMail, "=-b", strings.Repeat("b", 70)) }},
		{"boundary that ends in a space", change(`boundary="=-b"`, `boundary="=-b "`), nil},
		{"another protocol", change(`"application/pkcs7-signature"`, `"application/pgp-signature"`), change(`"application/pkcs7-signature"`, `"Application/X-PKCS7-signature"`)},
		{"no protocol", change(`protocol="application/pkcs7-signature"; `, ""), nil},
		{"type twice", change("\r\n\r\nThis", "\r\nContent-Type: multipart/signed\r\n\r\nThis"), change("\r\n\r\nThis", "\r\nX-Type: multipart/signed\r\n\r\nThis")},
		{"multipart in base64", change("\r\n\r\nThis", "\r\nContent-Transfer-Encoding: base64\r\n\r\nThis"), change("\r\n\r\nThis", "\r\nContent-Transfer-Encoding: 7bit\r\n\r\nThis")},
		{"control character in the header", change("\r\n\r\nThis", "\r\nX: \x02\r\n\r\nThis"), change("\r\n\r\nThis", "\r\nX: ü\r\n\r\nThis")},
		{"signature of another type", change(sig256, "Content-Type: application/octet-stream"), change(sig256, "Content-Type: application/x-pkcs7-signature")},
		{"signature without a type", change(sig256, "X-Type: application/pkcs7-signature"), nil},
		{"signature in quoted-printable", change("base64\r\n\r\nSIG", "quoted-printable\r\n\r\nSIG"), change("base64\r\n\r\nSIG", "BASE64\r\n\r\n  \r\nSIG")},
		{"octets after the signature", func(m *mailParts) { m.signature = append(mailSignature(t, m), 0) }, func(m *mailParts) { m.signature = mailSignature(t, m) }},
		{"no message in the signature", func(m *mailParts) { m.signature = info(envelopedOID, tlv(0x30)) }, nil},
		{"digest that was not computed", func(m *mailParts) { m.sd = signWithSHA512(t) }, func(m *mailParts) {
			m.sd = signWithSHA512(t)
			change("sha-256", "sha-512")(m)
		}},
		{"digest that was not computed, unlike the hint", func(m *mailParts) {
			m.sd = signWithSHA512(t)
			change("sha-256", "sha-384")(m)
		}, func(m *mailParts) {
			m.sd = signWithSHA512(t)
			change("sha-256", "unknown")(m)
		}},
		{"CRLF that was lost inside", func(m *mailParts) { m.signs, m.part = signedPart, strings.ReplaceAll(signedPart, "\r\n", "\n") }, change("micalg=sha-256; ", "")},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := envelope.Opener{Identities: who.identities()}
			good, bad := mailParts{by: who, part: signedPart}, mailParts{by: who, part: signedPart}
			if c.good != nil {
				c.good(&good)
			}
			c.bad(&bad)
			got, r, err := open(o, bytes.NewReader(crafted{to: who, cbc: true, plain: good.bytes(t)}.bytes(t)))
			require.NoError(t, err, "the good twin")
			require.Equal(t, good.part, string(got))
			require.True(t, r.Signatures[0].Valid())
			plain := bad.bytes(t)
			got, _, err = open(o, bytes.NewReader(crafted{to: who, cbc: true, plain: plain}.bytes(t)))
			require.Equal(t, envelope.ErrDecrypt, err)
			require.Empty(t, got)
			// What is authenticated otherwise may look like anything.
			got, r, err = open(o, bytes.NewReader(crafted{to: who, plain: plain}.bytes(t)))
			require.NoError(t, err)
			require.True(t, bytes.Equal(plain, got))
			require.Empty(t, r.Signatures)
		})
	}
}

// mailSignature is the signature of m, to be put in by itself.
func mailSignature(t testing.TB, m *mailParts) []byte {
	return message(signedParts{by: m.by, content: []byte(m.part), eContent: func([]byte) []byte { return nil }}.bytes(t))
}

// signWithSHA512 signs with a key whose digest that is.
func signWithSHA512(t testing.TB) func(*signedParts) {
	return func(s *signedParts) {
		s.by = fresh["P-521"]()
		sum := sha512.Sum512(s.content)
		s.digests = [][]byte{tlv(0x30, sha512OID)}
		s.infos = [][]byte{must(smime.SignerInfoOf(s.by.key, data, sum[:], time.Now()))}
	}
}

// TestMultipartLineEnds: a mail whose lines have lost their CR is the mail
// that was signed, and comes out as that; one that has its own is not changed.
func TestMultipartLineEnds(t *testing.T) {
	t.Parallel()
	who := fresh["P-256"]()
	o := envelope.Opener{Identities: who.identities()}
	for name, c := range map[string]struct {
		part, stored string
	}{
		"all lost":             {"A: b\r\n\r\nline\r\n\r\nend", "A: b\n\nline\n\nend"},
		"some lost":            {"A: b\r\n\r\nline\r\nend\r\n", "A: b\r\n\r\nline\nend\n"},
		"a CR of its own":      {"A: b\r\n\r\nli\rne\r\r\nend", "A: b\n\nli\rne\r\r\nend"},
		"LF at the beginning":  {"\r\n\r\nline", "\n\nline"},
		"many lines":           {strings.Repeat("line\r\n", 40_000), strings.Repeat("line\n", 40_000)},
		"many lines of no end": {strings.Repeat("\r\n", 100_000), strings.Repeat("\n", 100_000)},
	} {
		signature := mailSignature(t, &mailParts{by: who, part: c.part})
		stored := mailParts{part: c.stored, signature: signature, whole: strings.ReplaceAll(goodMail, "\r\n", "\n")}
		got, r, err := open(o, bytes.NewReader(crafted{to: who, cbc: true, plain: stored.bytes(t)}.bytes(t)))
		require.NoError(t, err, name)
		require.True(t, c.part == string(got), name)
		require.Contains(t, strings.Join(r.Findings, "\n"), "lost their CR", name)

		kept := mailParts{part: c.stored, signature: mailSignature(t, &mailParts{by: who, part: c.stored})}
		got, _, err = open(o, bytes.NewReader(crafted{to: who, cbc: true, plain: kept.bytes(t)}.bytes(t)))
		require.NoError(t, err, name)
		require.True(t, c.stored == string(got), name)
		kept.signature = signature
		_, _, err = open(o, bytes.NewReader(crafted{to: who, cbc: true, plain: kept.bytes(t)}.bytes(t)))
		require.Equal(t, envelope.ErrDecrypt, err, name)
	}
	// One octet at a time, and at every place in the buffer.
	for n := 65400; n < 65560; n++ {
		m := mailParts{by: who, part: strings.Repeat("x", n)}
		for _, r := range []io.Reader{bytes.NewReader(m.bytes(t)), pipe(m.bytes(t))} {
			got, err := smime.FirstPart(r)
			require.NoError(t, err, n)
			require.Len(t, got, n)
		}
	}
}

// TestLayersMemory: what is allocated for content in layers does not grow with
// it.
func TestLayersMemory(t *testing.T) {
	who := fresh["P-256"]()
	line := strings.Repeat("x", 70)
	var cost [2][]uint64
	for i, size := range []int{1 << 20, 4 << 20} {
		part := strings.Repeat(line+"\r\n", size/72)
		mail := mailParts{by: who, part: part}.bytes(t)
		for _, plain := range [][]byte{
			mail, bytes.ReplaceAll(mail, []byte("\r\n"), []byte("\n")),
			entityOf("compressed-data", info(compressedOID, pressed{content: mail}.bytes())),
		} {
			msg := crafted{to: who, cbc: true, plain: plain}.bytes(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			m, err := (&envelope.Opener{Identities: who.identities()}).Open(bytes.NewReader(msg))
			require.NoError(t, err)
			n, err := io.Copy(io.Discard, m)
			require.NoError(t, err)
			require.NoError(t, m.Close())
			runtime.ReadMemStats(&after)
			require.Equal(t, int64(len(part)), n)
			cost[i] = append(cost[i], after.TotalAlloc-before.TotalAlloc)
		}
	}
	for i := range cost[0] {
		require.Less(t, cost[1][i], cost[0][i]+1<<19)
		require.Less(t, cost[1][i], uint64(4<<20))
	}
}
