package smime

import (
	"bytes"
	"encoding/pem"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// vectorDER reads a vector, and takes off its PEM.
func vectorDER(t testing.TB, name string) []byte {
	b, err := os.ReadFile(vectors(t, strings.Split(name, "/")...))
	require.NoError(t, err)
	for rest := b; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return b
		} else if block.Type == pemCertificate || block.Type == "CMS" || block.Type == "PKCS7" {
			return block.Bytes
		}
	}
}

// corpusRow is a line of testdata/signed-corpora.txt.
type corpusRow struct{ file, sender, content, year, want, source string }

// judge verifies msg as the row says.
func (r *corpusRow) judge(t *testing.T, msg []byte) ([]seam.Signature, error) {
	year, err := strconv.Atoi(r.year)
	require.NoError(t, err)
	p := &seam.OpenPlan{
		Now:    time.Date(year, time.June, 22, 0, 0, 0, 0, time.UTC),
		Limits: seam.Limits{Certificates: 64, Signatures: 16, HeaderBytes: 1 << 22},
	}
	if r.sender != "-" {
		c, err := parseCertificate(vectorDER(t, r.sender))
		require.NoError(t, err)
		p.Senders = []seam.Certificate{c}
	}
	if r.content != "-" {
		f, err := verifyDetached(bytes.NewReader(msg), bytes.NewReader(vectorDER(t, r.content)), p)
		if err != nil {
			return nil, err
		}
		return f.Signatures, nil
	}
	s, err := openSigned(bytes.NewReader(msg), p)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.Verify(); err != nil {
		return nil, err
	}
	return s.Facts().Signatures, nil
}

// says reports whether a verdict is what is expected.
func says(s seam.Signature, want string) bool {
	if want == "valid" {
		return s.Status == seam.SignatureValid
	}
	for _, part := range strings.Split(want, "|") {
		if s.Status != seam.SignatureValid && strings.Contains(s.Detail, part) {
			return true
		}
	}
	return false
}

// TestSignedCorpora: what others have made and said of it.
func TestSignedCorpora(t *testing.T) {
	t.Parallel()
	vectors(t)
	raw, err := os.ReadFile("testdata/signed-corpora.txt")
	require.NoError(t, err)
	rows, valid := 0, 0
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		require.Len(t, f, 6, line)
		r := &corpusRow{f[0], f[1], f[2], f[3], f[4], f[5]}
		rows++
		msg := vectorDER(t, r.file)
		got, err := r.judge(t, msg)
		if want, refused := strings.CutPrefix(r.want, "error: "); refused {
			require.ErrorIs(t, err, envelope.ErrFormat, line)
			require.ErrorContains(t, err, want, line)
			continue
		}
		require.NoError(t, err, line)
		if r.want == "" {
			require.Empty(t, got, line)
			continue
		}
		all := strings.Split(r.want, "; ")
		require.Len(t, got, len(all), line)
		for i, want := range all {
			main, counter, countered := strings.Cut(want, " + ")
			require.True(t, says(got[i], main), "%s: %s", line, got[i].Detail)
			require.Equal(t, countered, len(got[i].CounterSignatures) == 1, line)
			if countered {
				require.True(t, says(got[i].CounterSignatures[0], counter), "%s: %s", line, got[i].CounterSignatures[0].Detail)
			}
			if main == "valid" {
				valid++
				r.twins(t, msg)
			}
		}
	}
	t.Logf("%d rows, %d valid", rows, valid)
}

// twins sees that the message is not valid with any octet turned.
func (r *corpusRow) twins(t *testing.T, msg []byte) {
	for i := 0; i < len(msg); i += 1 + len(msg)/64 {
		turned := bytes.Clone(msg)
		turned[i] ^= 0x04
		got, err := r.judge(t, turned)
		if err != nil {
			continue
		}
		for _, s := range got {
			require.NotEqual(t, seam.SignatureValid, s.Status, "%s, octet %d", r.file, i)
		}
	}
}

// TestRFC9216Signers: the sample keys of the RFC sign where their certificates
// say so, and what they sign is valid with the certificates that the RFC gives.
func TestRFC9216Signers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, cert, key string
		scheme          string // "" for a certificate that signs nothing
	}{
		{"Alice", "03_4_1_Alice_s_Signature_Verification_End_Entity_Certificate.certificate.pem", "04_4_2_Alice_s_Signing_Private_Key_Material.private_key.pem", "RSA PKCS#1 v1.5, SHA-256"},
		{"Alice, encryption", "05_4_3_Alice_s_Encryption_End_Entity_Certificate.certificate.pem", "06_4_4_Alice_s_Decryption_Private_Key_Material.private_key.pem", ""},
		{"Bob", "08_5_1_Bob_s_Signature_Verification_End_Entity_Certificate.certificate.pem", "09_5_2_Bob_s_Signing_Private_Key_Material.private_key.pem", "RSA PKCS#1 v1.5, SHA-256"},
		{"Bob, encryption", "10_5_3_Bob_s_Encryption_End_Entity_Certificate.certificate.pem", "11_5_4_Bob_s_Decryption_Private_Key_Material.private_key.pem", ""},
		{"Carlos", "16_7_1_Carlos_s_Signature_Verification_End_Entity_Certificate.certificate.pem", "17_7_2_Carlos_s_Signing_Private_Key_Material.private_key.pem", "Ed25519, SHA-512"},
		{"Carlos, encryption", "18_7_3_Carlos_s_Encryption_End_Entity_Certificate.certificate.pem", "19_7_4_Carlos_s_Decryption_Private_Key_Material.private_key.pem", ""},
		{"Dana", "21_8_1_Dana_s_Signature_Verification_End_Entity_Certificate.certificate.pem", "22_8_2_Dana_s_Signing_Private_Key_Material.private_key.pem", "Ed25519, SHA-512"},
		{"Dana, encryption", "23_8_3_Dana_s_Encryption_End_Entity_Certificate.certificate.pem", "24_8_4_Dana_s_Decryption_Private_Key_Material.private_key.pem", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cert, err := os.ReadFile(vectors(t, "rfc9216", "extracted", c.cert))
			require.NoError(t, err)
			key, err := os.ReadFile(vectors(t, "rfc9216", "extracted", c.key))
			require.NoError(t, err)
			k, err := ParseKey(bytes.NewReader(append(cert, key...)), nil)
			require.NoError(t, err)
			s, now := &signer{key: k.in}, time.Date(2026, time.June, 1, 0, 0, 0, 0, time.UTC)
			if c.scheme == "" {
				require.Error(t, s.CheckSign(now, seam.Auto))
				return
			}
			require.NoError(t, s.CheckSign(now, seam.Auto))
			require.Error(t, s.CheckSign(now.AddDate(40, 0, 0), seam.Auto))
			h := s.digest().new()
			h.Write(content)
			digest := h.Sum(nil)
			der, planned, err := s.signerInfo(oidData.tlv(), digest, now)
			require.NoError(t, err)
			require.Equal(t, c.scheme, planned.Algorithm)
			si, err := parseSignerInfo(der)
			require.NoError(t, err)
			got := si.verify(oidData.tlv(), digest, nil, []seam.Certificate{k.in.cert}, now)
			require.Equal(t, seam.SignatureValid, got.Status, got.Detail)
			digest[0] ^= 1
			require.Equal(t, seam.SignatureBad, si.verify(oidData.tlv(), digest, nil, []seam.Certificate{k.in.cert}, now).Status)
		})
	}
}
