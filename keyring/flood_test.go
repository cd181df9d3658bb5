package keyring_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// flooded is Bob's certificate as key servers gave out those of people who were
// attacked in 2019 (CVE-2019-13050): behind the user ID stand n certifications
// by keys that nobody has.
func flooded(t testing.TB, n int) []byte {
	f := newForge(t, time.Now().AddDate(0, -1, 0), nil).userID(bobsID, forSigning)
	// A certification of version 4 by an Ed25519 key, RFC 9580, Section 5.2.3:
	// the time is hashed, and the issuer is not.
	sig := append([]byte{4, 0x10, 27, 8, 0, 6, 5, 2, 0x5D, 0, 0, 0, 0, 10, 9, 16}, make([]byte, 8+2+64)...)
	for i := range n {
		binary.BigEndian.PutUint32(sig[8:], 0x5D00_0000+uint32(i))
		binary.BigEndian.PutUint64(sig[16:], uint64(i)*0x9E37_79B9_7F4A_7C15)
		binary.BigEndian.PutUint64(sig[26:], uint64(i))
		f.out.Write([]byte{0xC0 | 2, byte(len(sig))})
		f.out.Write(sig)
	}
	return f.subkey(forSealing).out.Bytes()
}

// What strangers hung on a certificate is not kept.
func TestFloodedCertificate(t *testing.T) {
	withoutSHA1(t)
	const most = 20 << 10
	flood := flooded(t, 150_000)
	require.Greater(t, len(flood), 10<<20)
	bob, err := pgp.ParseCertificate(flood)
	require.NoError(t, err)
	s := newMem()
	r, err := keyring.Policy{}.NewRing(s, parsers()...)
	require.NoError(t, err)
	defer r.Close()
	put(t, r, bob, keyring.Addition{})
	requireTo(t, r, bob)
	stored := func() (total int) {
		for _, b := range s.records {
			total += len(b)
		}
		return total
	}
	require.Less(t, stored(), most)

	again, err := pgp.ParseCertificate(flooded(t, 150_000))
	require.NoError(t, err)
	_, err = r.Update(again)
	require.ErrorIs(t, err, keyring.ErrRefused, "of another key, which the ring does not have")
	again, err = pgp.ParseCertificate(flood)
	require.NoError(t, err)
	done, err := r.Update(again)
	require.NoError(t, err)
	require.Empty(t, done.Event)
	require.Less(t, stored(), most)
}

func BenchmarkFloodedCertificate(b *testing.B) {
	withoutSHA1(b)
	flood := flooded(b, 150_000)
	for b.Loop() {
		bob, err := pgp.ParseCertificate(flood)
		require.NoError(b, err)
		r, err := keyring.Policy{}.NewRing(newMem(), parsers()...)
		require.NoError(b, err)
		put(b, r, bob, keyring.Addition{})
		require.NoError(b, r.Close())
	}
}
