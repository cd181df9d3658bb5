package pgp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

func fixture(t testing.TB, name string) []byte {
	b, err := os.ReadFile("testdata/keys/" + name + ".asc")
	require.NoError(t, err)
	return b
}

func TestWhatIsKept(t *testing.T) {
	born := day(2024, 1, 1)
	other := newSmith(t, 4, born)
	clean := simple(t, 4, born)
	want := clean.certificate().Encoding()
	require.Equal(t, clean.raw, want, "the canonical form of a clean certificate is itself")
	id := []byte(userIDText)

	for name, dirt := range map[string]func(s *smith){
		"certification by somebody else": func(s *smith) {
			s.add(keyTagSignature, s.sign(other.primary, sigCertLast, nil, s.hashed(), hashedUserID(id)))
		},
		"user ID that nobody signed":    func(s *smith) { s.add(keyTagUserID, []byte("Mallory <mallory@example.org>")) },
		"user ID signed by another key": func(s *smith) { s.add(keyTagUserID, []byte("M")).certify(other.primary, "M", certifies) },
		"the signature of another ID":   func(s *smith) { s.add(keyTagUserID, []byte("M")).certify(s.primary, "N", certifies) },
		"a picture with its signature":  func(s *smith) { s.add(keyTagAttribute, []byte{1, 1}).certify(s.primary, "", certifies) },
		"subkey that nothing binds":     func(s *smith) { s.add(keyTagPublicSub, s.body(&s.sealingKey(born).PublicKey)) },
		"subkey that another key binds": func(s *smith) {
			s.add(keyTagPublicSub, s.body(&other.sealingKey(born).PublicKey))
			s.add(keyTagSignature, other.binding(other.sealingKey(born), encrypts))
		},
		"subkey that is cut off":  func(s *smith) { s.add(keyTagPublicSub, []byte{4, 0, 0, 0, 0, 25, 1}) },
		"subkey of unknown kind":  func(s *smith) { s.add(keyTagPublicSub, append([]byte{4, 0, 0, 0, 0, 99}, 1, 2, 3)) },
		"subkey of version 5":     func(s *smith) { s.add(keyTagPublicSub, []byte{5, 0, 0, 0, 0, 25, 1}) },
		"trust, marker, padding":  func(s *smith) { s.add(keyTagTrust, []byte{1}).add(keyTagMarker, []byte("PGP")).add(keyTagPadding, nil) },
		"an unknown packet":       func(s *smith) { s.add(60, []byte("?")) },
		"binding under a user ID": func(s *smith) { s.userIDLess(id).add(keyTagSignature, s.binding(s.sealingKey(born), encrypts)) },
		"what stands twice":       func(s *smith) { s.raw = append(s.raw, s.raw[keyPacketLen(s.raw):]...) },
		"a signature multiplied": func(s *smith) {
			b := last(clean.raw)
			s.add(keyTagSignature, unhashed(b, 20)).add(keyTagSignature, append(bytes.Clone(b), 0))
		},
		"a signature cut off":        func(s *smith) { s.add(keyTagSignature, []byte{4, sigSubkeyBinding, 27, 8, 0, 9}) },
		"a signature of version 3":   func(s *smith) { s.add(keyTagSignature, append([]byte{3, 5, sigCertLast}, make([]byte, 40)...)) },
		"a user ID beyond any limit": func(s *smith) { s.userID(strings.Repeat("x", maxUserIDBytes+1), certifies) },
	} {
		t.Run(name, func(t *testing.T) {
			s := *clean
			s.TB, s.raw = t, bytes.Clone(clean.raw)
			dirt(&s)
			require.NotEqual(t, want, s.raw)
			require.Equal(t, want, s.certificate().Encoding())
		})
	}
}

// last is the body of the last packet.
func last(b []byte) (body []byte) {
	if splitKeyPackets(b, func(_ int, p []byte) error { body = p; return nil }) != nil {
		return nil
	}
	return body
}

// userIDLess returns to a user ID that stands already.
func (s *smith) userIDLess(id []byte) *smith { return s.add(keyTagUserID, id) }

// keyPacketLen is the length of the first packet.
func keyPacketLen(b []byte) int {
	_, n, head, err := keyPacketHeader(b)
	if err != nil {
		panic(err)
	}
	return head + int(n)
}

func TestNotACertificate(t *testing.T) {
	pub, sec := fixture(t, "cv25519.pub"), fixture(t, "cv25519.sec")
	two := append(bytes.Clone(pub), fixture(t, "p256.pub")...)
	raw, _, err := dearmorKey(pub)
	require.NoError(t, err)
	clean := simple(t, 4, day(2024, 1, 1))
	version := func(v byte) []byte {
		b := bytes.Clone(clean.raw)
		b[2] = v
		return b
	}
	for name, c := range map[string]struct {
		in   []byte
		says string
	}{
		"empty":                 {nil, "it is empty"},
		"text":                  {[]byte("Hello"), "neither binary nor armored"},
		"a secret key":          {sec, "this is a secret key: give the public one"},
		"two armored":           {two, "more than one key in one file"},
		"two binary":            {append(bytes.Clone(raw), raw...), "more than one key in one file"},
		"a message":             {appendKeyPacket(nil, 18, []byte{1}), "a message or a signature, not a key"},
		"an armored message":    {[]byte("-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n"), "a message or a signature, not a key"},
		"a revocation alone":    {appendKeyPacket(nil, keyTagSignature, []byte{4}), "a message or a signature, not a key"},
		"a subkey first":        {appendKeyPacket(nil, keyTagPublicSub, nil), "begins with a subkey"},
		"version 2":             {version(2), "version 2 key"},
		"version 3":             {version(3), "version 3 key"},
		"version 5":             {version(5), "version 5 (LibrePGP)"},
		"version 7":             {version(7), "version 7 key"},
		"cut in the header":     {raw[:1], "cut off"},
		"cut in the key":        {raw[:20], "cut off"},
		"cut in the last":       {raw[:len(raw)-1], "cut off"},
		"armor without an end":  {pub[:len(pub)/2], "cut off"},
		"armor, not base64":     {bytes.Replace(pub, []byte("mDME"), []byte("m?ME"), 1), "damaged"},
		"message packet inside": {appendKeyPacket(bytes.Clone(clean.raw), 18, nil), "tag 18, which has no place in a key"},
		"critical unknown":      {appendKeyPacket(bytes.Clone(clean.raw), 39, nil), "tag 39, which has no place in a key"},
		"partial length":        {append([]byte{0xC6, 224}, raw...), "partial or indeterminate"},
		"indeterminate length":  {append([]byte{0x9B}, raw[2:]...), "partial or indeterminate"},
		"an encryption primary": {appendKeyPacket(nil, keyTagPublic, append([]byte{4, 0, 0, 0, 0, 25}, make([]byte, 32)...)), "cannot sign"},
		"junk behind the key":   {appendKeyPacket(nil, keyTagPublic, append(clean.body(&clean.primary.PublicKey), 0)), "behind its end"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseCertificate(c.in)
			require.ErrorContains(t, err, c.says)
			require.False(t, strings.Contains(err.Error(), "\n"))
			require.Equal(t, strings.Contains(c.says, "cut off"), errors.Is(err, io.ErrUnexpectedEOF))
		})
	}
	_, err = ParseCertificate(clean.raw)
	require.NoError(t, err, "what the wrong ones were made from is right")
	_, err = ParseCertificate(appendKeyPacket(bytes.Clone(clean.raw), 40, nil))
	require.NoError(t, err, "an unknown packet that is not critical")
}

func TestArmorAsPeopleHaveIt(t *testing.T) {
	pub := string(fixture(t, "cv25519.pub"))
	want, err := ParseCertificate([]byte(pub))
	require.NoError(t, err)
	lines := strings.Split(pub, "\n")
	for name, text := range map[string]string{
		"CRLF":            strings.ReplaceAll(pub, "\n", "\r\n"),
		"in a mail":       "Dear all,\n\nhere it is:\n" + pub + "\n-- \nBob\n",
		"indented":        "  " + strings.ReplaceAll(pub, "\n", "\n  "),
		"with headers":    strings.Replace(pub, "\n\n", "\nComment: x\nVersion: 1\n\n", 1),
		"byte order mark": "\ufeff" + pub,
		"wrong checksum":  replaceChecksum(lines, "=AAAA"),
		"no checksum":     replaceChecksum(lines, ""),
		"no end of line":  strings.TrimSpace(pub),
	} {
		got, err := ParseCertificate([]byte(text))
		require.NoError(t, err, name)
		require.Equal(t, want.Marshal(), got.Marshal(), name)
	}
	out, err := MarshalArmored(want)
	require.NoError(t, err)
	require.Contains(t, string(out), "\n=", "GnuPG 2.2 wants a checksum on version 4 keys")
	again, err := ParseCertificate(out)
	require.NoError(t, err)
	require.Equal(t, want.Fingerprint(), again.Fingerprint())
	six, err := MarshalArmored(simple(t, 6, day(2024, 1, 1)).certificate().public())
	require.NoError(t, err)
	require.NotContains(t, string(six), "\n=", "RFC 9580 forbids it on version 6 keys")
	for _, none := range []*keyring.Certificate{nil, new(keyring.Certificate)} {
		_, err = MarshalArmored(none)
		require.ErrorContains(t, err, "no OpenPGP certificate")
	}
}

func replaceChecksum(lines []string, with string) string {
	var out []string
	for _, l := range lines {
		if strings.HasPrefix(l, "=") {
			if l = with; l == "" {
				continue
			}
		}
		out = append(out, l)
	}
	return strings.Join(out, "\n")
}

// TestFlood: a certificate under the signatures of 150,000 strangers is what
// it was before.
func TestFlood(t *testing.T) {
	s := simple(t, 4, day(2024, 1, 1))
	want := s.certificate().Encoding()
	stranger := newSmith(t, 4, s.born)
	one := s.sign(stranger.primary, sigCertLast, nil, s.hashed(), hashedUserID([]byte(userIDText)))
	at := bytes.LastIndex(s.raw, []byte(userIDText)) + len(userIDText)
	var flood []byte
	for i := range 150_000 {
		binary.BigEndian.PutUint32(one[len(one)-4:], uint32(i))
		if len(flood)+len(one)+2+len(s.raw) > maxKeyRead {
			break
		}
		flood = appendKeyPacket(flood, keyTagSignature, one)
	}
	require.Greater(t, len(flood), 14<<20)
	got, err := parseCertificate(append(append(bytes.Clone(s.raw[:at]), flood...), s.raw[at:]...))
	require.NoError(t, err)
	require.Equal(t, want, got.Encoding())
	require.Less(t, len(want), 20<<10)
}

// TestForged: signatures in the owner's name that are wrong make a certificate
// useless only where finding out takes long, or where their number does: those
// with the wrong two octets of the digest take nothing.
func TestForged(t *testing.T) {
	born := day(2024, 1, 1)
	s := simple(t, 4, born)
	config := &packet.Config{Algorithm: packet.PubKeyAlgoECDSA, Curve: packet.CurveNistP521, Time: func() time.Time { return born }}
	e, err := openpgp.NewEntity("", "", "", config)
	require.NoError(t, err)
	slow := &smith{TB: t, version: 4, born: born, primary: e.PrivateKey}
	slow.raw = appendKeyPacket(nil, keyTagPublic, slow.body(&slow.primary.PublicKey))
	slow.userID(userIDText, certifies).subkey(slow.sealingKey(born), encrypts)
	room := maxKeyPackets - 5 // the primary key, a user ID, a subkey and their signatures

	for name, c := range map[string]struct {
		s     *smith
		n     int
		wrong bool // in the two octets of the digest too
		ok    bool
	}{
		"as many as there can be":         {s, room, false, true},
		"one more":                        {s, room + 1, false, false},
		"of a slow key":                   {slow, maxForged, false, true},
		"one more of a slow key":          {slow, maxForged + 1, false, false},
		"any number that shows it":        {slow, room, true, true},
		"any number of a quick key's too": {s, room, true, true},
	} {
		o := *c.s
		o.raw = bytes.Clone(c.s.raw)
		own := o.sign(o.primary, sigCertLast, certifies, o.hashed(), hashedUserID([]byte(userIDText)))
		_, at := hashedArea(own)
		tag := at + int(binary.BigEndian.Uint16(own[4:])) + 2 + int(binary.BigEndian.Uint16(own[at+int(binary.BigEndian.Uint16(own[4:])):]))
		o.userIDLess([]byte(userIDText))
		for i := range c.n {
			b := bytes.Clone(own)
			binary.BigEndian.PutUint32(b[len(b)-4:], uint32(i))
			if c.wrong {
				b[tag] ^= 1
			}
			o.add(keyTagSignature, b)
		}
		got, err := parseCertificate(o.raw)
		if !c.ok {
			require.ErrorAs(t, err, new(*envelope.LimitError), name)
			continue
		}
		require.NoError(t, err, name)
		require.NoError(t, got.CheckSeal(born, seam.Auto), name)
		require.Equal(t, c.s.certificate().Encoding(), got.Encoding(), name)
	}

	// What is honest counts, though these octets are wrong (version 4 only:
	// RFC 9580, Section 5.2.3).
	for version, want := range map[int]bool{4: true, 6: false} {
		o := newSmith(t, version, born)
		body := o.sign(o.primary, sigDirectKey, certifies, o.hashed())
		at := len(body) - 64 - 2
		if version == 6 {
			at -= 17 // the salt of SHA-256 with its length
		}
		body[at] ^= 1
		c := o.add(keyTagSignature, body).certificate()
		require.Equal(t, want, len(c.direct) == 1, version)
	}
}

func TestCertificateLimits(t *testing.T) {
	born := day(2024, 1, 1)
	s := simple(t, 4, born)
	own := s.sign(s.primary, sigCertLast, certifies, s.hashed(), hashedUserID([]byte(userIDText)))
	limited := func(build func(s *smith, n int), most int) {
		t.Helper()
		for n, ok := range map[int]bool{most: true, most + 1: false} {
			c := *s
			c.raw = bytes.Clone(s.raw)
			build(&c, n)
			_, err := parseCertificate(c.raw)
			if ok {
				require.NoError(t, err)
				continue
			}
			require.ErrorAs(t, err, new(*envelope.LimitError))
		}
	}
	limited(func(s *smith, n int) {
		for i := 1; i < n; i++ { // one is there
			s.userID(fmt.Sprint(i), certifies)
		}
	}, maxUserIDs)
	limited(func(s *smith, n int) {
		for i := 1; i < n; i++ {
			s.subkey(s.sealingKey(born), encrypts)
		}
	}, maxSubkeys)
	limited(func(s *smith, n int) { // the primary key, a user ID, a subkey and their signatures are five
		s.userIDLess([]byte(userIDText))
		big := append(bytes.Clone(own), 0) // trailing octets that are ignored make it another packet
		for i := 5; i < n; i++ {
			big = append(big, 0)
			s.add(keyTagSignature, bytes.Clone(big))
		}
	}, maxKeyPackets)
	_, err := splitKey(make([]byte, maxKeyRead+1), false)
	require.ErrorAs(t, err, new(*envelope.LimitError))
	_, err = splitKey(s.raw, false)
	require.NoError(t, err)
}

// TestFingerprintOctets: what keyring hashes is what RFC 9580 says and what
// go-crypto computes.
func TestFingerprintOctets(t *testing.T) {
	for _, version := range []int{4, 6} {
		c := simple(t, version, day(2024, 1, 1)).certificate()
		require.Equal(t, map[int]seam.Kind{4: seam.PGPv4, 6: seam.PGPv6}[version], c.Kind())
		require.Equal(t, fmt.Sprintf("%X", c.fullFingerprint()), c.fingerprint().String())
		// go-crypto's reader of whole certificates sees the same.
		e, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(c.Encoding())))
		require.NoError(t, err)
		require.Equal(t, c.fullFingerprint(), e.PrimaryKey.Fingerprint)
		require.Len(t, e.Subkeys, 1)
	}
}

func TestFindSigner(t *testing.T) {
	born, now := day(2024, 1, 1), day(2025, 1, 1)
	text := []byte("text")
	type made struct {
		s    *smith
		with *packet.PrivateKey
	}
	sub := func(s *smith, e edit) made {
		k := s.signingKey(born)
		s.userID(userIDText, with(certifies, signs)).subkey(k, e)
		return made{s, k}
	}
	fresh := func() *smith { return newSmith(t, 4, born) }
	again := func(m made) made { // the subkey is bound once more, later
		m.s.add(keyTagSignature, m.s.binding(m.with, with(signs, at(day(2026, 1, 1)))))
		return m
	}
	for name, c := range map[string]struct {
		made
		when    edit
		found   bool
		problem string
	}{
		"signing subkey":     {made: sub(fresh(), signs), found: true},
		"primary key":        {made: func() made { s := simple(t, 4, born); return made{s, s.primary} }(), found: true},
		"somebody else's":    {made: made{simple(t, 4, born), fresh().primary}},
		"not for signing":    {made: sub(fresh(), encrypts), problem: "not for signing"},
		"primary not for it": {made: func() made { s := fresh().userID(userIDText, certifies); return made{s, s.primary} }(), problem: "not for signing"},
		"no signature back": {made: sub(fresh(), with(signs, func(sig *packet.Signature) {
			sig.EmbeddedSignature = fresh().made(fresh().primary, packet.SigTypePrimaryKeyBinding, nil)
		})), problem: "does not confirm"},
		"had expired":         {made: sub(fresh(), with(signs, lives(300*24*3600*1e9))), found: true, problem: "had expired"},
		"not yet expired":     {made: sub(fresh(), with(signs, lives(300*24*3600*1e9))), when: at(day(2024, 6, 1)), found: true},
		"binding had expired": {made: sub(fresh(), with(signs, lasts(300*24*3600*1e9))), found: true, problem: "binding of the signing key had expired"},
		"binding still held":  {made: sub(fresh(), with(signs, lasts(300*24*3600*1e9))), when: at(day(2024, 6, 1)), found: true},
		"bound again":         {made: again(sub(fresh(), with(signs, lasts(300*24*3600*1e9)))), found: true},
		"user ID's had expired": {made: func() made {
			s := fresh()
			k := s.signingKey(born)
			return made{s.userID(userIDText, with(certifies, signs, lasts(300*24*3600*1e9))).subkey(k, signs), k}
		}(), found: true, problem: "no signature of its own held"},
		"primary's had expired": {made: func() made {
			s := fresh().userID(userIDText, with(certifies, signs, lasts(300*24*3600*1e9)))
			return made{s, s.primary}
		}(), found: true, problem: "no signature of its own held"},
		"user ID renewed later": {made: func() made {
			s := fresh().userID(userIDText, with(certifies, signs, at(day(2026, 1, 1))))
			return made{s, s.primary}
		}(), found: true},
		"user ID was revoked": {made: func() made {
			s := fresh().userID(userIDText, with(certifies, signs))
			s.add(keyTagSignature, s.sign(s.primary, sigCertificationRevo, with(at(day(2024, 2, 1)), reason(packet.UserIDNotValid)), s.hashed(), hashedUserID([]byte(userIDText))))
			return made{s, s.primary}
		}(), found: true, problem: "no signature of its own held"},
		"older than its key":     {made: sub(fresh(), signs), when: at(day(2023, 1, 1)), found: true, problem: "older than the key"},
		"before it was bound":    {made: sub(fresh(), with(signs, at(day(2024, 6, 1)))), when: at(day(2024, 2, 1)), found: true},
		"bound with SHA-1 in 24": {made: sub(fresh(), with(signs, hashedBy(3))), problem: "nothing valid binds"},
		"revoked before":         {made: sub(fresh().revoke(with(at(day(2024, 3, 1)), reason(packet.KeyRetired))), signs), found: true, problem: "revoked"},
		"retired after":          {made: sub(fresh().revoke(with(at(day(2026, 1, 1)), reason(packet.KeyRetired))), signs), found: true},
		"compromised after":      {made: sub(fresh().revoke(with(at(day(2026, 1, 1)), reason(packet.KeyCompromised))), signs), found: true, problem: "revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			sig := c.s.made(c.with, packet.SigTypeBinary, with(at(now), func(sig *packet.Signature) {
				if c.when != nil {
					c.when(sig)
				}
			}), text)
			key, problem := c.s.certificate().findSigner(sig)
			require.Equal(t, c.found, key != nil, problem)
			if c.problem == "" {
				require.Empty(t, problem)
			} else {
				require.Contains(t, problem, c.problem)
			}
			if key != nil {
				require.True(t, signedOver(key, sig, text))
				require.False(t, signedOver(key, sig, text, text))
			}
		})
	}
}

func TestAddrSpec(t *testing.T) {
	for id, want := range map[string]string{
		"Bob <bob@example.org>": "bob@example.org", "bob@example.org": "bob@example.org", "<bob@example.org>": "bob@example.org",
		"Bob (work) <bob@example.org>": "bob@example.org", "Jürgen <jürgen@exämple.org>": "jürgen@exämple.org",
		"Bob": "", "": "", "<>": "", "@": "", "bob@": "", "@example.org": "", "Bob bob@example.org": "", "a@b@example.org": "",
		"<a@example.org> <b@example.org>": "", "Bob <bob@example.org> x": "", "Bob <bob@example.org>>": "", "a>b <c@example.org>": "",
		"Bob <bob@exa mple.org>": "", "Bob <bob@example.org\x00>": "", "Bob <bob@example.org\n>": "", "Bob <bob\xff@example.org>": "",
		"Bob <bob\u202e@example.org>": "", "Bob <\"bob\"@example.org>": "", "Bob <bob@[127.0.0.1]>": "",
		"<" + strings.Repeat("a", 242) + "@example.org>": strings.Repeat("a", 242) + "@example.org",
		"<" + strings.Repeat("a", 243) + "@example.org>": "",
	} {
		require.Equal(t, want, addrSpec(id), "%q", id)
	}
}
