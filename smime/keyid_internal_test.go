package smime

import (
	"bytes"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// issuerOf returns a Name with n parts of 17 octets each.
func issuerOf(n int) []byte {
	part := tlv(0x31, tlv(0x30, append([]byte{6, 3, 0x55, 4, 3}, tlv(0x0c, []byte("name"))...)))
	return tlv(0x30, bytes.Repeat(part, n))
}

// The description of a reader is short whatever a message names it by, differs
// for different names, and takes no more work than there are octets.
func TestKeyIDText(t *testing.T) {
	seen := map[string]bool{}
	for _, issuer := range [][]byte{issuerOf(1), issuerOf(2), issuerOf(120), issuerOf(121), issuerOf(50_000), issuerOf(50_001), {0x30, 1, 0}, {0x30, 1, 1}} {
		for _, serial := range [][]byte{{1}, bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{1}, 33), bytes.Repeat([]byte{1}, 2050), bytes.Repeat([]byte{2}, 2050)} {
			text := keyID{issuer: issuer, serial: serial}.String()
			require.Less(t, len(text), 500)
			require.False(t, seen[text], text)
			seen[text] = true
		}
	}
	require.Equal(t, "issuer CN=name, serial 01", keyID{issuer: issuerOf(1), serial: []byte{1}}.String())
	cost := func(n int) uint64 {
		id := keyID{issuer: issuerOf(n), serial: []byte{1}}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = id.String()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	require.Less(t, cost(200_000), uint64(1<<20))
}

// Readers are counted while they are read, not after.
func TestManyReadersOfOneKey(t *testing.T) {
	key := tlv(0x30, append(tlv(0x30, []byte{0x30, 0, 2, 1, 1}), 4, 0))
	point := testKey(t, "p256").exchanger.PublicKey().Bytes()
	ri := func(n int) []byte {
		return tlv(0xa1, slices.Concat([]byte{2, 1, 3}, tlv(0xa0, tlv(0xa1, originator(t, nil, point))),
			tlv(0x30, append(oidStdDHSHA256KDF.tlv(), derAlgorithm(oidAES256Wrap)...)), tlv(0x30, bytes.Repeat(key, n))))
	}
	for n, want := range map[int]int{3: 3, 4: 4, 5: 4} {
		ris, err := parseRecipientInfos(ri(n), 3)
		require.NoError(t, err)
		require.Len(t, ris, want, "one more than allowed, for the caller to count")
	}
	many := ri(300_000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ris, err := parseRecipientInfos(many, 100)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Len(t, ris, 101)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}
