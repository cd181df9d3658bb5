package smime

import (
	"bytes"
	"crypto"
	"crypto/mlkem"
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"
)

// Wycheproof's PBKDF2 inside a PasswordRecipientInfo, as far as it derives a key
// of AES. Those with more iterations than are read are refused.
func TestWycheproofPBKDF2(t *testing.T) {
	t.Parallel()
	prfs := map[string]oid{"pbkdf2_hmacsha1_test": oidHMACSHA1, "pbkdf2_hmacsha256_test": oidHMACSHA256, "pbkdf2_hmacsha512_test": oidHMACSHA512}
	for name, prf := range prfs {
		loadPBKDF2(t, name+".json.gz", prf)
	}
}

func loadPBKDF2(t *testing.T, name string, prf oid) {
	ciphers := map[int]oid{16: oidAES128CBC, 24: oidAES192CBC, 32: oidAES256CBC}
	loadWycheproof(t, name, func(t *testing.T, w *wycheproof) {
		used := 0
		for _, g := range w.TestGroups {
			for _, v := range g.Tests {
				cipher, ok := ciphers[len(v.Dk)]
				if !ok || len(v.Salt) > maxSalt {
					continue
				}
				used++
				wrapped, err := wrapPWRI(v.Dk, make([]byte, 16), testCEK)
				require.NoError(t, err)
				b := passwordBuilder{kdf: oidPBKDF2, wrap: oidPWRIKEK, cipher: cipher, salt: v.Salt, iv: make([]byte, 16), iterations: v.IterationCount, prf: derAlgorithm(prf), encrypted: wrapped}
				cek, ok := one(t, b.der(t)).unwrapPassword(v.Password, 32)
				require.Equal(t, v.Result == "valid", ok && bytes.Equal(cek, testCEK), "case %d, %s", v.TcID, v.Comment)
			}
		}
		t.Logf("%d of %d derive a key of AES", used, w.NumberOfTests)
		require.NotZero(t, used)
	})
}

// Wycheproof's ML-KEM inside a KEMRecipientInfo: a ciphertext of another length
// is malformed, and what an invalid one gives unwraps nothing.
func TestWycheproofMLKEM(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]kemSet{"mlkem_768_test.json.gz": mlkem768Set, "mlkem_1024_test.json.gz": mlkem1024Set} {
		loadWycheproof(t, name, func(t *testing.T, w *wycheproof) {
			used := 0
			for _, g := range w.TestGroups {
				for _, v := range g.Tests {
					if len(v.Seed) != mlkem.SeedSize || len(v.C) == 0 {
						continue
					}
					used++
					k := &privateKey{cert: &certificate{key: publicKey{kind: keyMLKEM, kem: set}}}
					if set == mlkem768Set {
						k.kem = must(mlkem.NewDecapsulationKey768(v.Seed))
					} else {
						k.kem = must(mlkem.NewDecapsulationKey1024(v.Seed))
					}
					secret := []byte(v.K)
					if len(secret) == 0 {
						secret = make([]byte, 32)
						rand.Read(secret)
					}
					e := &encapsulation{set: set, kdf: crypto.SHA256, wrap: derAlgorithm(oidAES256Wrap), size: 32}
					kek, err := e.kek(secret)
					require.NoError(t, err)
					encrypted, err := wrapKey(kek, testCEK)
					require.NoError(t, err)
					b := kemBuilder{ori: oidORIKEM, kem: kemOID(set), kdf: oidHKDFSHA256, kekLength: 32, ciphertext: v.C, wrap: e.wrap, encrypted: encrypted}
					ris, err := parseRecipientInfos(b.der(t), 1)
					ok := err == nil
					if ok {
						var cek []byte
						cek, ok = k.unwrap(ris[0], 32)
						ok = ok && bytes.Equal(cek, testCEK)
					}
					require.Equal(t, v.Result == "valid", ok, "case %d, %s", v.TcID, v.Comment)
				}
			}
			t.Logf("%d of %d decapsulate", used, w.NumberOfTests)
		})
	}
}
