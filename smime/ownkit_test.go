package smime_test

import (
	"bytes"
	"crypto/fips140"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

const ownKit = "testdata/kit"

// leastFaults is how many messages with a fault there must be.
const leastFaults = 400

// readOwnKit reads the files, by name.
func readOwnKit(t testing.TB) map[string]*kitMessage {
	t.Helper()
	all := map[string]*kitMessage{}
	files, err := filepath.Glob(filepath.Join(ownKit, "*.txt"))
	require.NoError(t, err)
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		list, err := parseKit(b)
		require.NoError(t, err, file)
		for _, m := range list {
			require.Equal(t, strings.TrimSuffix(filepath.Base(file), ".txt"), m.group, m.name)
			require.NotContains(t, all, m.name, "twice")
			all[m.name] = m
		}
	}
	return all
}

// TestOwnKitFiles makes the kit anew and holds the files against it. With
// DKB_KIT_WRITE=1 it writes them.
func TestOwnKitFiles(t *testing.T) {
	if fips140.Enforced() {
		t.Skip("skipped: the kit is made with nonces of its own, which GODEBUG=fips140=only does not allow")
	}
	write := os.Getenv("DKB_KIT_WRITE") == "1"
	all := readOwnKit(t)
	made, names := map[string][]byte{}, map[string]bool{}
	for _, m := range kitMessages(func(name string) (*element, string) {
		m := all[name]
		require.NotNil(t, m, "%s was made by a peer, and cannot be made anew", name)
		return readDER(m.body), m.madeBy
	}) {
		require.False(t, names[m.name], "two messages are called %s", m.name)
		names[m.name] = true
		require.LessOrEqual(t, len(m.body), 4<<10, m.name)
		made[m.group+".txt"] = append(made[m.group+".txt"], m.marshal()...)
	}
	for name, k := range kitKeys() {
		made["keys/"+name+".pem"] = k.pem()
	}
	size := 0
	for name, b := range made {
		path := filepath.Join(ownKit, name)
		if write {
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
			require.NoError(t, os.WriteFile(path, b, 0o666))
		}
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(b), string(got), name)
		size += len(b)
	}
	for name := range all {
		require.True(t, names[name], "nothing makes %s", name)
	}
	require.LessOrEqual(t, size, 600<<10)
	t.Logf("%d files, %d octets", len(made), size)
}

// TestOwnKitHeaders holds the headers to what they promise.
func TestOwnKitHeaders(t *testing.T) {
	all := readOwnKit(t)
	var listed []byte
	for _, name := range []string{"mutants.txt", "kit.txt"} {
		b, err := os.ReadFile(filepath.Join("../internal/mutants/testdata", name))
		require.NoError(t, err)
		listed = append(listed, b...)
	}
	faults, checks := 0, map[string]int{}
	byExpect, byGroup := map[string]int{}, map[string]int{}
	for name, m := range all {
		require.NotEmpty(t, m.kind, name)
		require.NotEmpty(t, m.expect, name)
		require.NotEmpty(t, m.inspect, name)
		byExpect[m.expect]++
		byGroup[m.group]++
		if m.twin == "" {
			require.Equal(t, "success", m.expect, name)
			continue
		}
		twin := all[m.twin]
		require.NotNil(t, twin, name)
		require.Empty(t, twin.twin, name)
		require.Equal(t, "success", twin.expect, name)
		require.NotEqual(t, twin.body, m.body, name)
		require.Equal(t, []string{twin.kind, twin.openWith}, []string{m.kind, m.openWith}, name)
		require.NotEmpty(t, m.fault, name)
		require.NotEmpty(t, m.rfc, name)
		if m.expect == "success" {
			require.Empty(t, m.check, name)
			continue
		}
		faults++
		checks[m.check]++
		require.True(t, strings.Contains(string(listed), "\nname: "+m.check+"\n"), "%s: %q is not listed", name, m.check)
	}
	require.GreaterOrEqual(t, faults, leastFaults)
	t.Logf("%d messages, %d with one fault, refused by %d checks", len(all), faults, len(checks))
	t.Logf("by what is expected: %v", byExpect)
	t.Logf("by group: %v", byGroup)
}

// ownKitTime is when the kit's certificates are valid, and its signatures made.
func ownKitTime() time.Time { return time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC) }

// ownKitKeys are the keys that open the kit.
type ownKitKeys struct {
	identities map[string]envelope.Identity
	senders    []*keyring.Verified
	reader     *keyring.Verified
	passphrase *envelope.Passphrase
}

var loadOwnKit = sync.OnceValue(func() *ownKitKeys {
	k := &ownKitKeys{identities: map[string]envelope.Identity{}}
	for _, name := range []string{"p256", "p384", "p521", "x25519", "x448", "ml-kem-768", "signer", "rsa2048"} {
		f := must(os.Open(filepath.Join(ownKit, "keys", name+".pem")))
		key := must(smime.ParseKey(f, nil))
		f.Close()
		k.identities[name] = key.Identity()
		c := key.Certificate()
		v := must(keyring.Verify(c, keyring.Expect(c.Fingerprint())))
		switch name {
		case "signer", "rsa2048":
			k.senders = append(k.senders, v)
		case "p384":
			k.reader = v
		}
	}
	k.identities["shared"] = must(smime.SharedKey([]byte(kitSharedID), kitSharedKey))
	k.passphrase = must(envelope.WeakPassphrase(kitPassphrase))
	return k
})

// opener is who the message is for.
func (m *kitMessage) opener() envelope.Opener {
	k := loadOwnKit()
	o := envelope.Opener{Senders: k.senders, Time: ownKitTime, Formats: []envelope.Format{smime.Format()}, RequireSignature: m.kind == "sealed-signed"}
	switch {
	case m.openWith == "passphrase":
		o.Passphrases = []*envelope.Passphrase{k.passphrase}
	case m.openWith != "":
		o.Identities = []envelope.Identity{k.identities[m.openWith]}
	default: // any key, for a message that is not sealed
		o.Identities = []envelope.Identity{k.identities["shared"]}
	}
	return o
}

// signatureProblems are how an error tells what is wrong with a signature.
var signatureProblems = map[string]string{
	"bad":         "does not match the content",
	"weak":        "is too weak to prove anything",
	"not-in-time": "was made when its key was not valid",
	"unsupported": "is of a kind that is not supported",
	"unchecked":   "was not checked",
	"stranger":    "it is by somebody else",
	"unsigned":    "there is none",
}

// problem returns how err differs from what the message has to lead to, "" if
// it does not.
func (m *kitMessage) problem(expect string, err error) string {
	fits := false
	switch expect {
	case "success":
		fits = err == nil
	case "decrypt":
		fits = err == envelope.ErrDecrypt // the value itself: it is never wrapped
	case "format":
		fits = errors.Is(err, envelope.ErrFormat) && !errors.Is(err, envelope.ErrDecrypt)
	case "not-for-you":
		fits = errors.Is(err, envelope.ErrNotForYou)
	case "limit":
		fits = errors.Is(err, envelope.ErrLimit)
	default:
		text, ok := signatureProblems[expect]
		fits = ok && errors.Is(err, envelope.ErrSignature) && strings.Contains(err.Error(), text)
	}
	if fits && (err == nil || strings.Contains(err.Error(), m.says)) {
		return ""
	}
	return fmt.Sprintf("expected %s %q (%s), and it is: %s", expect, m.says, m.check, errorText(err))
}

func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

// ownKitSources are all ways to read a message.
var ownKitSources = map[string]func([]byte) io.Reader{
	"seek":   func(b []byte) io.Reader { return bytes.NewReader(b) },
	"pipe":   pipe,
	"octets": func(b []byte) io.Reader { return iotest.OneByteReader(bytes.NewReader(b)) },
}

// TestOwnKit takes every message through everything that may get to see it.
func TestOwnKit(t *testing.T) {
	if fips140.Enforced() {
		t.Skip("skipped: the kit has nonces of its own, which GODEBUG=fips140=only does not allow")
	}
	all := readOwnKit(t)
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		m := all[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name, source := range ownKitSources {
				m.open(t, name, source)
			}
			_, err := envelope.Inspect(bytes.NewReader(m.body), smime.Format())
			require.Empty(t, m.problem(m.inspect, err), "Inspect")
			m.rewrap(t)
		})
	}
}

// open opens and verifies the message. What is not for an entry point has to be
// refused there whatever else is wrong with it.
func (m *kitMessage) open(t *testing.T, name string, source func([]byte) io.Reader) {
	t.Helper()
	o := m.opener()
	read := func(f func(io.Reader) (*envelope.Message, error)) ([]byte, error) {
		msg, err := f(source(m.body))
		if err != nil {
			return nil, err
		}
		defer msg.Close()
		return io.ReadAll(msg)
	}
	check := func(api string, meant bool, got []byte, err error) {
		t.Helper()
		switch {
		case api == m.rightAt:
			require.NoError(t, err, "%s, %s", api, name)
		case !meant && api == "Open":
			require.ErrorIs(t, err, envelope.ErrFormat, "%s, %s", api, name)
		case !meant:
			require.True(t, errors.Is(err, envelope.ErrFormat) || errors.Is(err, envelope.ErrSignature) || errors.Is(err, envelope.ErrLimit), "%s, %s: %v", api, name, err)
		default:
			require.Empty(t, m.problem(m.expect, err), "%s, %s", api, name)
		}
		if err != nil {
			require.Empty(t, got, "%s, %s: %s", api, name, m.fault)
			return
		}
		if got != nil {
			sum := sha256.Sum256(got)
			require.Equal(t, m.sum, hex.EncodeToString(sum[:]), "%s, %s", api, name)
		}
	}
	got, err := read(o.Open)
	check("Open", strings.HasPrefix(m.kind, "sealed"), got, err)
	got, err = read(o.Verify)
	check("Verify", m.kind == "signed", got, err)
	_, err = o.VerifyDetached(source(m.body), source([]byte(kitPayload)))
	check("VerifyDetached", m.kind == "detached", nil, err)
}

// rewrap adds a reader, which needs the whole message to be right before one
// octet is written.
func (m *kitMessage) rewrap(t *testing.T) {
	t.Helper()
	o := m.opener()
	var out bytes.Buffer
	s := &envelope.Sealer{Profile: envelope.Modern, Format: smime.Format(), Time: ownKitTime}
	if bytes.Contains(m.body, object(kitCBC256).bytes()) && !bytes.Contains(m.body, object(kitGCM256).bytes()) {
		s.Profile = envelope.Compatible
	}
	_, err := envelope.Rewrap(&out, bytes.NewReader(m.body), &o, s, loadOwnKit().reader)
	if m.expect != "success" || !strings.HasPrefix(m.kind, "sealed") {
		require.Error(t, err, "Rewrap")
		require.Zero(t, out.Len(), "Rewrap wrote something")
		return
	}
	if errors.Is(err, keyring.ErrRefused) { // a form that no profile writes
		require.Zero(t, out.Len(), "Rewrap wrote something")
		return
	}
	require.NoError(t, err, "Rewrap")
	o.Identities = []envelope.Identity{loadOwnKit().identities["p384"]}
	got, _, err := open(o, &out)
	require.NoError(t, err, "what Rewrap wrote")
	sum := sha256.Sum256(got)
	require.Equal(t, m.sum, hex.EncodeToString(sum[:]))
}
