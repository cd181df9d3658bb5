package interop_test

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/emersion/go-message/textproto"
	"github.com/emersion/go-pgpmail"
	"github.com/stretchr/testify/require"
)

// mailPGPMail is go-pgpmail, which knows PGP/MIME, and of the header in it
// nothing: that is in the test.
type mailPGPMail struct{}

func entityOf(t *testing.T, file string) *openpgp.Entity {
	t.Helper()
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(read(t, file)))
	require.NoError(t, err)
	require.Len(t, ring, 1)
	return ring[0]
}

func (mailPGPMail) send(t *testing.T, c mailCell, l *letter) []byte {
	t.Helper()
	header, err := textproto.ReadHeader(bufio.NewReader(strings.NewReader(l.header(c, "\r\n"))))
	require.NoError(t, err)
	var signer *openpgp.Entity
	if c.signed() {
		signer = entityOf(t, l.from.secret)
	}
	var b bytes.Buffer
	var w io.WriteCloser
	content := l.entity()
	if c.encrypted() {
		content = l.sealed()
		w, err = pgpmail.Encrypt(&b, header, []*openpgp.Entity{entityOf(t, l.to.public)}, signer, nil)
	} else {
		w, err = pgpmail.Sign(&b, header, signer, nil)
	}
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func (mailPGPMail) read(t *testing.T, c mailCell, l *letter, eml []byte) *shown {
	t.Helper()
	ring := openpgp.EntityList{entityOf(t, l.to.secret), entityOf(t, l.from.public)}
	r, err := pgpmail.Read(bytes.NewReader(eml), ring, nil, nil)
	require.NoError(t, err)
	content, err := io.ReadAll(r.MessageDetails.UnverifiedBody)
	require.NoError(t, err)
	require.Equal(t, c.encrypted(), r.MessageDetails.IsEncrypted)
	require.Equal(t, c.signed(), r.MessageDetails.IsSigned)
	require.NoError(t, r.MessageDetails.SignatureError)
	require.Equal(t, c.signed(), r.MessageDetails.SignedBy != nil)
	return l.show(t, c, content)
}
