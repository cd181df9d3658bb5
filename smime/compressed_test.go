package smime_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"hash/adler32"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

// TestCompressedRules: what is wrong with a CompressedData in one way, beside
// what is not. It stands alone here, so that each has its own error.
func TestCompressedRules(t *testing.T) {
	t.Parallel()
	who := fresh["P-256"]()
	text := "a text, a text, a text"
	sd := signedParts{by: who, content: []byte(text)}.bytes(t)
	base := func() pressed { return pressed{contentType: signedOID, content: sd} }
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:len(b)-n] } }
	dictionary := func([]byte) []byte {
		var b bytes.Buffer
		w := must(zlib.NewWriterLevelDict(&b, 9, []byte("a text")))
		w.Write(sd)
		w.Close()
		return b.Bytes()
	}
	for _, c := range []struct {
		name      string
		bad, good func(*pressed)
		err       error
		text      string
	}{
		{"checksum", func(p *pressed) { p.change = func(b []byte) []byte { b[len(b)-1] ^= 1; return b } }, nil, envelope.ErrFormat, "damaged"},
		{"checksum cut off", func(p *pressed) { p.change = cut(1) }, func(p *pressed) { p.change = cut(0) }, envelope.ErrFormat, "damaged"},
		{"no checksum", func(p *pressed) { p.change = cut(4) }, nil, envelope.ErrFormat, "damaged"},
		{"nothing", func(p *pressed) { p.change = func([]byte) []byte { return nil } }, nil, envelope.ErrFormat, "damaged"},
		{"no header of zlib", func(p *pressed) { p.change = func(b []byte) []byte { return b[2 : len(b)-4] } }, nil, envelope.ErrFormat, "damaged"},
		{"dictionary", func(p *pressed) { p.change = dictionary }, nil, envelope.ErrFormat, "damaged"},
		{"bits", func(p *pressed) { p.change = func(b []byte) []byte { b[3] ^= 0xff; return b } }, nil, envelope.ErrFormat, "damaged"},
		{"an octet after it", func(p *pressed) { p.change = func(b []byte) []byte { return append(b, 0) } }, nil, envelope.ErrFormat, "more after"},
		{"a second stream after it", func(p *pressed) { p.change = func(b []byte) []byte { return append(b, b...) } }, nil, envelope.ErrFormat, "more after"},
		{"version 1", func(p *pressed) { p.version = 1 }, nil, envelope.ErrFormat, "version"},
		{"another algorithm", func(p *pressed) { p.algorithm = tlv(0x30, data) }, func(p *pressed) { p.algorithm = tlv(0x30, zlibOID, tlv(5)) }, envelope.ErrFormat, "algorithm"},
		{"long algorithm", func(p *pressed) { p.algorithm = tlv(0x30, zlibOID, tlv(4, make([]byte, 100))) }, nil, envelope.ErrLimit, ""},
		{"content not an OCTET STRING", func(p *pressed) { p.octets = func(b []byte) []byte { return tlv(12, b) } }, func(p *pressed) {
			p.octets = func(b []byte) []byte {
				return tlv(0x24, tlv(4, b[:9]), tlv(0x24, tlv(4, b[9:10]), tlv(4)), tlv(4, b[10:]))
			}
		}, envelope.ErrFormat, ""},
		{"content twice", func(p *pressed) { p.octets = func(b []byte) []byte { return append(tlv(4, b), tlv(4, b)...) } }, nil, envelope.ErrFormat, ""},
		{"something after the content", func(p *pressed) { p.after = tlv(5) }, nil, envelope.ErrFormat, ""},
		{"compressed twice", func(p *pressed) { p.contentType, p.content = compressedOID, base().bytes() }, nil, envelope.ErrLimit, "compressions"},
		{"sealed inside", func(p *pressed) { p.content = message(sd) }, nil, envelope.ErrFormat, ""},
		{"not signed", func(p *pressed) { p.contentType, p.content = nil, []byte(text) }, nil, envelope.ErrSignature, ""},
		{"forged", func(p *pressed) {
			p.content = signedParts{by: who, content: []byte(text), signs: []byte("x")}.bytes(t)
		}, nil, envelope.ErrSignature, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := envelope.Opener{Senders: who.senders()}
			good, bad := base(), base()
			if c.good != nil {
				c.good(&good)
			}
			c.bad(&bad)
			if c.name == "sealed inside" {
				bad.content = info(envelopedOID, sd)
			}
			got, r, err := verify(o, bytes.NewReader(info(compressedOID, good.bytes())))
			require.NoError(t, err, "the good twin")
			require.Equal(t, text, string(got))
			require.Equal(t, "CompressedData", r.Container)
			got, _, err = verify(o, bytes.NewReader(info(compressedOID, bad.bytes())))
			require.ErrorIs(t, err, c.err)
			require.ErrorContains(t, err, c.text)
			require.Empty(t, got)
			// What can be seen without a key can be seen by Inspect.
			_, err = envelope.Inspect(bytes.NewReader(info(compressedOID, bad.bytes())), smime.Format())
			if c.err == envelope.ErrSignature {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, c.err)
			}
		})
	}
}

// TestCompressedSource: what the source fails with is its own error.
func TestCompressedSource(t *testing.T) {
	who := fresh["P-256"]()
	disk := io.ErrClosedPipe
	msg := info(compressedOID, pressed{contentType: signedOID, content: signedParts{by: who, content: []byte("text")}.bytes(t)}.bytes())
	o := envelope.Opener{Senders: who.senders()}
	for n := range msg {
		_, _, err := verify(o, io.MultiReader(bytes.NewReader(msg[:n]), &failing{err: disk}))
		require.ErrorIs(t, err, disk, "octet %d", n)
		_, _, err = verify(o, bytes.NewReader(msg[:n]))
		require.ErrorIs(t, err, envelope.ErrFormat, "octet %d", n)
	}
}

// bomb is zlib of so many MiB of zeros, made by repeating what deflate makes of
// one.
func bomb(mib int) []byte {
	var one bytes.Buffer
	w := must(flate.NewWriter(&one, 9))
	w.Write(make([]byte, 1<<20))
	w.Flush()
	first := one.Len()
	w.Write(make([]byte, 1<<20))
	w.Flush()
	again := one.Bytes()[first:]
	out := append([]byte{0x78, 0x9c}, one.Bytes()[:first]...)
	for range mib - 1 {
		out = append(out, again...)
	}
	out = append(out, 1, 0, 0, 0xff, 0xff) // the last block, of nothing
	sum := adler32.New()
	zeros := make([]byte, 1<<20)
	for range min(mib, 80) { // nobody gets further
		sum.Write(zeros)
	}
	return binary.BigEndian.AppendUint32(out, sum.Sum32())
}

// TestBomb: what grows too much stops at the limit, in little memory, wherever
// it stands.
func TestBomb(t *testing.T) {
	allowed(t, "AES-GCM")
	who := fresh["P-256"]()
	z := func(b []byte) pressed { return pressed{change: func([]byte) []byte { return b }} }
	ten := bomb(10 << 10) // 10 GiB
	require.Less(t, len(ten), 11<<20)
	noise := make([]byte, 3<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	sealedOf := func(p pressed) []byte {
		return crafted{to: who, contentType: compressedOID, attrs: tlv(0xa1, attribute(ctAttrOID, compressedOID)), plain: p.bytes()}.bytes(t)
	}
	o := func(most int64) envelope.Opener {
		return envelope.Opener{Identities: who.identities(), Senders: who.senders(), Limits: envelope.Limits{Decompressed: most}}
	}
	drain := func(o envelope.Opener, msg []byte) (n int64, err error) {
		m, err := o.Open(bytes.NewReader(msg))
		if err != nil {
			return 0, err
		}
		defer m.Close()
		return io.Copy(io.Discard, m)
	}
	// The ratio counts beyond 64 MiB, and the cap always.
	n, err := drain(o(0), sealedOf(z(bomb(64))))
	require.NoError(t, err)
	require.Equal(t, int64(64<<20), n)
	_, err = drain(o(0), sealedOf(z(bomb(80))))
	require.ErrorIs(t, err, envelope.ErrLimit)
	require.ErrorContains(t, err, "200")
	_, err = drain(o(64<<20-1), sealedOf(z(bomb(64))))
	require.ErrorIs(t, err, envelope.ErrLimit)
	n, err = drain(o(3<<20), sealedOf(pressed{content: noise}))
	require.NoError(t, err)
	require.Equal(t, int64(3<<20), n)
	_, err = drain(o(3<<20-1), sealedOf(pressed{content: noise}))
	require.ErrorIs(t, err, envelope.ErrLimit)

	msg := sealedOf(z(ten))
	inSigned := signedParts{by: who, contentType: compressedOID, content: z(ten).bytes()}.bytes(t)
	alone, signed := info(compressedOID, z(ten).bytes()), message(inSigned)
	entity := entityOf("compressed-data", alone)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = drain(o(0), msg)
	require.ErrorIs(t, err, envelope.ErrLimit)
	_, _, err = verify(o(0), bytes.NewReader(signed))
	require.ErrorIs(t, err, envelope.ErrLimit)
	_, err = envelope.Inspect(bytes.NewReader(alone), smime.Format())
	require.ErrorIs(t, err, envelope.ErrLimit)
	runtime.ReadMemStats(&after)
	if !plainBuild { // which holds the whole message in memory, compressed as it is
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))
	}
	// What only looks like it is released as it is, and said to be that.
	n, err = drain(o(0), crafted{to: who, plain: entity}.bytes(t))
	require.NoError(t, err)
	require.Equal(t, int64(len(entity)), n)
	// What nothing authenticates is one error.
	_, err = drain(o(0), crafted{to: who, cbc: true, contentType: signedOID, plain: inSigned}.bytes(t))
	require.Equal(t, envelope.ErrDecrypt, err)
}

// TestContainers: every container is named, by what it is and not by what a
// mail says it is.
func TestContainers(t *testing.T) {
	who := fresh["P-256"]()
	o := envelope.Opener{Identities: who.identities(), Senders: who.senders()}
	cert := who.key.Certificate().Marshal()
	certs := signedParts{by: who, infos: [][]byte{}, digests: [][]byte{}, certs: tlv(0xa0, cert, cert), eContent: func([]byte) []byte { return nil }}.bytes(t)
	for _, c := range []struct {
		name                  string
		msg                   []byte
		open, verify, inspect string // of the error
		container             string
	}{
		{name: "certificates", msg: message(certs), open: "certificates only", verify: "certificates only", container: "certs-only"},
		{name: "detached", msg: signedMessage(t, envelope.Sealer{Signers: who.signers()}, nil, true), open: "signed and not sealed", verify: "without its content", container: "SignedData"},
		{name: "signed", msg: signedMessage(t, envelope.Sealer{Signers: who.signers()}, nil, false), open: "signed and not sealed", container: "SignedData"},
		{name: "compressed", msg: info(compressedOID, pressed{}.bytes()), open: "compressed and not sealed", verify: "signature", container: "CompressedData"},
		{name: "encrypted", msg: info(encryptedOID, tlv(0x30)), open: "EncryptedData, which is not supported", verify: "EncryptedData, which is not supported", inspect: "EncryptedData, which is not supported"},
		{name: "digested", msg: info(digestedOID, tlv(0x30)), open: "DigestedData, which is not supported", verify: "DigestedData, which is not supported", inspect: "DigestedData, which is not supported"},
		{name: "authenticated", msg: info(authDataOID, tlv(0x30)), open: "AuthenticatedData, which is not supported", verify: "AuthenticatedData, which is not supported", inspect: "AuthenticatedData, which is not supported"},
		{name: "data", msg: info(data, tlv(4)), open: "Data, which is not supported", verify: "Data, which is not supported", inspect: "Data, which is not supported"},
		{name: "something else", msg: info(oidOf("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x63"), tlv(4)), open: "not supported", verify: "not supported", inspect: "not supported"},
		{name: "enveloped", msg: info(envelopedOID, tlv(0x30)), open: "missing element", verify: "sealed and not only signed", inspect: "missing element"},
	} {
		check := func(what, want string, err error) {
			if want == "" {
				require.NoError(t, err, "%s: %s", c.name, what)
				return
			}
			require.ErrorContains(t, err, want, "%s: %s", c.name, what)
			require.True(t, refusal(err), "%v", err)
		}
		_, _, err := open(o, bytes.NewReader(c.msg))
		check("open", c.open, err)
		_, _, err = verify(o, bytes.NewReader(c.msg))
		check("verify", c.verify, err)
		r, err := envelope.Inspect(bytes.NewReader(c.msg), smime.Format())
		check("inspect", c.inspect, err)
		if err == nil {
			require.Equal(t, c.container, r.Container)
			require.False(t, r.Encrypted)
		}
		if c.container == "certs-only" {
			require.Contains(t, strings.Join(r.Findings, "\n"), "certificates and nothing else: 2")
			require.Empty(t, r.Signatures)
		}
	}
	_, err := o.VerifyDetached(bytes.NewReader(message(certs)), strings.NewReader(""))
	require.ErrorIs(t, err, envelope.ErrSignature, "no signature at all")
	// A signature in what is compressed is seen, and claims nothing.
	sd := signedParts{by: who, content: []byte("text")}.bytes(t)
	r, err := envelope.Inspect(bytes.NewReader(info(compressedOID, pressed{contentType: signedOID, content: sd}.bytes())), smime.Format())
	require.NoError(t, err)
	require.Len(t, r.Signatures, 1)
	require.False(t, r.Signatures[0].Valid())
}
