package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// The exit statuses are a promise: each class, bare and as it arrives, under
// what the program says around it.
func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("anything"), 1},
		{fs.ErrExist, 1},
		{syscall.ENOSPC, 1},
		{io.ErrUnexpectedEOF, 1},
		{&envelope.MixedError{}, 1},
		{keyring.ErrRefused, 2},
		{&keyring.MismatchError{}, 2},
		{&keyring.ExpiredError{}, 2},
		{&keyring.RevokedError{}, 2},
		{&keyring.UnusableError{}, 2},
		{&thumbprintError{}, 2},
		{&envelope.RecipientsError{}, 2},
		{&envelope.UnknownReaderError{}, 2},
		{&envelope.LoweredError{}, 2},
		{envelope.ErrNotForYou, 3},
		{envelope.ErrDecrypt, 4},
		{envelope.ErrFormat, 4},
		{base64.CorruptInputError(3), 4},
		{badMail(io.EOF), 4},
		{envelope.ErrSignature, 5},
		{&envelope.LimitError{}, 6},
	} {
		t.Run(fmt.Sprintf("%T %v", c.err, c.err), func(t *testing.T) {
			require.Equal(t, c.want, exitCode(c.err))
			require.Equal(t, c.want, exitCode(failed("opening", "x", c.err)))
		})
	}
}

func TestOneLine(t *testing.T) {
	for _, c := range [][2]string{
		{"plain", "plain"},
		{"two\nlines\n", "two; lines"},
		{"cr\rback", `cr\rback`},
		{"colour \x1b[31m", `colour \x1b[31m`},
		{"turned \u202e round", `turned \u202e round`},
		{"c1 \u009b31m", `c1 \u009b31m`},
		{"bad \xff", "bad \ufffd"},
		{"Ärzte 医", "Ärzte 医"},
	} {
		require.Equal(t, c[1], oneLine(c[0]))
	}
}

// What programs read is shown in terminals too, and reads as before.
func TestEncodeJSON(t *testing.T) {
	for _, s := range []string{
		"plain <&>", "delete \x7f", "Ärzte 医 \U0001F511", "colour \x1b[31m", "c1 \u009b31m", "turned \u202e round", "line\u2028end", "tag \U000E0041",
	} {
		var b bytes.Buffer
		require.NoError(t, encodeJSON(&b, []string{s}))
		for _, r := range b.String() {
			require.True(t, r == '\n' || strconv.IsGraphic(r), "%q", r)
		}
		var back []string
		require.NoError(t, json.Unmarshal(b.Bytes(), &back))
		require.Equal(t, []string{s}, back)
	}
}

func TestSplitNamed(t *testing.T) {
	forty := strings.Repeat("0123456789", 4)
	for _, c := range []struct {
		in, file, want, address, err string
	}{
		{in: "bob.pub=" + forty, file: "bob.pub", want: forty},
		{in: "a=b.pub=" + forty, file: "a=b.pub", want: forty},
		{in: "bob.pub=sha1:" + forty, file: "bob.pub", want: "sha1:" + forty},
		{in: "bob.pub=bob@example.org", file: "bob.pub", address: "bob@example.org"},
		{in: "bob@example.org", address: "bob@example.org"},
		{in: "a=b@example.org", file: "a", address: "b@example.org"},
		{in: "bob.pub=", err: "not a fingerprint"},
		{in: "bob.pub=" + forty[1:], err: "fingerprint"},
		{in: "bob.pub=Bob <bob@example.org>", err: "not a fingerprint"},
		{in: "bob.pub=0123456789abcdef", err: "key ID"},
		{in: "bob.pub", err: "FILE=FINGERPRINT"},
		{in: "", err: "FILE=FINGERPRINT"},
	} {
		n, err := splitNamed("--to", c.in)
		if c.err != "" {
			require.ErrorContains(t, err, c.err, c.in)
			continue
		}
		require.NoError(t, err, c.in)
		require.Equal(t, c.file, n.file, c.in)
		require.Equal(t, c.address, n.address, c.in)
		require.Equal(t, c.want, n.want.String(), c.in)
	}
}

func TestKindOf(t *testing.T) {
	for in, want := range map[string]kind{
		"-----BEGIN PGP PUBLIC KEY BLOCK-----":             kindPGP,
		"comment\n-----BEGIN PGP PRIVATE KEY BLOCK-----":   kindPGP,
		"\x99\x01\x0d\x04":                                 kindPGP,
		"\xc6\x33\x04":                                     kindPGP,
		"-----BEGIN CERTIFICATE-----":                      kindSMIME,
		"Bag Attributes\n-----BEGIN ENCRYPTED PRIVATE KEY": kindSMIME,
		"\x30\x82\x01\x00":                                 kindSMIME,
		"hello":                                            "",
		"\x00":                                             "",
		"-----BEGIN CERTIFICATE-----\n-----BEGIN PGP PUBLIC KEY BLOCK-----": "",
	} {
		got, err := kindOf([]byte(in))
		require.Equal(t, want, got, "%q", in)
		require.Equal(t, want == "", err != nil, "%q", in)
	}
}
