package pgp_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// What text signatures are over, whatever the file has: only line ends count,
// RFC 9580, Section 5.2.1.2.
const (
	textLF   = "one\ntwo \t\n\nthree\r\nfour\rfive\n"
	textCRLF = "one\r\ntwo \t\r\n\r\nthree\r\nfour\rfive\r\n"
)

func textDetached(t *testing.T, s *envelope.Sealer, text string) []byte {
	t.Helper()
	var sig bytes.Buffer
	w, err := s.SignDetached(&sig)
	require.NoError(t, err)
	_, err = io.Copy(w, iotest.OneByteReader(strings.NewReader(text)))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return sig.Bytes()
}

// A detached text signature holds for every kind of line ends, and for nothing
// else that differs; a binary one holds for one kind.
func TestTextDetached(t *testing.T) {
	for _, kind := range []string{"curve25519", "v6"} {
		k := key(t, kind)
		o := &envelope.Opener{Senders: []*keyring.Verified{verified(t, k)}}
		verify := func(sig []byte, text string) (*envelope.Report, error) {
			return o.VerifyDetached(bytes.NewReader(sig), strings.NewReader(text))
		}
		for _, signed := range []string{textLF, textCRLF} {
			text := textDetached(t, &envelope.Sealer{Text: true, Signers: []envelope.Signer{k.Signer()}}, signed)
			binary := textDetached(t, &envelope.Sealer{Signers: []envelope.Signer{k.Signer()}}, signed)
			for _, content := range []string{textLF, textCRLF} {
				r, err := verify(text, content)
				require.NoError(t, err)
				require.True(t, r.Signatures[0].Text)
				r, err = verify(binary, content)
				if content != signed {
					require.ErrorIs(t, err, envelope.ErrSignature)
					continue
				}
				require.NoError(t, err)
				require.False(t, r.Signatures[0].Text)
			}
			for _, content := range []string{
				strings.TrimSuffix(signed, "\n"), signed + "\n", strings.Replace(signed, " \t", "", 1),
				strings.Replace(signed, "\rfive", "\nfive", 1), strings.Replace(signed, "\rfive", "five", 1),
			} {
				_, err := verify(text, content)
				require.ErrorIs(t, err, envelope.ErrSignature, "%q", content)
			}
		}
	}
}

// In a message what is signed as text has lines that end in CR LF, signed with
// several keys or sealed; without a signature nothing of it changes.
func TestTextInside(t *testing.T) {
	bob, alice := key(t, "curve25519"), key(t, "v6")
	signers := []envelope.Signer{bob.Signer(), alice.Signer()}
	senders := []*keyring.Verified{verified(t, alice), verified(t, bob)}
	for _, to := range []*pgp.Key{bob, alice} {
		for text, want := range map[string]string{textLF: textCRLF, textCRLF: textCRLF, "": "", "\n": "\r\n"} {
			o := opener(to)
			o.Senders, o.RequireSignature = senders, true
			msg, _ := seal(t, &envelope.Sealer{Text: true, Signers: signers}, []byte(text), verified(t, to))
			got, r, err := open(o, bytes.NewReader(msg))
			require.NoError(t, err)
			require.Equal(t, want, string(got))
			require.Len(t, r.Signatures, 2)
			require.True(t, r.Signatures[0].Text && r.Signatures[1].Text)

			var signed bytes.Buffer
			w, err := (&envelope.Sealer{Text: true, Signers: signers}).Sign(&signed)
			require.NoError(t, err)
			_, err = io.WriteString(w, text)
			require.NoError(t, err)
			require.NoError(t, w.Close())
			m, err := o.Verify(&signed)
			require.NoError(t, err)
			got, err = io.ReadAll(m)
			require.NoError(t, err)
			require.Equal(t, want, string(got))

			msg, _ = seal(t, &envelope.Sealer{Text: true}, []byte(text), verified(t, to))
			got, _, err = open(opener(to), bytes.NewReader(msg))
			require.NoError(t, err)
			require.Equal(t, text, string(got))
		}
	}
}
