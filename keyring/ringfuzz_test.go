package keyring

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A line that is read is one that would be written, octet by octet.
func FuzzLogLine(f *testing.F) {
	var prev [sha256.Size]byte
	name := strings.Repeat("ab", idLen) + "-" + strings.Repeat("cd", nonceLen) + ".json"
	for _, l := range []line{
		{seq: 1, event: eventCreated, ring: strings.Repeat("ab", idLen)},
		{seq: 2, event: eventAdded, puts: []put{{name: name}, {name: indexName}}},
		{seq: 3, event: eventErased, puts: []put{{name: indexName}}, drops: []string{name}},
		{seq: 4, event: eventNoted},
	} {
		l.when = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
		f.Add(l.seq, bytes.TrimSuffix(l.encode(prev), []byte("\n")))
	}
	f.Add(int64(2), []byte("2 2026-11-22T08:00:00Z added"))
	f.Fuzz(func(t *testing.T, seq int64, text []byte) {
		// The digest is the fuzzer's to find out in no time: it is made to fit.
		if end := bytes.LastIndexByte(text, ' '); end >= 0 {
			chain := chained(prev, text[:end])
			text = append(bytes.Clone(text[:end+1]), hexOf(chain[:])...)
		}
		l, err := parseLine(text, seq, prev)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), "\x1b")
			return
		}
		require.Equal(t, string(text)+"\n", string(l.encode(prev)))
		_, err = parseLine(text, seq+1, prev)
		require.Error(t, err)
		_, err = parseLine(text, seq, sha256.Sum256(text))
		require.Error(t, err)
	})
}

func hexOf(b []byte) []byte {
	const digits = "0123456789abcdef"
	var out []byte
	for _, c := range b {
		out = append(out, digits[c>>4], digits[c&15])
	}
	return out
}

// keyRecord is a record of a key, as short as one can be.
func keyRecord() *record {
	f := Fingerprint{kind: x509, n: sha256.Size, sum: sha256.Sum256([]byte("bob"))}
	return &record{
		Kind: kindKey, ID: strings.Repeat("ab", idLen), Format: "S/MIME", Fingerprint: f.URI(), Certificate: []byte("certificate"),
		Pins: []recordPin{{Address: "bob@example.org", Basis: "fingerprint", Evidence: "expected fingerprint", Preferred: true,
			Since: time.Date(2026, 11, 22, 8, 0, 0, 123000, time.UTC), Authority: make([]byte, 32)}},
		Reads:      &recordReads{Algorithms: []string{"AES-256-GCM"}},
		Introducer: &Introducer{Depth: 1, Amount: 120},
		Revoked:    &recordRevoke{Reason: "lost \u202e"},
		History:    []recordEvent{{Sequence: 2, Event: eventAdded, Addresses: []string{"bob@example.org"}}},
	}
}

func groupRecord() *record {
	return &record{Kind: kindGroup, ID: strings.Repeat("cd", idLen), Address: "claims@example.org", Members: []string{"bob@example.org"}}
}

// A record that is read is the same when it is written and read again, and says
// what an index can say of it.
func FuzzRecord(f *testing.F) {
	for _, r := range []*record{keyRecord(), groupRecord()} {
		octets, _, err := r.encode()
		require.NoError(f, err)
		f.Add(octets)
		f.Add(bytes.Replace(octets, []byte(": "), []byte(": 1"), 1))
	}
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, octets []byte) {
		r, err := parseRecord(octets, nil)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), "\x1b")
			return
		}
		digest := keyed(r.Salt, octets)
		_, err = parseRecord(octets, &digest)
		require.NoError(t, err)
		digest[0] ^= 1
		_, err = parseRecord(octets, &digest)
		require.Error(t, err)
		again, digest, err := r.encode()
		require.NoError(t, err)
		require.NotContains(t, string(again), "\x1b")
		back, err := parseRecord(again, &digest)
		require.NoError(t, err)
		require.Equal(t, r.Pins, back.Pins)
		require.Equal(t, r.History, back.History)
		require.Equal(t, r.Members, back.Members)
		require.NotEmpty(t, r.rows(newName(r.ID)))
	})
}

// An index that is read has the rows that are written again.
func FuzzIndex(f *testing.F) {
	rows := append(keyRecord().rows(newName(strings.Repeat("ab", idLen))), groupRecord().rows(newName(strings.Repeat("cd", idLen)))...)
	tombstone := keyRecord()
	tombstone.Pins = nil
	rows = append(rows, tombstone.rows(newName(strings.Repeat("ef", idLen)))...)
	octets, digest := encodeIndex(rows, 3)
	got, err := parseIndex(octets, &digest)
	require.NoError(f, err)
	require.ElementsMatch(f, rows, got)
	f.Add(octets)
	f.Add(octets[:len(octets)-10])
	f.Fuzz(func(t *testing.T, octets []byte) {
		rows, err := parseIndex(octets, nil)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), "\x1b")
			return
		}
		again, digest := encodeIndex(append([]row(nil), rows...), 7)
		back, err := parseIndex(again, &digest)
		require.NoError(t, err)
		require.ElementsMatch(t, rows, back)
		require.NotContains(t, string(again), "\x1b")
		require.Equal(t, len(rows)+4, bytes.Count(again, []byte("\n")), "one line each")
		digest[0] ^= 1
		_, err = parseIndex(again, &digest)
		require.Error(t, err)
	})
}

// TestHistoryIsBounded: of what happened often the oldest is forgotten.
func TestHistoryIsBounded(t *testing.T) {
	r := keyRecord()
	d := &draft{st: newState(), event: eventNoted}
	for range maxHistory + 10 {
		d.note(r, recordEvent{})
		d.st.seq++
	}
	require.Len(t, r.History, maxHistory)
	require.EqualValues(t, 11, r.History[0].Sequence)
	octets, digest, err := r.encode()
	require.NoError(t, err)
	_, err = parseRecord(octets, &digest)
	require.NoError(t, err)
	r.History = append(r.History, recordEvent{Event: eventNoted})
	octets, digest, err = r.encode()
	require.NoError(t, err)
	_, err = parseRecord(octets, &digest)
	require.ErrorContains(t, err, "more in it")
}
