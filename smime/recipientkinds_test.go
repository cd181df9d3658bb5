package smime_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// crafty is the owner of a key of a kind that crypto/x509 makes no certificate
// for.
func crafty(t testing.TB, kind string) *person {
	k := smime.CraftedKey(kind)
	v, err := keyring.Verify(k.Certificate(), keyring.Expect(k.Certificate().Fingerprint()))
	require.NoError(t, err)
	return &person{kind, k, v}
}

func passphrase(t testing.TB, text string) *envelope.Passphrase {
	p, err := envelope.WeakPassphrase(text)
	require.NoError(t, err)
	return p
}

// openssl made these with "cms -encrypt -binary -outform DER", the one with
// "-aes-256-cbc -pwri_password 'correct horse'", the other with "-aes-128-cbc
// -secretkey 000102030405060708090A0B0C0D0E0F -secretkeyid C0FEE0" (3.0).
const (
	opensslText     = "some content for the peers\n"
	opensslPassword = "MIHoBgkqhkiG9w0BBwOggdowgdcCAQMxgYOjgYACAQCgGwYJKoZIhvcNAQUMMA4ECOfACGSypoelAgIIADAsBgsqhkiG9w0BCRADCTAdBglghkgBZQMEASoEEPq3yR6NKe7qpZg4YUdSqxsEMG3OzJyIcTFyrquMyOS9hBBiR8f4LGkN+EkTVUFJOO7sNhk5hy26ZpHSwGUKmZSSIzBMBgkqhkiG9w0BBwEwHQYJYIZIAWUDBAEqBBB01e7UeaxafsYENWdgvTSIgCACIyOaO4jm6zWL/wno3aOJZQk3HwLYBGtNYao6eiejSQ=="
	opensslShared   = "MIGXBgkqhkiG9w0BBwOggYkwgYYCAQIxM6IxAgEEMAUEA8D+4DALBglghkgBZQMEAQUEGNV/W2rOE7UPYultTfmWYMT+2oo0PUfetzBMBgkqhkiG9w0BBwEwHQYJYIZIAWUDBAECBBDU6ZDgeY1sEFnaUTKvDWhfgCCIrUEClFPAAPuvkjhgyCC27QGA8ppNauF+K7Mn20jssg=="
)

func fromBase64(t testing.TB, s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	require.NoError(t, err)
	return b
}

// TestSealToEveryKind seals one message to keys of all kinds and to a
// passphrase, and opens it with each.
func TestSealToEveryKind(t *testing.T) {
	t.Parallel()
	allowed(t, "X25519, RSA PKCS#1 v1.5")
	by := fresh["P-256"]()
	var people []*person
	var to []*keyring.Verified
	for _, kind := range []string{"X25519", "X448", "ML-KEM-768", "ML-KEM-1024"} {
		people = append(people, crafty(t, kind))
	}
	for _, kind := range kinds {
		people = append(people, fresh[kind]())
	}
	for _, p := range people {
		to = append(to, p.verified)
	}
	secret := passphrase(t, "correct horse")
	for _, c := range []struct {
		seal    envelope.Sealer
		rsa     string
		version byte
	}{
		{envelope.Sealer{Profile: envelope.Modern}, "RSA-OAEP-SHA256", 0},
		{envelope.Sealer{Profile: envelope.Compatible, Signers: by.signers()}, "RSA PKCS#1 v1.5", 3},
	} {
		c.seal.Passphrases = []*envelope.Passphrase{secret}
		msg := sealed(t, c.seal, []byte("to all of you"), to...)
		require.Equal(t, c.version, containerVersion(t, msg))
		f, err := envelope.Inspect(bytes.NewReader(msg), smime.Format())
		require.NoError(t, err)
		var algorithms []string
		for _, r := range f.Recipients {
			algorithms = append(algorithms, r.Algorithm)
		}
		require.ElementsMatch(t, []string{
			"ECDH X25519, AES-256 wrap", "ECDH X448, AES-256 wrap", "ML-KEM-768, AES-256 wrap", "ML-KEM-1024, AES-256 wrap",
			c.rsa, "ECDH P-256, AES-256 wrap", "ECDH P-384, AES-256 wrap", "ECDH P-521, AES-256 wrap",
			"PBKDF2-HMAC-SHA-256, PWRI-KEK with AES-256",
		}, algorithms)
		for _, p := range people {
			got, r, err := open(envelope.Opener{Identities: p.identities()}, bytes.NewReader(msg))
			require.NoError(t, err, p.name)
			require.Equal(t, "to all of you", string(got))
			require.Equal(t, 0, r.OpenedBy)
		}
		got, r, err := open(envelope.Opener{Passphrases: c.seal.Passphrases, Formats: []envelope.Format{smime.Format()}}, bytes.NewReader(msg))
		require.NoError(t, err)
		require.Equal(t, "to all of you", string(got))
		require.Equal(t, -1, r.OpenedBy)
		_, _, err = open(envelope.Opener{Identities: fresh["stranger"]().identities()}, bytes.NewReader(msg))
		require.True(t, err == envelope.ErrNotForYou)
	}
}

// containerVersion reads the CMSVersion of what holds the recipients.
func containerVersion(t testing.TB, msg []byte) byte {
	r := smime.BERReader(bytes.NewReader(msg))
	require.NoError(t, r.Enter(0x30))
	_, err := r.Primitive(6, 64)
	require.NoError(t, err)
	require.NoError(t, r.Enter(0xa0&^0x20))
	require.NoError(t, r.Enter(0x30))
	v, err := r.Primitive(2, 1)
	require.NoError(t, err)
	return v[0]
}

// RFC 5652, Section 6.1 says how the version follows from the recipients.
func TestContainerVersions(t *testing.T) {
	t.Parallel()
	allowed(t, "RSA PKCS#1 v1.5, X25519")
	by := fresh["P-256"]()
	rsa, ec, x, kem := fresh["RSA-3072"](), fresh["P-384"](), crafty(t, "X25519"), crafty(t, "ML-KEM-768")
	for _, c := range []struct {
		to          []*person
		passphrases []*envelope.Passphrase
		want        byte
	}{
		{[]*person{rsa}, nil, 0},
		{[]*person{ec}, nil, 2},
		{[]*person{x}, nil, 2},
		{[]*person{rsa, x}, nil, 2},
		{[]*person{kem}, nil, 3},
		{[]*person{rsa, ec, kem}, nil, 3},
		{nil, []*envelope.Passphrase{passphrase(t, "x")}, 3},
		{[]*person{rsa}, []*envelope.Passphrase{passphrase(t, "x")}, 3},
	} {
		var to []*keyring.Verified
		for _, p := range c.to {
			to = append(to, p.verified)
		}
		s := envelope.Sealer{Profile: envelope.Compatible, Signers: by.signers(), Passphrases: c.passphrases, Format: smime.Format()}
		require.Equal(t, c.want, containerVersion(t, sealed(t, s, nil, to...)))
		s.Profile = envelope.Modern
		require.Equal(t, byte(0), containerVersion(t, sealed(t, s, nil, to...)))
	}
}

// The PostQuantum profile is ML-KEM and AES-256-GCM only. A signature that a
// quantum computer can forge is allowed, and reported.
func TestPostQuantum(t *testing.T) {
	t.Parallel()
	allowed(t, "AES-GCM")
	by := fresh["P-256"]()
	s := envelope.Sealer{Profile: envelope.PostQuantum}
	for _, kind := range []string{"ML-KEM-768", "ML-KEM-1024"} {
		who := crafty(t, kind)
		for _, signed := range []bool{false, true} {
			if s.Signers = nil; signed {
				s.Signers = by.signers()
			}
			var out bytes.Buffer
			w, err := s.Seal(&out, who.verified)
			require.NoError(t, err)
			_, err = w.Write([]byte("for long"))
			require.NoError(t, err)
			require.NoError(t, w.Close())
			require.Equal(t, "AuthEnvelopedData", w.Receipt().Container)
			require.Equal(t, signed, slices.ContainsFunc(w.Receipt().Findings, func(f string) bool {
				return bytes.Contains([]byte(f), []byte("P-256 key, which a quantum computer can forge"))
			}), "%q", w.Receipt().Findings)
			got, _, err := open(envelope.Opener{Identities: who.identities()}, &out)
			require.NoError(t, err)
			require.Equal(t, "for long", string(got))
		}
	}
	for _, p := range []*person{fresh["P-256"](), fresh["RSA-3072"](), crafty(t, "X25519"), crafty(t, "X448")} {
		var out bytes.Buffer
		_, err := s.Seal(&out, crafty(t, "ML-KEM-768").verified, p.verified)
		require.ErrorContains(t, err, "no ML-KEM key")
		require.ErrorIs(t, err, keyring.ErrRefused)
		require.Zero(t, out.Len())
	}
	_, err := s.Seal(new(bytes.Buffer), crafty(t, "ML-KEM-512").verified)
	require.ErrorContains(t, err, "ML-KEM-512 key, which is only read")
}

// What OpenSSL seals with a password, or a key that was agreed on before.
func TestOpenSSLSymmetric(t *testing.T) {
	allowed(t, "HMAC-SHA-1")
	shared := make([]byte, 16)
	for i := range shared {
		shared[i] = byte(i)
	}
	id := func(id, key []byte) []envelope.Identity {
		x, err := smime.SharedKey(id, key)
		require.NoError(t, err)
		return []envelope.Identity{x}
	}
	legacy := envelope.Legacy{UnauthenticatedCBC: true}
	formats := []envelope.Format{smime.Format()}
	known := []byte{0xc0, 0xfe, 0xe0}
	for _, c := range []struct {
		name, msg string
		o         envelope.Opener
		err       error
	}{
		{"password", opensslPassword, envelope.Opener{Passphrases: []*envelope.Passphrase{passphrase(t, "correct horse")}}, nil},
		{"second password", opensslPassword, envelope.Opener{Passphrases: []*envelope.Passphrase{passphrase(t, "x"), passphrase(t, "correct horse")}}, nil},
		{"wrong password", opensslPassword, envelope.Opener{Passphrases: []*envelope.Passphrase{passphrase(t, "correct Horse")}}, envelope.ErrDecrypt},
		{"no password", opensslPassword, envelope.Opener{Identities: id(known, shared)}, envelope.ErrNotForYou},
		{"shared key", opensslShared, envelope.Opener{Identities: id(known, shared)}, nil},
		{"among others", opensslShared, envelope.Opener{Identities: append(fresh["P-256"]().identities(), id(known, shared)...)}, nil},
		{"wrong key", opensslShared, envelope.Opener{Identities: id(known, make([]byte, 16))}, envelope.ErrDecrypt},
		{"key of another length", opensslShared, envelope.Opener{Identities: id(known, make([]byte, 32))}, envelope.ErrFormat},
		{"another name", opensslShared, envelope.Opener{Identities: id([]byte{0xc0, 0xfe, 0xe1}, shared)}, envelope.ErrNotForYou},
		{"a password instead", opensslShared, envelope.Opener{Passphrases: []*envelope.Passphrase{passphrase(t, "correct horse")}}, envelope.ErrNotForYou},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Legacy, c.o.Formats = legacy, formats
			got, r, err := open(c.o, bytes.NewReader(fromBase64(t, c.msg)))
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
				require.Empty(t, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, opensslText, string(got))
			want := map[string]string{
				opensslPassword: "passphrase: PBKDF2-HMAC-SHA-1, PWRI-KEK with AES-256",
				opensslShared:   "shared key C0FEE0: AES-128 wrap",
			}
			require.Equal(t, want[c.msg], r.Recipients[0].ID+": "+r.Recipients[0].Algorithm)
		})
	}
	for _, size := range []int{0, 15, 17, 31, 33} {
		_, err := smime.SharedKey(known, make([]byte, size))
		require.ErrorContains(t, err, "16, 24 or 32 octets")
	}
	for _, size := range []int{0, 129} {
		_, err := smime.SharedKey(make([]byte, size), shared)
		require.ErrorContains(t, err, "1 to 128 octets")
	}
	_, err := smime.SharedKey(make([]byte, 128), shared)
	require.NoError(t, err)
}

// What a passphrase opens, beside other recipients and other passphrases.
func TestPassphrases(t *testing.T) {
	t.Parallel()
	allowed(t, "AES-GCM")
	who := fresh["P-256"]()
	cek := bytes.Repeat([]byte{0x42}, 32)
	with := func(text string, n int) []byte { return must(smime.WrapForPassphrase(text, cek, n)) }
	forWho := must(smime.WrapFor(who.key.Certificate(), cek, false))
	spoilt := bytes.Clone(forWho)
	spoilt[len(spoilt)-1] ^= 1
	others := func(n int) (infos [][]byte) {
		for i := range n {
			infos = append(infos, with(fmt.Sprint(i), 1))
		}
		return infos
	}
	texts := func(ts ...string) (ps []*envelope.Passphrase) {
		for _, x := range ts {
			ps = append(ps, passphrase(t, x))
		}
		return ps
	}
	for _, c := range []struct {
		name  string
		infos [][]byte
		o     envelope.Opener
		err   error
	}{
		{"right", [][]byte{with("a", 1)}, envelope.Opener{Passphrases: texts("a")}, nil},
		{"wrong", [][]byte{with("a", 1)}, envelope.Opener{Passphrases: texts("b")}, envelope.ErrDecrypt},
		{"one of each", [][]byte{with("a", 1), with("b", 1)}, envelope.Opener{Passphrases: texts("c", "b")}, nil},
		{"of eight the last", append(others(7), with("a", 1)), envelope.Opener{Passphrases: texts("a")}, nil},
		{"of nine the last", append(others(8), with("a", 1)), envelope.Opener{Passphrases: texts("a")}, envelope.ErrLimit},
		{"of nine the first", append([][]byte{with("a", 1)}, others(8)...), envelope.Opener{Passphrases: texts("a")}, envelope.ErrLimit},
		{"no passphrase in it", [][]byte{forWho}, envelope.Opener{Passphrases: texts("a")}, envelope.ErrNotForYou},
		{"no passphrase given", [][]byte{with("a", 1)}, envelope.Opener{Identities: who.identities()}, envelope.ErrNotForYou},
		{"an identity, and a wrong one", [][]byte{with("a", 1), forWho}, envelope.Opener{Identities: who.identities(), Passphrases: texts("b")}, nil},
		{"an identity of somebody else, and a right one", [][]byte{with("a", 1), forWho}, envelope.Opener{Identities: fresh["stranger"]().identities(), Passphrases: texts("a")}, nil},
		{"an identity that is named is taken", [][]byte{with("a", 1), spoilt}, envelope.Opener{Identities: who.identities(), Passphrases: texts("a")}, envelope.ErrDecrypt},
		{"too many do not matter to an identity", append(others(9), forWho), envelope.Opener{Identities: who.identities(), Passphrases: texts("a")}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Formats = []envelope.Format{smime.Format()}
			got, _, err := open(c.o, bytes.NewReader(crafted{plain: []byte("text"), infos: c.infos}.bytes(t)))
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
				require.Empty(t, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "text", string(got))
		})
	}
	_, err := (&envelope.Sealer{Profile: envelope.Modern, Format: smime.Format(), Passphrases: texts("1", "2", "3", "4", "5", "6", "7", "8", "9")}).Seal(new(bytes.Buffer))
	require.ErrorIs(t, err, envelope.ErrLimit)
}
