package keyring

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// fake is a certificate of which a test decides everything.
type fake struct {
	kind     seam.Kind
	hashed   string
	extra    string // of what Encoding has besides
	for_     []string
	gone     []string // addresses that it states no longer
	revoked  bool     // its own word
	unusable error
	desc     seam.Description
	reads    *seam.Reads
}

func (f *fake) Kind() seam.Kind     { return f.kind }
func (f *fake) Hashed() []byte      { return []byte(f.hashed) }
func (f *fake) Encoding() []byte    { return []byte(f.hashed + f.extra) }
func (f *fake) Addresses() []string { return f.for_ }
func (f *fake) Format() seam.Format { return nil }
func (f *fake) Reads() *seam.Reads  { return f.reads }
func (f *fake) f() Fingerprint      { return digest(f.kind, f.Hashed()) }

func (f *fake) Refuse() error {
	if f.revoked {
		return &RevokedError{Fingerprint: f.f()}
	}
	return nil
}

func (f *fake) CheckSeal(time.Time, seam.Profile) error {
	if f.revoked {
		return f.Refuse()
	}
	return f.unusable
}

func (f *fake) Binds(address string, now time.Time) error {
	if slices.Contains(f.for_, address) || slices.Contains(f.gone, address) && now.Equal(f.desc.Created) {
		return nil
	}
	return errors.New("is not for it")
}

// Merge keeps the revocation that either has, and what is known to be gone.
func (f *fake) Merge(other seam.Certificate) (seam.Certificate, error) {
	o := other.(*fake)
	m := *o
	m.revoked = f.revoked || o.revoked
	m.for_ = slices.DeleteFunc(slices.Clone(o.for_), func(a string) bool { return slices.Contains(f.gone, a) })
	return &m, nil
}

func (f *fake) Describe(time.Time) seam.Description { return f.described() }

func (f *fake) described() seam.Description {
	d := f.desc
	if f.reads != nil {
		d.AEAD = slices.Contains(f.reads.Algorithms, "AES-256-GCM")
	}
	return d
}

func (f *fake) WithReads(r seam.Reads) (seam.Certificate, error) {
	with := *f
	with.reads = &r
	return &with, nil
}

const bob = "bob@example.org"

func pgpKey(name string) *fake {
	return &fake{kind: seam.PGPv4, hashed: name, for_: []string{bob}, desc: seam.Description{
		Names: []string{"Bob <bob@example.org>"}, CanSeal: true, CanSign: true, Version: 4, Key: sha256.Sum256([]byte(name)),
	}}
}

func x509Cert(name, key string) *fake {
	return &fake{kind: seam.X509, hashed: name, for_: []string{bob}, desc: seam.Description{
		Names: []string{"CN=Bob,O=Example"}, CanSeal: true, CanSign: true, Key: sha256.Sum256([]byte(key)),
		Subject: []byte("bob"), Issuer: []byte("ca"), IssuerKey: []byte("ca's"),
	}}
}

func pinOf(c *fake, basis seam.Basis) pin {
	return pin{cert: c, evidence: evidence{basis: basis}, was: c.described()}
}

func verifiedBy(c seam.Certificate, ev evidence) *Verified {
	return &Verified{cert: c, why: "why", evidence: ev}
}

// judgeCase is one question to judge.
type judgeCase struct {
	policy  Policy
	with    seam.Certificate
	ev      evidence // BasisFingerprint where nothing is said
	add     Addition
	address string // bob where nothing is said
	pins    []pin
}

func (c judgeCase) ask() (verdict, error) {
	if c.ev.basis == seam.BasisNone {
		c.ev.basis = seam.BasisFingerprint
	}
	if c.address == "" {
		c.address = bob
	}
	c.policy.Time = func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }
	return c.policy.judge(verifiedBy(c.with, c.ev), c.address, c.add, c.pins)
}

func succession(old *fake, reissued bool) evidence {
	return evidence{basis: seam.BasisSuccession, succeeds: &seam.Succession{Old: old, Reissued: reissued}}
}

// pathBy is the evidence by an authority's path, whose key this is.
func pathBy(authority byte) evidence {
	return evidence{basis: seam.BasisChain, address: bob, authority: [32]byte{authority}}
}

// What passes, and under which name the log has it.
func TestJudgeAccepts(t *testing.T) {
	old, next := pgpKey("old"), pgpKey("next")
	cert, renewed, reissued := x509Cert("cert", "key"), x509Cert("renewed", "key"), x509Cert("reissued", "other key")
	signer := pgpKey("assistant")
	signer.for_, signer.desc.CanSeal = []string{"assistant@example.org"}, false
	for _, c := range []struct {
		name     string
		ask      judgeCase
		event    string
		same     int
		replaces []int
	}{
		{"the first key", judgeCase{with: old}, "added", -1, nil},
		{"the first of its format", judgeCase{with: cert, pins: []pin{pinOf(old, seam.BasisFingerprint)}}, "added", -1, nil},
		{"the same key again", judgeCase{with: old, pins: []pin{pinOf(old, seam.BasisFingerprint)}}, "", 0, nil},
		{"a newer copy", judgeCase{with: change(old, func(f *fake) { f.extra = "subkey" }), pins: []pin{pinOf(old, seam.BasisFingerprint)}}, "updated", 0, nil},
		{"another key beside it", judgeCase{with: next, add: Addition{Beside: true}, pins: []pin{pinOf(old, seam.BasisFingerprint)}}, "added", -1, nil},
		{"another key in its place", judgeCase{with: next, add: Addition{Replace: true}, pins: []pin{pinOf(old, seam.BasisFingerprint)}}, "replaced", -1, []int{0}},
		{"in the place of all", judgeCase{with: next, add: Addition{Replace: true},
			pins: []pin{pinOf(old, seam.BasisFingerprint), pinOf(cert, seam.BasisFingerprint), pinOf(pgpKey("older"), seam.BasisFingerprint)}}, "replaced", -1, []int{0, 2}},
		{"its successor", judgeCase{with: next, ev: succession(old, false), pins: []pin{pinOf(old, seam.BasisFingerprint)}}, "succeeded", -1, []int{0}},
		{"the successor of one of two", judgeCase{with: next, ev: succession(old, false),
			pins: []pin{pinOf(pgpKey("colleague"), seam.BasisFingerprint), pinOf(old, seam.BasisFingerprint)}}, "succeeded", -1, []int{1}},
		{"renewed with its key", judgeCase{with: renewed, ev: pathBy(1), pins: []pin{pinOf(cert, seam.BasisChain)}}, "renewed", -1, []int{0}},
		{"renewed, by its fingerprint", judgeCase{with: renewed, pins: []pin{pinOf(cert, seam.BasisFingerprint)}}, "renewed", -1, []int{0}},
		{"reissued, by policy", judgeCase{policy: Policy{AcceptReissued: true}, with: reissued, ev: pathBy(1),
			pins: []pin{{cert: cert, evidence: pathBy(1)}}}, "reissued", -1, []int{0}},
		{"reissued, as its evidence has it", judgeCase{policy: Policy{AcceptReissued: true}, with: reissued, ev: succession(cert, true),
			pins: []pin{pinOf(cert, seam.BasisFingerprint)}}, "reissued", -1, []int{0}},
		{"after one that was removed", judgeCase{with: next, pins: []pin{{cert: old, removed: true}}}, "added", -1, nil},
		{"beside a signer", judgeCase{with: next, pins: []pin{{cert: signer, signer: true}}}, "added", -1, nil},
		{"a signer", judgeCase{with: signer, add: Addition{Signer: true}, pins: []pin{pinOf(old, seam.BasisFingerprint)}}, "added", -1, nil},
		{"a signer whose key is superseded", judgeCase{with: change(signer, func(f *fake) { f.unusable = &RevokedError{} }), add: Addition{Signer: true}}, "added", -1, nil},
		{"a copy by which it is superseded", judgeCase{with: change(old, func(f *fake) { f.extra, f.unusable = "revocation", &RevokedError{} }), pins: []pin{pinOf(old, seam.BasisFingerprint)}}, "updated", 0, nil},
		{"an alias", judgeCase{with: old, add: Addition{Alias: true}, address: "robert@example.org"}, "added", -1, nil},
		{"a domain", judgeCase{with: old, add: Addition{Alias: true}, address: "@example.org"}, "added", -1, nil},
		{"on first use, by policy", judgeCase{policy: Policy{AcceptFirstUse: true}, with: old, ev: evidence{basis: seam.BasisFirstUse}}, "added", -1, nil},
		{"by its domain, by policy", judgeCase{policy: Policy{AcceptDomainAttested: true}, with: old, ev: evidence{basis: seam.BasisDomain}}, "added", -1, nil},
		{"one's own", judgeCase{policy: Policy{Own: []Fingerprint{old.f()}}, with: old, add: Addition{Own: true}}, "added", -1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.ask.with.Kind() == seam.PGPv4 || len(c.ask.pins) > 0 && c.ask.pins[0].cert.Kind() == seam.PGPv4 {
				fips(t)
			}
			d, err := c.ask.ask()
			require.NoError(t, err)
			require.Equal(t, c.event, d.event)
			require.Equal(t, c.same, d.same)
			require.Equal(t, c.replaces, d.replaces)
		})
	}
}

// fips skips a test of version 4 keys where nothing has their fingerprint.
func fips(t *testing.T) {
	t.Helper()
	if digest(seam.PGPv4, []byte("x")).IsZero() {
		t.Skip("GODEBUG=fips140=only: version 4 keys have no fingerprint")
	}
}

// change returns a copy of f that differs in what edit does.
func change(f *fake, edit func(*fake)) *fake {
	c := *f
	edit(&c)
	return &c
}

// Each refusal differs in one thing from a case that passes.
func TestJudgeRefuses(t *testing.T) {
	fips(t)
	old, next := pgpKey("old"), pgpKey("next")
	cert, renewed, reissued := x509Cert("cert", "key"), x509Cert("renewed", "key"), x509Cert("reissued", "other key")
	has := func(c *fake) []pin { return []pin{pinOf(c, seam.BasisFingerprint)} }
	for _, c := range []struct {
		name string
		ask  judgeCase
		want any // the type
		text string
	}{
		{"another primary key", judgeCase{with: next, pins: has(old)}, &ChangedError{}, old.f().String()},
		{"another X.509 key", judgeCase{with: reissued, pins: has(cert)}, &ChangedError{}, cert.f().String()},
		{"another key by a path to an authority", judgeCase{with: reissued, ev: pathBy(1), pins: []pin{{cert: cert, evidence: pathBy(1)}}}, &ChangedError{}, "AcceptReissued"},
		{"reissued, which policy does not take", judgeCase{with: reissued, ev: succession(cert, true), pins: has(cert)}, &ChangedError{}, ""},
		{"reissued by another authority", judgeCase{policy: Policy{AcceptReissued: true}, with: reissued, ev: pathBy(2), pins: []pin{{cert: cert, evidence: pathBy(1)}}}, &ChangedError{}, ""},
		{"reissued for one that was compared by hand", judgeCase{policy: Policy{AcceptReissued: true}, with: reissued, ev: pathBy(1), pins: has(cert)}, &ChangedError{}, ""},
		{"reissued, and nobody knows by whom", judgeCase{policy: Policy{AcceptReissued: true}, with: reissued, ev: pathBy(0), pins: []pin{{cert: cert, evidence: pathBy(0)}}}, &ChangedError{}, ""},
		{"reissued for another subject", judgeCase{policy: Policy{AcceptReissued: true}, with: change(reissued, func(f *fake) { f.desc.Subject = []byte("eve") }), ev: pathBy(1),
			pins: []pin{{cert: cert, evidence: pathBy(1)}}}, &ChangedError{}, ""},
		{"renewed on first use", judgeCase{policy: Policy{AcceptFirstUse: true}, with: renewed, ev: evidence{basis: seam.BasisFirstUse}, pins: has(cert)}, &ChangedError{}, ""},
		{"renewed by its domain", judgeCase{policy: Policy{AcceptDomainAttested: true}, with: renewed, ev: evidence{basis: seam.BasisDomain}, pins: has(cert)}, &ChangedError{}, ""},
		{"the successor of another", judgeCase{with: next, ev: succession(pgpKey("eve"), false), pins: has(old)}, &ChangedError{}, ""},
		{"the successor of nobody", judgeCase{with: next, ev: evidence{basis: seam.BasisSuccession}, pins: has(old)}, &ChangedError{}, ""},
		{"the successor of one that is revoked", judgeCase{with: next, ev: succession(old, false), pins: []pin{{cert: old, revoked: &RevokedError{}}}}, &ChangedError{}, "revoked"},
		{"the successor of one that says so itself", judgeCase{with: next, ev: succession(old, false), pins: has(change(old, func(f *fake) { f.revoked = true }))}, &ChangedError{}, "revoked"},
		{"another key after one that is revoked", judgeCase{with: next, pins: []pin{{cert: old, revoked: &RevokedError{}}}}, &ChangedError{}, "revoked"},
		{"another person", judgeCase{with: change(next, func(f *fake) { f.desc.Names = []string{"Eve <bob@example.org>"} }), pins: has(old)}, &ChangedError{}, `in another person's name, "Eve" and not "Bob"`},
		{"another person, X.509", judgeCase{with: change(reissued, func(f *fake) { f.desc.Names = []string{"O=Example,CN=Eve"} }), pins: has(cert)}, &ChangedError{}, `in another person's name, "Eve" and not "Bob"`},
		{"one that the old one names", judgeCase{with: next, pins: has(change(old, func(f *fake) { f.desc.ReplacedBy = [][]byte{octets(next.f())} }))}, &ChangedError{}, "names it as its replacement"},
		{"after one that expired", judgeCase{with: next, pins: has(change(old, func(f *fake) { f.desc.NotAfter = time.Date(2025, 5, 6, 0, 0, 0, 0, time.UTC) }))}, &ChangedError{}, "expired on 2025-05-06"},
		{"two keys with one fingerprint", judgeCase{with: old, add: Addition{Replace: true}, pins: []pin{{cert: &twin{*old}}}}, &ChangedError{}, "one fingerprint"},

		{"post-quantum to classical", judgeCase{with: next, ev: succession(old, false), pins: has(change(old, func(f *fake) { f.desc.PostQuantum = true }))}, &DowngradeError{}, "post-quantum encryption"},
		{"ML-KEM to RSA", judgeCase{policy: Policy{AcceptReissued: true}, with: reissued, ev: pathBy(1),
			pins: []pin{{cert: change(cert, func(f *fake) { f.desc.PostQuantum = true }), evidence: pathBy(1)}}}, &DowngradeError{}, "post-quantum encryption"},
		{"version 6 to 4", judgeCase{with: next, ev: succession(six(), false), pins: has(six())}, &DowngradeError{}, "OpenPGP version 6"},
		{"no SEIPDv2 any more", judgeCase{with: next, ev: succession(old, false), pins: has(change(old, func(f *fake) { f.desc.AEAD = true }))}, &DowngradeError{}, "authenticated encryption"},
		{"no AES-GCM any more", judgeCase{with: change(renewed, func(f *fake) { f.reads = &seam.Reads{Algorithms: []string{"AES-256-CBC"}} }), ev: pathBy(1),
			pins: has(change(cert, func(f *fake) { f.reads = &seam.Reads{Algorithms: []string{"AES-256-GCM"}} }))}, &DowngradeError{}, "authenticated encryption"},
		{"the same key, weaker", judgeCase{with: old, pins: []pin{{cert: old, was: seam.Description{PostQuantum: true}}}}, &DowngradeError{}, "no longer has"},

		{"revoked, by its own word", judgeCase{with: change(old, func(f *fake) { f.revoked = true })}, &RevokedError{}, ""},
		{"revoked, by a list", judgeCase{with: old, pins: []pin{{cert: old, revoked: &RevokedError{Reason: "key compromise"}}}}, &RevokedError{}, "key compromise"},
		{"revoked, and removed since", judgeCase{with: old, pins: []pin{{cert: old, removed: true, revoked: &RevokedError{}}}}, &RevokedError{}, ""},
		{"a copy that lacks the revocation", judgeCase{with: old, pins: has(change(old, func(f *fake) { f.revoked = true }))}, &RevokedError{}, ""},
		{"revoked, replaced all the same", judgeCase{with: old, add: Addition{Replace: true}, pins: has(change(old, func(f *fake) { f.revoked = true }))}, &RevokedError{}, ""},
		{"superseded", judgeCase{with: change(old, func(f *fake) { f.unusable = &RevokedError{Reason: "superseded"} })}, &RevokedError{}, "superseded"},

		{"an address that it does not state", judgeCase{with: old, address: "eve@example.org"}, &NotBoundError{}, `it is for "bob@example.org"`},
		{"an address that left it", judgeCase{with: change(old, func(f *fake) { f.for_ = nil }), pins: has(old)}, &NotBoundError{}, "no longer"},
		{"an address that left the copy that is known", judgeCase{with: old, pins: has(change(old, func(f *fake) { f.gone, f.for_ = f.for_, nil }))}, &NotBoundError{}, "no longer"},
		{"an address whose signature is not in force", judgeCase{with: &unbound{*old}}, &NotBoundError{}, "not in force now"},
		{"evidence about another address", judgeCase{with: change(old, func(f *fake) { f.for_ = append(f.for_, "eve@example.org") }), ev: evidence{basis: seam.BasisIntroduced, address: "eve@example.org"}}, &NotBoundError{}, "the evidence is about"},
		{"a domain without a word", judgeCase{with: old, address: "@example.org"}, &NotBoundError{}, "for a domain"},
		{"beside it, an address that it does not state", judgeCase{with: next, add: Addition{Beside: true}, address: "eve@example.org"}, &NotBoundError{}, ""},

		{"for signatures only", judgeCase{with: change(old, func(f *fake) { f.desc.CanSeal = false })}, &UnusableError{}, "add it as a signer"},
		{"a signer that cannot sign", judgeCase{with: change(old, func(f *fake) { f.desc.CanSign = false }), add: Addition{Signer: true}}, &UnusableError{}, "cannot sign"},
		{"good for nothing", judgeCase{with: change(old, func(f *fake) { f.desc.CanSign, f.desc.CanSeal = false, false })}, &UnusableError{}, "neither"},
		{"one's own for another", judgeCase{policy: Policy{Own: []Fingerprint{old.f()}}, with: old}, &UnusableError{}, "is your own key"},
		{"a successor that is not valid yet", judgeCase{with: change(next, func(f *fake) { f.unusable = &ExpiredError{} }), ev: succession(old, false), pins: has(old)}, &ExpiredError{}, ""},

		{"first use", judgeCase{with: old, ev: evidence{basis: seam.BasisFirstUse}}, &PolicyError{}, "Policy.AcceptFirstUse"},
		{"a domain's word", judgeCase{with: old, ev: evidence{basis: seam.BasisDomain}}, &PolicyError{}, "Policy.AcceptDomainAttested"},
		{"an authority's word", judgeCase{policy: Policy{FingerprintOnly: true}, with: cert, ev: pathBy(1)}, &PolicyError{}, "Policy.FingerprintOnly"},
		{"an introducer's word", judgeCase{policy: Policy{FingerprintOnly: true}, with: old, ev: evidence{basis: seam.BasisIntroduced}}, &PolicyError{}, "Policy.FingerprintOnly"},
		{"an old key's word", judgeCase{policy: Policy{FingerprintOnly: true}, with: next, ev: succession(old, false), pins: has(old)}, &PolicyError{}, "Policy.FingerprintOnly"},
		{"first use, where nobody's word is taken", judgeCase{policy: Policy{FingerprintOnly: true, AcceptFirstUse: true}, with: old, ev: evidence{basis: seam.BasisFirstUse}}, &PolicyError{}, "Policy.FingerprintOnly"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := c.ask.ask()
			require.ErrorIs(t, err, ErrRefused)
			require.IsType(t, c.want, err)
			require.ErrorContains(t, err, c.text)
			require.NotContains(t, err.Error(), "\n")
			require.Zero(t, d)
		})
	}
}

// six is a key of version 6.
func six() *fake {
	f := pgpKey("six")
	f.kind, f.desc.Version = seam.PGPv6, 6
	return f
}

// unbound names an address that nothing binds now.
type unbound struct{ fake }

func (*unbound) Binds(string, time.Time) error { return errors.New("not now") }

// twin is another key with the fingerprint of fake, as a collision of SHA-1
// would make one: the octets are the same when they are asked for first.
type twin struct{ fake }

func (w *twin) Hashed() []byte {
	h := w.fake.Hashed()
	w.fake.hashed += "!"
	return h
}

// What replaces a downgrade's refusal, and what no word does.
func TestJudgeReplacesWeaker(t *testing.T) {
	fips(t)
	strong := change(pgpKey("old"), func(f *fake) { f.desc.PostQuantum = true })
	ask := judgeCase{with: pgpKey("next"), add: Addition{Replace: true}, pins: []pin{pinOf(strong, seam.BasisFingerprint)}}
	d, err := ask.ask()
	require.NoError(t, err)
	require.Equal(t, "replaced", d.event)
	require.False(t, d.now.PostQuantum, "from now on it is what it is")
	ask.add.Replace = false
	_, err = ask.ask()
	var changed *ChangedError
	require.ErrorAs(t, err, &changed)
	require.Equal(t, []Fingerprint{strong.f()}, changed.Old)
	require.Equal(t, pgpKey("next").f(), changed.New)
}

// What a certificate had is remembered while it cannot be used.
func TestJudgeRemembersStrength(t *testing.T) {
	fips(t)
	strong := change(pgpKey("old"), func(f *fake) { f.desc.PostQuantum = true })
	expired := change(strong, func(f *fake) { f.desc.PostQuantum, f.unusable = false, &ExpiredError{} })
	d, err := judgeCase{with: expired, pins: []pin{pinOf(strong, seam.BasisFingerprint)}}.ask()
	require.NoError(t, err)
	require.True(t, d.now.PostQuantum)
	weak := change(expired, func(f *fake) { f.unusable = nil })
	_, err = judgeCase{with: weak, pins: []pin{{cert: expired, was: d.now}}}.ask()
	var down *DowngradeError
	require.ErrorAs(t, err, &down)
	require.Equal(t, []string{"post-quantum encryption"}, down.Lost)
}

// A yearly renewal keeps what is known of the owner's programs.
func TestJudgeCarriesReads(t *testing.T) {
	reads := &seam.Reads{Algorithms: []string{"AES-256-GCM"}, When: time.Unix(1, 0), Source: "a signed mail"}
	old := change(x509Cert("cert", "key"), func(f *fake) { f.reads = reads })
	d, err := judgeCase{with: x509Cert("renewed", "key"), ev: pathBy(1), pins: []pin{pinOf(old, seam.BasisChain)}}.ask()
	require.NoError(t, err)
	require.Equal(t, reads, d.cert.Reads())
	require.True(t, d.now.AEAD)

	other := change(x509Cert("new", "new key"), func(*fake) {})
	d, err = judgeCase{with: other, add: Addition{Replace: true}, pins: []pin{pinOf(old, seam.BasisChain)}}.ask()
	require.NoError(t, err)
	require.Nil(t, d.cert.Reads(), "who replaced it, did not say that it is the same person's programs")
}

func TestJudgeFindings(t *testing.T) {
	fips(t)
	old := pgpKey("old")
	d, err := judgeCase{with: change(pgpKey("next"), func(f *fake) { f.desc.Names = []string{"Eve <bob@example.org>"} }), add: Addition{Replace: true}, pins: []pin{pinOf(old, seam.BasisFingerprint)}}.ask()
	require.NoError(t, err)
	require.Equal(t, []string{`it is in the name of "Eve", the one before it of "Bob"`}, d.findings)
	d, err = judgeCase{with: pgpKey("next"), add: Addition{Beside: true}, pins: []pin{pinOf(old, seam.BasisFingerprint)}}.ask()
	require.NoError(t, err)
	require.Equal(t, []string{`"bob@example.org" has 2 keys of this format now`}, d.findings)
	d, err = judgeCase{with: change(old, func(f *fake) { f.unusable = &ExpiredError{Fingerprint: f.f()} })}.ask()
	require.NoError(t, err)
	require.Len(t, d.findings, 1)
	require.Contains(t, d.findings[0], "nothing can be sealed to it now")
}

// No verified certificate, and one that nobody compared, enter no ring,
// whatever the policy takes.
func TestJudgeNothing(t *testing.T) {
	all := Policy{AcceptReissued: true, AcceptFirstUse: true, AcceptDomainAttested: true}
	old := x509Cert("cert", "key")
	for name, v := range map[string]*Verified{
		"nil": nil, "zero": {}, "of no evidence": verifiedBy(old, evidence{}),
		"unverified": verifiedBy(old, evidence{basis: seam.BasisUnverified}),
	} {
		_, err := all.judge(v, bob, Addition{Alias: true, Replace: true, Beside: true}, nil)
		require.ErrorIs(t, err, ErrRefused, name)
	}
}

// Everything that these errors print stays on one line and is cut, whatever
// stands in a certificate.
func TestChangeErrorsText(t *testing.T) {
	evil := strings.Repeat("\x1b[31m\n", 100)
	f := x509Cert("a", "k").f()
	many := []Fingerprint{f, f, f, f, f}
	for _, err := range []error{
		&PolicyError{Fingerprint: f, Field: "AcceptFirstUse", Evidence: evil},
		&PolicyError{Fingerprint: f, Field: "FingerprintOnly", Evidence: evil},
		&ChangedError{Address: evil, Old: many, New: f, Hint: "one clause"},
		&DowngradeError{Address: evil, Old: f, New: f, Lost: []string{"a", "b"}},
		&DowngradeError{Address: evil, Old: f, New: x509Cert("b", "k").f(), Lost: []string{"a"}},
		&NotBoundError{Address: evil, Fingerprint: f, Has: []string{evil, evil, evil, evil}, Reason: "one clause"},
		&NotBoundError{Address: evil, Fingerprint: f, Reason: "one clause"},
	} {
		text := err.Error()
		require.ErrorIs(t, err, ErrRefused)
		require.NotContains(t, text, "\n")
		require.NotContains(t, text, "\x1b")
		require.Less(t, len(text), 2000, fmt.Sprintf("%T", err))
	}
	require.Contains(t, (&ChangedError{Old: many, New: f}).Error(), "and 2 more")
}

func octets(f Fingerprint) []byte { return f.sum[:f.n] }
