package keyring_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

func fingerprints(list []*keyring.Verified) (out []string) {
	for _, v := range list {
		out = append(out, v.Fingerprint().String())
	}
	return out
}

func namesOf(t testing.TB, list ...string) (out []string) {
	for _, name := range list {
		out = append(out, certOf(t, name).Fingerprint().String())
	}
	return out
}

// mustAdd adds the certificate of name.
func mustAdd(t testing.TB, r *keyring.Ring, name string, a keyring.Addition) *keyring.Change {
	t.Helper()
	done, err := r.Add(expected(t, certOf(t, name)), a)
	require.NoError(t, err)
	return done
}

// TestGroup: who reads an address is said, and told by every receipt.
func TestGroup(t *testing.T) {
	r := newRing(t, newMem())
	mustAdd(t, r, "alice@example.org", keyring.Addition{})
	mustAdd(t, r, "bob@example.org", keyring.Addition{})
	require.NoError(t, r.Group("claims@EXAMPLE.org", "alice@example.org", "bob@example.org", "alice@Example.ORG"))
	to, err := r.Recipients("claims@example.org", "bob@example.org")
	require.NoError(t, err)
	require.Equal(t, namesOf(t, "bob@example.org", "alice@example.org"), fingerprints(to), "each once")
	require.Equal(t, "expected fingerprint", to[0].Evidence(), "named himself")
	require.Equal(t, "expected fingerprint; in the group claims@example.org", to[1].Evidence())
	require.NoError(t, r.Check())
	all, err := r.Entries()
	require.NoError(t, err)
	require.Equal(t, []string{"alice@example.org", "bob@example.org"}, all[2].Members)
	require.Equal(t, "claims@example.org", all[2].Address)

	// A member without a key: all or nothing.
	require.NoError(t, r.Group("claims@example.org", "alice@example.org", "carol@example.org"))
	_, err = r.Recipients("claims@example.org")
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, `"carol@example.org", in the group "claims@example.org"`)
	mustAdd(t, r, "carol@example.org", keyring.Addition{})
	_, err = r.Recipients("claims@example.org")
	require.NoError(t, err)

	for name, err := range map[string]error{
		"of itself":             r.Group("team@example.org", "alice@example.org", "team@example.org"),
		"a group in a group":    r.Group("team@example.org", "claims@example.org"),
		"a member as a group":   r.Group("alice@example.org", "bob@example.org"),
		"an address with a key": r.Group("bob@example.org", "alice@example.org"),
		"a domain":              r.Group("@example.org", "alice@example.org"),
		"a domain as member":    r.Group("team@example.org", "@example.org"),
		"none to remove":        r.Group("team@example.org"),
		"no address":            r.Group("team", "alice@example.org"),
		"a key for it":          second(r.Add(expected(t, certOf(t, "claims@example.org")), keyring.Addition{})),
		"its one key":           second(r.Lookup("claims@example.org")),
		"too many":              r.Group("team@example.org", strings.Fields(strings.Repeat("x", 0)+manyAddresses(2001))...),
	} {
		require.Error(t, err, name)
	}
	require.NoError(t, r.Group("team@example.org", "alice@example.org"), "the positive twin")
	require.NoError(t, r.Group("team@example.org"))
	require.NoError(t, r.Group("claims@example.org"))
	_, err = r.Recipients("claims@example.org")
	var unknown *keyring.UnknownError
	require.ErrorAs(t, err, &unknown)
	mustAdd(t, r, "claims@example.org", keyring.Addition{})
	require.NoError(t, r.Check())
}

func manyAddresses(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat("x", 1+i%50) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676%26)) + "@example.org ")
	}
	return b.String()
}

// TestDomain: a gateway is sealed to for those of its domain who have no key of
// their own, and nobody takes a certificate for one that says nothing of it.
func TestDomain(t *testing.T) {
	r := newRing(t, newMem())
	gateway := certOf(t, "gateway@example.org")
	_, err := r.Add(expected(t, gateway), keyring.Addition{Addresses: []string{"@example.org"}})
	var not *keyring.NotBoundError
	require.ErrorAs(t, err, &not)
	mustAdd(t, r, "gateway@example.org", keyring.Addition{Addresses: []string{"@Example.ORG"}, Alias: true})
	mustAdd(t, r, "bob@example.org", keyring.Addition{})
	to, err := r.Recipients("anybody@example.org", "somebody@example.org", "bob@example.org")
	require.NoError(t, err)
	require.Equal(t, namesOf(t, "gateway@example.org", "bob@example.org"), fingerprints(to))
	require.Equal(t, "expected fingerprint; as the gateway of @example.org", to[0].Evidence())
	for _, a := range []string{"anybody@sub.example.org", "anybody@example.com", "example.org@example.com"} {
		_, err = r.Recipients(a)
		var unknown *keyring.UnknownError
		require.ErrorAs(t, err, &unknown, a)
	}
	// Who has a key that is revoked is not reached by way of the gateway.
	_, err = r.Revoke(certOf(t, "bob@example.org").Fingerprint(), &keyring.RevokedError{})
	require.NoError(t, err)
	_, err = r.Lookup("bob@example.org")
	var revoked *keyring.RevokedError
	require.ErrorAs(t, err, &revoked)
	_, err = r.Recipients("bob@example.org")
	require.ErrorAs(t, err, &revoked)
}

// TestSigners: who signs for others is believed to, and never sealed to.
func TestSigners(t *testing.T) {
	r := newRing(t, newMem())
	mustAdd(t, r, "boss@example.org", keyring.Addition{})
	mustAdd(t, r, "assistant@example.org", keyring.Addition{Addresses: []string{"boss@example.org"}, Signer: true})
	mustAdd(t, r, "gateway@example.org", keyring.Addition{Addresses: []string{"@example.org"}, Signer: true})
	from, err := r.Senders("boss@example.org")
	require.NoError(t, err)
	require.Equal(t, namesOf(t, "boss@example.org", "assistant@example.org", "gateway@example.org"), fingerprints(from))
	require.Equal(t, "expected fingerprint", from[0].Evidence())
	require.Equal(t, "expected fingerprint; as a signer for boss@example.org", from[1].Evidence())
	from, err = r.Senders("other@example.org")
	require.NoError(t, err)
	require.Equal(t, namesOf(t, "gateway@example.org"), fingerprints(from))
	_, err = r.Senders("other@example.com")
	var unknown *keyring.UnknownError
	require.ErrorAs(t, err, &unknown)
	to, err := r.Recipients("boss@example.org")
	require.NoError(t, err)
	require.Equal(t, namesOf(t, "boss@example.org"), fingerprints(to))
	for _, a := range []string{"other@example.org", "assistant@example.org"} {
		_, err = r.Recipients(a)
		require.ErrorAs(t, err, &unknown, a)
	}
	// That it signs for him does not make it his.
	_, err = r.Add(expected(t, certOf(t, "assistant@example.org")), keyring.Addition{Addresses: []string{"boss@example.org"}, Beside: true})
	var not *keyring.NotBoundError
	require.ErrorAs(t, err, &not)
	require.NoError(t, r.Remove("boss@example.org", certOf(t, "assistant@example.org").Fingerprint()))
	from, err = r.Senders("boss@example.org")
	require.NoError(t, err)
	require.Len(t, from, 2)
	require.NoError(t, r.Check())
}

// TestPrefer: of several keys the first is sealed to, or the one that is named.
func TestPrefer(t *testing.T) {
	m := newMem()
	r := newRing(t, m)
	const bobAt = "bob@example.org"
	names := []string{bobAt, bobAt + "#second", bobAt + "#third"}
	mustAdd(t, r, names[0], keyring.Addition{})
	mustAdd(t, r, names[1], keyring.Addition{Beside: true})
	mustAdd(t, r, names[2], keyring.Addition{Beside: true})
	for _, i := range []int{2, 1, 0, 2} {
		require.NoError(t, r.Prefer(bobAt, certOf(t, names[i]).Fingerprint()))
		for _, r := range []*keyring.Ring{r, newRing(t, m)} {
			to, err := r.Recipients(bobAt)
			require.NoError(t, err)
			require.Equal(t, namesOf(t, names[i]), fingerprints(to))
			found, err := r.Lookup(bobAt)
			require.NoError(t, err)
			require.Len(t, found, 3)
			require.Equal(t, []bool{true, false, false}, []bool{found[0].Preferred, found[1].Preferred, found[2].Preferred})
		}
	}
	n := len(mustEvents(t, r))
	require.NoError(t, r.Prefer(bobAt, certOf(t, names[2]).Fingerprint()))
	require.Len(t, mustEvents(t, r), n, "it is already")
	// Nobody's key is sealed to in place of the one that was named.
	_, err := r.Revoke(certOf(t, names[2]).Fingerprint(), &keyring.RevokedError{})
	require.NoError(t, err)
	var revoked *keyring.RevokedError
	_, err = r.Recipients(bobAt)
	require.ErrorAs(t, err, &revoked)
	require.NoError(t, r.Prefer(bobAt, keyring.Fingerprint{}))
	to, err := r.Recipients(bobAt)
	require.NoError(t, err)
	require.Equal(t, namesOf(t, names[0]), fingerprints(to))
	var unknown *keyring.UnknownError
	require.ErrorAs(t, r.Prefer(bobAt, certOf(t, "zoe@example.org").Fingerprint()), &unknown)
	require.ErrorAs(t, r.Prefer("zoe@example.org", certOf(t, names[0]).Fingerprint()), &unknown)
	require.NoError(t, r.Check())
}

// TestTrust: who may introduce is kept with the key.
func TestTrust(t *testing.T) {
	m := newMem()
	r := newRing(t, m)
	mustAdd(t, r, "alice@example.org", keyring.Addition{})
	f := certOf(t, "alice@example.org").Fingerprint()
	for _, bad := range []keyring.Introducer{{}, {Depth: 4, Amount: 120}, {Depth: 1}, {Depth: 1, Amount: 121}, {Depth: -1, Amount: 60},
		{Depth: 1, Amount: 60, Domains: []string{"a b"}}} {
		require.Error(t, r.Trust(f, &bad))
	}
	require.NoError(t, r.Trust(f, &keyring.Introducer{Depth: 3, Amount: 120, Domains: []string{"Example.org", "@example.com"}}))
	all, err := newRing(t, m).Entries()
	require.NoError(t, err)
	require.Equal(t, &keyring.Introducer{Depth: 3, Amount: 120, Domains: []string{"@example.org", "@example.com"}}, all[0].Introducer)
	require.NoError(t, r.Trust(f, nil))
	all, err = newRing(t, m).Entries()
	require.NoError(t, err)
	require.Nil(t, all[0].Introducer)
	var unknown *keyring.UnknownError
	require.ErrorAs(t, r.Trust(certOf(t, "zoe@example.org").Fingerprint(), &keyring.Introducer{Depth: 1, Amount: 120}), &unknown)
	require.NoError(t, r.Remove("alice@example.org", f))
	require.ErrorAs(t, r.Trust(f, &keyring.Introducer{Depth: 1, Amount: 120}), &unknown)
}

// TestStricterPolicy: what was believed by one policy is not handed out by a
// ring that is opened with another.
func TestStricterPolicy(t *testing.T) {
	m := newMem()
	open := func(p keyring.Policy) *keyring.Ring {
		r, err := p.NewRing(m, parsers()...)
		require.NoError(t, err)
		return r
	}
	lax := keyring.Policy{AcceptFirstUse: true}
	v, err := lax.Verify(certOf(t, "bob@example.org"), keyring.FirstUse("bob@example.org"))
	require.NoError(t, err)
	_, err = open(keyring.Policy{}).Add(v, keyring.Addition{})
	var policy *keyring.PolicyError
	require.ErrorAs(t, err, &policy)
	_, err = open(lax).Add(v, keyring.Addition{})
	require.NoError(t, err)
	_, err = open(lax).Lookup("bob@example.org")
	require.NoError(t, err)
	for _, strict := range []keyring.Policy{{}, {FingerprintOnly: true}, {AcceptDomainAttested: true, AcceptReissued: true}} {
		r := open(strict)
		_, err = r.Lookup("bob@example.org")
		require.ErrorAs(t, err, &policy)
		require.ErrorContains(t, err, "Policy.")
		_, err = r.Recipients("bob@example.org")
		require.ErrorAs(t, err, &policy)
		_, err = r.Senders("bob@example.org")
		require.ErrorAs(t, err, &policy)
		require.NoError(t, r.Check(), "nothing is wrong with the ring")
	}
	// Its fingerprint, compared now, is what a strict ring takes.
	done, err := open(keyring.Policy{}).Add(expected(t, certOf(t, "bob@example.org")), keyring.Addition{})
	require.NoError(t, err)
	require.Equal(t, "verified", done.Event)
	found, err := open(keyring.Policy{}).Lookup("bob@example.org")
	require.NoError(t, err)
	require.Equal(t, "expected fingerprint", found[0].Verified.Evidence())
	// And it is not lost by what is weaker.
	_, err = open(lax).Add(v, keyring.Addition{})
	require.NoError(t, err)
	_, err = open(keyring.Policy{FingerprintOnly: true}).Lookup("bob@example.org")
	require.NoError(t, err)
}

// TestWithoutParser: a program of one format does not hand out the other's.
func TestWithoutParser(t *testing.T) {
	m := threePeople(t)
	only := func(parse ...keyring.Parser) *keyring.Ring {
		r, err := keyring.Policy{}.NewRing(m, parse...)
		require.NoError(t, err)
		return r
	}
	_, err := only(pgp.ParseCertificate).Lookup("bob@example.org")
	require.ErrorIs(t, err, keyring.ErrRefused)
	require.ErrorContains(t, err, "no parser")
	_, err = only(smime.ParseCertificate).Lookup("bob@example.org")
	require.NoError(t, err)
	_, err = only(pgp.ParseCertificate).Add(expected(t, certOf(t, "erin@example.org")), keyring.Addition{})
	require.ErrorContains(t, err, "no parser")
	_, err = keyring.Policy{}.NewRing(m)
	require.Error(t, err)
	_, err = keyring.Policy{}.NewRing(nil, parsers()...)
	require.Error(t, err)
	// A parser that makes something else of it is not believed.
	lying := func([]byte) (*keyring.Certificate, error) { return certOf(t, "eve@example.org"), nil }
	_, err = only(lying).Lookup("bob@example.org")
	require.ErrorContains(t, err, "another fingerprint")
	nothing := func([]byte) (*keyring.Certificate, error) { return nil, nil }
	_, err = only(nothing).Lookup("bob@example.org")
	require.ErrorIs(t, err, keyring.ErrRefused)
}

// TestRefusedArguments: nil and zero values.
func TestRefusedArguments(t *testing.T) {
	r := newRing(t, newMem())
	for name, err := range map[string]error{
		"Add nil":           second(r.Add(nil, keyring.Addition{})),
		"Add zero":          second(r.Add(new(keyring.Verified), keyring.Addition{})),
		"Update nil":        second(r.Update(nil)),
		"Update zero":       second(r.Update(new(keyring.Certificate))),
		"Update unknown":    second(r.Update(certOf(t, "zoe@example.org"))),
		"Recipients":        second(r.Recipients()),
		"Revoke unknown":    second(r.Revoke(keyring.Fingerprint{}, &keyring.RevokedError{})),
		"Revoke why":        second(r.Revoke(keyring.Fingerprint{}, nil)),
		"Note zero":         second(r.Note(keyring.Fingerprint{}, keyring.Note{})),
		"Erase zero":        r.Erase(keyring.Fingerprint{}),
		"Remove nobody":     r.Remove("zoe@example.org", keyring.Fingerprint{}),
		"Check nil":         (*keyring.Verified)(nil).Check(),
		"Check zero":        new(keyring.Verified).Check(),
		"Lookup no address": second(r.Lookup("")),
		"Senders":           second(r.Senders("zoe")),
	} {
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "\n", name)
	}
	require.Empty(t, mustEvents(t, r)[min(1, len(mustEvents(t, r))):])
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	_, err := r.Lookup("zoe@example.org")
	require.ErrorContains(t, err, "closed")
	_, err = r.Add(expected(t, certOf(t, "zoe@example.org")), keyring.Addition{})
	require.ErrorContains(t, err, "closed")
}

// TestRingLookAlikes: who is nearly somebody is told of.
func TestRingLookAlikes(t *testing.T) {
	r := newRing(t, newMem())
	mustAdd(t, r, "bob.miller@example.org", keyring.Addition{})
	for _, a := range []string{"bob.rniller@example.org", "bob.miler@example.org", "Bob.Miller@example.org"} {
		_, err := r.Lookup(a)
		var unknown *keyring.UnknownError
		require.ErrorAs(t, err, &unknown, a)
		require.Equal(t, []string{"bob.miller@example.org"}, unknown.Similar, a)
	}
	_, err := r.Lookup("zoe@example.org")
	var unknown *keyring.UnknownError
	require.ErrorAs(t, err, &unknown)
	require.Empty(t, unknown.Similar)
	done := mustAdd(t, r, "bob.rniller@example.org", keyring.Addition{})
	require.Contains(t, strings.Join(done.Findings, "\n"), `looks like "bob.miller@example.org"`)
	done = mustAdd(t, r, "zoe@example.org", keyring.Addition{})
	require.Empty(t, done.Findings)
}

// TestEvents: the log says what happened, with whom it was about.
func TestEvents(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m := newMem()
	r, err := keyring.Policy{Time: func() time.Time { return now }}.NewRing(m, parsers()...)
	require.NoError(t, err)
	bob, next := certOf(t, "bob@example.org"), certOf(t, "bob@example.org#next")
	now = time.Now()
	_, err = r.Add(expected(t, bob), keyring.Addition{})
	require.NoError(t, err)
	done, err := r.Add(expected(t, next), keyring.Addition{Replace: true})
	require.NoError(t, err)
	require.Equal(t, "replaced", done.Event)
	require.Equal(t, []keyring.Fingerprint{bob.Fingerprint()}, done.Replaced)
	_, err = r.Revoke(next.Fingerprint(), &keyring.RevokedError{Reason: "lost"})
	require.NoError(t, err)
	events := mustEvents(t, newRing(t, m))
	var words []string
	for i, e := range events {
		require.EqualValues(t, i+1, e.Sequence)
		require.Len(t, e.Digest, 64)
		require.WithinDuration(t, now, e.Time, time.Minute)
		words = append(words, e.Event)
	}
	require.Equal(t, []string{"created", "added", "replaced", "revoked"}, words)
	require.Equal(t, bob.Fingerprint(), events[1].Fingerprint)
	require.Equal(t, "expected fingerprint", events[1].Detail)
	require.Equal(t, next.Fingerprint(), events[2].Fingerprint)
	require.Equal(t, bob.Fingerprint(), events[2].Other)
	require.Equal(t, []string{"bob@example.org"}, events[2].Addresses)
	require.Equal(t, "lost", events[3].Detail)
}

// TestReadsLess: who reads less than before is not sealed to in a weaker form
// until somebody says that it is meant.
func TestReadsLess(t *testing.T) {
	r := newRing(t, newMem())
	k, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	require.NoError(t, err)
	bob := k.Certificate()
	_, err = r.Add(expected(t, bob), keyring.Addition{})
	require.NoError(t, err)
	note := func(at time.Time, algorithms ...string) *keyring.Change {
		t.Helper()
		reads, err := smime.Reads(at, algorithms...)
		require.NoError(t, err)
		done, err := r.Note(bob.Fingerprint(), reads.Note())
		require.NoError(t, err)
		return done
	}
	now := time.Now()
	require.Equal(t, "noted", note(now, "AES-256-GCM").Event)
	require.Empty(t, note(now.Add(-time.Hour), "AES-256-CBC").Event, "older than what is known")
	_, err = r.Lookup("bob@example.org")
	require.NoError(t, err)
	require.Equal(t, "noted", note(now.Add(time.Hour), "AES-256-CBC").Event)
	_, err = r.Lookup("bob@example.org")
	var weaker *keyring.DowngradeError
	require.ErrorAs(t, err, &weaker)
	_, err = r.Add(expected(t, bob), keyring.Addition{})
	require.ErrorAs(t, err, &weaker)
	_, err = r.Add(expected(t, bob), keyring.Addition{Replace: true})
	require.NoError(t, err)
	_, err = r.Lookup("bob@example.org")
	require.NoError(t, err)
	require.NoError(t, r.Check())
}
