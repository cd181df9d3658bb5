package pgp

import (
	"encoding/binary"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// hand is a certificate whose signatures are made octet by octet.
type hand struct {
	protected, open []byte // of the one that the case is about, besides its time
}

// TestProtectedArea: each subpacket says what it says where the signature
// covers it, and nothing where anybody could have added it. The issuer and the
// signature back are the exceptions: a key proves the one, and the other is
// signed itself.
func TestProtectedArea(t *testing.T) {
	born, now := day(2024, 1, 1), day(2026, 1, 1)
	hour := binary.BigEndian.AppendUint32(nil, 3600)
	flags, certify := subpacket(27, 0x0C), subpacket(27, 0x03)
	id := hashedUserID([]byte(userIDText))
	asUser := func(h hand) *certificate { // of the user ID
		s := newSmith(t, 4, born).add(keyTagUserID, []byte(userIDText))
		return s.add(keyTagSignature, s.sign4(s.primary, sigCertLast, born, h.protected, h.open, s.hashed(), id)).
			subkey(s.sealingKey(born), encrypts).certificate()
	}
	asBinding := func(h hand) *certificate {
		s := newSmith(t, 4, born).userID(userIDText, certifies)
		body := s.body(&s.sealingKey(born).PublicKey)
		return s.add(keyTagPublicSub, body).add(keyTagSignature, s.sign4(s.primary, sigSubkeyBinding, born, h.protected, h.open, s.hashed(), hashedKey(body))).certificate()
	}
	asRevocation := func(h hand) *certificate { // of the key, a year after it was made
		s := simple(t, 4, born)
		return s.add(keyTagSignature, s.sign4(s.primary, sigKeyRevocation, day(2025, 1, 1), h.protected, h.open, s.hashed())).certificate()
	}
	seals := func(c *certificate) bool { return c.CheckSeal(now, seam.Auto) == nil }
	sealed := func(c *certificate) bool { return c.CheckSeal(day(2024, 6, 1), seam.Auto) == nil }
	listed := func(c *certificate) bool { return len(c.Addresses()) == 1 }
	v2 := func(c *certificate) bool { return c.readsSEIPDv2(now) }
	gcm := func(c *certificate) bool { return c.readsGCM(now) }
	primary := func(c *certificate) bool { p := c.properties(now); return p != nil && isPrimary(p) }

	for name, c := range map[string]struct {
		make func(hand) *certificate
		base []byte // what else the signature covers
		what []byte // the subpacket that the case is about
		ask  func(*certificate) bool

		without, protected, open bool // the answers
	}{
		"key flags of a binding":         {asBinding, nil, flags, seals, false, true, false},
		"end of the subkey":              {asBinding, flags, subpacket(9, hour...), seals, true, false, true},
		"end of the key":                 {asUser, certify, subpacket(9, hour...), seals, true, false, true},
		"end of a binding":               {asBinding, flags, subpacket(3, hour...), seals, true, false, true},
		"end of a certification":         {asUser, certify, subpacket(3, hour...), seals, true, false, true},
		"features":                       {asUser, certify, subpacket(30, 0x09), v2, false, true, false},
		"LibrePGP's features":            {asUser, certify, subpacket(30, 0x07), v2, false, false, false},
		"cipher suites":                  {asUser, certify, subpacket(39, 9, 3), gcm, false, true, false},
		"that it is the primary user ID": {asUser, certify, subpacket(25, 1), primary, false, true, false},
		"a soft reason":                  {asRevocation, nil, subpacket(29, 3), sealed, false, true, false},
		"a hard reason":                  {asRevocation, nil, subpacket(29, 2), sealed, false, false, false},
		"another date":                   {asBinding, flags, subpacket(2, 0x7F, 0, 0, 0), seals, true, false, true},
		"a critical notation":            {asBinding, flags, subpacket(0x80|20, 0, 0, 0, 0, 0, 1, 0, 0, 'x'), seals, true, false, true},
		"another notation":               {asBinding, flags, subpacket(20, 0, 0, 0, 0, 0, 1, 0, 0, 'x'), seals, true, true, true},
		"something unknown and critical": {asBinding, flags, subpacket(0x80|99, 1), seals, true, false, true},
		"something unknown":              {asBinding, flags, subpacket(99, 1), seals, true, true, true},
		"the same, of a certification":   {asUser, certify, subpacket(0x80|99, 1), listed, true, false, true},
		"that it is local":               {asUser, certify, subpacket(4, 0), listed, true, false, true},
		"an additional decryption key":   {asBinding, flags, subpacket(10, make([]byte, 22)...), seals, true, true, true},
		"the same, critical":             {asBinding, flags, subpacket(0x80|10, make([]byte, 22)...), seals, true, false, true},

		// A revocation revokes whatever else it says.
		"critical, of a revocation":    {asRevocation, subpacket(29, 3), subpacket(0x80|99, 1), seals, false, false, false},
		"local, of a revocation":       {asRevocation, subpacket(29, 3), subpacket(4, 0), seals, false, false, false},
		"critical, and still soft":     {asRevocation, subpacket(29, 3), subpacket(0x80|99, 1), sealed, true, true, true},
		"an end of a revocation":       {asRevocation, subpacket(29, 3), subpacket(3, hour...), seals, false, false, false},
		"a designated revoker is none": {asUser, certify, subpacket(12, append([]byte{0x80, 1}, make([]byte, 20)...)...), seals, true, true, true},
	} {
		ask := func(protected, open []byte) bool {
			return c.ask(c.make(hand{append(append([]byte{}, c.base...), protected...), open}))
		}
		require.Equal(t, c.without, ask(nil, nil), "%s: without", name)
		require.Equal(t, c.protected, ask(c.what, nil), "%s: under the signature", name)
		require.Equal(t, c.open, ask(nil, c.what), "%s: beside it", name)
	}
}

// TestIssuerArea: who made a signature may stand in either area, or nowhere,
// and where it stands it has to be right.
func TestIssuerArea(t *testing.T) {
	born := day(2024, 1, 1)
	s := simple(t, 4, born)
	other := newSmith(t, 4, born)
	keyID := func(o *smith) []byte { return subpacket(16, binary.BigEndian.AppendUint64(nil, o.primary.KeyId)...) }
	for name, c := range map[string]struct {
		protected, open []byte
		counts          bool
	}{
		"the fingerprint alone":       {nil, nil, true},
		"the key ID beside it":        {nil, keyID(s), true},
		"the key ID under it":         {keyID(s), nil, true},
		"another's key ID beside it":  {nil, keyID(other), false},
		"another's key ID under it":   {keyID(other), nil, false},
		"another's fingerprint":       {nil, subpacket(33, append([]byte{4}, other.primary.Fingerprint...)...), false},
		"a fingerprint of version 6":  {nil, subpacket(33, append([]byte{6}, make([]byte, 32)...)...), false},
		"the fingerprint once more":   {nil, subpacket(33, append([]byte{4}, s.primary.Fingerprint...)...), true},
		"a subpacket that is cut off": {nil, []byte{9, 16, 0}, false},
		"a subpacket of no length":    {nil, []byte{0}, false},
	} {
		o := *s
		o.raw = append([]byte{}, s.raw...)
		o.add(keyTagSignature, o.sign4(o.primary, sigKeyRevocation, born, c.protected, c.open, o.hashed()))
		err := o.certificate().CheckSeal(born, seam.Auto)
		if c.counts {
			require.ErrorAs(t, err, new(*keyring.RevokedError), name)
		} else {
			require.NoError(t, err, name)
		}
	}
}

// TestOldDigests: what MD5 and RIPEMD-160 sign counts for nothing, whenever made.
func TestOldDigests(t *testing.T) {
	born := day(2010, 1, 1)
	s := newSmith(t, 4, born)
	for number, says := range map[byte]bool{1: false, 3: false, 2: true, 8: true} {
		// What matters is read before the signature is looked at: of one that
		// cannot be made here it is enough that it is never taken.
		body := s.sign4(s.primary, sigDirectKey, born, subpacket(27, 3), nil, s.hashed())
		body[3] = number
		_, err := readKeyPacket[*packet.Signature](keyTagSignature, body)
		require.Equal(t, says, err == nil, "hash algorithm %d", number)
	}
}
