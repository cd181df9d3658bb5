package smime_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

type hexText []byte

func (h *hexText) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// aeadVectors is Wycheproof's schema of an AEAD.
type aeadVectors struct {
	NumberOfTests int
	TestGroups    []struct {
		IVSize, KeySize, TagSize int
		Tests                    []struct {
			TcID                       int
			Comment, Result            string
			Key, IV, AAD, Msg, Ct, Tag hexText
		}
	}
}

// TestWycheproofAEAD puts each vector into a whole message and opens that. The
// additional data of a message are attributes and nothing else: a vector with
// some of its own goes through the same functions without a message around.
//
// Nothing is "acceptable" in these files. Decided here: a nonce that is not 12
// octets in GCM, and a tag of fewer than 12 octets, are valid there and refused
// by what a message says of itself, as ErrFormat.
func TestWycheproofAEAD(t *testing.T) {
	t.Parallel()
	allowed(t, "other ciphers than AES-CBC")
	dir := os.Getenv("DKB_VECTORS")
	if dir == "" {
		t.Skip("skipped: DKB_VECTORS, the folder of public test vectors, is not set")
	}
	who := fresh["RSA-3072"]()
	for file, c := range map[string]struct {
		algorithm func(key, nonce []byte, tag int) []byte
		supported func(nonce, tag int) bool
	}{
		"aes_gcm_test.json.gz": {
			func(key, nonce []byte, tag int) []byte {
				return tlv(0x30, aesOID(byte(20*(len(key)/8-2)+6)), icvParams(nonce, tag))
			},
			func(nonce, tag int) bool { return nonce == 12 && tag >= 12 },
		},
		"aes_ccm_test.json.gz": {
			func(key, nonce []byte, tag int) []byte {
				return tlv(0x30, aesOID(byte(20*(len(key)/8-2)+7)), icvParams(nonce, tag))
			},
			func(nonce, tag int) bool {
				return nonce >= 7 && nonce <= 13 && (tag == 12 || tag == 14 || tag == 16)
			},
		},
		"chacha20_poly1305_test.json.gz": {
			func(_, nonce []byte, _ int) []byte { return tlv(0x30, chachaOID, tlv(4, nonce)) },
			func(nonce, tag int) bool { return nonce == 12 && tag == 16 },
		},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			w := readVectors(t, filepath.Join(dir, "wycheproof", file))
			whole, direct, refused, invalid := 0, 0, 0, 0
			for _, g := range w.TestGroups {
				for _, v := range g.Tests {
					require.NotEqual(t, "acceptable", v.Result)
					algorithm := c.algorithm(v.Key, v.IV, len(v.Tag))
					var got []byte
					var err error
					if len(v.AAD) == 0 {
						whole++
						msg := crafted{
							to: who, algorithm: func([]byte) []byte { return algorithm },
							infos:   [][]byte{must(smime.WrapFor(who.key.Certificate(), v.Key, false))},
							content: func([]byte) []byte { return tlv(0x80, v.Ct) },
							mac:     func([]byte) []byte { return tlv(4, v.Tag) },
						}.bytes(t)
						got, _, err = open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(msg))
					} else {
						direct++
						var good bool
						got, good, err = smime.OpenContent(algorithm, v.Key, v.AAD, v.Ct, v.Tag)
						if err == nil && !good {
							got, err = nil, envelope.ErrDecrypt
						}
					}
					switch {
					case !c.supported(len(v.IV), len(v.Tag)):
						refused++
						require.True(t, errors.Is(err, envelope.ErrFormat), "%d %s: %v", v.TcID, v.Comment, err)
					case v.Result == "valid":
						require.NoError(t, err, "%d %s", v.TcID, v.Comment)
						require.True(t, bytes.Equal(v.Msg, got), "%d %s", v.TcID, v.Comment)
					default:
						invalid++
						require.True(t, err == envelope.ErrDecrypt, "%d %s: %v", v.TcID, v.Comment, err)
						require.Empty(t, got)
					}
				}
			}
			require.Equal(t, w.NumberOfTests, whole+direct)
			t.Logf("%d vectors: %d in a whole message, %d with additional data that no message has; %d refused by their parameters, %d by their tag",
				w.NumberOfTests, whole, direct, refused, invalid)
		})
	}
}

func readVectors(t *testing.T, name string) (w aeadVectors) {
	t.Helper()
	raw, err := os.ReadFile(name)
	require.NoError(t, err)
	z, err := gzip.NewReader(bytes.NewReader(raw))
	require.NoError(t, err)
	require.NoError(t, json.NewDecoder(z).Decode(&w))
	require.NotZero(t, w.NumberOfTests)
	return w
}
