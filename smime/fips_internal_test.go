package smime

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"filippo.io/mldsa"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// TestFIPSOnly runs itself under GODEBUG=fips140=only: what is forbidden there
// is an error of ours before it starts, never a panic of the standard library,
// and what is not forbidden works.
func TestFIPSOnly(t *testing.T) {
	if !fipsOnly() {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFIPSOnly$", "-test.v")
		cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "checked in FIPS 140-only mode", "it did not run")
		return
	}
	r, ec := testKey(t, "rsa3072"), testKey(t, "p256")
	for _, k := range []*privateKey{r, ec} {
		require.NoError(t, k.cert.CheckSeal(time.Now(), seam.Modern))
		der, _, _, err := wrapFor(k.cert, testCEK, false)
		require.NoError(t, err)
		cek, ok := k.unwrap(one(t, der), 32)
		require.True(t, ok)
		require.Equal(t, testCEK, cek)
		s := &signer{key: k}
		der, _, err = s.signerInfo(oidData.tlv(), contentDigest, time.Now())
		require.NoError(t, err)
		si, err := parseSignerInfo(der)
		require.NoError(t, err)
		require.Equal(t, seam.SignatureValid, si.verify(oidData.tlv(), contentDigest, []*certificate{k.cert}, nil, time.Now()).Status)
	}
	_, _, _, err := wrapFor(r.cert, testCEK, true)
	requireUnusable(t, err, "fips140=only")
	requireNotApproved(t, err)
	err = r.cert.CheckSeal(time.Now(), seam.Compatible)
	requireUnusable(t, err, "fips140=only")
	requireNotApproved(t, err)
	require.NoError(t, ec.cert.CheckSeal(time.Now(), seam.Compatible))

	v15 := one(t, ktri(t, func(b *cryptobyte.Builder) { addAlgorithmNULL(b, oidRSAEncryption) }, make([]byte, 384)))
	require.Contains(t, v15.unsupported(), "v1.5")
	requireNotApproved(t, v15.refusal())
	_, ok := r.unwrap(v15, 32)
	require.True(t, ok, "RFC 3218 holds all the same")
	weak := one(t, ktri(t, func(b *cryptobyte.Builder) { addOAEPWith(b, oidSHA256, oidSHA1, nil) }, make([]byte, 384)))
	require.NotEmpty(t, weak.unsupported())
	requireNotApproved(t, weak.refusal())
	_, ok = r.unwrap(weak, 32)
	require.False(t, ok)
	point := ec.exchanger.PublicKey().Bytes()
	agree := one(t, agreementBuilder{originator: originator(t, nil, point), scheme: oidStdDHSHA1KDF, wrap: derAlgorithm(oidAES256Wrap), encrypted: make([]byte, 40)}.der(t))
	require.NotEmpty(t, agree.unsupported())
	requireNotApproved(t, agree.refusal())
	_, ok = ec.unwrap(agree, 32)
	require.False(t, ok)

	for _, k := range []*privateKey{ed448Key(t), mldsaKey(t, mldsa.MLDSA65())} {
		err = (&signer{key: k}).CheckSign(time.Now(), seam.Auto)
		requireUnusable(t, err, "fips140=only")
		requireNotApproved(t, err)
		der, _, err := (&signer{key: k}).signerInfo(oidData.tlv(), contentDigest, time.Now())
		require.NoError(t, err)
		si, err := parseSignerInfo(der)
		require.NoError(t, err)
		got := si.verify(oidData.tlv(), contentDigest, []*certificate{k.cert}, nil, time.Now())
		require.Equal(t, seam.SignatureUnsupported, got.Status)
		require.Contains(t, got.Detail, "fips140=only")
	}
	for salt, want := range map[int]string{32: "", 33: "fips140=only"} {
		_, refuse := schemeOf(&algorithm{oidRSAPSS, pssParameters(oidSHA256, oidSHA256, int64(salt), 1)}, digestKind(crypto.SHA256))
		require.Contains(t, refuse, want)
		require.Equal(t, want == "", refuse == "")
	}

	require.Nil(t, issue(t, ec.signer, nil).ski, "no SHA-1 identifier is computed")
	for _, o := range []oid{oidSHA1, oidMD5} {
		f := newForge(t, r)
		f.digestAlgorithm = derAlgorithm(o)
		require.Equal(t, seam.SignatureUnsupported, f.judge(t).Status)
	}
	f := newForge(t, ec)
	f.attributes = append(f.attributes, attribute(t, oidSigningCertificate, tlv(0x30, tlv(0x30, tlv(0x30, tlv(4, make([]byte, 20)))))))
	require.Equal(t, seam.SignatureUnsupported, f.judge(t).Status, "nothing was found to be wrong")
	for _, name := range []string{"rsa1024", "rsa2047"} {
		k := FixedRSA(name)
		require.True(t, (&publicKey{kind: keyRSA, rsa: &k.PublicKey}).fipsRefuses(), name)
		_, err := newPrivateKey(r.cert, k)
		requireNotApproved(t, err)
	}

	_, err = (&Key{ec}).MarshalPKCS12([]byte("passphrase"))
	requireNotApproved(t, err)
	sealed, err := (&Key{ec}).marshal([]byte("a passphrase of 112 bits or more"), 1000)
	require.NoError(t, err)
	_, err = ParseKey(bytes.NewReader(sealed), []byte("a passphrase of 112 bits or more"))
	require.NoError(t, err)
	iv := tlv(0x30, append(oidAES256CBC.tlv(), tlv(4, make([]byte, 16))...))
	for _, kdf := range [][]byte{
		derivation(t, oidScrypt, []byte("saltsalt"), []int64{16, 8, 1}, nil),
		derivation(t, oidPBKDF2, []byte("saltsalt"), []int64{3}, nil),
		derivation(t, oidPBKDF2, []byte("saltsalt"), []int64{3}, derAlgorithm(oidHMACSHA256)),
	} {
		_, err := decryptPBES2(encrypted(t, kdf, iv, make([]byte, 32)), []byte("passphrase"), new(iterationBudget))
		requireNotApproved(t, err)
	}
	checkRecipientsFIPS(t)
	t.Log("checked in FIPS 140-only mode")
}

// checkRecipientsFIPS is the part of TestFIPSOnly on who a message is for.
func checkRecipientsFIPS(t *testing.T) {
	kem := CraftedKey("ML-KEM-768").in
	require.NoError(t, kem.cert.CheckSeal(time.Now(), seam.Modern))
	der, _, _, err := wrapFor(kem.cert, testCEK, false)
	require.NoError(t, err)
	cek, ok := kem.unwrap(one(t, der), 32)
	require.True(t, ok)
	require.Equal(t, testCEK, cek)

	for _, o := range []oid{oidX25519, oidX448} {
		size := map[oid]int{oidX25519: 32, oidX448: 56}[o]
		point := bytes.Repeat([]byte{9}, size)
		requireNotApproved(t, craftCertificate(o, point, nil).CheckSeal(time.Now(), seam.Modern))
		agree := one(t, agreementBuilder{originator: originatorOf(t, o, nil, point), scheme: oidStdDHHKDFSHA256, wrap: derAlgorithm(oidAES256Wrap), encrypted: make([]byte, 40)}.der(t))
		requireNotApproved(t, agree.refusal())
	}
	small := kemBuilder{ori: oidORIKEM, kem: oidMLKEM512, kdf: oidHKDFSHA256, kekLength: 32, ciphertext: make([]byte, 768), wrap: derAlgorithm(oidAES256Wrap), encrypted: make([]byte, 40)}
	requireNotApproved(t, one(t, small.der(t)).refusal())

	der, _, err = wrapForPassphrase([]byte("passphrase"), testCEK, 1000)
	require.NoError(t, err)
	cek, ok = one(t, der).unwrapPassword([]byte("passphrase"), 32)
	require.True(t, ok)
	require.Equal(t, testCEK, cek)
	good := passwordBuilder{kdf: oidPBKDF2, wrap: oidPWRIKEK, cipher: oidAES256CBC, salt: make([]byte, 16), iv: make([]byte, 16), iterations: 1000, prf: derAlgorithm(oidHMACSHA256), encrypted: make([]byte, 48)}
	require.Empty(t, one(t, good.der(t)).unsupported())
	short, weak := good, good
	short.salt = short.salt[:15]
	weak.prf = nil
	requireNotApproved(t, one(t, short.der(t)).refusal())
	requireNotApproved(t, one(t, weak.der(t)).refusal())
}

func requireNotApproved(t *testing.T, err error) {
	t.Helper()
	var e *envelope.NotApprovedError
	require.ErrorAs(t, err, &e)
	require.Contains(t, err.Error(), "fips140=only")
}

// allowed skips a test that is about what fips140=only forbids.
func allowed(t testing.TB, what string) {
	t.Helper()
	if fipsOnly() {
		t.Skipf("skipped: needs %s, which GODEBUG=fips140=only does not allow", what)
	}
}

// Text from outside is quoted, cut, and on one line in every error.
func TestErrorsQuote(t *testing.T) {
	hostile := "\x1b[31m\r\nInjected: yes\x00" + strings.Repeat("x", 500)
	for _, b := range [][]byte{
		block("A "+strings.Repeat("X", 500), []byte("x")),
		[]byte("-----BEGIN \x1b[31m-----\nAAAA\n-----END \x1b[31m-----\n"),
		[]byte(hostile),
		append([]byte("-----BEGIN CERTIFICATE-----\n"), hostile...),
	} {
		_, err := ParseCertificate(b)
		requirePrintable(t, err)
		_, err = ParseKey(bytes.NewReader(b), nil)
		requirePrintable(t, err)
	}
	_, err := GenerateKey(KeyOptions{Address: hostile})
	requirePrintable(t, err)
	_, err = GenerateKey(KeyOptions{Address: "a@example.org", Name: hostile})
	requirePrintable(t, err)
	_, err = GenerateKey(KeyOptions{Address: "a@example.org", Algorithm: hostile})
	requirePrintable(t, err)
}

func requirePrintable(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	require.Less(t, len(err.Error()), 400)
	for _, r := range err.Error() {
		require.False(t, r < ' ' || r == 0x7f, "%q", err.Error())
	}
	require.True(t, strings.HasPrefix(err.Error(), "smime: "))
}

// A private key that decrypts with other options than asked for would be a
// mistake that round trips do not show.
func TestDecryptOptions(t *testing.T) {
	k := testKey(t, "rsa3072")
	label := []byte("label")
	encrypted, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, k.cert.key.rsa, testCEK, label)
	require.NoError(t, err)
	for _, c := range []struct {
		hash, mgf oid
		label     []byte
		good      bool
	}{
		{oidSHA256, oidSHA256, label, true},
		{oidSHA256, oidSHA256, nil, false},
		{oidSHA256, oidSHA256, []byte("Label"), false},
		{oidSHA384, oidSHA256, label, false},
		{oidSHA256, oidSHA384, label, false},
	} {
		_, ok := k.unwrap(one(t, ktri(t, func(b *cryptobyte.Builder) { addOAEPWith(b, c.hash, c.mgf, c.label) }, encrypted)), 32)
		require.Equal(t, c.good, ok)
	}
	require.Equal(t, digestKind(crypto.SHA256), (&signer{key: k}).digest())
}
