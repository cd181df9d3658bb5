package pgp_test

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/ProtonMail/go-crypto/ocb"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/s2k"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// spoken opens with these passphrases.
func spoken(t testing.TB, texts ...string) *envelope.Opener {
	t.Helper()
	o := &envelope.Opener{Formats: []envelope.Format{pgp.Format()}}
	for _, text := range texts {
		p, err := envelope.OpenPassphrase(text)
		require.NoError(t, err)
		o.Passphrases = append(o.Passphrases, p)
	}
	return o
}

// TestPassphrase: everybody who was given a way in opens, nobody else, and the
// receipt names exactly what Inspect finds.
func TestPassphrase(t *testing.T) {
	alice, six, other := key(t, "curve25519"), key(t, "v6"), key(t, "other")
	for name, c := range map[string]struct {
		profile   envelope.Profile
		to        []*pgp.Key
		armor     bool
		container string
		algorithm string
	}{
		"alone":               {envelope.Auto, nil, false, "SEIPDv1", "S2K iterated SHA-256, AES-256"},
		"alone, Compatible":   {envelope.Compatible, nil, true, "SEIPDv1", "S2K iterated SHA-256, AES-256"},
		"alone, Modern":       {envelope.Modern, nil, true, "SEIPDv2", "Argon2, AES-256-OCB"},
		"alone, PostQuantum":  {envelope.PostQuantum, nil, false, "SEIPDv2", "Argon2, AES-256-OCB"},
		"beside v4":           {envelope.Auto, []*pgp.Key{alice}, false, "SEIPDv1", "S2K iterated SHA-256, AES-256"},
		"beside v6":           {envelope.Auto, []*pgp.Key{six}, false, "SEIPDv1", "S2K iterated SHA-256, AES-256"},
		"beside v6, Modern":   {envelope.Modern, []*pgp.Key{six}, false, "SEIPDv2", "Argon2, AES-256-OCB"},
		"beside both, Modern": {envelope.Modern, []*pgp.Key{six, alice}, false, "SEIPDv1", "S2K iterated SHA-256, AES-256"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, two := envelope.NewPassphrase(), envelope.NewPassphrase()
			all := []*envelope.Passphrase{one}
			if name == "alone" || name == "alone, Modern" { // each derivation takes its time: few of them
				all = append(all, two)
			}
			s := &envelope.Sealer{Profile: c.profile, Armor: c.armor, Format: pgp.Format(), Passphrases: all}
			var to []*keyring.Verified
			for _, k := range c.to {
				to = append(to, verified(t, k))
			}
			text := content(t, 70_000)
			msg, receipt := seal(t, s, text, to...)
			require.Equal(t, c.container, receipt.Container)
			require.Equal(t, len(all), receipt.Passphrases)
			require.Len(t, receipt.Recipients, len(to)+len(all))
			require.Equal(t, envelope.Recipient{ID: "passphrase", Algorithm: c.algorithm}, receipt.Recipients[len(to)])
			require.NotEmpty(t, receipt.Reason)
			require.NotContains(t, string(msg), one.Reveal())

			stranger := spoken(t, one.Reveal())
			stranger.Identities = opener(other).Identities
			openers := []*envelope.Opener{stranger}
			if len(all) > 1 {
				openers = append(openers, spoken(t, "wrong", two.Reveal()))
			}
			for _, k := range c.to {
				openers = append(openers, opener(k))
			}
			for i, o := range openers {
				src := sources["pipe"]
				if i == 0 {
					src = sources["seekable"]
				}
				got, report, err := open(o, src(msg))
				require.NoError(t, err, i)
				require.True(t, bytes.Equal(text, got))
				require.Equal(t, receipt.Recipients, report.Recipients)
				if len(o.Passphrases) > 0 {
					require.Equal(t, -1, report.OpenedBy)
				} else {
					require.Equal(t, 0, report.OpenedBy)
				}
			}
			_, _, err := open(spoken(t, one.Reveal()+"x"), bytes.NewReader(msg))
			require.True(t, err == envelope.ErrDecrypt, err)
			_, _, err = open(opener(other), bytes.NewReader(msg))
			require.True(t, err == envelope.ErrNotForYou, err)
		})
	}
}

// TestPassphraseRefused: what RefuseLowering is for, and a message to keys only.
func TestPassphraseRefused(t *testing.T) {
	p := envelope.NewPassphrase()
	s := &envelope.Sealer{Format: pgp.Format(), Passphrases: []*envelope.Passphrase{p}, RefuseLowering: true}
	var out bytes.Buffer
	_, err := s.Seal(&out)
	var lowered *envelope.LoweredError
	require.ErrorAs(t, err, &lowered)
	require.Empty(t, lowered.Recipients)
	require.ErrorContains(t, err, "passphrase")
	require.Zero(t, out.Len())
	s.Profile = envelope.Modern
	seal(t, s, nil)
	s.Profile = envelope.Compatible
	seal(t, s, nil)

	k := key(t, "curve25519")
	msg, _ := seal(t, &envelope.Sealer{}, []byte("text"), verified(t, k))
	_, _, err = open(spoken(t, "text"), bytes.NewReader(msg))
	require.True(t, err == envelope.ErrNotForYou, err)
}

// skesk is a packet of version 4 or LibrePGP's 5 as others write it, of which
// the derivation is go-crypto's. Without a session key it brings the derived one.
type skesk struct {
	version byte
	spec    []byte
	derive  func(key, passphrase []byte)
	secret  []byte // nil: none
}

func (s skesk) packet(t *testing.T, passphrase string) (raw, kek []byte) {
	t.Helper()
	kek = make([]byte, 32)
	s.derive(kek, []byte(passphrase))
	block, err := aes.NewCipher(kek)
	require.NoError(t, err)
	if s.version == 5 {
		head := []byte{5, 9, 2}
		nonce := content(t, 15)
		mode, err := ocb.NewOCB(block)
		require.NoError(t, err)
		return pkt(3, head, s.spec, nonce, mode.Seal(nil, nonce, s.secret, append([]byte{0xC3}, head...))), kek
	}
	body := append([]byte{4, 9}, s.spec...)
	if s.secret == nil {
		return pkt(3, body), kek
	}
	plain := append([]byte{9}, s.secret...)
	var last [16]byte
	for i := 0; i < len(plain); i += 16 {
		block.Encrypt(last[:], last[:])
		for j := i; j < min(i+16, len(plain)); j++ {
			plain[j] ^= last[j-i]
			last[j-i] = plain[j]
		}
	}
	return pkt(3, body, plain), kek
}

func salt(t *testing.T) []byte { return content(t, 8) }

// TestPassphraseOfOthers: what gpg -c writes, which has no session key, and what
// other programs do, in every derivation that is read, under a packet of a
// wrong passphrase before it.
func TestPassphraseOfOthers(t *testing.T) {
	a, b, c, d := salt(t), salt(t), salt(t), content(t, 16)
	specs := map[string]skesk{
		"iterated SHA-256": {4, cat([]byte{3, 8}, a, []byte{96}), func(k, p []byte) { s2k.Iterated(k, sha256.New(), p, a, 65536) }, nil},
		"iterated SHA-1":   {4, cat([]byte{3, 2}, b, []byte{97}), func(k, p []byte) { s2k.Iterated(k, sha1.New(), p, b, 69632) }, nil},
		"salted SHA-256":   {4, cat([]byte{1, 8}, c), func(k, p []byte) { s2k.Salted(k, sha256.New(), p, c) }, nil},
		"Argon2":           {4, cat([]byte{4}, d, []byte{1, 1, 4}), func(k, p []byte) { s2k.Argon2(k, p, d, 1, 1, 4) }, nil},
	}
	for name, s := range specs {
		for _, with := range []bool{false, true} {
			t.Run(fmt.Sprint(name, "/session key=", with), func(t *testing.T) {
				key := content(t, 32)
				if with {
					s.secret = key
				}
				raw, kek := s.packet(t, "horse")
				if !with {
					key = kek
				}
				decoy, _ := specs["salted SHA-256"].packet(t, "another")
				var out bytes.Buffer
				w, err := packet.SerializeSymmetricallyEncrypted(&out, packet.CipherAES256, false, packet.CipherSuite{}, key, lenient)
				require.NoError(t, err)
				_, err = w.Write(literal("text"))
				require.NoError(t, err)
				require.NoError(t, w.Close())
				msg := cat(raw, out.Bytes())
				for _, m := range [][]byte{msg, cat(decoy, msg)} {
					got, _, err := open(spoken(t, "cart", "horse"), iotest.OneByteReader(bytes.NewReader(m)))
					require.NoError(t, err)
					require.Equal(t, "text", string(got))
					_, _, err = open(spoken(t, "cart"), bytes.NewReader(m))
					require.True(t, err == envelope.ErrDecrypt, err)
				}
				// One octet of the text, and of the two that repeat: the same error.
				for _, at := range []int{len(msg) - 1, len(msg) - 30, len(raw) + 2 + 1 + 15} {
					other := bytes.Clone(msg)
					other[at] ^= 1
					_, _, err := open(spoken(t, "horse"), bytes.NewReader(other))
					require.True(t, err == envelope.ErrDecrypt, "%d: %v", at, err)
				}
				for n := range msg {
					_, _, err := open(spoken(t, "horse"), bytes.NewReader(msg[:n]))
					require.ErrorIs(t, err, envelope.ErrFormat, n)
				}
			})
		}
	}
}

// TestPassphraseOfLibrePGP: versions 4 and 5 in front of packet 20.
func TestPassphraseOfLibrePGP(t *testing.T) {
	a := salt(t)
	s := skesk{spec: cat([]byte{1, 8}, a), derive: func(k, p []byte) { s2k.Salted(k, sha256.New(), p, a) }}
	for _, version := range []byte{4, 5} {
		s.version, s.secret = version, content(t, 32)
		raw, _ := s.packet(t, "horse")
		msg := cat(raw, librePacket(t, s.secret, literal("text")))
		got, report, err := open(spoken(t, "horse"), bytes.NewReader(msg))
		require.NoError(t, err)
		require.Equal(t, "text", string(got))
		require.Equal(t, "LibrePGP", report.Container)
		_, _, err = open(spoken(t, "cart"), bytes.NewReader(msg))
		require.True(t, err == envelope.ErrDecrypt, err)
	}
}

// TestPassphraseForOthers: go-crypto opens what is written here, and what it
// writes is opened.
func TestPassphraseForOthers(t *testing.T) {
	for _, v2 := range []bool{false, true} {
		p := envelope.NewPassphrase()
		s := &envelope.Sealer{Format: pgp.Format(), Passphrases: []*envelope.Passphrase{envelope.NewPassphrase(), p}}
		if v2 {
			s.Profile = envelope.Modern
		}
		text := content(t, 100_000)
		msg, _ := seal(t, s, text)
		prompt := func([]openpgp.Key, bool) ([]byte, error) { return []byte(p.Reveal()), nil }
		asked := 0
		md, err := openpgp.ReadMessage(bytes.NewReader(msg), openpgp.EntityList{}, func(k []openpgp.Key, sym bool) ([]byte, error) {
			if asked++; asked > 1 {
				return nil, io.EOF
			}
			return prompt(k, sym)
		}, nil)
		require.NoError(t, err)
		got, err := io.ReadAll(md.UnverifiedBody)
		require.NoError(t, err)
		require.True(t, bytes.Equal(text, got))

		secret := make([]byte, 32)
		rand.Read(secret)
		c := *lenient
		c.S2KConfig = &s2k.Config{S2KMode: s2k.IteratedSaltedS2K, Hash: crypto.SHA256, S2KCount: 65536}
		if v2 {
			c.S2KConfig = &s2k.Config{S2KMode: s2k.Argon2S2K, Argon2Config: &s2k.Argon2Config{NumberOfPasses: 1, DegreeOfParallelism: 2, Memory: 64}}
		}
		for _, mode := range []packet.AEADMode{packet.AEADModeEAX, packet.AEADModeOCB, packet.AEADModeGCM} {
			c.AEADConfig = &packet.AEADConfig{DefaultMode: mode}
			var out bytes.Buffer
			require.NoError(t, packet.SerializeSymmetricKeyEncryptedAEADReuseKey(&out, secret, []byte("horse"), v2, &c))
			w, err := packet.SerializeSymmetricallyEncrypted(&out, packet.CipherAES256, v2, packet.CipherSuite{Cipher: packet.CipherAES256, Mode: mode}, secret, lenient)
			require.NoError(t, err)
			_, err = w.Write(literal("text"))
			require.NoError(t, err)
			require.NoError(t, w.Close())
			got, _, err := open(spoken(t, "horse"), bytes.NewReader(out.Bytes()))
			require.NoError(t, err)
			require.Equal(t, "text", string(got))
		}
	}
}

// TestPassphraseEveryBit: whichever bit of a message to a passphrase is flipped.
func TestPassphraseEveryBit(t *testing.T) {
	d := content(t, 16)
	for _, v2 := range []bool{false, true} {
		secret := content(t, 32)
		c := *lenient
		c.S2KConfig = &s2k.Config{S2KMode: s2k.Argon2S2K, Argon2Config: &s2k.Argon2Config{NumberOfPasses: 1, DegreeOfParallelism: 1, Memory: 16}}
		var out bytes.Buffer
		require.NoError(t, packet.SerializeSymmetricKeyEncryptedAEADReuseKey(&out, secret, d, v2, &c))
		head := out.Len()
		w, err := packet.SerializeSymmetricallyEncrypted(&out, packet.CipherAES256, v2, packet.CipherSuite{Cipher: packet.CipherAES256, Mode: packet.AEADModeOCB}, secret, lenient)
		require.NoError(t, err)
		_, err = w.Write(literal("text"))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		p, err := envelope.OpenPassphrase(string(d))
		require.NoError(t, err)
		o := &envelope.Opener{Formats: []envelope.Format{pgp.Format()}, Passphrases: []*envelope.Passphrase{p}}
		_, _, err = open(o, bytes.NewReader(out.Bytes()))
		require.NoError(t, err)
		for bit := range out.Len() * 8 {
			if at := bit / 8; at >= head-52-3-17 && at < head && bit%8 != 0 {
				continue // one bit of each octet of salt, parameters and key: deriving takes its time
			}
			msg := bytes.Clone(out.Bytes())
			msg[bit/8] ^= 1 << (bit % 8)
			_, _, err := open(o, bytes.NewReader(msg))
			require.Error(t, err, "bit %d", bit)
			failure(t, err)
		}
	}
}

// TestPassphraseAndSigner: what a signature is worth to who opens with a
// passphrase, whom it cannot name.
func TestPassphraseAndSigner(t *testing.T) {
	alice, bob := key(t, "curve25519"), key(t, "other")
	p := envelope.NewPassphrase()
	s := &envelope.Sealer{Passphrases: []*envelope.Passphrase{p}, Signers: []envelope.Signer{alice.Signer()}}
	for _, to := range [][]*keyring.Verified{nil, {verified(t, bob)}} {
		msg, _ := seal(t, s, []byte("text"), to...)
		o := spoken(t, p.Reveal())
		o.Senders, o.RequireSignature = []*keyring.Verified{verified(t, alice)}, true
		_, report, err := open(o, bytes.NewReader(msg))
		require.NoError(t, err)
		require.True(t, report.Signatures[0].Valid())
		require.Len(t, report.Findings, 1)
		if to == nil {
			require.Contains(t, report.Findings[0], "does not say for whom")
			continue
		}
		require.Contains(t, report.Findings[0], "opened with a passphrase")
		o.Identities = opener(bob).Identities
		_, report, err = open(o, bytes.NewReader(msg))
		require.NoError(t, err)
		require.Empty(t, report.Findings)
	}
}
