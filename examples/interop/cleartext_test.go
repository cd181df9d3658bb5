package interop_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// signer is a key in the files that command lines take.
type signer struct {
	key       *pgp.Key
	sec, cert string // files
	home      string // a folder with one for each program that needs it
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	k, err := pgp.GenerateKey(pgp.KeyOptions{Address: "bob@example.org"})
	require.NoError(t, err)
	sec, err := k.Marshal(nil)
	require.NoError(t, err)
	cert, err := pgp.MarshalArmored(k.Certificate())
	require.NoError(t, err)
	// Not t.TempDir: the name of a socket in it may have 108 octets.
	home, err := os.MkdirTemp("", "dkb")
	require.NoError(t, err)
	t.Cleanup(func() {
		run(nil, "gpgconf", "--homedir", filepath.Join(home, "gpg"), "--kill", "all")
		os.RemoveAll(home)
	})
	return &signer{k, file(t, sec), file(t, cert), home}
}

func (s *signer) opener(t *testing.T) *envelope.Opener {
	t.Helper()
	c := s.key.Certificate()
	v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
	require.NoError(t, err)
	return &envelope.Opener{Senders: []*keyring.Verified{v}}
}

func (s *signer) homeOf(program string) string { return filepath.Join(s.home, program) }

// setUp makes the key known to a program that keeps keys.
func (s *signer) setUp(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		missing(t, program)
	}
	home := s.homeOf(program)
	require.NoError(t, os.MkdirAll(home, 0o700))
	switch program {
	case "gpg":
		must(t, nil, "gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", "--import", s.sec)
	case "rnp":
		must(t, nil, "rnpkeys", "--homedir", home, "--import", s.sec)
	}
}

// Cleartext signatures that other programs make give the text that they were
// made of, but for what such a signature does not cover.
func TestCleartextOfOthers(t *testing.T) {
	if drivers() == "" {
		missing(t, "the folder of the peers (DKB_PEERS)")
	}
	s := newSigner(t)
	texts := map[string]string{
		"plain": "hello\nworld\n", "no end": "hello", "dashes": "- a\n-b\n--\n-----BEGIN PGP SIGNATURE-----\nFrom here\n",
		"empty lines": "\n\nhello\n\n", "CR LF": "one\r\ntwo\r\n", "blanks": "one  \ntwo \t\n\t\n  three\n", "UTF-8": "Grüße\n", "long": strings.Repeat("a line of text\n", 5000),
	}
	for program, sign := range map[string]func(text string) ([]byte, error){
		"gpg": func(text string) ([]byte, error) {
			return run([]byte(text), "gpg", "--homedir", s.homeOf("gpg"), "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", "--clearsign")
		},
		"sqop": func(text string) ([]byte, error) {
			return run([]byte(text), "sqop", "inline-sign", "--as=clearsigned", s.sec)
		},
		"pgpainless-cli": func(text string) ([]byte, error) {
			return run([]byte(text), "pgpainless-cli", "inline-sign", "--as=clearsigned", s.sec)
		},
		"sq": func(text string) ([]byte, error) {
			return run(nil, "sq", "sign", "--cleartext-signature", "--signer-key", s.sec, file(t, []byte(text)))
		},
		"rnp": func(text string) ([]byte, error) {
			out := filepath.Join(t.TempDir(), "out")
			if _, err := run(nil, "rnp", "--homedir", s.homeOf("rnp"), "--password", "", "--clearsign", "--output", out, file(t, []byte(text))); err != nil {
				return nil, err
			}
			return os.ReadFile(out)
		},
	} {
		t.Run(program, func(t *testing.T) {
			s.setUp(t, program)
			for name, text := range texts {
				msg, err := sign(text)
				require.NoError(t, err, name)
				m, err := s.opener(t).Verify(bytes.NewReader(msg))
				if program == "pgpainless-cli" && name == "blanks" {
					// It digests blanks at the ends of lines, against RFC 9580,
					// Section 7.2: nobody else takes such a signature either.
					require.ErrorIs(t, err, envelope.ErrSignature)
					continue
				}
				require.NoError(t, err, "%s: %.500s", name, msg)
				got, err := io.ReadAll(m)
				require.NoError(t, err)
				require.NoError(t, m.Close())
				// The last line end is not covered either, unless a program puts one more.
				want := covered(text)
				require.Contains(t, []string{want, strings.TrimSuffix(want, "\n")}, string(got), name)
				bad := bytes.Clone(msg)
				bad[bytes.LastIndexByte(bad[:bytes.LastIndex(bad, []byte("-----BEGIN"))], 'e')] = 'E'
				_, err = s.opener(t).Verify(bytes.NewReader(bad))
				require.ErrorIs(t, err, envelope.ErrSignature, name)
			}
		})
	}
}

// covered takes from a text what is not covered by a cleartext signature: blanks
// at the ends of lines, and the kind of line ends.
func covered(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t")
	}
	return strings.Join(lines, "\n")
}

// Text signatures, detached and inline, of content with either kind of line
// ends are valid for every program; the detached ones whatever line ends the
// content has by then.
func TestTextSignatures(t *testing.T) {
	if drivers() == "" {
		missing(t, "the folder of the peers (DKB_PEERS)")
	}
	s := newSigner(t)
	const lf = "one \ntwo\n\nthree"
	crlf := strings.ReplaceAll(lf, "\n", "\r\n")
	sign := func(text string, begin func(*envelope.Sealer, io.Writer) (*envelope.Writer, error)) []byte {
		var out bytes.Buffer
		w, err := begin(&envelope.Sealer{Armor: true, Text: true, Signers: []envelope.Signer{s.key.Signer()}}, &out)
		require.NoError(t, err)
		_, err = io.WriteString(w, text)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return out.Bytes()
	}
	type verify struct {
		detached func(sig string, text []byte) error
		inline   func(msg []byte) ([]byte, error)
	}
	for program, v := range map[string]verify{
		"gpg": {
			func(sig string, text []byte) error {
				_, err := run(text, "gpg", "--homedir", s.homeOf("gpg"), "--batch", "--verify", sig, "-")
				return err
			},
			func(msg []byte) ([]byte, error) {
				return run(msg, "gpg", "--homedir", s.homeOf("gpg"), "--batch", "--decrypt")
			},
		},
		"sqop": {
			func(sig string, text []byte) error { _, err := run(text, "sqop", "verify", sig, s.cert); return err },
			func(msg []byte) ([]byte, error) { return run(msg, "sqop", "inline-verify", s.cert) },
		},
		"pgpainless-cli": {
			func(sig string, text []byte) error {
				_, err := run(text, "pgpainless-cli", "verify", sig, s.cert)
				return err
			},
			func(msg []byte) ([]byte, error) { return run(msg, "pgpainless-cli", "inline-verify", s.cert) },
		},
		"rnp": {
			func(sig string, text []byte) error {
				_, err := run(nil, "rnp", "--homedir", s.homeOf("rnp"), "--source", file(t, text), "--verify", sig)
				return err
			},
			func(msg []byte) ([]byte, error) {
				return run(nil, "rnp", "--homedir", s.homeOf("rnp"), "--verify", "--output", "-", file(t, msg))
			},
		},
	} {
		t.Run(program, func(t *testing.T) {
			s.setUp(t, program)
			for _, text := range []string{lf, crlf} {
				sig := file(t, sign(text, (*envelope.Sealer).SignDetached))
				require.NoError(t, v.detached(sig, []byte(lf)))
				require.NoError(t, v.detached(sig, []byte(crlf)))
				require.Error(t, v.detached(sig, []byte(lf+"!")))
				got, err := v.inline(sign(text, (*envelope.Sealer).Sign))
				require.NoError(t, err)
				require.Equal(t, crlf, strings.ReplaceAll(strings.ReplaceAll(string(got), "\r\n", "\n"), "\n", "\r\n"))
			}
		})
	}
}
