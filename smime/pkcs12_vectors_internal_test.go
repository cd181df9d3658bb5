package smime

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

// PKCS#12 files of other programs. What is expected comes from their names and
// from the tests that they belong to; own says why we decide otherwise.
func TestVectorsPKCS12(t *testing.T) {
	allowed(t, "PKCS#12")
	dir := vectorDir(t, "")
	own := 0
	table := []struct {
		file, passphrase string
		keys, certs      int    // 0 keys: refused
		own              string // an own decision
	}{
		{"boringssl/pkcs8/test/openssl.p12", "foo", 1, 1, ""},
		{"boringssl/pkcs8/test/nss.p12", "foo", 1, 1, ""},
		{"boringssl/pkcs8/test/windows.p12", "foo", 1, 1, ""},
		{"boringssl/pkcs8/test/pbes2_sha1.p12", "foo", 1, 1, ""},
		{"boringssl/pkcs8/test/pbes2_sha256.p12", "foo", 1, 1, ""},
		{"boringssl/pkcs8/test/no_encryption.p12", "foo", 1, 1, ""},
		{"boringssl/pkcs8/test/unicode_password.p12", "Hello, 世界", 1, 1, ""},
		{"boringssl/pkcs8/test/empty_password.p12", "", 1, 1, ""},
		{"boringssl/pkcs8/test/empty_password_ber.p12", "", 1, 1, ""},
		{"boringssl/pkcs8/test/empty_password_ber_nested.p12", "", 0, 0, "nested 128 deep; 32 are read"},
		{"boringssl/pkcs8/test/null_password.p12", "", 1, 1, ""},
		{"boringssl/pkcs8/test/bad1.p12", "foo", 0, 0, ""},
		{"boringssl/pkcs8/test/bad2.p12", "foo", 0, 0, ""},
		{"boringssl/pkcs8/test/bad3.p12", "foo", 0, 0, ""},
		{"openssl/test/recipes/80-test_pkcs12_data/bad1.p12", "", 0, 0, ""},
		{"openssl/test/recipes/80-test_pkcs12_data/bad2.p12", "", 0, 0, ""},
		{"openssl/test/recipes/80-test_pkcs12_data/bad3.p12", "", 0, 0, ""},
		{"aws-lc/pkcs8/test/null_password.p12", "", 1, 1, ""},
		{"aws-lc/pkcs8/test/null_contentinfo_child.p12", "", 0, 0, ""},
		{"aws-lc/pkcs8/test/null_contentinfo_root.p12", "", 0, 0, ""},
		{"bc-test-data/asn1/test_key_pbmac1_openssl.pfx", "xxxxxx", 1, 1, ""},
		{"bc-test-data/asn1/test_key_pbmac1_bcjsse.pfx", "xxxxxx", 1, 1, ""},
		{"comm-central/mailnews/test/data/smime/Alice.p12", "nss", 1, 2, ""},
		{"comm-central/mailnews/test/data/smime/Alice-ec.p12", "nss", 1, 2, ""},
		{"comm-central/mailnews/test/data/smime/Bob.p12", "nss", 1, 2, ""},
		{"comm-central/mailnews/test/data/smime/Dave.p12", "nss", 1, 2, ""},
		{"comm-central/mailnews/test/data/smime/Eve.p12", "nss", 1, 2, ""},
		{"comm-central/mailnews/test/data/smime/Fran.p12", "nss", 1, 1, ""},
		{"mimekit/smime/certificate-authority.pfx", "no.secret", 1, 1, ""},
		{"mimekit/smime/intermediate2.pfx", "no.secret", 1, 3, ""},
		{"rfc9216/extracted/07_4_5_PKCS_12_Object_for_Alice.pkcs12.pem", "alice", 2, 3, ""},
		{"rfc9216/extracted/12_5_5_PKCS_12_Object_for_Bob.pkcs12.pem", "bob", 2, 3, ""},
		{"rfc9216/extracted/20_7_5_PKCS_12_Object_for_Carlos.pkcs12.pem", "carlos", 2, 3, ""},
		{"rfc9216/extracted/25_8_5_PKCS_12_Object_for_Dana.pkcs12.pem", "dana", 2, 3, ""},
	}
	for _, c := range table {
		b := readVector(t, dir, c.file)
		if c.own != "" {
			own++
			t.Logf("own decision: %s: %s", c.file, c.own)
		}
		f, err := readKeyFile(bytes.NewReader(b), []byte(c.passphrase))
		if c.keys == 0 {
			require.Error(t, err, c.file)
			continue
		}
		require.NoError(t, err, c.file)
		require.Equal(t, []int{c.keys, c.certs}, []int{len(f.privates), len(f.certs)}, c.file)
		_, err = readKeyFile(bytes.NewReader(b), []byte("not it"))
		require.ErrorIs(t, err, ErrPassphrase, c.file)
		keys, err := ParseKeys(bytes.NewReader(b), []byte(c.passphrase))
		require.NoError(t, err, c.file)
		require.Len(t, keys, c.keys, c.file)
	}
	require.LessOrEqual(t, own*20, len(table), "at most one in twenty is decided by us")
}

// The derivation of RFC 7292, Appendix B.2, for more octets than one digest
// has. The values are those of go-pkcs12's own tests.
func TestDeriveKey(t *testing.T) {
	allowed(t, "SHA-1")
	password, ok := bmpPassword([]byte("sesame"))
	require.True(t, ok)
	key := deriveKey(crypto.SHA1, pbeKeyID, password, []byte("\xff\xff\xff\xff\xff\xff\xff\xff"), 2048, 24)
	require.Equal(t, "7cd9fd3e2b3be7691a44e3bef0f9ea0fb9b897d4e325d9d1", hex.EncodeToString(key))
	require.Equal(t, key[:5], deriveKey(crypto.SHA1, pbeKeyID, password, []byte("\xff\xff\xff\xff\xff\xff\xff\xff"), 2048, 5))
	// Here the sum of two blocks begins with a zero octet.
	key = deriveKey(crypto.SHA1, pbeKeyID, []byte{0, 0}, []byte("\xf3\x7e\x05\xb5\x18\x32\x4b\x4b"), 2048, 24)
	require.Equal(t, "00f759ff47d14dd03665d5943cb3c4a39a2555c02aed66e1", hex.EncodeToString(key))
	require.NotEqual(t, key[:8], deriveKey(crypto.SHA1, pbeIVID, password, []byte("\xff\xff\xff\xff\xff\xff\xff\xff"), 2048, 8))
}
