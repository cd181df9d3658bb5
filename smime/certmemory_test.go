package smime_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// Certificates with thousands of parts in their names are many times larger in
// memory. A message full of them costs little more than its own size.
func TestCertificatesMemory(t *testing.T) {
	who := fresh["P-256"]()
	part := tlv(0x31, tlv(0x30, oidOf("\x55\x04\x03"), tlv(0x0c, []byte("x"))))
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	x := &x509.Certificate{
		SerialNumber: big.NewInt(1), RawSubject: tlv(0x30, bytes.Repeat(part, 2500)),
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, x, x, key.Public(), key)
	require.NoError(t, err)
	require.Less(t, len(der), 64<<10)
	p := signedParts{by: who, content: []byte("text")}
	p.certs = tlv(0xa0, append(repeat(der, 60), who.key.Certificate().Marshal())...)
	msg := message(p.bytes(t))
	require.Greater(t, len(msg), 3<<20)
	peak := peakHeap(t, func() {
		o := envelope.Opener{Senders: who.senders()}
		_, _, err := verify(o, bytes.NewReader(msg))
		require.NoError(t, err)
	})
	require.Less(t, peak, int64(3*len(msg)))
}

// peakHeap returns by how much what is live grew when f ended, with the garbage
// collector running often enough to notice.
func peakHeap(t *testing.T, f func()) int64 {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.HeapSys-after.HeapReleased) - int64(before.HeapSys-before.HeapReleased)
}
