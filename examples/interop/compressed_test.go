package interop_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// TestCompressedOfPeers opens what Bouncy Castle compressed and signed, in
// both orders (RFC 8551, Section 3.6), inside both kinds of encryption.
func TestCompressedOfPeers(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the peers are programs that take their time to start")
	}
	w := newWorld(t)
	bc := w.cmsPeer(t, "bc").(bcCMS)
	content := cell{size: 65537}.content()
	k := w.smime(t, "rsa3072")
	sign := func(form string, in []byte) []byte { return bc.sign(t, "rsa-sha256", form, []string{"rsa3072"}, in) }
	orders := map[string][]byte{
		"signed, then compressed": entity("compressed-data", bc.do(t, "compress", entity("signed-data", sign("opaque", content)))),
		"compressed, then signed": entity("signed-data", sign("compressed", content)),
	}
	for name, inside := range orders {
		for _, encryption := range []string{"aes256-cbc", "aes256-gcm"} {
			t.Run(name+"/"+encryption, func(t *testing.T) {
				msg := bc.do(t, "seal", inside, "method=v15", "content="+encryption, "cert="+k.public)
				o := &envelope.Opener{Identities: []envelope.Identity{k.identity}, Senders: []*keyring.Verified{k.cert}, RequireSignature: true}
				m, err := o.Open(bytes.NewReader(msg))
				require.NoError(t, err)
				defer m.Close()
				plain, err := io.ReadAll(m)
				require.NoError(t, err)
				same(t, content, plain)
				require.Len(t, m.Report().Signatures, 1)
				require.True(t, m.Report().Signatures[0].Valid())

				n := part(t, msg, "content")
				msg[(n.body+n.end)/2] ^= 0x10
				_, err = openedWith(o, msg)
				require.Equal(t, envelope.ErrDecrypt, err)
			})
		}
	}
}

// entity is the part of a mail that holds a message (RFC 8551, Section 3.2).
func entity(kind string, msg []byte) []byte {
	var b bytes.Buffer
	b.WriteString("Content-Type: application/pkcs7-mime; smime-type=" + kind + "; name=smime\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(msg)), 76) {
		b.Write(line)
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

// TestCountersignedByPeers: a countersignature of Bouncy Castle's is reported
// beside the signature that it is of, and changes nothing of it.
func TestCountersignedByPeers(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the peers are programs that take their time to start")
	}
	w := newWorld(t)
	bc := w.cmsPeer(t, "bc").(bcCMS)
	content := cell{size: 4097}.content()
	for _, k := range []struct{ key, method string }{{"rsa3072", "rsa-sha256"}, {"p256", "ecdsa-sha256"}} {
		t.Run(k.method, func(t *testing.T) {
			msg := definite(t, bc.sign(t, k.method+"-countersigned", "detached", []string{k.key}, content))
			o := &envelope.Opener{Senders: []*keyring.Verified{w.smime(t, k.key).cert}, RequireSignature: true}
			for _, good := range []bool{true, false} {
				if !good {
					msg[len(msg)-1] ^= 1 // where the countersignature ends
				}
				r, err := o.VerifyDetached(bytes.NewReader(msg), bytes.NewReader(content))
				require.NoError(t, err)
				require.Len(t, r.Signatures, 1)
				require.True(t, r.Signatures[0].Valid())
				counter := r.Signatures[0].CounterSignatures
				require.Len(t, counter, 1)
				require.Equal(t, good, counter[0].Valid(), counter[0].Problem())
				require.NotNil(t, counter[0].Certificate)
			}
		})
	}
}

func openedWith(o *envelope.Opener, msg []byte) ([]byte, error) {
	m, err := o.Open(bytes.NewReader(msg))
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return io.ReadAll(m)
}
