//lint:file-ignore SA1019 PKCS #1 v1.5 is what most S/MIME mail and all of OpenPGP is encrypted with.

package gpgagent

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSexp(t *testing.T) {
	for s, want := range map[string]string{
		"(7:sig-val(3:rsa(1:s3:abc)))":             "abc",
		"(7:sig-val(3:rsa(1:s3:abc)))\x00\x00":     "abc",
		"(7:sig-val(3:dsa)(3:rsa(1:x1:y)(1:s0:)))": "",
		"(7:sig-val(3:rsa(1:s3:a)b)))":             "a)b",
	} {
		e, err := parseSexp([]byte(s))
		require.NoError(t, err, s)
		v, err := e.value("sig-val", "rsa", "s")
		require.NoError(t, err, s)
		require.Equal(t, want, string(v))
	}
	for _, s := range []string{
		"", "\x00", "(", ")", "()x", "3:abc", "(3:abc", "(3:abcd)", "(3abc)", "(03:abc)", "(:abc)", "(3:ab)", "(3:abc))", "(3:abc)(3:abc)",
		"(99999999999999999999:a)", "(-1:a)", "( 1:a)", strings.Repeat("(", maxDepth+1) + strings.Repeat(")", maxDepth+1), "(" + strings.Repeat("1:a", maxParts+1) + ")",
	} {
		_, err := parseSexp([]byte(s))
		require.Equal(t, errSexp, err, s)
	}
	for _, s := range []string{"(7:sig-vax(3:rsa(1:s3:abc)))", "(7:sig-val(3:dsa(1:s3:abc)))", "(7:sig-val(3:rsa(1:r3:abc)))", "(7:sig-val(3:rsa(1:s)))", "(7:sig-val(3:rsa(1:s1:a1:b)))", "(7:sig-val(3:rsa(1:s(1:a))))", "()"} {
		e, err := parseSexp([]byte(s))
		require.NoError(t, err, s)
		_, err = e.value("sig-val", "rsa", "s")
		require.Equal(t, errSexp, err, s)
	}
	_, err := parseSexp([]byte(strings.Repeat("(", maxDepth) + strings.Repeat(")", maxDepth)))
	require.NoError(t, err)
}

func FuzzSexp(f *testing.F) {
	f.Add([]byte("(7:sig-val(5:ecdsa(1:r1:a)(1:s1:b)))\x00"))
	f.Add([]byte("(5:value3:abc)"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseSexp(b)
		if err != nil {
			return
		}
		// Canonical: there is one way to write it.
		require.True(t, bytes.Equal(bytes.TrimRight(b, "\x00"), write(e)))
	})
}

func write(e sexp) []byte {
	if e.list == nil {
		return append([]byte(big.NewInt(int64(len(e.atom))).String()+":"), e.atom...)
	}
	out := []byte("(")
	for _, p := range e.list {
		out = append(out, write(p)...)
	}
	return append(out, ')')
}

// TestKeygripRefuses: the right ones are held against gpg in TestOpenPGP.
func TestKeygripRefuses(t *testing.T) {
	if fips140.Enforced() {
		_, err := KeygripOf(ed25519.PublicKey(make([]byte, 32)))
		require.Equal(t, errFIPS, err)
		return
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	require.NoError(t, err)
	for _, k := range []crypto.PublicKey{nil, "key", (*rsa.PublicKey)(nil), &rsa.PublicKey{}, &rsa.PublicKey{N: new(big.Int)}, (*ecdsa.PublicKey)(nil), &ecdsa.PublicKey{}, &p224.PublicKey, ed25519.PublicKey{1}} {
		_, err := KeygripOf(k)
		require.Equal(t, errKind, err)
	}
}

// fake is an agent that says what it is told to, line by line, whatever it hears,
// and returns what it heard.
func fake(t *testing.T, says string) (*Agent, func() string) {
	dir, err := os.MkdirTemp("", "agent")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	a := &Agent{Socket: filepath.Join(dir, "s"), Passphrase: func(string) (string, error) { return "50%\n", nil }}
	l, err := net.Listen("unix", a.Socket)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	heard := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, "OK Pleased\nOK\n"+says)
		if u, ok := c.(*net.UnixConn); ok {
			u.CloseWrite()
		}
		b, _ := io.ReadAll(c)
		heard <- string(b)
	}()
	return a, func() string { return <-heard }
}

func ask(a *Agent, give map[string][]byte) ([]byte, error) {
	c, err := a.dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.command(give, "ASK")
}

func TestAnswers(t *testing.T) {
	a, heard := fake(t, "# note\n#note\nS PROGRESS x\nD a%25b%0A\nD c\nINQUIRE PASSPHRASE\nINQUIRE CIPHERTEXT\nINQUIRE PINENTRY_LAUNCHED 1\nINQUIRE OTHER\nOK done\n")
	b, err := ask(a, map[string][]byte{"CIPHERTEXT": bytes.Repeat([]byte("\r"), lineData+1)})
	require.NoError(t, err)
	require.Equal(t, "a%b\nc", string(b))
	require.Equal(t, "OPTION pinentry-mode=loopback\nASK\nD 50%25%0A\nEND\nD "+strings.Repeat("%0D", lineData)+"\nD %0D\nEND\nEND\nCAN\n", heard())

	for says, want := range map[string]error{
		"":                                  errShort,
		"OK":                                errShort,
		"D a":                               errShort,
		"MAYBE\n":                           errWord,
		"D a%2\nOK\n":                       errWord,
		"D a%zz\nOK\n":                      errWord,
		"ERR\n":                             errWord,
		"ERR x y\n":                         errWord,
		strings.Repeat("# \n", maxTalk):     errLong,
		"D " + strings.Repeat("a", maxLine): errLong,
		strings.Repeat("D "+strings.Repeat("a", 900)+"\n", maxData/900+1) + "OK\n": errLong,
	} {
		a, _ := fake(t, says)
		_, err := ask(a, nil)
		require.ErrorIs(t, err, want, "%.40q", says)
	}
	a, _ = fake(t, "ERR 67108881 No secret key <GPG Agent>\n")
	has, err := a.Has(Keygrip{})
	require.NoError(t, err)
	require.False(t, has)
	a, _ = fake(t, "ERR 67109139 Unknown IPC command\n")
	_, err = a.Has(Keygrip{})
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, 275, e.Code)
	a, _ = fake(t, "OK\n")
	c, err := a.dial()
	require.NoError(t, err)
	defer c.Close()
	_, err = c.command(nil, strings.Repeat("a", maxLine))
	require.ErrorContains(t, err, "too long for the protocol")
}

// TestWrongSignature: what an agent says is a signature is one, or does not leave.
func TestWrongSignature(t *testing.T) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	digest := make([]byte, 32)
	for says, want := range map[string]error{
		"D (7:sig-val(3:rsa(1:s3:abc)))\n":                                          errFault,
		"D (7:sig-val(5:ecdsa(1:r3:abc)(1:s3:abc)))\n":                              errFault,
		"D (7:sig-val(5:eddsa(1:r3:abc)(1:s3:abc)))\n":                              errFault,
		"D (7:sig-val(5:eddsa(1:r3:abc)(1:s34:" + strings.Repeat("a", 34) + ")))\n": errFault,
		"D (7:sig-val(5:other(1:r3:abc)))\n":                                        errSexp,
		"":                                                                          errSexp,
	} {
		for _, k := range []crypto.PublicKey{&r.PublicKey, &e.PublicKey, public} {
			hash := crypto.SHA256
			if _, ed := k.(ed25519.PublicKey); ed {
				hash = 0
			}
			a, _ := fake(t, "OK\nOK\n"+says+"OK\n")
			_, err := a.key(k, Keygrip{}).(crypto.Signer).Sign(nil, digest, hash)
			require.True(t, errors.Is(err, want) || errors.Is(err, errSexp), "%v", err)
		}
	}
}

// TestCardPadding: a card says that it took the padding off, and gets no other
// answer than the rest.
func TestCardPadding(t *testing.T) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	msg := make([]byte, 256)
	msg[255] = 5
	for _, c := range []struct {
		says string
		opts crypto.DecrypterOpts
		want string // "": random
	}{
		{"S PADDING 0\nD (5:value4:abcd)\n", nil, "abcd"},
		{"S PADDING 0\nD (5:value4:abcd)\n", &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 4}, "abcd"},
		{"S PADDING 0\nD (5:value4:abcd)\n", &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 5}, ""},
		{"D (5:value4:abcd)\n", &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 4}, ""},
	} {
		a, _ := fake(t, "OK\nINQUIRE CIPHERTEXT\n"+c.says+"OK\n")
		out, err := a.key(&r.PublicKey, Keygrip{}).(crypto.Decrypter).Decrypt(nil, msg, c.opts)
		require.NoError(t, err)
		if c.want == "" {
			require.NotContains(t, string(out), "abcd")
			require.Len(t, out, c.opts.(*rsa.PKCS1v15DecryptOptions).SessionKeyLen)
			continue
		}
		require.Equal(t, c.want, string(out))
	}
	a, _ := fake(t, "OK\nERR 67108869 Bad data\n")
	out, err := a.key(&r.PublicKey, Keygrip{}).(crypto.Decrypter).Decrypt(nil, msg, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 4})
	require.NoError(t, err)
	require.Len(t, out, 4)
	a, _ = fake(t, "OK\nINQUIRE CIPHERTEXT\nD (5:value4:abcd)\nOK\n")
	_, err = a.key(&r.PublicKey, Keygrip{}).(crypto.Decrypter).Decrypt(nil, msg, nil)
	require.Equal(t, rsa.ErrDecryption, err)
}

// TestTrouble: what may depend on the message is not told.
func TestTrouble(t *testing.T) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	msg := make([]byte, 256)
	msg[255] = 5
	for says, told := range map[string]bool{
		"ERR 67108881 No secret key\n":       true,
		"ERR 67108875 Bad passphrase\n":      true,
		"ERR 67108963 Operation cancelled\n": true,
		"ERR 67108869 Bad data\n":            false,
		"D (5:value4:abcd\nOK\n":             false,
		"":                                   true,
	} {
		a, _ := fake(t, "OK\n"+says)
		_, err := a.key(&r.PublicKey, Keygrip{}).(crypto.Decrypter).Decrypt(nil, msg, nil)
		require.Error(t, err)
		require.Equal(t, told, a.Trouble() != nil, says)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("S x\nD a%25\nOK\n")
	f.Add("INQUIRE PASSPHRASE\nERR 1 a\n")
	f.Fuzz(func(t *testing.T, says string) {
		here, there := net.Pipe()
		defer there.Close()
		go io.Copy(io.Discard, there)
		c := &conn{Conn: here, in: bufio.NewReaderSize(strings.NewReader(says), maxLine), status: map[string]string{}}
		b, err := c.answer(nil)
		here.Close()
		require.LessOrEqual(t, len(b), maxData)
		require.True(t, err != nil || strings.Contains(says, "OK"))
	})
}
