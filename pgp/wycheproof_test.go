package pgp

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/cloudflare/circl/dh/x448"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

type hexOctets []byte

func (h *hexOctets) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// wycheproofGroup is what is read of a group of Wycheproof's vectors.
type wycheproofGroup struct {
	Curve        string
	Sha          string
	PublicKeyDer hexOctets
	Tests        []wycheproofVector
}

type wycheproofVector struct {
	TcID                    int
	Comment, Result         string
	Flags                   []string
	Public, Private, Shared hexOctets
	Msg, Sig                hexOctets
}

// has reports whether the vector has one of the flags.
func (v *wycheproofVector) has(flags ...string) bool {
	return slices.ContainsFunc(flags, func(f string) bool { return slices.Contains(v.Flags, f) })
}

// readWycheproof reads one file, and skips where the vectors are not.
func readWycheproof(t *testing.T, name string) (groups []wycheproofGroup) {
	t.Helper()
	f, err := os.Open(filepath.Join(vectorRoot(t).root, "wycheproof", name+"_test.json.gz"))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var w struct {
		NumberOfTests int
		TestGroups    []wycheproofGroup
	}
	require.NoError(t, json.NewDecoder(z).Decode(&w))
	n := 0
	for _, g := range w.TestGroups {
		n += len(g.Tests)
	}
	require.Equal(t, w.NumberOfTests, n)
	return w.TestGroups
}

// agreement is a kind of key that session keys are wrapped for by way of a
// shared secret. What is made here is made without go-crypto, but for the
// encrypted data packet: the derivation, the wrap and the packets.
//
// Wycheproof's vectors of the AES key wrap itself cannot be written so: no
// packet holds a key-encryption key, each comes out of a derivation.
type agreement struct {
	public func(private []byte) (point []byte) // nil: not a private key
	secret func(point, private []byte) []byte  // body of the secret key packet
	packet func(k *packet.PrivateKey, point, ephemeral, shared, session []byte) []byte
	v2     bool
}

// mpi is n as a multiprecision integer, RFC 9580, Section 3.2.
func mpi(n []byte) []byte {
	n = bytes.TrimLeft(n, "\x00")
	bits := new(big.Int).SetBytes(n).BitLen()
	return append([]byte{byte(bits >> 8), byte(bits)}, n...)
}

// paddedMPI is b as an MPI even where it begins with zeros: some vectors are
// points that no MPI has.
func paddedMPI(b []byte) []byte {
	if len(b) == 0 || b[0] != 0 {
		return mpi(b)
	}
	return append([]byte{byte(len(b) * 8 >> 8), byte(len(b) * 8)}, b...)
}

// keyBody is the body of a secret key packet that is not protected, version 4
// with its checksum or version 6, RFC 9580, Section 5.5.3.
func keyBody(version, algorithm byte, public, secret []byte) []byte {
	b := []byte{version, 0x65, 0, 0, 0, algorithm}
	if version == 6 {
		b = binary.BigEndian.AppendUint32(b, uint32(len(public)))
	}
	b = append(append(append(b, public...), 0), secret...)
	if version == 4 {
		sum := uint16(0)
		for _, c := range secret {
			sum += uint16(c)
		}
		b = binary.BigEndian.AppendUint16(b, sum)
	}
	return b
}

// wrapKey is RFC 3394, Section 2.2.1.
func wrapKey(kek, key []byte) []byte {
	block, err := aes.NewCipher(kek)
	if err != nil {
		panic(err)
	}
	r := append(bytes.Repeat([]byte{0xA6}, 8), key...)
	n := len(key) / 8
	for j := range 6 {
		for i := 1; i <= n; i++ {
			b := append(bytes.Clone(r[:8]), r[8*i:8*i+8]...)
			block.Encrypt(b, b)
			binary.BigEndian.PutUint64(r, binary.BigEndian.Uint64(b)^uint64(n*j+i))
			copy(r[8*i:], b[8:])
		}
	}
	return r
}

// ecdhOf is ECDH of RFC 9580, Section 11.5, on a curve with this OID: version
// 3 packets, SHA-256 and AES-256.
func ecdhOf(oid []byte, native bool, public func([]byte) []byte, size int) agreement {
	params := []byte{3, 1, 8, 9}
	curve := append([]byte{byte(len(oid))}, oid...)
	point := func(p []byte) []byte {
		if native {
			return append([]byte{0x40}, p...)
		}
		return p
	}
	return agreement{
		public: public,
		secret: func(p, private []byte) []byte {
			if native { // of Curve25519 it is the other way round there
				private = bytes.Clone(private)
				slices.Reverse(private)
			}
			return keyBody(4, 18, slices.Concat(curve, mpi(point(p)), params), mpi(private))
		},
		packet: func(k *packet.PrivateKey, _, ephemeral, shared, session []byte) []byte {
			m := append([]byte{9}, session...)
			sum := uint16(0)
			for _, c := range session {
				sum += uint16(c)
			}
			m = binary.BigEndian.AppendUint16(m, sum)
			m = append(m, 5, 5, 5, 5, 5)
			shared = append(make([]byte, max(size-len(shared), 0)), shared...)
			kek := sha256.Sum256(slices.Concat([]byte{0, 0, 0, 1}, shared, curve, []byte{18}, params, []byte("Anonymous Sender    "), k.Fingerprint))
			wrapped := wrapKey(kek[:], m)
			body := binary.BigEndian.AppendUint64([]byte{3}, k.KeyId)
			return slices.Concat(body, []byte{18}, paddedMPI(point(ephemeral)), []byte{byte(len(wrapped))}, wrapped)
		},
	}
}

// montgomery is X25519 or X448 of RFC 9580, Sections 5.1.6 and 5.1.7: version 6.
func montgomery(algorithm byte, public func([]byte) []byte, derive func(ikm []byte) []byte) agreement {
	return agreement{
		v2:     true,
		public: public,
		secret: func(p, private []byte) []byte { return keyBody(6, algorithm, p, private) },
		packet: func(k *packet.PrivateKey, point, ephemeral, shared, session []byte) []byte {
			wrapped := wrapKey(derive(slices.Concat(ephemeral, point, shared)), session)
			return slices.Concat([]byte{6, 33, 6}, k.Fingerprint, []byte{algorithm}, ephemeral, []byte{byte(len(wrapped))}, wrapped)
		},
	}
}

func publicOf(c ecdh.Curve, size int) func([]byte) []byte {
	return func(private []byte) []byte {
		private = bytes.TrimLeft(private, "\x00")
		k, err := c.NewPrivateKey(append(make([]byte, max(size-len(private), 0)), private...))
		if err != nil {
			return nil
		}
		return k.PublicKey().Bytes()
	}
}

func publicX25519(private []byte) []byte {
	k, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil
	}
	return k.PublicKey().Bytes()
}

func publicX448(private []byte) []byte {
	var public, secret x448.Key
	if copy(secret[:], private) != x448.Size || len(private) != x448.Size {
		return nil
	}
	x448.KeyGen(&public, &secret)
	return public[:]
}

// try opens a message whose session key is wrapped as the vector says.
func (a *agreement) try(t *testing.T, v *wycheproofVector) string {
	t.Helper()
	point := a.public(v.Private)
	require.NotNil(t, point)
	k, err := readKeyPacket[*packet.PrivateKey](keyTagSecret, a.secret(point, v.Private))
	require.NoError(t, err)
	id := &privateKey{cert: &certificate{primary: &k.PublicKey}, secrets: map[string]*packet.PrivateKey{string(k.Fingerprint): k}}
	session := sha256.Sum256([]byte("session key"))
	msg := appendKeyPacket(nil, tagPKESK, a.packet(k, point, v.Public, v.Shared, session[:]))
	out := bytes.NewBuffer(msg)
	suite := packet.CipherSuite{Cipher: packet.CipherAES256, Mode: packet.AEADModeOCB}
	w, err := packet.SerializeSymmetricallyEncrypted(out, packet.CipherAES256, a.v2, suite, session[:], &packet.Config{AEADConfig: &packet.AEADConfig{}})
	require.NoError(t, err)
	_, err = w.Write(appendKeyPacket(nil, tagLiteral, append([]byte{'b', 0, 0, 0, 0, 0}, "content"...)))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	o := &envelope.Opener{Identities: []envelope.Identity{envelope.Identity(seam.Wrap[seam.Identity](id))}}
	return opened(o.Open(out))
}

// Wycheproof's vectors of key agreement, as session key packets: the vector's
// private key is the recipient's, its public key the sender's.
func TestWycheproofAgreement(t *testing.T) {
	t.Parallel()
	vectorRoot(t)
	x25519 := montgomery(25, publicX25519, func(ikm []byte) []byte {
		kek, _ := hkdf.Key(sha256.New, ikm, nil, "OpenPGP X25519", 16) // no error is possible outside FIPS mode
		return kek
	})
	x448 := montgomery(26, publicX448, func(ikm []byte) []byte {
		kek, _ := hkdf.Key(sha512.New, ikm, nil, "OpenPGP X448", 32)
		return kek
	})
	oid := func(s string) []byte { b, _ := hex.DecodeString(s); return b }
	for _, c := range []struct {
		file, name string
		a          agreement
	}{
		{"x25519", "X25519", x25519},
		{"x25519", "Curve25519", ecdhOf(oid("2b060104019755010501"), true, publicX25519, 32)},
		{"x448", "X448", x448},
		{"ecdh_secp256r1_ecpoint", "P-256", ecdhOf(oid("2a8648ce3d030107"), false, publicOf(ecdh.P256(), 32), 32)},
		{"ecdh_secp384r1_ecpoint", "P-384", ecdhOf(oid("2b81040022"), false, publicOf(ecdh.P384(), 48), 48)},
		{"ecdh_secp521r1_ecpoint", "P-521", ecdhOf(oid("2b81040023"), false, publicOf(ecdh.P521(), 66), 66)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			count := map[string]int{}
			for _, g := range readWycheproof(t, c.file) {
				for _, v := range g.Tests {
					want, why := v.Result == "valid", ""
					switch {
					case v.Result != "acceptable":
					case v.has("ZeroSharedSecret"):
						why = "refused: RFC 7748, Section 6: the secret is the same for everybody"
					case v.has("CompressedPoint", "CompressedPublic"):
						why = "refused: RFC 9580, Section 11.2: no compressed points"
					default:
						want, why = true, "opens: RFC 7748, Sections 5 and 6: points on the twist and not reduced are taken"
					}
					got := c.a.try(t, &v)
					count[v.Result+" "+why]++
					if want {
						require.Equal(t, "opens ed7002b4", got, "case %d, %s, %v", v.TcID, v.Comment, v.Flags)
					} else {
						require.Contains(t, []string{"decrypt", "format", "not-for-you"}, got, "case %d, %s, %v", v.TcID, v.Comment, v.Flags)
					}
				}
			}
			t.Log(c.file, count)
		})
	}
}
