package keyring_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// threePeople is a ring with alice, bob and carol, and a fourth who was removed.
func threePeople(t *testing.T) *memStore {
	t.Helper()
	m := newMem()
	r := newRing(t, m)
	for _, a := range []string{"alice@example.org", "bob@example.org", "carol@example.org", "dave@example.org"} {
		_, err := r.Add(expected(t, certOf(t, a)), keyring.Addition{})
		require.NoError(t, err)
	}
	require.NoError(t, r.Remove("dave@example.org", keyring.Fingerprint{}))
	require.NoError(t, r.Check())
	return m
}

// recordOf returns the name of the record of an address.
func recordOf(t *testing.T, m *memStore, address string) string {
	t.Helper()
	for name, octets := range m.records {
		if name != "index" && bytes.Contains(octets, []byte(`"address": "`+address+`"`)) {
			return name
		}
	}
	t.Fatalf("no record of %s", address)
	return ""
}

// editRecord changes a field of a record by hand, at the place where it stands.
func editRecord(t *testing.T, m *memStore, address, old, new string) {
	t.Helper()
	name := recordOf(t, m, address)
	was := m.records[name]
	require.Contains(t, string(was), old)
	m.records[name] = []byte(strings.Replace(string(was), old, new, 1))
	require.NotEqual(t, was, m.records[name])
	var any map[string]any
	require.NoError(t, json.Unmarshal(m.records[name], &any), "it still is JSON: the digest has to find it")
}

// TestRecordEdited: what was changed in a record by hand is refused when it is
// looked at, and found by Check; everybody else is still there.
func TestRecordEdited(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *memStore){
		"fingerprint": func(t *testing.T, m *memStore) {
			editRecord(t, m, "bob@example.org", strings.ToLower(certOf(t, "bob@example.org").Fingerprint().String()), strings.ToLower(certOf(t, "alice@example.org").Fingerprint().String()))
		},
		"address": func(t *testing.T, m *memStore) {
			editRecord(t, m, "bob@example.org", `"address": "bob@example.org"`, `"address": "rob@example.org"`)
		},
		"evidence": func(t *testing.T, m *memStore) {
			editRecord(t, m, "bob@example.org", `"basis": "fingerprint"`, `"basis": "scanned"`)
		},
		"words of the evidence": func(t *testing.T, m *memStore) {
			editRecord(t, m, "bob@example.org", `"evidence": "expected`, `"evidence": "unexpected`)
		},
		"white space": func(t *testing.T, m *memStore) { editRecord(t, m, "bob@example.org", "\n \"kind\"", "\n  \"kind\"") },
		"a field more": func(t *testing.T, m *memStore) {
			editRecord(t, m, "bob@example.org", "\n \"kind\"", "\n \"x\": 1, \"kind\"")
		},
		"another version": func(t *testing.T, m *memStore) { editRecord(t, m, "bob@example.org", `"record": 1`, `"record": 2`) },
		"certificate": func(t *testing.T, m *memStore) {
			var r struct{ Certificate string }
			require.NoError(t, json.Unmarshal(m.records[recordOf(t, m, "bob@example.org")], &r))
			var e struct{ Certificate string }
			require.NoError(t, json.Unmarshal(m.records[recordOf(t, m, "carol@example.org")], &e))
			editRecord(t, m, "bob@example.org", r.Certificate, e.Certificate)
		},
		"another record": func(t *testing.T, m *memStore) {
			m.records[recordOf(t, m, "bob@example.org")] = m.records[recordOf(t, m, "carol@example.org")]
		},
		"of another ring": func(t *testing.T, m *memStore) {
			other := newMem()
			r := newRing(t, other)
			_, err := r.Add(expected(t, certOf(t, "bob@example.org#eve")), keyring.Addition{})
			require.NoError(t, err)
			m.records[recordOf(t, m, "bob@example.org")] = other.records[recordOf(t, other, "bob@example.org")]
		},
		"cut": func(t *testing.T, m *memStore) {
			name := recordOf(t, m, "bob@example.org")
			m.records[name] = m.records[name][:len(m.records[name])/2]
		},
		"empty": func(t *testing.T, m *memStore) { m.records[recordOf(t, m, "bob@example.org")] = nil },
		"gone":  func(t *testing.T, m *memStore) { delete(m.records, recordOf(t, m, "bob@example.org")) },
	} {
		t.Run(name, func(t *testing.T) {
			m := threePeople(t)
			r := newRing(t, m)
			_, err := r.Lookup("bob@example.org") // the positive twin
			require.NoError(t, err)

			broken := recordOf(t, m, "bob@example.org")
			change(t, m)
			r = newRing(t, m)
			_, err = r.Lookup("bob@example.org")
			require.ErrorIs(t, err, keyring.ErrRefused)
			require.ErrorContains(t, err, broken)
			require.NotContains(t, err.Error(), "\n")
			_, err = r.Lookup("rob@example.org")
			require.ErrorIs(t, err, keyring.ErrRefused)
			_, err = r.Senders("bob@example.org")
			require.ErrorIs(t, err, keyring.ErrRefused)
			_, err = r.Recipients("alice@example.org", "bob@example.org")
			require.ErrorIs(t, err, keyring.ErrRefused)
			_, err = r.Lookup("alice@example.org")
			require.NoError(t, err)
			// Nothing takes the place of what nobody can read.
			_, err = r.Add(expected(t, certOf(t, "bob@example.org#new")), keyring.Addition{Replace: true})
			require.ErrorIs(t, err, keyring.ErrRefused)
			all, err := r.Entries()
			require.NoError(t, err)
			require.Len(t, all, 3)
			require.Error(t, all[1].Problem)
			require.Nil(t, all[1].Verified)
			err = r.Check()
			require.ErrorContains(t, err, broken)
			require.NotContains(t, err.Error(), "\n")

			// Without the index it is the same.
			delete(m.records, "index")
			r = newRing(t, m)
			_, err = r.Lookup("bob@example.org")
			require.ErrorIs(t, err, keyring.ErrRefused)
			_, err = r.Lookup("alice@example.org")
			require.NoError(t, err)
			require.ErrorContains(t, r.Check(), broken)
		})
	}
}

// TestRecordEditedLater: a ring that is open finds it by Check, which reads
// again what was read before.
func TestRecordEditedLater(t *testing.T) {
	m := threePeople(t)
	r := newRing(t, m)
	_, err := r.Lookup("bob@example.org")
	require.NoError(t, err)
	require.NoError(t, r.Check())
	editRecord(t, m, "bob@example.org", `"basis": "fingerprint"`, `"basis": "scanned"`)
	require.ErrorContains(t, r.Check(), recordOf(t, m, "bob@example.org"))
}

// TestLogEdited: a line that was cut, swapped, edited, repeated or left out.
func TestLogEdited(t *testing.T) {
	m := threePeople(t)
	lines := bytes.SplitAfter(m.log, []byte("\n"))
	lines = lines[:len(lines)-1]
	require.Len(t, lines, 6)
	join := func(list ...[]byte) []byte { return bytes.Join(list, nil) }
	other := threePeople(t)
	otherLines := bytes.SplitAfter(other.log, []byte("\n"))
	for name, log := range map[string][]byte{
		"first line gone":      join(lines[1:]...),
		"line gone":            join(append(slices.Clone(lines[:2]), lines[3:]...)...),
		"swapped":              join(lines[0], lines[2], lines[1], lines[3], lines[4], lines[5]),
		"repeated":             join(append(slices.Clone(lines[:3]), lines[2:]...)...),
		"repeated at the end":  join(append(slices.Clone(lines), lines[5])...),
		"edited":               bytes.Replace(m.log, []byte(" added +"), []byte(" noted +"), 1),
		"edited in the end":    bytes.Replace(m.log, []byte(" removed +"), []byte(" updated +"), 1),
		"digest edited":        bytes.Replace(m.log, []byte("="), []byte("=0"), 1),
		"cut in the middle":    join(lines[0], lines[1], lines[2][:40], []byte("\n"), lines[3], lines[4], lines[5]),
		"end of a line":        join(lines[0], lines[1], bytes.TrimSuffix(lines[2], []byte("\n")), lines[3], lines[4], lines[5]),
		"empty line":           join(lines[0], lines[1], []byte("\n"), lines[2], lines[3], lines[4], lines[5]),
		"a line of another":    join(lines[0], otherLines[1], lines[2], lines[3], lines[4], lines[5]),
		"the end of another":   join(append(slices.Clone(lines[:5]), otherLines[5])...),
		"carriage return":      bytes.Replace(m.log, []byte("\n"), []byte("\r\n"), 1),
		"zeros":                append(bytes.Clone(m.log), make([]byte, 4096)...),
		"upper case":           bytes.ToUpper(m.log),
		"not a log":            []byte("hello\n"),
		"space behind a chain": bytes.Replace(m.log, []byte("\n"), []byte(" \n"), 1),
	} {
		c := m.clone()
		c.log = log
		r, err := keyring.Policy{}.NewRing(c, parsers()...)
		if name == "zeros" {
			// A line without an end did not happen.
			require.NoError(t, err)
			require.NoError(t, r.Check())
			continue
		}
		require.ErrorContains(t, err, "of the ring's log", name)
		require.Nil(t, r, name)
		require.NotContains(t, err.Error(), "\n", name)
	}
	r := newRing(t, m.clone()) // the positive twin
	require.NoError(t, r.Check())

	// Every bit of it counts.
	for i := range m.log {
		c := m.clone()
		c.log[i] ^= 1
		_, err := keyring.Policy{}.NewRing(c, parsers()...)
		if i == len(m.log)-1 {
			continue // the last end of a line: the line did not happen
		}
		require.Error(t, err, "octet %d", i)
	}
}

// TestLogEditedWhileOpen: what a ring read before, it holds what follows against.
func TestLogEditedWhileOpen(t *testing.T) {
	m := threePeople(t)
	c := m.clone()
	r, other := newRing(t, m), newRing(t, c)
	for _, m := range []*memStore{m, c} {
		_, err := newRing(t, m).Add(expected(t, certOf(t, "erin@example.org")), keyring.Addition{})
		require.NoError(t, err)
	}
	_, err := r.Lookup("erin@example.org") // the positive twin
	require.NoError(t, err)
	c.log[len(c.log)-10] ^= 1
	for range 2 {
		_, err = other.Lookup("alice@example.org")
		require.ErrorContains(t, err, "line 7 of the ring's log")
	}
	require.Error(t, other.Check())
	m.log = m.log[:len(m.log)-20]
	_, err = r.Lookup("alice@example.org")
	require.ErrorContains(t, err, "shorter")
	m.log = threePeople(t).log
	m.log = append(m.log, m.log...)
	_, err = r.Lookup("alice@example.org")
	require.Error(t, err)
}

// TestNewerProgram: words and forms that this program does not know are never
// passed over, though all digests are right.
func TestNewerProgram(t *testing.T) {
	m := threePeople(t)
	keyring.Rewrite(t, m, func(log string, records map[string]string) string { return log })
	r, err := keyring.Policy{}.NewRing(m, parsers()...) // the positive twin
	require.NoError(t, err)
	require.NoError(t, r.Check())
	for name, row := range map[string]struct {
		rewrite func(string, map[string]string) string
		says    string
	}{
		"event": {func(log string, _ map[string]string) string {
			return strings.Replace(log, " removed ", " suspended ", 1)
		}, `"suspended"`},
		"form": {func(log string, _ map[string]string) string { return strings.Replace(log, " ring-1 ", " ring-2 ", 1) }, "ring-2"},
		"column": {func(log string, _ map[string]string) string {
			return strings.Replace(log, " removed ", " removed !until=2030 ", 1)
		}, "!until=2030"},
		"name":   {func(log string, _ map[string]string) string { return strings.Replace(log, " +", " +0", 1) }, "names a record badly"},
		"number": {func(log string, _ map[string]string) string { return strings.Replace(log, "\n4 ", "\n5 ", 1) }, "another number"},
		"time": {func(log string, _ map[string]string) string {
			return regexp.MustCompile(`\n4 \S+`).ReplaceAllString(log, "\n4 now")
		}, "no time"},
		"second beginning": {func(log string, _ map[string]string) string { return strings.Replace(log, " removed ", " created ", 1) }, "wrong place"},
	} {
		c := m.clone()
		keyring.Rewrite(t, c, row.rewrite)
		_, err := keyring.Policy{}.NewRing(c, parsers()...)
		require.ErrorContains(t, err, row.says, name)
	}
	for name, row := range map[string]struct{ old, new, says string }{
		"record form":   {`"record": 1`, `"record": 2`, "written by a newer one"},
		"field":         {`"kind": "key"`, `"kind": "key", "suspended": true`, "newer one"},
		"kind":          {`"kind": "key"`, `"kind": "keys"`, "newer one"},
		"basis":         {`"basis": "fingerprint"`, `"basis": "hearsay"`, "newer one"},
		"event":         {`"event": "added"`, `"event": "suspended"`, "newer one"},
		"no evidence":   {`"basis": "fingerprint"`, `"basis": ""`, "rests on"},
		"bad address":   {`"address": "bob@example.org"`, `"address": "bob@EXAMPLE.org"`, "bad address"},
		"no address":    {`"address": "bob@example.org"`, `"address": ""`, "bad address"},
		"injected":      {`"address": "bob@example.org"`, `"address": "bob@example.org\n"`, "bad address"},
		"fingerprint":   {`"fingerprint": "x-smimefpr:sha256:`, `"fingerprint": "x-smimefpr:sha256:00`, "no fingerprint"},
		"another one's": {certOf(t, "bob@example.org").Fingerprint().URI(), certOf(t, "carol@example.org").Fingerprint().URI(), "another fingerprint"},
		"certificate":   {`"certificate": "MII`, `"certificate": "MIJ`, "no parser"},
	} {
		c := m.clone()
		delete(c.records, "index")
		keyring.Rewrite(t, c, func(log string, records map[string]string) string {
			for name, text := range maps.All(records) {
				if strings.Contains(text, `"address": "bob@example.org"`) {
					require.Contains(t, text, row.old, name)
					records[name] = strings.Replace(text, row.old, row.new, 1)
				}
			}
			return log
		})
		r, err := keyring.Policy{}.NewRing(c, parsers()...)
		require.NoError(t, err, name)
		_, err = r.Lookup("bob@example.org")
		require.ErrorIs(t, err, keyring.ErrRefused, name)
		require.ErrorContains(t, err, row.says, name)
		require.NotContains(t, err.Error(), "\n")
		_, err = r.Lookup("alice@example.org")
		require.NoError(t, err, name)
		require.ErrorContains(t, r.Check(), row.says, name)
	}
}

// TestIndexEdited: the index decides nothing.
func TestIndexEdited(t *testing.T) {
	for name, change := range map[string]func(*memStore){
		"gone":  func(m *memStore) { delete(m.records, "index") },
		"empty": func(m *memStore) { m.records["index"] = nil },
		"without bob": func(m *memStore) {
			m.records["index"] = regexp.MustCompile(`(?m)^"bob@.*\n`).ReplaceAll(m.records["index"], nil)
		},
		"eve for bob": func(m *memStore) {
			m.records["index"] = bytes.ReplaceAll(m.records["index"], []byte(`"alice@example.org"`), []byte(`"bob@example.org"`))
		},
		"of another ring": func(m *memStore) { m.records["index"] = threePeople(t).records["index"] },
		"newer": func(m *memStore) {
			m.records["index"] = bytes.Replace(m.records["index"], []byte("index 1"), []byte("index 2"), 1)
		},
	} {
		m := threePeople(t)
		change(m)
		r := newRing(t, m)
		for _, a := range []string{"alice@example.org", "bob@example.org", "carol@example.org"} {
			found, err := r.Lookup(a)
			require.NoError(t, err, name)
			require.Len(t, found, 1, name)
			require.Equal(t, certOf(t, a).Fingerprint(), found[0].Verified.Fingerprint(), name)
		}
		if err := r.Check(); name == "gone" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "index", name)
		}
		// The next change makes it anew.
		_, err := r.Add(expected(t, certOf(t, "erin@example.org")), keyring.Addition{})
		require.NoError(t, err)
		require.NoError(t, r.Check(), name)
		require.NoError(t, newRing(t, m).Check(), name)
	}
}
