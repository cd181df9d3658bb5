package smime

import (
	"bytes"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// vectorDir returns the folder of public test vectors, or skips.
func vectorDir(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("DKB_VECTORS")
	if dir == "" {
		t.Skip("skipped: DKB_VECTORS, the folder of public test vectors, is not set")
	}
	return filepath.Join(dir, name)
}

func readVector(t testing.TB, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return b
}

// The private keys of RFC 9935's examples, in all three forms, are those of
// the certificates; the four of Appendix C.4 are damaged.
func TestVectorsMLKEM(t *testing.T) {
	allowed(t, "ML-KEM-512")
	t.Parallel()
	dir := vectorDir(t, "lamps-ml-kem/certificates")
	for _, set := range []string{"ML-KEM-512", "ML-KEM-768", "ML-KEM-1024"} {
		for _, form := range []string{"seed", "expanded", "both"} {
			private := readVector(t, dir, set+"-"+form+".priv")
			k, err := ParseKey(bytes.NewReader(append(private, readVector(t, dir, set+".crt")...)), nil)
			require.NoError(t, err, "%s %s", set, form)
			require.NotNil(t, k.in.kem)
			require.Equal(t, keyMLKEM, k.in.cert.key.kind)
			require.Equal(t, set, k.in.cert.key.name)
			written, err := k.Marshal(nil)
			require.NoError(t, err)
			want, _ := pem.Decode(private)
			if form == "both" { // the seed alone is written
				want, _ = pem.Decode(readVector(t, dir, set+"-seed.priv"))
			}
			got, _ := pem.Decode(written)
			require.Equal(t, want.Bytes, got.Bytes)
		}
	}
	for n, reason := range map[string]error{"1": errKEMKey, "2": errKEMKey, "3": errKEMKey, "4": errKEMKey} {
		b := append(append(readVector(t, dir, "bad-ML-KEM-512-"+n+".priv"), 10), readVector(t, dir, "ML-KEM-512.crt")...)
		_, err := ParseKey(bytes.NewReader(b), nil)
		require.ErrorIs(t, err, reason, n)
	}
}

// Every file holds a private key, and its certificate.
func TestVectorsPostQuantumFiles(t *testing.T) {
	allowed(t, "ML-KEM-512")
	t.Parallel()
	dir := vectorDir(t, "bc-test-data/pkix/cert")
	for _, name := range []string{
		"mldsa/ML-DSA-44", "mldsa/ML-DSA-65", "mldsa/ML-DSA-87",
		"mlkem/ML-KEM-512", "mlkem/ML-KEM-768", "mlkem/ML-KEM-1024",
	} {
		var cert *certificate
		var private [][]byte
		for b := readVector(t, dir, name+".pem"); ; {
			var block *pem.Block
			if block, b = pem.Decode(b); block == nil {
				break
			}
			switch block.Type {
			case pemCertificate:
				c, err := parseCertificate(block.Bytes)
				require.NoError(t, err)
				cert = c
			case pemPKCS8:
				private = append(private, block.Bytes)
			}
		}
		require.Equal(t, filepath.Base(name), cert.key.name)
		require.Len(t, private, 1)
		k, err := parsePKCS8(private[0])
		require.NoError(t, err)
		in, err := newPrivateKey(cert, k)
		require.NoError(t, err)
		require.Equal(t, cert.key.kind == keyMLDSA, in.signer != nil)
		require.Equal(t, cert.key.kind == keyMLKEM, in.kem != nil)
	}
}

// An expanded key of ML-DSA is refused for what it lacks.
func TestVectorsMLDSAWithoutSeed(t *testing.T) {
	t.Parallel()
	dir := vectorDir(t, "lamps-ml-kem")
	_, err := ParseKey(bytes.NewReader(append(readVector(t, dir, "mldsa65RootCA.priv"), readVector(t, dir, "mldsa65RootCA.pem")...)), nil)
	require.ErrorContains(t, err, "ML-DSA-65 private key is there without its seed")
}

// RFC 9216: RSA, Ed25519 and X25519 in PEM, and in PKCS#12.
func TestVectorsRFC9216(t *testing.T) {
	allowed(t, "X25519")
	t.Parallel()
	dir := vectorDir(t, "rfc9216/extracted")
	certs, err := filepath.Glob(filepath.Join(dir, "*End_Entity_Certificate*.pem"))
	require.NoError(t, err)
	require.Len(t, certs, 8)
	for _, name := range certs {
		keys, err := filepath.Glob(filepath.Join(dir, "*.private_key.pem"))
		require.NoError(t, err)
		cert := readVector(t, name)
		matched := 0
		for _, key := range keys {
			k, err := ParseKey(bytes.NewReader(append(readVector(t, key), cert...)), nil)
			var mismatch *keyMismatchError
			if err != nil {
				if !strings.Contains(err.Error(), "does nothing that") {
					require.ErrorAs(t, err, &mismatch, "%s %s", name, key)
				}
				continue
			}
			matched++
			written, err := k.Marshal(nil)
			require.NoError(t, err)
			again, err := ParseKey(bytes.NewReader(written), nil)
			require.NoError(t, err)
			require.Equal(t, k.Certificate().Fingerprint(), again.Certificate().Fingerprint())
		}
		require.Equal(t, 1, matched, name)
	}
}
