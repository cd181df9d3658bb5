package interop_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/stretchr/testify/require"
)

// original is a message in testdata/accept that is changed in one place.
type original struct {
	name, key string
	signed    bool // or has a signature inside
	sealed    bool
}

// originals: openssl made those that name nobody else.
var originals = []original{
	{"cbc-v15", "rsa", true, true}, {"cbc-ber", "rsa", true, true}, {"cbc-ecdh", "p256", true, true}, {"cbc-ours", "rsa", true, true},
	{"cbc-unsigned", "rsa", false, true}, {"gcm-v15", "rsa", false, true}, {"gcm-oaep", "rsa", false, true}, {"gcm-ecdh", "p256", false, true},
	{"gcm-bc", "p256", false, true}, {"gcm-attributes", "rsa", false, true}, {"gcm-ours", "rsa", false, true}, {"gcm-signed-ours", "rsa", true, true},
	{"opaque-rsa", "rsa", true, false}, {"opaque-ber", "rsa", true, false}, {"opaque-keyid", "rsa", true, false}, {"opaque-two", "rsa", true, false},
	{"opaque-bc", "p256", true, false}, {"opaque-ours", "rsa", true, false}, {"detached-rsa", "rsa", true, false}, {"detached-pss", "rsa", true, false},
	{"detached-ecdsa", "p256", true, false}, {"detached-bc", "rsa", true, false}, {"detached-ours", "rsa", true, false},
}

func (o original) detached() bool { return strings.HasPrefix(o.name, "detached") }

// verdict of one program on one message.
type verdict byte

const (
	refuses verdict = iota
	accepts
	differs // accepts, with other content than was sealed or signed
)

// judge is one program that a message is shown to.
type judge struct {
	name  string
	judge func(t *testing.T, o original, msg []byte) verdict
}

// argument is one rule of testdata/accept.txt.
type argument struct {
	op, where, peers *regexp.Regexp
	chance           bool // whether it argues anything depends on a random key
	reason           string
	used             int
}

// TestAcceptSet shows messages, each changed in one place, to four programs.
// Each that we accept and another refuses must be argued in testdata/accept.txt,
// and no change may make us release other content than was sealed or signed.
// DKB_ACCEPT_SET says how many messages; 600 are for every day.
func TestAcceptSet(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the peers are programs that take their time to start")
	}
	size := 600
	if n, err := strconv.Atoi(os.Getenv("DKB_ACCEPT_SET")); err == nil {
		size = n
	}
	w := newWorld(t)
	cases := drawCases(t, size)
	results := make([][]verdict, len(cases))
	const workers = 2
	var crew [workers][]judge
	for i := range crew {
		crew[i] = judges(t, w, i)
	}
	able := map[string][]bool{}
	for _, o := range originals {
		for i, j := range crew[0] {
			v := j.judge(t, o, read(t, acceptFile(o.name+".der")))
			require.NotEqual(t, differs, v, "%s %s", o.name, j.name)
			require.True(t, i > 0 || v == accepts, "we do not accept %s itself", o.name)
			able[o.name] = append(able[o.name], v == accepts)
		}
	}
	var group sync.WaitGroup
	for i := range crew {
		group.Go(func() {
			for n := i; n < len(cases); n += workers {
				for j := range crew[i] {
					v := refuses
					if able[cases[n].name][j] {
						v = crew[i][j].judge(t, cases[n].original, cases[n].msg)
					}
					results[n] = append(results[n], v)
				}
			}
		})
	}
	group.Wait()
	if !t.Failed() {
		argue(t, cases, results, able, crew[0])
	}
}

type changed struct {
	original
	mutation
}

// drawCases draws among all mutations of all messages, the same every time.
func drawCases(t *testing.T, size int) []changed {
	r := rand.New(rand.NewPCG(5652, 5083))
	var all []changed
	for _, o := range originals {
		for _, m := range mutations(t, read(t, acceptFile(o.name+".der")), r) {
			all = append(all, changed{o, m})
		}
	}
	require.GreaterOrEqual(t, len(all), size)
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:size]
}

// argue holds the results against the rules, and prints what they are.
func argue(t *testing.T, cases []changed, results [][]verdict, able map[string][]bool, judges []judge) {
	rules := readArguments(t)
	accepted := make([]int, len(judges))
	asked := make([]int, len(judges))
	fooled := make([]int, len(judges))
	argued, alone := 0, 0
	var open []string
	for n, c := range cases {
		var against []string
		others := 0
		for j := range judges {
			if !able[c.name][j] {
				continue
			}
			asked[j]++
			if results[n][j] == refuses {
				against = append(against, judges[j].name)
				continue
			}
			if results[n][j] == differs {
				fooled[j]++
			}
			accepted[j]++
			others++
		}
		require.NotEqual(t, differs, results[n][0], "%s %s %s: released other content", c.name, c.op, c.where)
		if results[n][0] == refuses || len(against) == 0 {
			continue
		}
		argued++
		if others == 1 {
			alone++
		}
		i := slices.IndexFunc(rules, func(a *argument) bool {
			return a.op.MatchString(c.op) && a.where.MatchString(c.name+":"+c.where) && a.peers.MatchString(strings.Join(against, ","))
		})
		if i < 0 {
			open = append(open, fmt.Sprintf("%s %s:%s %s", c.op, c.name, c.where, strings.Join(against, ",")))
			continue
		}
		rules[i].used++
	}
	fmt.Printf("interop: %d changed messages;", len(cases))
	for j := range judges {
		fmt.Printf(" %s accepts %d of %d (%d with other content),", judges[j].name, accepted[j], asked[j], fooled[j])
	}
	fmt.Printf(" %d that we accept another refuses (%d all others), argued by %d rules\n", argued, alone, len(rules))
	sort.Strings(open)
	if len(open) > 0 {
		t.Errorf("we accept these %d, the programs named refuse, and no rule argues why:\n%s", len(open), strings.Join(open, "\n"))
	}
	if len(cases) >= 5000 {
		for _, a := range rules {
			require.True(t, a.chance || a.used > 0, "the rule for %v %v %v argues nothing", a.op, a.where, a.peers)
		}
	}
}

// readArguments reads testdata/accept.txt; its header explains it.
func readArguments(t *testing.T) (rules []*argument) {
	f, err := os.Open(filepath.Join("testdata", "accept.txt"))
	require.NoError(t, err)
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := sc.Text()
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case line[0] == ' ':
			require.NotEmpty(t, rules)
			rules[len(rules)-1].reason += strings.TrimSpace(line) + " "
		default:
			words := strings.Fields(line)
			a := new(argument)
			if a.chance = len(words) == 4 && words[3] == "chance"; !a.chance {
				require.Len(t, words, 3, line)
			}
			for i, r := range []**regexp.Regexp{&a.op, &a.where, &a.peers} {
				*r = regexp.MustCompile("^(" + words[i] + ")$")
			}
			rules = append(rules, a)
		}
	}
	for _, a := range rules {
		require.NotEmpty(t, a.reason, "%v %v has no reason", a.op, a.where)
	}
	return rules
}

func acceptFile(name string) string { return filepath.Join("testdata", "accept", name) }

// judges are us, who come first, and the three others; each worker has its own.
func judges(t *testing.T, w *world, worker int) []judge {
	dir := w.path(fmt.Sprintf("judge%d", worker))
	require.NoError(t, os.Mkdir(dir, 0o700))
	for _, p := range []string{"openssl", "java", "javac", "cmsutil", "certutil", "pk12util"} {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, p)
		}
	}
	return []judge{ourJudge(t), opensslJudge(dir), bcJudge(w.bouncyCastle(t), dir), nssJudge(t, dir)}
}

func ourJudge(t *testing.T) judge {
	identities := map[string]envelope.Identity{}
	var senders []*keyring.Verified
	for _, name := range []string{"rsa", "p256"} {
		pem := read(t, acceptFile(name+".pem"))
		k, err := smime.ParseKey(bytes.NewReader(append(read(t, acceptFile(name+".key")), pem...)), nil)
		require.NoError(t, err)
		cert, err := smime.ParseCertificate(pem)
		require.NoError(t, err)
		v, err := keyring.Verify(cert, keyring.Expect(cert.Fingerprint()))
		require.NoError(t, err)
		identities[name], senders = k.Identity(), append(senders, v)
	}
	content := read(t, acceptFile("content"))
	return judge{"ours", func(t *testing.T, o original, msg []byte) verdict {
		op := &envelope.Opener{Senders: senders, RequireSignature: o.signed}
		var m *envelope.Message
		var err error
		switch {
		case o.sealed:
			op.Identities = []envelope.Identity{identities[o.key]}
			op.Legacy.UnauthenticatedCBC = !o.signed
			m, err = op.Open(bytes.NewReader(msg))
		case o.detached():
			if _, err = op.VerifyDetached(bytes.NewReader(msg), bytes.NewReader(content)); err == nil {
				return accepts
			}
		default:
			m, err = op.Verify(bytes.NewReader(msg))
		}
		if err != nil {
			return refuses
		}
		defer m.Close()
		plain, err := io.ReadAll(m)
		switch {
		case err != nil:
			return refuses
		case !bytes.Equal(plain, content) && !(m.Report().Unauthenticated):
			return differs
		}
		return accepts
	}}
}

// outcome compares what a program wrote with what was sealed.
func outcome(err error, out string, o original) verdict {
	b, readErr := os.ReadFile(out)
	content, _ := os.ReadFile(acceptFile("content"))
	switch {
	case err != nil || readErr != nil:
		return refuses
	case !bytes.Equal(b, content) && o.name != "cbc-unsigned":
		return differs
	}
	return accepts
}

// signedInside makes a ContentInfo of what was sealed, which is one unless the
// type of the content says that it is a SignedData.
func signedInside(t *testing.T, o original, out string) string {
	if o.name == "cbc-ours" || o.name == "gcm-signed-ours" {
		if b, err := os.ReadFile(out); err == nil && len(b) > 2 && b[0] == sequence {
			write(t, out, bare(t, b))
		}
	}
	return out
}

func opensslJudge(dir string) judge {
	in, out, inner := filepath.Join(dir, "in"), filepath.Join(dir, "out"), filepath.Join(dir, "inner")
	cms := func(args ...string) error {
		_, err := run(nil, "openssl", append([]string{"cms", "-binary", "-inform", "DER"}, args...)...)
		return err
	}
	ca := acceptFile("ca.pem")
	return judge{"openssl", func(t *testing.T, o original, msg []byte) verdict {
		write(t, in, msg)
		os.Remove(out)
		verify := []string{"-verify", "-in", in, "-out", out, "-CAfile", ca, "-purpose", "any"}
		switch {
		case o.sealed && o.signed:
			if err := cms("-decrypt", "-in", in, "-out", inner, "-recip", acceptFile(o.key+".pem"), "-inkey", acceptFile(o.key+".key")); err != nil {
				return refuses
			}
			verify[2] = signedInside(t, o, inner)
			return outcome(cms(verify...), out, o)
		case o.sealed:
			return outcome(cms("-decrypt", "-in", in, "-out", out, "-recip", acceptFile(o.key+".pem"), "-inkey", acceptFile(o.key+".key")), out, o)
		case o.detached():
			verify = append(verify, "-content", acceptFile("content"))
		}
		return outcome(cms(verify...), out, o)
	}}
}

func bcJudge(b *bouncyCastle, dir string) judge {
	in, out := filepath.Join(dir, "bcin"), filepath.Join(dir, "bcout")
	ask := func(t *testing.T, verb string, words ...string) error {
		if problem := b.ask(t, verb, append(words, "in="+in, "out="+out)...); problem != "" {
			return fmt.Errorf("%s", problem)
		}
		return nil
	}
	ca := "ca=" + acceptFile("ca.pem")
	return judge{"bc", func(t *testing.T, o original, msg []byte) verdict {
		write(t, in, msg)
		os.Remove(out)
		if o.sealed {
			err := ask(t, "open", "key="+acceptFile(o.key+".key"))
			if err != nil || !o.signed {
				return outcome(err, out, o)
			}
			if err := os.Rename(signedInside(t, o, out), in); err != nil {
				return refuses
			}
		}
		if o.detached() {
			return outcome(ask(t, "verify", ca, "content="+acceptFile("content")), out, o)
		}
		return outcome(ask(t, "verify", ca), out, o)
	}}
}

// nssJudge reads the header that cmsutil prints: its exit status says nothing
// of a signature.
func nssJudge(t *testing.T, dir string) judge {
	db := "sql:" + filepath.Join(dir, "db")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "db"), 0o700))
	must(t, nil, "certutil", "-N", "-d", db, "--empty-password")
	must(t, nil, "certutil", "-A", "-d", db, "-n", "ca", "-t", "CT,C,C", "-i", acceptFile("ca.pem"))
	for _, k := range []string{"rsa", "p256"} {
		p12 := filepath.Join(dir, k+".p12")
		must(t, nil, "openssl", "pkcs12", "-export", "-in", acceptFile(k+".pem"), "-inkey", acceptFile(k+".key"), "-name", k, "-out", p12, "-passout", "pass:pw")
		must(t, nil, "pk12util", "-i", p12, "-d", db, "-W", "pw")
	}
	in, out := filepath.Join(dir, "nssin"), filepath.Join(dir, "nssout")
	cms := func(args ...string) error {
		_, err := run(nil, "cmsutil", append([]string{"-D", "-d", db, "-i", in, "-o", out}, args...)...)
		return err
	}
	return judge{"nss", func(t *testing.T, o original, msg []byte) verdict {
		write(t, in, msg)
		os.Remove(out)
		if o.sealed {
			err := cms()
			if err != nil || !o.signed {
				return outcome(err, out, o)
			}
			if err := os.Rename(signedInside(t, o, out), in); err != nil {
				return refuses
			}
		}
		if o.detached() {
			if cms("-n", "-h", "0", "-c", acceptFile("content")) != nil || !bytes.Contains(read(t, out), []byte("GoodSignature")) {
				return refuses
			}
			return accepts
		}
		if cms("-n", "-h", "0") != nil || !bytes.Contains(read(t, out), []byte("GoodSignature")) {
			return refuses
		}
		return outcome(cms(), out, o)
	}}
}
