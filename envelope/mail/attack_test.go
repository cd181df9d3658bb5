package mail_test

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
)

// attacks are all of them; testdata/attacks.txt says what is expected of each.
func attacks() []attack {
	return slices.Concat(efailAttacks(), covertAttacks(), gadgetAttacks(), cmsAttacks(), pgpAttacks(), wrapAttacks(),
		shapeAttacks(), idAttacks(), headerAttacks(), forwardAttacks(), stripAttacks(), timeAttacks(), listAttacks())
}

// expectation is a line of testdata/attacks.txt.
type expectation struct {
	codes  []string          // of findings; all of them, each one of its alternatives
	parts  map[string]string // what of a text may be claimed: "e", "s", "v", "p", or "-" nothing, or "absent"
	strict string            // "error" where Strict has to refuse it, "-" where it must not, "?" either
}

// expectations reads the list. A line with a format after the name counts
// before one without.
func expectations(t testing.TB) map[string]expectation {
	file, err := os.ReadFile("testdata/attacks.txt")
	require.NoError(t, err)
	all := make(map[string]expectation)
	for _, line := range strings.Split(string(file), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "|")
		require.Len(t, f, 4, "%q", line)
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		e := expectation{codes: strings.Fields(f[1]), parts: map[string]string{}, strict: f[3]}
		for _, p := range strings.Fields(f[2]) {
			word, flags, found := strings.Cut(p, "=")
			require.True(t, found, "%q", line)
			e.parts[map[string]string{"secret": secret, "genuine": genuine, "foreign": foreign}[word]] = flags
		}
		require.NotContains(t, all, f[0], "twice in the list")
		all[f[0]] = e
	}
	return all
}

func TestAttackList(t *testing.T) {
	listed := expectations(t)
	mails, used := 0, make(map[string]bool)
	for _, a := range attacks() {
		require.False(t, used[a.name], "%s twice", a.name)
		used[a.name] = true
		mails++
		if a.only == "" {
			mails++
			used[a.name+"/pgp"], used[a.name+"/smime"] = true, true
		}
	}
	for name := range listed {
		require.True(t, used[name], "%s is listed, and nothing makes it", name)
	}
	require.GreaterOrEqual(t, mails, 120)
	t.Logf("%d attack mails of %d kinds, each with a twin", mails, len(attacks()))
}

// TestAttacks opens every attack as a reader would, strictly, and with
// encrypted parts opened where they stand; and then its twin.
func TestAttacks(t *testing.T) {
	skipInFIPS(t)
	listed := expectations(t)
	c := everybody()
	for _, a := range attacks() {
		for _, f := range formats {
			if a.only != "" && a.only != f {
				continue
			}
			want, found := listed[a.name+"/"+f]
			if !found {
				want, found = listed[a.name]
			}
			if !found {
				t.Errorf("%s is not in the list", a.name)
				continue
			}
			t.Run(a.name+"/"+f, func(t *testing.T) {
				t.Parallel()
				attacked(t, c, a, f, want)
			})
		}
	}
}

// reader is Bob, who knows Alice and Eve.
func (c *cast) reader() *mail.Opener {
	return &mail.Opener{
		Identities: append(c.bob.identities(), c.bob6.Identity()),
		Formats:    bothFormats,
		Senders:    append(c.alice.senders(), c.eve.senders()...),
		Addresses:  []string{bobAddress},
	}
}

func (a *attack) reader(t testing.TB, c *cast, attacks bool) *mail.Opener {
	o := c.reader()
	if a.opener != nil {
		a.opener(t, c, o, attacks)
	}
	return o
}

func attacked(t *testing.T, c *cast, a attack, f string, want expectation) {
	source := a.mail(c, f, true)
	o := a.reader(t, c, true)
	m, err := o.Open(strings.NewReader(source))
	require.NoError(t, err)
	defer m.Close()
	refused(t, m, want)
	claims(t, m, want)
	if slices.Contains(want.codes, "outer-differs") {
		s := m.Summary()
		require.True(t, slices.ContainsFunc(s.Fields, func(f mail.Field) bool { return f.Differs }), "%+v", s.Fields)
		require.NotContains(t, s.Subject, foreign, "what the author wrote is shown")
	}
	for _, code := range want.codes {
		if code == "none" {
			continue
		}
		require.True(t, slices.ContainsFunc(strings.Split(code, "/"), func(c string) bool { return hasFinding(m, c) }), "no finding %s in %v", code, findingCodes(m))
	}

	o.InsecureNested = true
	nested, err := o.Open(strings.NewReader(source))
	require.NoError(t, err)
	defer nested.Close()
	refused(t, nested, want)
	opened := false
	for _, p := range leaves(nested) {
		if want.parts[secret] == "absent" && strings.Contains(contentOf(t, p), secret) {
			opened = true
			require.True(t, p.Encrypted && !p.Protected, "part %s", p.Path)
		}
	}
	if slices.Contains(want.codes, "nested-encrypted") {
		require.True(t, opened, "InsecureNested opens it")
	}

	o = a.reader(t, c, true)
	o.Strict = true
	strict, err := o.Open(strings.NewReader(source))
	switch want.strict {
	case "error":
		require.ErrorIs(t, err, envelope.ErrFormat, "Strict takes it")
	case "-":
		require.NoError(t, err)
	}
	if err == nil {
		defer strict.Close()
		refused(t, strict, want)
	}

	source = a.mail(c, f, false)
	o = a.reader(t, c, false)
	o.Strict = true
	twin, err := o.Open(strings.NewReader(source))
	require.NoError(t, err, "the twin")
	defer twin.Close()
	believed(t, twin)
}

// refused checks what holds of every attack: nothing is verified as a whole,
// and what is decrypted or signed is nowhere one text with what is neither.
func refused(t *testing.T, m *mail.Message, want expectation) {
	t.Helper()
	s := m.Summary()
	require.False(t, s.Verified, "%+v", s)
	islands := make(map[int]string) // and who wrote what is on it
	for _, p := range leaves(m) {
		content := contentOf(t, p)
		private, insert := strings.Contains(content, secret), strings.Contains(content, foreign)
		require.False(t, private && insert, "part %s joins what was sealed with foreign text", p.Path)
		byEve := strings.Contains(want.parts[foreign], "v") // who signed it for herself
		require.False(t, p.Verified && insert && !byEve, "part %s is foreign and verified", p.Path)
		who := ""
		switch {
		case private:
			who = secret
		case insert:
			who = foreign
		default:
			continue
		}
		if was, seen := islands[p.Island()]; seen {
			require.Equal(t, was, who, "part %s is on one island with others'", p.Path)
		}
		islands[p.Island()] = who
	}
}

// claims checks what is said of each text.
func claims(t *testing.T, m *mail.Message, want expectation) {
	t.Helper()
	seen := make(map[string]bool)
	for _, p := range leaves(m) {
		content := contentOf(t, p)
		for word, flags := range want.parts {
			if strings.Contains(content, word) {
				seen[word] = true
				if flags == "?" {
					require.False(t, p.Verified, "%s in part %s", word, p.Path)
					continue
				}
				require.Equal(t, flags, letters(p), "%s in part %s", word, p.Path)
			}
		}
	}
	for word, flags := range want.parts {
		require.Equal(t, flags != "absent", seen[word], "%s is shown", word)
	}
}

// letters is what is said of a part, in letters.
func letters(p *mail.Part) string {
	s := ""
	for i, b := range []bool{p.Encrypted, p.Signed, p.Verified, p.Protected} {
		if b {
			s += "esvp"[i : i+1]
		}
	}
	if s == "" {
		return "-"
	}
	return s
}

// believed checks a twin: verified as a whole, by the one whom From names.
func believed(t *testing.T, m *mail.Message) {
	t.Helper()
	s := m.Summary()
	require.True(t, s.Verified, "the twin: %+v", s)
	require.True(t, s.SignerMatchesFrom)
	require.True(t, s.Signed)
	require.NotEmpty(t, s.From)
	require.Equal(t, s.From, s.Signer)
	for _, p := range leaves(m) {
		content := contentOf(t, p)
		for _, word := range []string{secret, genuine, foreign} {
			if strings.Contains(content, word) {
				require.True(t, p.Verified && p.Protected, "part %s of the twin", p.Path)
			}
		}
	}
}

// leaves are the parts that have no others in them.
func leaves(m *mail.Message) (all []*mail.Part) {
	for _, p := range m.Parts() {
		if !slices.ContainsFunc(m.Parts(), func(q *mail.Part) bool { return strings.HasPrefix(q.Path, p.Path+".") }) {
			all = append(all, p)
		}
	}
	return all
}

// contentOf is the content of a part. One that is damaged is what comes before.
func contentOf(t testing.TB, p *mail.Part) string {
	b, err := io.ReadAll(p.Open())
	if err != nil {
		t.Logf("part %s: %v", p.Path, err)
	}
	return string(b)
}

func hasFinding(m *mail.Message, code string) bool { return slices.Contains(findingCodes(m), code) }

func findingCodes(m *mail.Message) (all []string) {
	for _, f := range m.Summary().Findings {
		all = append(all, f.Code)
	}
	for _, p := range m.Parts() {
		for _, f := range p.Findings {
			all = append(all, f.Code)
			if strings.ContainsAny(f.Text, "\r\n\x00") {
				panic(fmt.Sprintf("a finding in two lines: %q", f.Text))
			}
		}
	}
	return all
}
