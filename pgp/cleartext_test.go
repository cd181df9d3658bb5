package pgp_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// frame is a cleartext signature around body, whose dashes are escaped already,
// by a detached signature.
func frame(hash, body string, sig []byte) string {
	return "-----BEGIN PGP SIGNED MESSAGE-----\n" + hash + "\n" + body + "\n" + string(sig)
}

// signedAs is a detached, armored signature over exactly these octets, of the
// type that cleartext signatures have.
func signedAs(t testing.TB, k *pgp.Key, text string) []byte {
	t.Helper()
	var sig bytes.Buffer
	w, err := (&envelope.Sealer{Armor: true, Text: true, Signers: []envelope.Signer{k.Signer()}}).SignDetached(&sig)
	require.NoError(t, err)
	_, err = io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return sig.Bytes()
}

func readSigned(o *envelope.Opener, src io.Reader) (string, *envelope.Report, error) {
	m, err := o.Verify(src)
	if err != nil {
		return "", nil, err
	}
	defer m.Close()
	got, err := io.ReadAll(m)
	return string(got), m.Report(), err
}

// Text comes out exactly as it is signed: what the framework adds is gone, and
// so is what it does not sign.
func TestCleartext(t *testing.T) {
	tests := []struct {
		name, hash, body string
		signed           string // canonical: what the digest is over
		want             string
		trimmed          bool
	}{
		{name: "one line", body: "hello", signed: "hello", want: "hello"},
		{name: "nothing", body: "", signed: "", want: ""},
		{name: "an empty line", body: "\n", signed: "\r\n", want: "\n"},
		{name: "a line and its end", body: "hello\n", signed: "hello\r\n", want: "hello\n"},
		{name: "empty lines around", body: "\n\nhello\n\n", signed: "\r\n\r\nhello\r\n\r\n", want: "\n\nhello\n\n"},
		{name: "CR LF", body: "one\r\ntwo\r", signed: "one\r\ntwo", want: "one\ntwo"},
		{name: "mixed", body: "one\r\ntwo\nthree", signed: "one\r\ntwo\r\nthree", want: "one\ntwo\nthree"},
		{name: "escaped dashes", body: "- -----BEGIN PGP SIGNATURE-----\n- - \n- -\n- ", signed: "-----BEGIN PGP SIGNATURE-----\r\n-\r\n-\r\n", want: "-----BEGIN PGP SIGNATURE-----\n-\n-\n", trimmed: true},
		{name: "escaped without need", body: "- From here\n-  two", signed: "From here\r\n two", want: "From here\n two"},
		{name: "trailing blanks", body: "one \t\ntwo\t \r\n \t\nthree ", signed: "one\r\ntwo\r\n\r\nthree", want: "one\ntwo\n\nthree", trimmed: true},
		{name: "leading blanks", body: " one\n\t-----BEGIN PGP SIGNATURE-----", signed: " one\r\n\t-----BEGIN PGP SIGNATURE-----", want: " one\n\t-----BEGIN PGP SIGNATURE-----"},
		{name: "form feed", body: "one\f\n\vtwo \f", signed: "one\f\r\n\vtwo \f", want: "one\f\n\vtwo \f"},
		{name: "CR in a line", body: "one\rtwo\n\rthree", signed: "one\rtwo\r\n\rthree", want: "one\rtwo\n\rthree"},
		{name: "CR before CR LF", body: "one\r\r\ntwo", signed: "one\r\r\ntwo", want: "one\r\ntwo"},
		{name: "blank, CR, LF", body: "one \r\ntwo \r", signed: "one\r\ntwo", want: "one\ntwo", trimmed: true},
		{name: "no-break space", body: "one\u00a0\ntwo\u2028", signed: "one\u00a0\r\ntwo\u2028", want: "one\u00a0\ntwo\u2028"},
		{name: "no UTF-8", body: "\xff\xfe", signed: "\xff\xfe", want: "\xff\xfe"},
		{name: "byte order mark", body: "\ufeffone", signed: "\ufeffone", want: "\ufeffone"},
		{name: "looks like a header", body: "Hash: SHA512\n\ntext", signed: "Hash: SHA512\r\n\r\ntext", want: "Hash: SHA512\n\ntext"},
		{name: "hash", hash: "Hash: SHA512\n", body: "x", signed: "x", want: "x"},
		{name: "another hash", hash: "Hash: MD5\n", body: "x", signed: "x", want: "x"},
		{name: "hashes", hash: "Hash: SHA256,SHA3-512, SHA1\nHash: RIPEMD160\r\n", body: "x", signed: "x", want: "x"},
		{name: "long line", body: strings.Repeat("a ", 100<<10) + "b", signed: strings.Repeat("a ", 100<<10) + "b", want: strings.Repeat("a ", 100<<10) + "b"},
		{name: "long", body: strings.Repeat("line\n", 100<<10), signed: strings.Repeat("line\r\n", 100<<10), want: strings.Repeat("line\n", 100<<10)},
	}
	for _, kind := range []string{"curve25519", "v6"} {
		k := key(t, kind)
		o := &envelope.Opener{Senders: []*keyring.Verified{verified(t, k)}}
		for _, tt := range tests {
			t.Run(kind+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				text := frame(tt.hash, tt.body, signedAs(t, k, tt.signed))
				for name, src := range map[string]io.Reader{
					"seekable": strings.NewReader(text), "pipe": struct{ io.Reader }{iotest.HalfReader(strings.NewReader(text))},
					"white space around": strings.NewReader("\ufeff\n \r\n" + text + "\n \r\n"),
				} {
					got, r, err := readSigned(o, src)
					require.NoError(t, err, name)
					require.True(t, tt.want == got, "%s: %.200q", name, got)
					require.Equal(t, "CleartextSignature", r.Container)
					require.Len(t, r.Signatures, 1)
					require.True(t, r.Signatures[0].Valid() && r.Signatures[0].Text && r.Armored && !r.Encrypted)
					require.Equal(t, tt.trimmed, strings.Contains(join(r.Findings), "were left out"))
				}
				r, err := envelope.Inspect(strings.NewReader(text), pgp.Format())
				require.NoError(t, err)
				require.Equal(t, "CleartextSignature", r.Container)
				require.Len(t, r.Signatures, 1)
				require.False(t, r.Signatures[0].Valid())
			})
		}
	}
}

// What was forged with the framework in other programs, each beside what it
// differs from in one place: CVE-2019-11841, CVE-2023-41037, CVE-2025-68972 and
// their kin.
func TestCleartextRefused(t *testing.T) {
	k := key(t, "curve25519")
	o := &envelope.Opener{Senders: []*keyring.Verified{verified(t, k)}}
	const body = "pay 1\n- - to Bob\nend"
	good := frame("Hash: SHA512\n", body, signedAs(t, k, "pay 1\r\n- to Bob\r\nend"))
	_, _, err := readSigned(o, strings.NewReader(good))
	require.NoError(t, err)
	type change struct {
		name, from, to string
		err            error
	}
	format, bad := envelope.ErrFormat, envelope.ErrSignature
	tests := []change{
		{"text before", "-----BEGIN PGP SIGNED", "Hi\n-----BEGIN PGP SIGNED", format},
		{"text after", "-----END PGP SIGNATURE-----", "-----END PGP SIGNATURE-----\nPS", format},
		{"second message after", "-----END PGP SIGNATURE-----", "-----END PGP SIGNATURE-----\n" + good, format},
		{"text on the first line", "SIGNED MESSAGE-----", "SIGNED MESSAGE----- pay 2", format},
		{"lower case", "BEGIN PGP SIGNED", "Begin PGP Signed", format},
		{"no empty line", "Hash: SHA512\n\n", "Hash: SHA512\n", format},
		{"no header, no empty line", "Hash: SHA512\n\n", "", format},
		{"blank line", "Hash: SHA512\n\n", "Hash: SHA512\n \n", format},
		{"tab line", "Hash: SHA512\n\n", "Hash: SHA512\n\t\n", format},
		{"form feed line", "Hash: SHA512\n\n", "Hash: SHA512\n\f\n", format},
		{"CR line", "Hash: SHA512\n\n", "Hash: SHA512\n\r\r\n", format},
		{"one CR for the line ends", "Hash: SHA512\n\n", "Hash: SHA512\r\r", format},
		{"text in the header", "Hash: SHA512\n", "Hash: SHA512\rpay 2\n", format},
		{"text as a hash", "Hash: SHA512\n", "Hash: SHA512, pay 2\n", format},
		{"text before Hash", "Hash: SHA512\n", "pay 2 Hash: SHA512\n", format},
		{"unknown hash", "Hash: SHA512\n", "Hash: SHA513\n", format},
		{"no hash", "Hash: SHA512\n", "Hash: \n", format},
		{"lower-case hash", "Hash: SHA512\n", "Hash: sha512\n", format},
		{"lower-case header", "Hash: SHA512\n", "hash: SHA512\n", format},
		{"no blank in the header", "Hash: SHA512\n", "Hash:SHA512\n", format},
		{"form feed in the header", "Hash: SHA512\n", "Hash: SHA512\f\n", format},
		{"tab in the header", "Hash: SHA512\n", "Hash: SHA512\tpay 2\n", format},
		{"blank before the header", "Hash: SHA512\n", " Hash: SHA512\n", format},
		{"Charset", "Hash: SHA512\n", "Hash: SHA512\nCharset: UTF-8\n", format},
		{"Comment", "Hash: SHA512\n", "Hash: SHA512\nComment: pay 2\n", format},
		{"Version", "Hash: SHA512\n", "Version: 1\nHash: SHA512\n", format},
		{"NotDashEscaped", "Hash: SHA512\n", "Hash: SHA512\nNotDashEscaped: true\n", format},
		{"SaltedHash", "Hash: SHA512\n", "SaltedHash: SHA512:AAAA\n", format},
		{"a line of text for a header", "Hash: SHA512\n", "Hash: SHA512\npay 2: yes\n", format},
		{"text on the empty line", "\n\npay 1", "\npay 2\n\npay 1", format},
		{"line before", "pay 1", "pay 2\npay 1", bad},
		{"empty line before", "pay 1", "\npay 1", bad},
		{"empty line after", "end\n", "end\n\n", bad},
		{"line missing", "pay 1\n", "", bad},
		{"another text", "pay 1", "pay 2", bad},
		{"form feed after", "pay 1\n", "pay 1\f\n", bad},
		{"vertical tab after", "pay 1\n", "pay 1\v\n", bad},
		{"CR after", "pay 1\n", "pay 1\r\r\n", bad},
		{"CR for a line end", "pay 1\n", "pay 1\r", bad},
		{"text behind a CR", "pay 1\n", "pay 1\rpay 2\n", bad},
		{"no-break space after", "pay 1\n", "pay 1\u00a0\n", bad},
		{"NUL", "pay 1\n", "pay 1\x00 or 2\n", format},
		{"NUL in the header", "Hash: SHA512\n", "Hash: SHA512\x00\n", format},
		{"dash not escaped", "- - to", "- to", bad},
		{"dash without blank", "- - to", "-- to", format},
		{"dash alone", "- - to Bob", "-", format},
		{"dash and tab", "- - to", "-\t- to", format},
		{"escaped twice", "- - to", "- - - to", bad},
		{"another begin", "- - to Bob\n", "-----BEGIN PGP SIGNED MESSAGE-----\n", format},
		{"another begin, escaped", "- - to Bob\n", "- -----BEGIN PGP SIGNED MESSAGE-----\n", bad},
		{"another block", "- - to Bob\n", "-----BEGIN PGP MESSAGE-----\n", format},
		{"an end", "- - to Bob\n", "-----END PGP SIGNATURE-----\n", format},
		{"an end of the text", "- - to Bob\n", "-----BEGIN PGP SIGNATURE-----\n", format},
		{"text on the line of the signature", "BEGIN PGP SIGNATURE-----", "BEGIN PGP SIGNATURE----- pay 2", format},
		{"form feed on it", "BEGIN PGP SIGNATURE-----", "BEGIN PGP SIGNATURE-----\f", format},
		{"signature escaped", "-----BEGIN PGP SIGNATURE-----", "- -----BEGIN PGP SIGNATURE-----", format},
		{"blank before it", "-----BEGIN PGP SIGNATURE-----", " -----BEGIN PGP SIGNATURE-----", format},
		{"another end of the signature", "END PGP SIGNATURE", "END PGP MESSAGE", format},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Contains(t, good, tt.from)
			text := strings.Replace(good, tt.from, tt.to, 1)
			for _, text := range []string{text, strings.ReplaceAll(text, "\n", "\r\n")} {
				got, _, err := readSigned(o, strings.NewReader(text))
				require.ErrorIs(t, err, tt.err)
				require.Empty(t, got)
				_, err = envelope.Inspect(strings.NewReader(text), pgp.Format())
				require.Equal(t, tt.err == format, err != nil)
			}
		})
	}
	for n := range len(good) - 1 {
		_, _, err := readSigned(o, strings.NewReader(good[:n]))
		require.ErrorIs(t, err, format, n)
	}
}

// A signature of another type, or a message, is none of a cleartext.
func TestCleartextSignatures(t *testing.T) {
	k, eve := key(t, "curve25519"), key(t, "other")
	o := &envelope.Opener{Senders: []*keyring.Verified{verified(t, k)}}
	read := func(text string) (string, *envelope.Report, error) { return readSigned(o, strings.NewReader(text)) }

	_, _, err := read(frame("", "hello", detached(t, true, []byte("hello"), k)))
	require.ErrorIs(t, err, envelope.ErrSignature)
	require.ErrorContains(t, err, "binary")
	_, _, err = read(frame("", "hello", inline(t, true, []byte("hello"), k)))
	require.ErrorIs(t, err, envelope.ErrFormat)
	_, _, err = read(frame("", "hello", signedAs(t, eve, "hello")))
	require.ErrorIs(t, err, envelope.ErrSignature)
	_, _, err = read(frame("", "hello", []byte("-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n")))
	require.ErrorIs(t, err, envelope.ErrFormat)

	var both bytes.Buffer
	w, err := (&envelope.Sealer{Armor: true, Text: true, Signers: []envelope.Signer{eve.Signer(), k.Signer()}}).SignDetached(&both)
	require.NoError(t, err)
	_, err = io.WriteString(w, "hello")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	got, r, err := read(frame("", "hello", both.Bytes()))
	require.NoError(t, err)
	require.Equal(t, "hello", got)
	require.Len(t, r.Signatures, 2)

	good := frame("", "hello", signedAs(t, k, "hello"))
	_, _, err = open(opener(k), strings.NewReader(good))
	require.ErrorIs(t, err, envelope.ErrFormat)
	_, err = o.VerifyDetached(strings.NewReader(good), strings.NewReader("hello"))
	require.ErrorIs(t, err, envelope.ErrFormat)
	for _, at := range []int{10, 60, len(good) - 5} {
		broken := errors.New("broken")
		_, _, err = read("")
		require.Error(t, err)
		_, _, err = readSigned(o, io.MultiReader(strings.NewReader(good[:at]), iotest.ErrReader(broken)))
		require.ErrorIs(t, err, broken)
	}
}

// Limits hold however long the lines and however many the headers are.
func TestCleartextLimits(t *testing.T) {
	k := key(t, "curve25519")
	o := &envelope.Opener{Senders: []*keyring.Verified{verified(t, k)}}
	sig := signedAs(t, k, "")
	for n, ok := range map[int]bool{256<<10 - 1: true, 256 << 10: false, 4 << 20: false} {
		_, _, err := readSigned(o, strings.NewReader(frame("", strings.Repeat(" ", n), sig)))
		require.Equal(t, ok, err == nil, n)
		if !ok {
			require.ErrorIs(t, err, envelope.ErrLimit)
		}
	}
	for n, ok := range map[int]bool{15: true, 16: false} {
		_, _, err := readSigned(o, strings.NewReader(frame(strings.Repeat("Hash: SHA512\n", n), "", sig)))
		require.Equal(t, ok, err == nil, n)
		if !ok {
			require.ErrorIs(t, err, envelope.ErrLimit)
		}
	}
}

// FuzzCleartext: what is accepted is a text that the signature covers: framed
// again from what came out it is accepted again and gives the same.
func FuzzCleartext(f *testing.F) {
	k := key(f, "curve25519")
	o := &envelope.Opener{Senders: []*keyring.Verified{verified(f, k)}}
	const signed = "one\r\n- two\r\n\r\nthree\f"
	sig := signedAs(f, k, signed)
	for _, body := range []string{"one\n- - two\n\nthree\f", "one \r\n- - two\t\r\n\r\nthree\f\r", "one\n-- two", "\r\r\n\x00", "one\f\n- - two\n\nthree\f"} {
		f.Add("Hash: SHA512\n", body)
	}
	f.Add("Hash: SHA512\n\none", "- - two\n\nthree\f")
	f.Add("", "one\r- - two\n\nthree\f")
	f.Fuzz(func(t *testing.T, hash, body string) {
		got, _, err := readSigned(o, strings.NewReader(frame(hash, body, sig)))
		if err != nil {
			require.Empty(t, got)
			return
		}
		require.Equal(t, signed, strings.ReplaceAll(got, "\n", "\r\n"))
	})
}
