package smime_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// rewrapped adds to as readers of msg, which by opens.
func rewrapped(t testing.TB, msg io.Reader, by *person, s envelope.Sealer, to ...*keyring.Verified) ([]byte, *envelope.Receipt) {
	t.Helper()
	var out bytes.Buffer
	r, err := envelope.Rewrap(&out, msg, &envelope.Opener{Identities: by.identities()}, &s, to...)
	require.NoError(t, err)
	require.EqualValues(t, out.Len(), r.Written)
	require.True(t, r.ContentKeyReused)
	return out.Bytes(), r
}

// TestRewrap adds readers to messages of all forms, and to those that they make.
func TestRewrap(t *testing.T) {
	alice, bob, carol := fresh["P-256"](), fresh["P-384"](), fresh["P-521"]()
	plain := make([]byte, 300_000)
	rand.Read(plain)
	for _, f := range forms(alice) {
		for _, armor := range []bool{false, true} {
			for _, pipes := range []bool{false, true} {
				name := fmt.Sprintf("%s armor=%t pipe=%t", f.name, armor, pipes)
				s := f.seal
				s.Armor = armor
				msg := sealed(t, s, plain, alice.verified)
				how := envelope.Sealer{Profile: f.seal.Profile, Armor: !armor}
				got, r := rewrapped(t, source(msg, pipes), alice, how, bob.verified)
				require.Equal(t, []keyring.Fingerprint{bob.verified.Fingerprint()}, r.Sealed, name)
				require.Len(t, r.Recipients, 2, name)
				require.Equal(t, !armor, r.Armored, name)
				require.Contains(t, r.Reason, "as the message that it was made from", name)
				require.Equal(t, 0, r.Opened.OpenedBy, name)
				require.Len(t, r.Opened.Recipients, 1, name)
				if f.signed {
					require.True(t, r.Opened.Signatures[0].Valid(), name)
				}
				// A new reader can add another one.
				got, r = rewrapped(t, source(got, pipes), bob, how, carol.verified)
				require.Len(t, r.Recipients, 3, name)
				for _, who := range []*person{alice, bob, carol} {
					out, report, err := open(envelope.Opener{Identities: who.identities(), Senders: alice.senders(), RequireSignature: f.signed}, source(got, pipes))
					require.NoError(t, err, "%s %s", name, who.name)
					require.True(t, bytes.Equal(plain, out), "%s %s", name, who.name)
					require.False(t, report.Unauthenticated, name)
				}
				_, _, err := open(envelope.Opener{Identities: fresh["stranger"]().identities()}, source(got, pipes))
				require.ErrorIs(t, err, envelope.ErrNotForYou, name)
			}
		}
	}
}

// TestRewrapKeepsOctets: what is not about recipients is copied as it is, of
// messages that others wrote.
func TestRewrapKeepsOctets(t *testing.T) {
	alice, bob := fresh["P-256"](), fresh["P-384"]()
	originator := tlv(0xa0, tlv(0xa0)) // OriginatorInfo
	info := must(smime.WrapFor(alice.key.Certificate(), bytes.Repeat([]byte{0x42}, 32), false))
	c := crafted{
		to: alice, plain: []byte("the content"), infos: [][]byte{info}, before: originator,
		after: tlv(0xa2, tlv(0x30, oidOf("\x2a\x03\x04"), tlv(0x31, tlv(5)))), // an unauthenticated attribute
	}
	behind := func(msg []byte) []byte { return msg[bytes.Index(msg, info)+len(info):] }
	indefinite := func(msg []byte) []byte {
		return slices.Concat([]byte{0x30, 0x80}, authEnvOID, []byte{0xa0, 0x80, 0x30, 0x80, 2, 1, 0}, originator,
			[]byte{0x31, 0x80}, info, []byte{0, 0}, behind(msg), make([]byte, 6))
	}
	for name, change := range map[string]func(*crafted) (form func([]byte) []byte){
		"as it is":      func(*crafted) func([]byte) []byte { return bytes.Clone },
		"no originator": func(c *crafted) func([]byte) []byte { c.before = nil; return bytes.Clone },
		"no attributes": func(c *crafted) func([]byte) []byte { c.after = nil; return bytes.Clone },
		"segments":      func(c *crafted) func([]byte) []byte { c.content = inSegments; return bytes.Clone },
		"indefinite":    func(*crafted) func([]byte) []byte { return indefinite },
	} {
		c := c
		form := change(&c)
		msg := c.bytes(t)
		got, r := rewrapped(t, bytes.NewReader(form(msg)), alice, envelope.Sealer{Profile: envelope.Modern}, bob.verified)
		require.Len(t, r.Recipients, 2, name)
		require.True(t, bytes.HasSuffix(got, append(bytes.Clone(behind(msg)), 0, 0, 0, 0, 0, 0)), name)
		require.Equal(t, c.before != nil, bytes.Contains(got, append(bytes.Clone(originator), 0x31)), name)
		require.Equal(t, 1, bytes.Count(got, info), name)
		for _, who := range []*person{alice, bob} {
			out, _, err := open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(got))
			require.NoError(t, err, name)
			require.Equal(t, "the content", string(out), name)
		}
	}
}

func inSegments(ct []byte) []byte {
	half := len(ct) / 2
	return append(append([]byte{0xa0, 0x80}, append(tlv(4, ct[:half]), tlv(4, ct[half:])...)...), 0, 0)
}

// TestRewrapVersion: RFC 5652, Section 6.1 by the recipients that are there
// afterwards.
func TestRewrapVersion(t *testing.T) {
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	rsa, other, ec := fresh["RSA-3072"](), fresh["RSA-other"](), fresh["P-256"]()
	cbc := envelope.Sealer{Profile: envelope.Compatible, Signers: rsa.signers()}
	versionOf := func(msg []byte) byte {
		i := bytes.Index(msg, []byte{2, 1})
		return msg[i+2]
	}
	for name, c := range map[string]struct {
		first, second  *person
		before, behind byte
	}{
		"RSA and RSA": {rsa, other, 0, 0},
		"RSA and EC":  {rsa, ec, 0, 2},
		"EC and RSA":  {ec, rsa, 2, 2},
	} {
		msg := sealed(t, cbc, []byte("x"), c.first.verified)
		require.Equal(t, c.before, versionOf(msg), name)
		got, r := rewrapped(t, bytes.NewReader(msg), c.first, envelope.Sealer{}, c.second.verified)
		require.Equal(t, c.behind, versionOf(got), name)
		if c.second != ec {
			require.Contains(t, []string{r.Recipients[0].Algorithm, r.Recipients[1].Algorithm}, "RSA PKCS#1 v1.5", name)
		}
	}
	// Authenticated: always 0, and never with PKCS#1 v1.5.
	msg := sealed(t, envelope.Sealer{Profile: envelope.Modern}, []byte("x"), ec.verified)
	got, r := rewrapped(t, bytes.NewReader(msg), ec, envelope.Sealer{Profile: envelope.Modern}, rsa.verified)
	require.Equal(t, byte(0), versionOf(got))
	require.Equal(t, "RSA-OAEP-SHA256", r.Recipients[1].Algorithm)
}

// TestRewrapRefuses: nothing is written where anything is wrong, each case
// being one step from the first, which is good.
func TestRewrapRefuses(t *testing.T) {
	allowed(t, "AES-GCM and RSA PKCS#1 v1.5 encryption")
	alice, bob, carol := fresh["P-256"](), fresh["P-384"](), fresh["RSA-other"]()
	reads := newPerson("reads", smime.FixedRSA("rsa2048"), gcmCapability...)
	gcm := sealed(t, envelope.Sealer{Profile: envelope.Modern}, []byte("content"), alice.verified)
	cbc := sealed(t, envelope.Sealer{Profile: envelope.Compatible, Signers: alice.signers()}, []byte("content"), alice.verified)
	bare := sealed(t, envelope.Sealer{Profile: envelope.Compatible, Legacy: envelope.Legacy{UnauthenticatedCBC: true}}, []byte("content"), alice.verified)
	pgpKey, err := pgp.GenerateKey(pgp.KeyOptions{Address: "dave@example.org"})
	require.NoError(t, err)
	dave, err := keyring.Verify(pgpKey.Certificate(), keyring.Expect(pgpKey.Certificate().Fingerprint()))
	require.NoError(t, err)

	old := envelope.Opener{Identities: alice.identities(), Legacy: envelope.Legacy{TripleDES: true, RC2: true}}
	others := map[string][]byte{}
	for _, k := range contentCiphers() {
		c := crafted{to: alice, plain: signedInside(t, alice).plain, contentType: signedOID}
		if k.tag > 0 {
			c.attrs = tlv(0xa1, attribute(ctAttrOID, signedOID))
		}
		if k.keyLen >= 16 { // AES key wrap takes no shorter ones
			others[k.name] = k.in(t, c, false).bytes(t)
		}
	}
	opener := envelope.Opener{Identities: alice.identities()}
	stranger := envelope.Opener{Identities: fresh["stranger"]().identities()}
	required := envelope.Opener{Identities: alice.identities(), Senders: alice.senders(), RequireSignature: true}
	lax := envelope.Opener{Identities: alice.identities(), Legacy: envelope.Legacy{UnauthenticatedCBC: true}}
	modern, auto, compatible, pq := envelope.Sealer{Profile: envelope.Modern}, envelope.Sealer{}, envelope.Sealer{Profile: envelope.Compatible}, envelope.Sealer{Profile: envelope.PostQuantum}
	one := func(v *keyring.Verified) []*keyring.Verified { return []*keyring.Verified{v} }
	for name, c := range map[string]struct {
		msg []byte
		o   *envelope.Opener
		s   *envelope.Sealer
		to  []*keyring.Verified
		is  error // nil: it is done
		has string
	}{
		"Modern":                    {gcm, &opener, &modern, one(bob.verified), nil, ""},
		"Auto, reads GCM":           {gcm, &opener, &auto, one(reads.verified), nil, ""},
		"no Sealer, reads GCM":      {gcm, &opener, nil, one(reads.verified), nil, ""},
		"Auto, not known":           {gcm, &opener, &auto, []*keyring.Verified{reads.verified, bob.verified}, keyring.ErrRefused, "not known what programs"},
		"Compatible with GCM":       {gcm, &opener, &compatible, one(carol.verified), keyring.ErrRefused, "the Compatible profile never is"},
		"PostQuantum, classical":    {gcm, &opener, &pq, one(bob.verified), keyring.ErrRefused, "ML-KEM"},
		"Auto with CBC":             {cbc, &opener, &auto, one(carol.verified), nil, ""},
		"Compatible with CBC":       {cbc, &opener, &compatible, one(carol.verified), nil, ""},
		"Modern with CBC":           {cbc, &opener, &modern, one(carol.verified), keyring.ErrRefused, "the Modern profile is AES-GCM"},
		"signed as required":        {cbc, &required, &auto, one(carol.verified), nil, ""},
		"not signed as required":    {gcm, &required, &modern, one(bob.verified), envelope.ErrSignature, ""},
		"nothing authenticates it":  {bare, &opener, &auto, one(carol.verified), envelope.ErrDecrypt, ""},
		"and that is allowed":       {bare, &lax, &auto, one(carol.verified), envelope.ErrDecrypt, ""},
		"not the opener's":          {gcm, &stranger, &modern, one(bob.verified), envelope.ErrNotForYou, ""},
		"OpenPGP for S/MIME":        {gcm, &opener, &modern, one(dave), envelope.ErrMixed, "the message is S/MIME, and the recipients are OpenPGP"},
		"nobody":                    {gcm, &opener, &modern, nil, errors.ErrUnsupported, "no recipient"},
		"zero recipient":            {gcm, &opener, &modern, one(new(keyring.Verified)), keyring.ErrRefused, "not made by keyring.Verify"},
		"with a signer":             {gcm, &opener, &envelope.Sealer{Profile: envelope.Modern, Signers: bob.signers()}, one(bob.verified), errors.ErrUnsupported, "signs nothing"},
		"recipient expired":         {gcm, &opener, &envelope.Sealer{Profile: envelope.Modern, Time: func() time.Time { return time.Now().Add(1000 * time.Hour) }}, one(bob.verified), keyring.ErrRefused, "expired"},
		"no identity":               {gcm, &envelope.Opener{}, &modern, one(bob.verified), errors.ErrUnsupported, "no identity"},
		"no Opener":                 {gcm, nil, &modern, one(bob.verified), errors.ErrUnsupported, "no Opener"},
		"passphrase for reading":    {gcm, &opener, &envelope.Sealer{Passphrases: []*envelope.Passphrase{must(envelope.OpenPassphrase("x"))}}, nil, errors.ErrUnsupported, "for opening only"},
		"not sealed, only signed":   {signedMessage(t, envelope.Sealer{Signers: alice.signers()}, []byte("x"), false), &opener, &modern, one(bob.verified), envelope.ErrFormat, ""},
		"more behind the message":   {append(bytes.Clone(gcm), 0), &opener, &modern, one(bob.verified), envelope.ErrFormat, ""},
		"cut off":                   {gcm[:len(gcm)-1], &opener, &modern, one(bob.verified), envelope.ErrFormat, ""},
		"empty":                     {nil, &opener, &modern, one(bob.verified), envelope.ErrFormat, ""},
		"AES-256-CBC":               {others["AES-256-CBC"], &old, &auto, one(carol.verified), nil, ""},
		"triple DES":                {others["3DES-CBC"], &old, &auto, one(carol.verified), keyring.ErrRefused, "3DES-CBC, which is weak"},
		"triple DES, Compatible":    {others["3DES-CBC"], &old, &compatible, one(carol.verified), keyring.ErrRefused, "3DES-CBC, which is weak"},
		"RC2":                       {others["RC2-128-CBC"], &old, &auto, one(carol.verified), keyring.ErrRefused, "RC2-128-CBC, which is weak"},
		"AES-256-GCM":               {others["AES-256-GCM"], &old, &modern, one(bob.verified), nil, ""},
		"ChaCha20-Poly1305":         {others["ChaCha20-Poly1305"], &old, &modern, one(bob.verified), keyring.ErrRefused, "no profile"},
		"AES-CCM":                   {others["AES-128-CCM"], &old, &auto, one(reads.verified), keyring.ErrRefused, "no profile"},
		"another tag":               {flipped(gcm, len(gcm)-7), &opener, &modern, one(bob.verified), envelope.ErrDecrypt, ""},
		"signature of other octets": {flipped(cbc, len(cbc)-60), &opener, &auto, one(carol.verified), envelope.ErrDecrypt, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			r, err := envelope.Rewrap(&out, bytes.NewReader(c.msg), c.o, c.s, c.to...)
			if c.is == nil {
				require.NoError(t, err)
				require.NotNil(t, r)
				return
			}
			require.Error(t, err)
			require.Nil(t, r)
			require.Zero(t, out.Len(), "something was written")
			if c.is != errors.ErrUnsupported { // stands for errors that have no name
				require.ErrorIs(t, err, c.is)
			}
			require.ErrorContains(t, err, c.has)
		})
	}
}

func flipped(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

// TestRewrapRandomKey: where RFC 3218 goes on with a random key, that key is
// wrapped for nobody.
func TestRewrapRandomKey(t *testing.T) {
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	alice, bob := fresh["RSA-3072"](), fresh["RSA-other"]()
	msg := sealed(t, envelope.Sealer{Profile: envelope.Compatible, Signers: alice.signers()}, []byte("content"), alice.verified)
	at := bytes.Index(msg, []byte{4, 0x82, 1, 0x80}) // the encrypted key, 384 octets
	require.Positive(t, at)
	for _, good := range []bool{true, false} {
		m := msg
		if !good {
			m = flipped(msg, at+200)
		}
		var out bytes.Buffer
		_, err := envelope.Rewrap(&out, bytes.NewReader(m), &envelope.Opener{Identities: alice.identities()}, nil, bob.verified)
		if good {
			require.NoError(t, err)
			require.Positive(t, out.Len())
		} else {
			require.Equal(t, envelope.ErrDecrypt, err)
			require.Zero(t, out.Len())
		}
	}
}

// changing is a file that somebody changes once it was read.
type changing struct {
	*bytes.Reader
	b     []byte
	at    int // -1: nobody does
	seeks int
}

func (c *changing) Seek(offset int64, whence int) (int64, error) {
	if c.seeks++; c.at >= 0 && whence == io.SeekStart {
		c.b[c.at] ^= 1
		c.at = -1
	}
	return c.Reader.Seek(offset, whence)
}

// TestRewrapSourceChanges: nothing of a chunk that is not what was
// authenticated is copied, and what there is does not open.
func TestRewrapSourceChanges(t *testing.T) {
	alice, bob := fresh["P-256"](), fresh["P-384"]()
	msg := sealed(t, envelope.Sealer{Profile: envelope.Modern}, make([]byte, 3<<20), alice.verified)
	for _, at := range []int{-1, 40, len(msg) / 2, len(msg) - 20} {
		b := bytes.Clone(msg)
		src := &changing{Reader: bytes.NewReader(b), b: b, at: at}
		var out bytes.Buffer
		_, err := envelope.Rewrap(&out, src, &envelope.Opener{Identities: alice.identities()}, &envelope.Sealer{Profile: envelope.Modern}, bob.verified)
		require.Positive(t, src.seeks)
		if at < 0 {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "changed", at)
		for _, who := range []*person{alice, bob} {
			_, _, err := open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(out.Bytes()))
			require.Error(t, err, at)
		}
	}
}

// TestRewrapDestination fails, panics and lies about counts.
func TestRewrapDestination(t *testing.T) {
	alice, bob := fresh["P-256"](), fresh["P-384"]()
	msg := sealed(t, envelope.Sealer{Profile: envelope.Modern}, make([]byte, 1000), alice.verified)
	do := func(dst io.Writer) error {
		_, err := envelope.Rewrap(dst, bytes.NewReader(msg), &envelope.Opener{Identities: alice.identities()}, &envelope.Sealer{Profile: envelope.Modern}, bob.verified)
		return err
	}
	var whole bytes.Buffer
	require.NoError(t, do(&whole))
	full := errors.New("no space left")
	for n := 0; n < whole.Len()-20; n += 97 {
		var out bytes.Buffer
		err := do(&failingWriter{&out, n, full})
		require.ErrorIs(t, err, full, n)
		_, _, err = open(envelope.Opener{Identities: alice.identities()}, bytes.NewReader(out.Bytes()))
		require.Error(t, err, n)
	}
	require.ErrorIs(t, do(iotest.TruncateWriter(&failingWriter{io.Discard, 0, full}, 1)), full)
	require.Error(t, do(nil))
	require.Panics(t, func() { do(panicWriter{}) })

	// Over itself.
	name := filepath.Join(t.TempDir(), "message")
	require.NoError(t, os.WriteFile(name, msg, 0o600))
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	_, err = envelope.Rewrap(f, f, &envelope.Opener{Identities: alice.identities()}, &envelope.Sealer{Profile: envelope.Modern}, bob.verified)
	require.ErrorContains(t, err, "over itself")
	same, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, msg, same)
}

type failingWriter struct {
	w    io.Writer
	left int
	err  error
}

func (f *failingWriter) Write(p []byte) (int, error) {
	if len(p) <= f.left {
		f.left -= len(p)
		return f.w.Write(p)
	}
	n, _ := f.w.Write(p[:f.left])
	f.left = 0
	return n, f.err
}

type panicWriter struct{}

func (panicWriter) Write([]byte) (int, error) { panic("no") }

// TestReseal: a fresh content key, other readers, other signatures.
func TestReseal(t *testing.T) {
	allowed(t, "AES-GCM")
	alice, bob := fresh["P-256"](), fresh["P-384"]()
	bare := sealed(t, envelope.Sealer{Profile: envelope.Compatible, Legacy: envelope.Legacy{UnauthenticatedCBC: true}}, []byte("content"), alice.verified)
	cbc := sealed(t, envelope.Sealer{Profile: envelope.Compatible, Signers: alice.signers()}, []byte("content"), alice.verified)
	do := func(msg []byte, o envelope.Opener, s envelope.Sealer) ([]byte, *envelope.Receipt, error) {
		var out bytes.Buffer
		o.Identities = alice.identities()
		r, err := s.Reseal(&out, bytes.NewReader(msg), &o, bob.verified)
		return out.Bytes(), r, err
	}
	modern := envelope.Sealer{Profile: envelope.Modern, Signers: bob.signers()}
	got, r, err := do(cbc, envelope.Opener{Senders: alice.senders(), RequireSignature: true}, modern)
	require.NoError(t, err)
	require.False(t, r.ContentKeyReused)
	require.EqualValues(t, 7, r.Bytes)
	require.Len(t, r.Recipients, 1)
	require.Same(t, alice.verified, r.Opened.Signatures[0].Sender)
	require.Empty(t, r.Findings)
	out, report, err := open(envelope.Opener{Identities: bob.identities(), Senders: bob.senders(), RequireSignature: true}, bytes.NewReader(got))
	require.NoError(t, err)
	require.Equal(t, "content", string(out))
	require.Equal(t, "AES-256-GCM", report.Content)
	_, _, err = open(envelope.Opener{Identities: alice.identities()}, bytes.NewReader(got))
	require.ErrorIs(t, err, envelope.ErrNotForYou)

	got, _, err = do(bare, envelope.Opener{}, modern)
	require.Equal(t, envelope.ErrDecrypt, err)
	require.Empty(t, got)
	_, r, err = do(bare, envelope.Opener{Legacy: envelope.Legacy{UnauthenticatedCBC: true}}, modern)
	require.NoError(t, err)
	require.Len(t, r.Findings, 1)
	require.Contains(t, r.Findings[0], "not authenticated when it was opened")

	got, _, err = do(flipped(cbc, len(cbc)-60), envelope.Opener{}, modern)
	require.Equal(t, envelope.ErrDecrypt, err)
	require.Empty(t, got)
	got, _, err = do(cbc, envelope.Opener{}, envelope.Sealer{Profile: envelope.Compatible})
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.Empty(t, got)
	_, err = modern.Reseal(io.Discard, bytes.NewReader(cbc), &envelope.Opener{Identities: alice.identities()})
	require.ErrorContains(t, err, "no recipient")
	_, err = modern.Reseal(nil, nil, nil)
	require.Error(t, err)
}
