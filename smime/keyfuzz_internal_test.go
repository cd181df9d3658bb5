package smime

import (
	"bytes"
	"crypto"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"filippo.io/mldsa"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// seeds adds files of public vectors where there are any; each target has its
// own seeds beside, and fails without.
func seeds(f *testing.F, patterns ...string) {
	dir := os.Getenv("DKB_VECTORS")
	for _, p := range patterns {
		if dir == "" {
			continue
		}
		files, err := filepath.Glob(filepath.Join(dir, p))
		require.NoError(f, err)
		require.NotEmpty(f, files, "no seeds: %s", p)
		for _, name := range files {
			b, err := os.ReadFile(name)
			require.NoError(f, err)
			f.Add(b)
		}
	}
}

// What is accepted is one certificate, given out octet for octet, and reads the
// same again.
func FuzzParseCertificate(f *testing.F) {
	for _, a := range []string{"rsa3072", "p256"} {
		raw := testKey(f, a).cert.x.Raw
		f.Add(raw)
		f.Add(block("CERTIFICATE", raw))
	}
	seeds(f, "rfc9216/*.pem", "openssl/test/d2i-tests/*.der")
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCertificate(b)
		if err != nil {
			require.Nil(t, c)
			return
		}
		again, err := ParseCertificate(c.Marshal())
		require.NoError(t, err)
		require.Equal(t, c.Marshal(), again.Marshal())
		require.True(t, c.Fingerprint().Matches(again.Fingerprint()))
		for _, a := range c.Addresses() {
			require.True(t, validAddress(a))
		}
		in := seam.Opaque[seam.Certificate](*c).Unwrap().(*certificate)
		if in.CheckSeal(time.Now(), seam.Auto) == nil {
			require.Empty(t, in.key.refuseSeal())
		}
		id := idOf(in)
		require.True(t, id.is(in))
		require.NotEmpty(t, id.String())
	})
}

// What is accepted is a key that fits its certificate and survives Marshal.
func FuzzParseKey(f *testing.F) {
	k := &Key{testKey(f, "p256")}
	plain, err := k.Marshal(nil)
	require.NoError(f, err)
	f.Add(plain)
	f.Add(join(block("ENCRYPTED PRIVATE KEY", encrypted(f,
		derivation(f, oidPBKDF2, []byte("salt"), []int64{1}, nil), derAlgorithm(oidAES256CBC), make([]byte, 32))), plain))
	seeds(f, "openssl/test/recipes/80-test_pkcs12_data/*.p12", "aws-lc/pkcs8/test/*.p12")
	f.Fuzz(func(t *testing.T, b []byte) {
		keys, err := ParseKeys(bytes.NewReader(b), []byte("x"))
		one, oneErr := ParseKey(bytes.NewReader(b), []byte("x"))
		if err != nil {
			require.Nil(t, keys)
			require.Error(t, oneErr)
			require.Nil(t, one)
			return
		}
		require.NotEmpty(t, keys)
		if oneErr == nil {
			require.Equal(t, one.Certificate().Marshal(), keys[0].Certificate().Marshal())
		}
		for _, k := range keys {
			out, err := k.Marshal(nil)
			require.NoError(t, err)
			again, err := ParseKey(bytes.NewReader(out), nil)
			require.NoError(t, err)
			require.Equal(t, k.Certificate().Marshal(), again.Certificate().Marshal())
		}
	})
}

// A private key that is read is one: it has a public half, and is written as
// what reads the same.
func FuzzParsePKCS8(f *testing.F) {
	allowed(f, "ML-KEM-512")
	f.Add(pkcs8(f, testKey(f, "p256").private))
	seed := bytes.Repeat([]byte{7}, kemSeed)
	for _, set := range []kemSet{mlkem512Set, mlkem768Set} {
		_, k := set.scheme().DeriveKeyPair(seed)
		expanded, err := k.MarshalBinary()
		require.NoError(f, err)
		for _, der := range forms(f, kemOID(set), seed, expanded) {
			f.Add(der)
		}
	}
	_, dsa := mldsaScheme(mldsa.MLDSA44()).DeriveKey(seed[:mldsa.PrivateKeySize])
	expanded, err := dsa.MarshalBinary()
	require.NoError(f, err)
	for _, der := range forms(f, oidMLDSA44, seed[:mldsa.PrivateKeySize], expanded) {
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxPrivateKey {
			return // as every caller refuses before
		}
		k, err := parsePKCS8(b)
		if err != nil {
			require.Nil(t, k)
			return
		}
		require.False(t, isNothing(k))
		der, err := marshalPKCS8(k)
		require.NoError(t, err)
		again, err := parsePKCS8(der)
		require.NoError(t, err)
		written, err := marshalPKCS8(again)
		require.NoError(t, err)
		require.Equal(t, der, written)
	})
}

// Whatever names our certificate unwraps to a key of the length asked for, or
// to none; a description is always to be had.
func FuzzRecipientInfo(f *testing.F) {
	allowed(f, "RSA PKCS#1 v1.5 encryption")
	keys := []*privateKey{testKey(f, "rsa3072"), testKey(f, "p256")}
	for _, kind := range []string{"X25519", "X448", "ML-KEM-768", "ML-KEM-1024"} {
		keys = append(keys, CraftedKey(kind).in)
	}
	for _, k := range keys {
		for _, v15 := range []bool{false, true} {
			der, _, _, err := wrapFor(k.cert, testCEK, v15)
			require.NoError(f, err)
			f.Add(der)
		}
	}
	shared := &symmetric{[]byte("id"), make([]byte, 32)}
	wrapped, err := wrapKey(shared.key, testCEK)
	require.NoError(f, err)
	for _, id := range [][]byte{shared.id, []byte("(d")} {
		f.Add(tlv(0xa2, slices.Concat([]byte{2, 1, 4}, tlv(0x30, tlv(4, id)), derAlgorithm(oidAES256Wrap), tlv(4, wrapped))))
	}
	der, _, err := wrapForPassphrase([]byte("passphrase"), testCEK, cheap)
	require.NoError(f, err)
	f.Add(der)
	f.Add([]byte{0xa3, 2, 5, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		der, err := ber.ToDER(b, 1<<20)
		if err != nil {
			return
		}
		ris, err := parseRecipientInfos(der, 1<<20)
		require.Equal(t, err == nil, len(ris) > 0)
		for _, ri := range ris {
			require.NotEmpty(t, ri.seamRecipient().ID)
			require.NotEmpty(t, ri.seamRecipient().Algorithm)
			for _, k := range keys {
				cek, ok := k.unwrap(ri, 32)
				require.Equal(t, ok, cek != nil)
				if ok {
					require.Len(t, cek, 32)
				}
				if ri.isPKCS1v15() {
					require.True(t, ok)
				}
				if ok {
					require.Empty(t, ri.unsupported())
				}
			}
			// Under another name the key would serve as well: whose names are
			// tried is mine's to decide.
			if cek, ok := shared.unwrap(ri, 32); ok {
				require.Len(t, cek, 32)
			}
			m := &mine{plan: &seam.OpenPlan{Passphrases: [][]byte{[]byte("passphrase")}, Limits: testLimits}}
			m.add(ri)
			require.LessOrEqual(t, m.cost, int64(maxIterations))
			if m.check() == nil && m.cost <= 100 {
				cek, by, _ := m.unwrap(32)
				require.Len(t, cek, 32)
				require.Equal(t, -1, by)
			}
		}
	})
}

// Nothing but the signature that was made is valid: a changed one that still
// is must be the same attributes and the same value.
func FuzzSignerInfo(f *testing.F) {
	k := testKey(f, "p256")
	der, _, err := (&signer{key: k}).signerInfo(oidData.tlv(), contentDigest, time.Now())
	require.NoError(f, err)
	good, err := parseSignerInfo(der)
	require.NoError(f, err)
	f.Add(der)
	f.Add(newForge(f, testKey(f, "rsa3072")).der(f))
	in, body := cryptobyte.String(der), cryptobyte.String(nil)
	require.True(f, in.ReadASN1(&body, asn1.SEQUENCE))
	counter := attribute(f, oidCounterSignature, counterForge(f, k, good.value).der(f))
	f.Add(tlv(0x30, append(bytes.Clone(body), tlv(0xa1, counter)...)))
	f.Fuzz(func(t *testing.T, b []byte) {
		der, err := ber.ToDER(b, 1<<20)
		if err != nil {
			return
		}
		si, err := parseSignerInfo(der)
		if err != nil {
			require.Nil(t, si)
			return
		}
		s := si.verify(oidData.tlv(), contentDigest, []*certificate{k.cert}, nil, time.Now())
		require.Equal(t, -1, s.Sender)
		require.Equal(t, s.Status == seam.SignatureValid, s.Detail == "")
		if s.Status == seam.SignatureValid {
			require.Equal(t, good.signedForms()[0], si.signedForms()[0])
			require.Equal(t, seam.Certificate(k.cert), s.Signer)
		}
		plan := &seam.OpenPlan{Senders: []seam.Certificate{k.cert}, Now: time.Now()}
		counters := (&signedData{}).countersignatures(si, plan)
		require.Len(t, counters, len(si.unsigned.counters))
		for _, c := range counters {
			require.Empty(t, c.CounterSignatures)
		}
	})
}

// What is accepted says one digest and a salt that can be, and a key that is
// restricted to just that allows it.
func FuzzPSSParameters(f *testing.F) {
	f.Add(pssParameters(oidSHA256, oidSHA256, 32, 1))
	f.Add(pssParameters(oidSHA512, oidSHA1, 20, 2))
	f.Add([]byte{0x30, 0})
	f.Fuzz(func(t *testing.T, params []byte) {
		for _, d := range []digestKind{digestKind(crypto.SHA1), digestKind(crypto.SHA256), digestKind(crypto.SHA512), digestSHAKE256} {
			salt, refuse := pssSalt(params, d)
			if refuse != "" {
				require.Zero(t, salt)
				continue
			}
			require.NotZero(t, d.crypto())
			require.True(t, salt > 0 && salt <= maxVerifyRSA/8)
			require.True(t, pssAllows(params, d, salt))
			require.False(t, pssAllows(params, d, salt-1))
			p, ok := parsePSS(params)
			require.True(t, ok && p.hash == d && p.mgf == d && p.trailer == 1)
		}
	})
}
