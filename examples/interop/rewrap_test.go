package interop_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/stretchr/testify/require"
)

// rewrapCase is a message of maker, which old can open, and to which we add
// the reader added.
type rewrapCase struct {
	maker      string // openssl, bc or ours
	form       string // der or ber
	content    string
	inside     string
	old, added string // keys
	method     string // of the maker, for old
}

func (c rewrapCase) name() string {
	return fmt.Sprintf("%s/%s/%s/%s/%s/%s", c.maker, c.form, c.content, c.inside, c.old, c.added)
}

// cell is what old was sealed to with, or whoever else reads.
func (c rewrapCase) cell(key string) algorithmCell {
	return algorithmCell{peer: c.maker, key: key, method: c.method, content: c.content, inside: c.inside, size: 65537}
}

// TestRewrapOfPeers adds a reader to what OpenSSL and Bouncy Castle sealed, in
// DER and in BER, and to what we sealed. Both programs open the result with
// the key that it was sealed to and with the one that was added.
func TestRewrapOfPeers(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the peers are programs that take their time to start")
	}
	w := newWorld(t)
	readers := []cmsPeer{w.cmsPeer(t, "openssl"), w.cmsPeer(t, "bc")}
	makers := map[string]cmsPeer{"openssl": readers[0], "bc": readers[1]}
	var cases []rewrapCase
	for _, maker := range []string{"openssl", "bc", "ours"} {
		for _, form := range []string{"der", "ber"} {
			if maker == "ours" && form == "der" {
				continue // we stream, which DER does not allow
			}
			for _, k := range []struct{ old, added, method string }{{"rsa3072", "p256", "v15"}, {"p384", "rsa2048", "ecdh-sha256-wrap256"}} {
				cases = append(cases, rewrapCase{maker, form, "aes256-cbc", "signed", k.old, k.added, k.method})
				if k.method == "v15" {
					k.method = "oaep-sha256"
				}
				cases = append(cases, rewrapCase{maker, form, "aes256-gcm", "unsigned", k.old, k.added, k.method})
			}
		}
	}
	for _, c := range cases {
		t.Run(c.name(), func(t *testing.T) {
			t.Parallel()
			rewrapOfPeer(t, w, c, makers[c.maker], readers)
		})
	}
}

func rewrapOfPeer(t *testing.T, w *world, c rewrapCase, maker cmsPeer, readers []cmsPeer) {
	content := c.cell(c.old).bytes()
	var msg []byte
	switch {
	case c.maker == "ours":
		msg = sealAlgorithm(t, w, c.cell(c.old), content)
	case c.maker == "openssl" && c.form == "ber":
		msg = streamed(t, w, c, content)
	default:
		msg = maker.make(t, c.cell(c.old), content)
	}
	if c.form == "der" {
		msg = definite(t, msg)
	}
	require.Equal(t, c.form == "ber", msg[1] == 0x80, "lengths that are not stated")
	profile := envelope.Modern
	if c.cell(c.old).cbc() {
		profile = envelope.Compatible
	}
	old, added := w.smime(t, c.old), w.smime(t, c.added)
	before := &envelope.Opener{Identities: []envelope.Identity{old.identity}}
	after := &envelope.Opener{Identities: []envelope.Identity{added.identity}}

	var out bytes.Buffer
	_, err := envelope.Rewrap(&out, bytes.NewReader(msg), after, &envelope.Sealer{Profile: profile}, added.cert)
	require.ErrorIs(t, err, envelope.ErrNotForYou, "who cannot open it adds nobody")
	require.Zero(t, out.Len())
	r, err := envelope.Rewrap(&out, bytes.NewReader(msg), before, &envelope.Sealer{Profile: profile}, added.cert)
	require.NoError(t, err)
	require.True(t, r.ContentKeyReused)
	require.Equal(t, []keyring.Fingerprint{added.cert.Fingerprint()}, r.Sealed)

	for _, o := range []*envelope.Opener{before, after} {
		m, err := o.Open(bytes.NewReader(out.Bytes()))
		require.NoError(t, err)
		plain, err := io.ReadAll(m)
		require.NoError(t, err)
		require.NoError(t, m.Close())
		same(t, content, plain)
	}
	for _, key := range []string{c.old, c.added} {
		for _, reader := range readers {
			same(t, content, readRewrapped(t, w, c, reader, key, out.Bytes(), content))
		}
	}
}

// readRewrapped has a peer open it. Who seals with other programs puts a whole
// ContentInfo inside, and we the SignedData alone (see [bare]), so the
// signature is asked for in two steps.
func readRewrapped(t *testing.T, w *world, c rewrapCase, reader cmsPeer, key string, msg, content []byte) []byte {
	t.Helper()
	asked := c.cell(key)
	if c.maker == "ours" || c.inside == "unsigned" {
		return reader.read(t, asked, msg, content)
	}
	asked.inside = "unsigned"
	signed := reader.read(t, asked, msg, content)
	asked = algorithmCell{peer: c.maker, key: c.old, method: "auto", content: "opaque", inside: "-"}
	return reader.read(t, asked, signed, content)
}

// streamed is what openssl writes while it reads.
func streamed(t *testing.T, w *world, c rewrapCase, content []byte) []byte {
	t.Helper()
	o, k := openssl{w}, w.smime(t, c.old)
	if c.inside == "signed" {
		content = o.cms(t, content, "-sign", "-nodetach", "-outform", "DER", "-md", "sha256", "-signer", k.public, "-inkey", k.secret)
	}
	args := []string{"-encrypt", "-stream", "-outform", "DER", "-aes-256-" + c.content[len("aes256-"):], "-recip", k.public}
	return o.cms(t, content, append(args, recipientOptions(c.cell(c.old))...)...)
}

// definite writes a message with all lengths stated, as openssl does.
func definite(t *testing.T, msg []byte) []byte {
	t.Helper()
	return must(t, msg, "openssl", "cms", "-cmsout", "-inform", "DER", "-outform", "DER")
}
