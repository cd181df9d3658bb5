package smime_test

import (
	"bufio"
	"bytes"
	"crypto/fips140"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// corpusRow is one line of testdata/corpus.txt, whose header explains it.
type corpusRow struct {
	file, how, want, source string
	line                    int
}

func readCorpus(t *testing.T) (rows []corpusRow) {
	f, err := os.Open(filepath.Join("testdata", "corpus.txt"))
	require.NoError(t, err)
	defer f.Close()
	sc := bufio.NewScanner(f)
	for n := 1; sc.Scan(); n++ {
		words := strings.Fields(sc.Text())
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		require.GreaterOrEqual(t, len(words), 4, "line %d", n)
		if words[3] == "own" {
			require.Greater(t, len(words), 4, "line %d: a decision of our own has a reason", n)
		}
		rows = append(rows, corpusRow{words[0], words[1], words[2], words[3], n})
	}
	return rows
}

// pkcs7Part is a part of a mail that is CMS.
var pkcs7Part = regexp.MustCompile(`(?is)content-type: *application/(?:x-)?pkcs7-(?:mime|signature).*?\r?\n\r?\n([A-Za-z0-9+/=\r\n]+)`)

// message returns the CMS of a row: the file, or with #N its part N.
func (r corpusRow) message(t *testing.T, dir string) []byte {
	name, part, mail := strings.Cut(r.file, "#")
	b, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	if !mail {
		return b
	}
	n, err := strconv.Atoi(part)
	require.NoError(t, err)
	parts := pkcs7Part.FindAllSubmatch(b, -1)
	require.Greater(t, len(parts), n, r.file)
	der, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "").Replace(string(parts[n][1])))
	require.NoError(t, err, r.file)
	return der
}

// corpusPeople are those that the messages are sealed to or signed by.
type corpusPeople struct {
	identities []envelope.Identity
	senders    []*keyring.Verified
}

func readCorpusPeople(t *testing.T, dir string) (p corpusPeople) {
	for _, f := range []struct{ key, cert, passphrase string }{
		{"rfc4134/BobPrivRSAEncrypt.pri", "rfc4134/BobRSASignByCarl.cer", ""},
		{"rfc4134/AlicePrivRSASign.pri", "rfc4134/AliceRSASignByCarl.cer", ""},
		{"comm-central/mailnews/test/data/smime-interop/Fran.p12", "", "nss"},
		{"comm-central/mailnews/test/data/smime-interop/Fran-ec.p12", "", "nss"},
		{"comm-central/mail/test/browser/smime/data/Bob.p12", "", "nss"},
		{"comm-central/mail/test/browser/smime/data/Alice.p12", "", "nss"},
		{"comm-central/mailnews/test/data/smime/Alice.p12", "", "nss"},
		{"comm-central/mailnews/test/data/smime/Bob.p12", "", "nss"},
		{"boringssl/pkcs7/test/sign_key.pem", "boringssl/pkcs7/test/sign_cert.pem", ""},
	} {
		k, err := smime.ParseKey(bytes.NewReader(pairFile(t, dir, f.key, f.cert)), []byte(f.passphrase))
		require.NoError(t, err, f.key)
		p.identities = append(p.identities, k.Identity())
		c := k.Certificate()
		v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
		require.NoError(t, err, f.key)
		p.senders = append(p.senders, v)
	}
	return p
}

// pairFile is a key with its certificate, in PEM; without a certificate the
// file as it is.
func pairFile(t *testing.T, dir, key, cert string) []byte {
	b, err := os.ReadFile(filepath.Join(dir, key))
	require.NoError(t, err)
	if cert == "" {
		return b
	}
	c, err := os.ReadFile(filepath.Join(dir, cert))
	require.NoError(t, err)
	if !bytes.Contains(b, []byte("-----BEGIN")) {
		b = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b})
		c = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c})
	}
	return append(append(b, '\n'), c...)
}

// outcome is what came of a message, in the words of the table.
func outcome(err error, done string) string {
	var limit *envelope.LimitError
	switch {
	case err == nil:
		return done
	case errors.Is(err, envelope.ErrNotForYou):
		return "not-for-us"
	case errors.As(err, &limit):
		return "limit"
	case errors.Is(err, envelope.ErrFormat):
		return "refused"
	case errors.Is(err, envelope.ErrDecrypt):
		return "undecryptable"
	}
	for _, s := range [][2]string{{"too weak", "weak"}, {"not supported", "unsupported"}, {"does not match", "bad"}, {"not at hand", "unknown"}, {"it is by somebody else", "somebody-else"}} {
		if errors.Is(err, envelope.ErrSignature) && strings.Contains(err.Error(), s[0]) {
			return s[1]
		}
	}
	return err.Error()
}

// corpusAt is when all certificates of the corpora that matter are valid.
func corpusAt(row corpusRow) func() time.Time {
	year := 2026
	if strings.HasPrefix(row.file, "rfc4134/") {
		year = 2003
	}
	return func() time.Time { return time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC) }
}

// run does with a message what the row says.
func (r corpusRow) run(t *testing.T, dir string, p corpusPeople) string {
	how, argument, _ := strings.Cut(r.how, ":")
	o := envelope.Opener{Identities: p.identities, Senders: p.senders, Time: corpusAt(r)}
	switch how {
	case "open", "legacy":
		msg := r.message(t, dir)
		got, report, err := open(o, bytes.NewReader(msg))
		if how == "legacy" {
			require.Error(t, err, "%s opens without being allowed to", r.file)
			o.Legacy = envelope.Legacy{UnauthenticatedCBC: true, TripleDES: true, RC2: true, RSA1024: true}
			got, report, err = open(o, bytes.NewReader(msg))
		}
		if err == nil {
			require.NotEmpty(t, got, r.file)
			require.Equal(t, how == "legacy", report.Unauthenticated, r.file)
		}
		return outcome(err, "opens")
	case "verify":
		_, _, err := verify(o, bytes.NewReader(r.message(t, dir)))
		return outcome(err, "valid")
	case "detached":
		content, err := os.ReadFile(filepath.Join(dir, argument))
		require.NoError(t, err)
		_, err = o.VerifyDetached(bytes.NewReader(r.message(t, dir)), bytes.NewReader(content))
		return outcome(err, "valid")
	case "inspect":
		report, err := envelope.Inspect(bytes.NewReader(r.message(t, dir)), smime.Format())
		if err != nil {
			return outcome(err, "")
		}
		return strings.ReplaceAll(strings.Join(append([]string{report.Container}, report.Findings...), ":"), " ", "-")
	case "pair":
		return corpusKeys(t, pairFile(t, dir, argument, r.file), nil)
	case "file":
		return corpusKeys(t, r.message(t, dir), []byte(argument))
	}
	t.Fatalf("line %d: what is %q?", r.line, r.how)
	return ""
}

// corpusKeys says what the keys of a file are good for.
func corpusKeys(t *testing.T, file, passphrase []byte) string {
	keys, err := smime.ParseKeys(bytes.NewReader(file), passphrase)
	if err != nil {
		return err.Error()
	}
	var abilities []string
	for _, k := range keys {
		abilities = append(abilities, corpusKey(t, k)...)
	}
	return strings.Join(abilities, "+")
}

// corpusKey shows what a key is good for: a message sealed to it opens, a
// signature of it is valid.
func corpusKey(t *testing.T, k *smime.Key) (abilities []string) {
	c := k.Certificate()
	v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
	require.NoError(t, err)
	var msg bytes.Buffer
	if w, err := (&envelope.Sealer{Profile: envelope.Modern}).Seal(&msg, v); err == nil {
		_, err = w.Write([]byte("sample"))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		got, _, err := open(envelope.Opener{Identities: []envelope.Identity{k.Identity()}}, &msg)
		require.NoError(t, err)
		require.Equal(t, "sample", string(got))
		abilities = append(abilities, "opens")
	}
	msg.Reset()
	if w, err := (&envelope.Sealer{Signers: []envelope.Signer{k.Signer()}}).SignDetached(&msg); err == nil {
		_, err = w.Write([]byte("sample"))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		_, err = (&envelope.Opener{Senders: []*keyring.Verified{v}}).VerifyDetached(&msg, strings.NewReader("sample"))
		require.NoError(t, err)
		abilities = append(abilities, "signs")
	}
	return abilities
}

// TestCorpora holds what others published against the table of what has to
// come out, and prints where the expectations are from.
func TestCorpora(t *testing.T) {
	t.Parallel()
	if fips140.Enforced() {
		t.Skip("skipped: the messages are sealed and signed with what GODEBUG=fips140=only does not allow")
	}
	dir := os.Getenv("DKB_VECTORS")
	if dir == "" {
		t.Skip("DKB_VECTORS is not set: the messages of RFC 4134, RFC 9216, NSS, OpenSSL and BoringSSL were not read")
	}
	p := readCorpusPeople(t, dir)
	rows := readCorpus(t)
	sources := map[string]int{}
	for _, r := range rows {
		if got := r.run(t, dir, p); got != r.want {
			t.Errorf("line %d: %s %s: %s, want %s", r.line, r.how, r.file, got, r.want)
		}
		sources[r.source]++
	}
	fmt.Printf("corpora: %d messages and keys; expectations from %v\n", len(rows), sources)
	require.LessOrEqual(t, sources["own"]*20, len(rows), "decisions of our own are more than one in twenty")
}
