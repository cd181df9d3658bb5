package smime_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/smime"
)

// session opens a message as package envelope does, up to its content.
func session(t testing.TB, who *person, msg []byte, legacy seam.Legacy) seam.Rereader {
	t.Helper()
	s, err := seam.Opaque[seam.Format](smime.Format()).Unwrap().Open(bytes.NewReader(msg), &seam.OpenPlan{
		Identities: []seam.Identity{seam.Opaque[seam.Identity](who.key.Identity()).Unwrap()},
		Now:        time.Now(),
		Legacy:     legacy,
		Limits:     seam.Limits{Recipients: 10, PrivateTrial: 10, Certificates: 10, Signatures: 10, HeaderBytes: 1 << 20},
	})
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s.(seam.Rereader)
}

// signedInside is a message with a signed one inside.
func signedInside(t testing.TB, who *person) crafted {
	sd := signedParts{by: who, content: []byte("text")}.bytes(t)
	return crafted{to: who, plain: sd, contentType: signedOID, attrs: tlv(0xa1, attribute(ctAttrOID, signedOID))}
}

// TestPasses: how often a message is read depends on what is in it only after
// its tag was found to be right. What reads once more than that, to judge what
// is inside, comes after it.
func TestPasses(t *testing.T) {
	t.Parallel()
	who := fresh["P-256"]()
	entity := sealed(t, envelope.Sealer{Profile: envelope.Modern, Signers: who.signers(), Entity: true}, []byte("text"), who.verified)
	wrong := func(c crafted) crafted {
		c.mac = func(tag []byte) []byte { tag[0] ^= 1; return tlv(4, tag) }
		return c
	}
	file := crafted{to: who, plain: []byte("text")}
	for name, c := range map[string]struct {
		msg    []byte
		err    error
		passes int
	}{
		"a file":              {file.bytes(t), nil, 0},
		"signed":              {signedInside(t, who).bytes(t), nil, 1},
		"signed entity":       {entity, nil, 1},
		"a file, wrong tag":   {wrong(file).bytes(t), envelope.ErrDecrypt, 0},
		"signed, wrong tag":   {wrong(signedInside(t, who)).bytes(t), envelope.ErrDecrypt, 0},
		"nothing":             {crafted{to: who}.bytes(t), nil, 0},
		"nothing, wrong tag":  {wrong(crafted{to: who}).bytes(t), envelope.ErrDecrypt, 0},
		"signed inside CBC":   {crafted{to: who, cbc: true, plain: signedInside(t, who).plain, contentType: signedOID}.bytes(t), nil, 0},
		"not signed, in CBC":  {crafted{to: who, cbc: true, plain: []byte("text")}.bytes(t), envelope.ErrDecrypt, 0},
		"signed, not as such": {crafted{to: who, plain: signedInside(t, who).plain}.bytes(t), nil, 0},
	} {
		s := session(t, who, c.msg, seam.Legacy{})
		require.Equal(t, c.err, s.Verify(), name)
		n := 0
		for ; s.Rereads(); n++ {
			_, err := io.ReadAll(s.Again(bytes.NewReader(c.msg)))
			require.Equal(t, envelope.ErrClosed, err, "%s: released before everything was read", name)
			src := bytes.NewReader(c.msg)
			require.NoError(t, s.Reread(src), name)
			require.Zero(t, src.Len(), "%s: not read to its end", name)
		}
		require.Equal(t, c.passes, n, name)
		require.Equal(t, envelope.ErrClosed, s.Reread(bytes.NewReader(c.msg)), name)
		require.Equal(t, envelope.ErrClosed, s.Verify(), name)
		_, err := io.ReadAll(s.Again(bytes.NewReader(c.msg)))
		if c.err != nil {
			require.Equal(t, envelope.ErrClosed, err, name)
		} else {
			require.NoError(t, err, name)
		}
	}
}

// TestPassesFail: what a source fails with in a later pass is its own error at
// every octet, and nothing is released after it.
func TestPassesFail(t *testing.T) {
	t.Parallel()
	who := fresh["P-256"]()
	disk := errors.New("input/output error")
	entity := sealed(t, envelope.Sealer{Profile: envelope.Modern, Signers: who.signers(), Entity: true}, []byte("text"), who.verified)
	for _, msg := range [][]byte{signedInside(t, who).bytes(t), entity} {
		for n := 0; n < len(msg); n += 9 {
			s := session(t, who, msg, seam.Legacy{})
			require.NoError(t, s.Verify())
			require.True(t, s.Rereads())
			err := s.Reread(io.MultiReader(bytes.NewReader(msg[:n]), &failing{err: disk}))
			require.ErrorIs(t, err, disk, "octet %d", n)
			require.False(t, s.Rereads())
			_, err = io.ReadAll(s.Again(bytes.NewReader(msg)))
			require.Equal(t, envelope.ErrClosed, err)
		}
	}
}
