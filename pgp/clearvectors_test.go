package pgp_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// Cleartext signatures of other programs. What is expected is what their
// projects expect of them, except where that is said.
func TestVectorsCleartext(t *testing.T) {
	root := os.Getenv("DKB_VECTORS")
	if root == "" {
		t.Skip("DKB_VECTORS is not set: no vectors")
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		return b
	}
	const hello = "hello world\n"
	tests := []struct {
		file, key string
		want      string
		err       error // of reading it
	}{
		{file: "rnp/RFC9580/A.6.-sample-cleartext-signed-message.asc", key: "rnp/RFC9580/A.3.transferable-pubkey-v6.asc", want: "What we need from the grocery store:\n\n- tofu\n- vegetables\n- noodles\n"},
		{file: "rpgp/rfc9580/v4-ed25519-x25519/csf.msg", key: "rpgp/rfc9580/v4-ed25519-x25519/tsk.asc", want: hello},
		{file: "rpgp/rfc9580/v6-25519-annex-a-4/csf.msg", key: "rpgp/rfc9580/v6-25519-annex-a-4/tsk.asc", want: hello},
		{file: "rpgp/rfc9580/v6-ed25519-x448/csf.msg", key: "rpgp/rfc9580/v6-ed25519-x448/tsk.asc", want: hello},
		{file: "rpgp/rfc9580/v6-ed448-x448/csf.msg", key: "rpgp/rfc9580/v6-ed448-x448/tsk.asc", want: hello},
		{file: "rpgp/rfc9580/v6-nistp/csf.msg", key: "rpgp/rfc9580/v6-nistp/tsk.asc", want: hello},
		{file: "rpgp/rfc9580/v6-rsa/csf.msg", key: "rpgp/rfc9580/v6-rsa/tsk.asc", want: hello},
		{file: "rpgp/unit-tests/csf/msg.csf", key: "rpgp/unit-tests/csf/alice.pub.asc", want: hello},
		{file: "rpgp/unit-tests/csf/empty.csf", key: "rpgp/unit-tests/csf/alice.pub.asc", want: ""},
		{file: "rpgp/unit-tests/csf/starts-with-newline.csf", key: "rpgp/unit-tests/csf/alice.pub.asc", want: "\ntest\n"},
		{file: "rpgp/unit-tests/csf/gpg.fail-notdash", err: envelope.ErrFormat},
		{file: "rpgp/unit-tests/cleartext-msg-01.asc", key: "rpgp/unit-tests/cleartext-key-01.asc", want: "From the grocery store we need:\n\n- tofu\n- vegetables\n- noodles\n\n"},
		{file: "rpgp/unit-tests/cleartext-msg-01-fail.asc", key: "rpgp/unit-tests/cleartext-key-01.asc", err: envelope.ErrFormat},
		{file: "rpgp/unit-tests/cleartext-msg-02-fail.asc", key: "rpgp/unit-tests/cleartext-key-01.asc", err: envelope.ErrFormat},
		{file: "rnp/test_messages/message.txt.cleartext-malf", err: envelope.ErrSignature}, // the packet in it is malformed
		{file: "rnp/test_messages/message.txt.cleartext-nosig", err: envelope.ErrFormat},
		{file: "rnp/test_messages/message.txt.cleartext-signed-nonewline", err: envelope.ErrFormat},
		// By whom they are is not in the collection: nothing is wrong with their form.
		{file: "rnp/test_messages/message.txt.cleartext-signed", err: envelope.ErrSignature},
		{file: "rnp/test_messages/message.txt.clear-2-sigs", err: envelope.ErrSignature},
		{file: "rnp/test_messages/message.txt.clear-2-sigs-2", err: envelope.ErrSignature},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			o := &envelope.Opener{Senders: []*keyring.Verified{verified(t, key(t, "curve25519"))}}
			o.Time = func() time.Time { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) }
			if tt.key != "" {
				o.Senders[0] = anyCertificate(t, read(tt.key))
			}
			text := read(tt.file)
			got, r, err := readSigned(o, bytes.NewReader(text))
			if tt.err != nil {
				require.ErrorIs(t, err, tt.err)
				require.Empty(t, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			require.True(t, r.Signatures[0].Valid())
			for _, from := range []string{"hello", "test", "tofu"} { // and every text has one of them, or none
				if changed := strings.Replace(string(text), from, "Hello", 1); changed != string(text) {
					_, _, err = readSigned(o, strings.NewReader(changed))
					require.ErrorIs(t, err, envelope.ErrSignature)
				}
			}
		})
	}
}

// anyCertificate is the certificate in a file, or that of the key in it.
func anyCertificate(t *testing.T, b []byte) *keyring.Verified {
	t.Helper()
	c, err := pgp.ParseCertificate(b)
	if err != nil {
		k, err := pgp.ParseKey(bytes.NewReader(b), nil)
		require.NoError(t, err)
		c = k.Certificate()
	}
	v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
	require.NoError(t, err)
	return v
}
