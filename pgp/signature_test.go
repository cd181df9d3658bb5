package pgp_test

import (
	"bytes"
	"crypto"
	_ "crypto/sha1"
	"io"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// What a signature inside is worth, for every reason that makes it worth less:
// the content opens, and the report says why the signature is not valid. A
// signature by a sender that does not match the content is an error.
func TestSignatureVerdicts(t *testing.T) {
	const text = "line one\nline two\r\nthree"
	bob, alice := key(t, "curve25519"), key(t, "v6")
	fp := func(k *pgp.Key) *packet.Recipient {
		e := entity(t, k).PrimaryKey
		return &packet.Recipient{KeyVersion: e.Version, Fingerprint: e.Fingerprint}
	}
	day := uint32(24 * 3600)
	age := func(d time.Duration) func(*packet.Signature) {
		return func(s *packet.Signature) { s.CreationTime = time.Now().Add(d) }
	}
	tests := []struct {
		name    string
		sig     signature
		text    string // what is signed; "": text
		problem string // "": valid
	}{
		{name: "version 6", sig: signature{by: alice}},
		{name: "version 4", sig: signature{by: key(t, "other")}},
		{name: "text", sig: signature{by: alice, kind: packet.SigTypeText}},
		{name: "text, other line ends", sig: signature{by: alice, kind: packet.SigTypeText}, text: "line one\r\nline two\nthree"},
		{name: "binary, other line ends", sig: signature{by: alice}, text: "line one\r\nline two\r\nthree", problem: "bad"},
		{name: "SHA-256", sig: signature{by: alice, hash: crypto.SHA256}},
		{name: "SHA3-512", sig: signature{by: alice, hash: crypto.SHA3_512}},
		{name: "SHA-1", sig: signature{by: key(t, "other"), hash: crypto.SHA1}, problem: "too weak"},
		{name: "other content", sig: signature{by: alice}, text: "another text", problem: "bad"},
		{name: "a stranger's", sig: signature{by: key(t, "other6")}, problem: "not checked"},
		{name: "four minutes ahead", sig: signature{by: alice, change: age(4 * time.Minute)}},
		{name: "six minutes ahead", sig: signature{by: alice, change: age(6 * time.Minute)}, problem: "in the future"},
		{name: "before the key was made", sig: signature{by: alice, change: age(-30 * 24 * time.Hour)}, problem: "when its key was not valid"},
		{name: "expires tomorrow", sig: signature{by: alice, change: func(s *packet.Signature) { s.SigLifetimeSecs = &day }}},
		{name: "for bob", sig: signature{by: alice, change: func(s *packet.Signature) { s.IntendedRecipients = []*packet.Recipient{fp(alice), fp(bob)} }}},
		{name: "for alice", sig: signature{by: alice, change: func(s *packet.Signature) { s.IntendedRecipients = []*packet.Recipient{fp(alice)} }}, problem: "other recipients"},
		{name: "notation", sig: signature{by: alice, change: func(s *packet.Signature) {
			s.Notations = append(s.Notations, &packet.Notation{Name: "x@example.org", Value: []byte("y")})
		}}},
		{name: "critical notation", sig: signature{by: alice, change: func(s *packet.Signature) {
			s.Notations = append(s.Notations, &packet.Notation{Name: "x@example.org", Value: []byte("y"), IsCritical: true})
		}}, problem: "not supported"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			signed := text
			if tt.text != "" {
				signed = tt.text
			}
			ops, sig := tt.sig.make(t, signed)
			msg := craft{v2: tt.name == "version 6"}.seal(t, bob, cat(ops, literal(text), sig))
			o := opener(bob)
			o.Senders = []*keyring.Verified{verified(t, bob), verified(t, alice), verified(t, key(t, "other"))}
			got, report, err := open(o, bytes.NewReader(msg))
			if tt.problem == "bad" {
				require.ErrorIs(t, err, envelope.ErrSignature)
				require.Empty(t, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, text, string(got))
			require.Len(t, report.Signatures, 1)
			s := report.Signatures[0]
			require.Equal(t, tt.problem == "", s.Valid(), s.Problem())
			require.Contains(t, s.Problem(), tt.problem)

			o.RequireSignature = true
			got, _, err = open(o, bytes.NewReader(msg))
			if tt.problem != "" {
				require.ErrorIs(t, err, envelope.ErrSignature)
				require.Empty(t, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, text, string(got))
		})
	}
}

// Where the one-pass signature packet announces another signature than the one
// that follows, the signature is bad, though it verifies by itself.
func TestAnnouncedOtherwise(t *testing.T) {
	k := key(t, "curve25519")
	ops, sig := signature{by: k}.make(t, "text")
	o := opener(k)
	o.Senders = []*keyring.Verified{verified(t, k)}
	got, _, err := open(o, bytes.NewReader(craft{}.seal(t, k, cat(ops, literal("text"), sig))))
	require.NoError(t, err)
	require.Equal(t, "text", string(got))
	for at, what := range map[int]string{3: "type", 4: "hash", 5: "algorithm"} {
		other := bytes.Clone(ops)
		other[at] ^= 1
		if what == "hash" {
			other[at] = 8
		}
		_, _, err := open(o, bytes.NewReader(craft{}.seal(t, k, cat(other, literal("text"), sig))))
		require.ErrorIs(t, err, envelope.ErrSignature, what)
	}
}

func detached(t testing.TB, armor bool, text []byte, by ...*pgp.Key) []byte {
	t.Helper()
	s := &envelope.Sealer{Armor: armor}
	for _, k := range by {
		s.Signers = append(s.Signers, k.Signer())
	}
	var out bytes.Buffer
	w, err := s.SignDetached(&out)
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func inline(t testing.TB, armor bool, text []byte, by ...*pgp.Key) []byte {
	t.Helper()
	s := &envelope.Sealer{Armor: armor}
	for _, k := range by {
		s.Signers = append(s.Signers, k.Signer())
	}
	var out bytes.Buffer
	w, err := s.Sign(&out)
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Len(t, w.Receipt().Signatures, len(by))
	return out.Bytes()
}

func TestDetached(t *testing.T) {
	a, b := key(t, "curve25519"), key(t, "v6")
	for _, n := range []int{0, 1, 32<<10 - 1, 32 << 10, 32<<10 + 1} {
		for _, armor := range []bool{false, true} {
			text := content(t, n)
			sig := detached(t, armor, text, a, b)
			o := &envelope.Opener{Senders: []*keyring.Verified{verified(t, b), verified(t, a)}}
			r, err := o.VerifyDetached(bytes.NewReader(sig), bytes.NewReader(text))
			require.NoError(t, err)
			require.Len(t, r.Signatures, 2)
			for _, s := range r.Signatures {
				require.True(t, s.Valid(), s.Problem())
			}
			_, err = o.VerifyDetached(bytes.NewReader(sig), bytes.NewReader(append(text, 0)))
			require.ErrorIs(t, err, envelope.ErrSignature)
			o.Senders = []*keyring.Verified{verified(t, key(t, "other"))}
			_, err = o.VerifyDetached(bytes.NewReader(sig), bytes.NewReader(text))
			require.ErrorIs(t, err, envelope.ErrSignature)
		}
	}
}

// A detached signature is verified by one function and a signed message by
// another, and neither takes what belongs to the other: what is verified would
// not be what the caller looks at.
func TestDetachedIsNotInline(t *testing.T) {
	k := key(t, "curve25519")
	o := &envelope.Opener{Senders: []*keyring.Verified{verified(t, k)}}
	text := []byte("text")
	for _, armor := range []bool{false, true} {
		sig, msg := detached(t, armor, text, k), inline(t, armor, text, k)
		_, err := o.VerifyDetached(bytes.NewReader(sig), bytes.NewReader(text))
		require.NoError(t, err)
		_, err = o.VerifyDetached(bytes.NewReader(msg), bytes.NewReader(text))
		require.ErrorIs(t, err, envelope.ErrFormat)
		m, err := o.Verify(bytes.NewReader(msg))
		require.NoError(t, err)
		got, err := io.ReadAll(m)
		require.NoError(t, err)
		require.Equal(t, text, got)
		_, err = o.Verify(bytes.NewReader(sig))
		require.ErrorIs(t, err, envelope.ErrFormat)
		_, _, err = open(opener(k), bytes.NewReader(msg))
		require.ErrorIs(t, err, envelope.ErrFormat)
		sealed, _ := seal(t, &envelope.Sealer{Armor: armor}, text, verified(t, k))
		_, err = o.Verify(bytes.NewReader(sealed))
		require.ErrorIs(t, err, envelope.ErrFormat)
		_, err = o.VerifyDetached(bytes.NewReader(sealed), bytes.NewReader(text))
		require.ErrorIs(t, err, envelope.ErrFormat)
	}
}

func TestSignedMessage(t *testing.T) {
	t.Parallel()
	a, b := key(t, "rsa3072"), key(t, "v6")
	for _, n := range []int{0, 1, 32<<10 - 6, 32<<10 - 5, 1<<20 + 3} {
		for _, armor := range []bool{false, true} {
			text := content(t, n)
			msg := inline(t, armor, text, a, b)
			o := &envelope.Opener{Senders: []*keyring.Verified{verified(t, b)}}
			for _, src := range sources {
				m, err := o.Verify(src(msg))
				require.NoError(t, err)
				got, err := io.ReadAll(m)
				require.NoError(t, err)
				require.True(t, bytes.Equal(text, got))
				require.Equal(t, "OnePassSignature", m.Report().Container)
				require.False(t, m.Report().Encrypted)
				require.Len(t, m.Report().Signatures, 2)
				require.NoError(t, m.Close())
			}
		}
	}
}

// One bit in each octet of a small signed message and of a detached signature.
func TestSignedEveryBit(t *testing.T) {
	t.Parallel()
	k := key(t, "curve25519")
	o := &envelope.Opener{Senders: []*keyring.Verified{verified(t, k)}}
	text := []byte("text")
	msg, sig := inline(t, false, text, k), detached(t, false, text, k)
	for i := range msg {
		bit := i*8 + i%8
		other := bytes.Clone(msg)
		other[bit/8] ^= 1 << (bit % 8)
		m, err := o.Verify(bytes.NewReader(other))
		if err != nil {
			failure(t, err)
			continue
		}
		got, err := io.ReadAll(m)
		require.NoError(t, err)
		require.Equal(t, text, got, "bit %d", bit)
	}
	for i := range sig {
		bit := i*8 + i%8
		other := bytes.Clone(sig)
		other[bit/8] ^= 1 << (bit % 8)
		if _, err := o.VerifyDetached(bytes.NewReader(other), bytes.NewReader(text)); err != nil {
			failure(t, err)
		}
	}
}
