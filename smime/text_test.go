package smime_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

// TestPEM holds the PEM writer and reader against encoding/pem.
func TestPEM(t *testing.T) {
	all := make([]byte, 200_000)
	rand.Read(all)
	for _, size := range []int{1, 2, 3, 47, 48, 49, 95, 96, 97, 16415, 16416, 16417, 48 * 57 * 6, 65535, 65536, 200_000} {
		for _, piece := range []int{1, 7, 48, 1000, 1 << 20} {
			if piece == 1 && size > 20_000 {
				continue
			}
			var out bytes.Buffer
			w := smime.NewPEMWriter(&out)
			for b := all[:size]; len(b) > 0; {
				n, err := w.Write(b[:min(piece, len(b))])
				require.NoError(t, err)
				b = b[n:]
			}
			require.NoError(t, w.Close())
			want := pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: all[:size]})
			require.True(t, bytes.Equal(want, out.Bytes()), "size %d in pieces of %d", size, piece)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: all[:size]})
		for _, src := range []io.Reader{bytes.NewReader(text), iotest.OneByteReader(bytes.NewReader(text)), iotest.DataErrReader(bytes.NewReader(text))} {
			r, armored, err := smime.Dearmor(src)
			require.NoError(t, err)
			require.True(t, armored)
			got, err := io.ReadAll(r)
			require.NoError(t, err)
			require.True(t, bytes.Equal(all[:size], got), size)
		}
	}
}

// TestPEMRules: what is not one block of base64 is refused.
func TestPEMRules(t *testing.T) {
	const begin, end = "-----BEGIN CMS-----\n", "-----END CMS-----\n"
	read := func(text string) (string, error) {
		var src io.Reader = strings.NewReader(text)
		if len(text) < 1000 { // one octet at a time, to see it in pieces
			src = iotest.OneByteReader(src)
		}
		r, _, err := smime.Dearmor(src)
		if err != nil {
			return "", err
		}
		b, err := io.ReadAll(r)
		return string(b), err
	}
	for name, text := range map[string]string{
		"plain":                begin + "AQID\n" + end,
		"CRLF":                 strings.ReplaceAll(begin+"AQID\n"+end, "\n", "\r\n"),
		"no line end":          begin + "AQID\n" + strings.TrimSpace(end),
		"blanks":               "\n \t\r\n" + begin + " AQ\tID \n\n" + end + " \r\n\t\n",
		"lines of other sizes": begin + "A\nQI\nD\n" + end,
		"PKCS7":                "-----BEGIN PKCS7-----\nAQID\n-----END PKCS7-----",
		"gpgsm, encrypted":     "-----BEGIN ENCRYPTED MESSAGE-----\nAQID\n-----END ENCRYPTED MESSAGE-----",
		"gpgsm, signed":        "-----BEGIN SIGNED MESSAGE-----\nAQID\n-----END SIGNED MESSAGE-----",
	} {
		got, err := read(text)
		require.NoError(t, err, name)
		require.Equal(t, "\x01\x02\x03", got, name)
	}
	for name, text := range map[string]string{
		"other label":            "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n",
		"labels differ":          begin + "AQID\n-----END PKCS7-----\n",
		"no last line":           begin + "AQID\n",
		"half a last line":       begin + "AQID\n-----END CMS",
		"no first line":          "-----",
		"first line too long":    "-----BEGIN CMS-----" + strings.Repeat(" ", 60) + "\nAQID\n" + end,
		"last line endless":      begin + "AQID\n-----END CMS-----" + strings.Repeat(" ", 1<<16) + "x",
		"more after it":          begin + "AQID\n" + end + "x",
		"a second block":         begin + "AQID\n" + end + begin + "AQID\n" + end,
		"header":                 begin + "Proc-Type: 4,ENCRYPTED\n\nAQID\n" + end,
		"checksum":               begin + "AQID\n=AAAA\n" + end,
		"not base64":             begin + "AQI*\n" + end,
		"base64 cut":             begin + "AQI\n" + end,
		"padding within":         begin + "AQ==AQID\n" + end,
		"data after the padding": begin + "AQ==\nAQID\n" + end,
		"stray bits":             begin + "AR==\n" + end,
		"dash within":            begin + "AQ-ID\n" + end,
		"NUL":                    begin + "AQ\x00ID\n" + end,
	} {
		_, err := read(text)
		require.ErrorIs(t, err, envelope.ErrFormat, name)
	}
}

// endless yields one octet for ever.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

// TestPEMEndless: a line without an end takes neither memory nor time.
func TestPEMEndless(t *testing.T) {
	_, _, err := smime.Dearmor(io.MultiReader(strings.NewReader("-----BEGIN CMS"), endless(' ')))
	require.ErrorIs(t, err, envelope.ErrFormat)
	r, _, err := smime.Dearmor(io.MultiReader(strings.NewReader("-----BEGIN CMS-----\nAQID\n-----END"), endless('x')))
	require.NoError(t, err)
	_, err = io.ReadAll(r)
	require.ErrorIs(t, err, envelope.ErrFormat)
	_, armored, err := smime.Dearmor(endless(' '))
	require.NoError(t, err)
	require.False(t, armored)
}

func TestMIMEBase64(t *testing.T) {
	all := make([]byte, 40_000)
	rand.Read(all)
	for _, size := range []int{0, 1, 56, 57, 58, 114, 20_000, 40_000} {
		var out bytes.Buffer
		w := smime.NewMIMEBase64(&out)
		_, err := io.Copy(w, iotest.HalfReader(bytes.NewReader(all[:size])))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		for line := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\r\n"), "\r\n") {
			require.LessOrEqual(t, len(line), 76)
		}
		got, err := base64.StdEncoding.DecodeString(out.String())
		require.NoError(t, err)
		require.True(t, bytes.Equal(all[:size], got))
		got, err = io.ReadAll(smime.NewBase64Reader(bytes.NewReader(out.Bytes())))
		require.NoError(t, err)
		require.True(t, bytes.Equal(all[:size], got))
	}
}

func TestSniff(t *testing.T) {
	who := fresh["P-256"]()
	msg := sealed(t, envelope.Sealer{Profile: envelope.Modern}, nil, who.verified)
	text := sealed(t, envelope.Sealer{Profile: envelope.Modern, Armor: true}, nil, who.verified)
	for _, m := range [][]byte{msg, text, append([]byte("\r\n\n"), text...), message(signedParts{by: who}.bytes(t)), crafted{to: who}.bytes(t)} {
		for n := 1; n <= min(128, len(m)); n++ {
			if len(bytes.TrimSpace(m[:n])) == 0 {
				continue // white space alone is nothing
			}
			require.True(t, smime.Sniff(m[:n]), "%q", m[:n])
		}
	}
	for _, m := range []string{
		"", " ", "\n\n", "\x31\x80", "\x30\x89", "\x30\x03\x02\x01\x00", "\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05",
		"-----BEGIN PGP MESSAGE-----", "-----BEGIN CERTIFICATE-----", "x", "\xc1\xc0", strings.Repeat(" ", 100) + "-----BEGIN CMS-----",
	} {
		require.False(t, smime.Sniff([]byte(m)), "%q", m)
	}
}

func TestSignedEntity(t *testing.T) {
	const cte = "Content-Transfer-Encoding: base64\r\n"
	for head, want := range map[string][2]bool{ // named, not named
		smime.SignedEntityHeader: {true, true},
		"Content-Type: application/pkcs7-mime; smime-type=signed-data\n\nx":                                        {true, true},
		"MIME-Version: 1.0\r\ncontent-type:\r\n APPLICATION/X-PKCS7-MIME;\r\n\tsmime-type=\"Signed-Data\"\r\n\r\n": {true, true},
		"Content-Type: application/pkcs7-mime\r\n\r\n":                                                             {false, true},
		"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\n":                                  {false, false},
		"Content-Type: text/plain; smime-type=signed-data\r\n\r\n":                                                 {false, false},
		"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n":                                         {false, false},
		"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\nContent-Type: text/plain\r\n\r\n":         {false, false},
		"Content-Type: application/pkcs7-mime; smime-type=signed-data; smime-type=x\r\n\r\n":                       {false, false},
		"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\nno header\r\n\r\n":                        {false, false},
		"\r\n\r\n": {false, false},
		"":         {false, false},
		"0\x80":    {false, false},
		strings.Repeat("X-Long: y\r\n", smime.MaxEntityHeader/11): {false, false},
	} {
		require.Equal(t, want, [2]bool{smime.IsSignedEntity([]byte(head), true), smime.IsSignedEntity([]byte(head), false)}, "%q", head)
	}
	for body, want := range map[string]string{
		cte + "\r\nAQID\r\n":                            "\x01\x02\x03",
		"Content-Transfer-Encoding: Binary\n\n\x00\xff": "\x00\xff",
		"Subject: x\n\nraw":                             "raw",
	} {
		r, err := smime.EntityBody(strings.NewReader(body))
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	for _, body := range []string{
		"Content-Transfer-Encoding: quoted-printable\n\nx", cte + cte + "\r\nAQID", "no header", "",
	} {
		_, err := smime.EntityBody(strings.NewReader(body))
		require.ErrorIs(t, err, envelope.ErrFormat, "%q", body)
	}
}

// TestEntityByChance: a file that begins like a signed mail and is none comes
// out as it is, where something else authenticates it, and not otherwise.
func TestEntityByChance(t *testing.T) {
	who := fresh["RSA-3072"]()
	o := envelope.Opener{Identities: who.identities()}
	one := signedParts{by: who, content: []byte("text")}
	forged := signedParts{by: who, content: []byte("text"), signs: []byte("other")}
	entity := func(sd []byte) []byte {
		return []byte(smime.SignedEntityHeader + base64.StdEncoding.EncodeToString(message(sd)))
	}
	for name, plain := range map[string][]byte{
		"no message": []byte(smime.SignedEntityHeader + "AQID"),
		"not base64": []byte(smime.SignedEntityHeader + "*"),
		"forged":     entity(forged.bytes(t)),
		"cut":        entity(one.bytes(t))[:900],
		"and more":   append(entity(one.bytes(t)), "\r\nAQID"...),
	} {
		got, r, err := open(o, bytes.NewReader(crafted{to: who, plain: plain}.bytes(t)))
		require.NoError(t, err, name)
		require.True(t, bytes.Equal(plain, got), name)
		require.Empty(t, r.Signatures, name)
		require.Len(t, r.Findings, 1, name)
		got, _, err = open(o, bytes.NewReader(crafted{to: who, plain: plain, cbc: true}.bytes(t)))
		require.Equal(t, envelope.ErrDecrypt, err, name)
		require.Empty(t, got)
	}
	for _, cbc := range []bool{false, true} {
		got, r, err := open(o, bytes.NewReader(crafted{to: who, plain: entity(one.bytes(t)), cbc: cbc}.bytes(t)))
		require.NoError(t, err)
		require.Equal(t, "text", string(got))
		require.True(t, r.Signatures[0].Valid())
	}
}
