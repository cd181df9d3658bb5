package discover_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring/discover"
)

// The entries of the keybox in testdata, as kbxutil counts them.
const (
	entryAlice   = 1
	entryDeleted = 3
	entryCA      = 4
	entries      = 6
)

// entriesOf returns where the entries of a keybox begin, and its end.
func entriesOf(t testing.TB, b []byte) (at []int) {
	t.Helper()
	for n := 0; n < len(b); n += int(binary.BigEndian.Uint32(b[n:])) {
		at = append(at, n)
	}
	require.Len(t, at, entries)
	return append(at, len(b))
}

// A damaged entry of a keybox costs no other where its length is right, and
// one without an end does not go on for ever.
func TestKeybox(t *testing.T) {
	skipFIPS(t)
	box := stored(t, "pubring.kbx.b64")
	at := entriesOf(t, box)
	put32 := func(entry, offset int, v uint32) func([]byte) []byte {
		return func(b []byte) []byte { binary.BigEndian.PutUint32(b[at[entry]+offset:], v); return b }
	}
	all := []string{"f, entry 1", "f, entry 2", "f, entry 4", "f, entry 5"}
	size := func(entry int) uint32 { return uint32(at[entry+1] - at[entry]) }
	for name, c := range map[string]struct {
		change  func([]byte) []byte
		sources []string
		why     string
	}{
		"as it is":         {func(b []byte) []byte { return b }, all, ""},
		"header alone":     {func(b []byte) []byte { return b[:at[1]] }, nil, "it holds no certificate"},
		"cut":              {func(b []byte) []byte { return b[:len(b)-1] }, all[:3], "octets, and "},
		"cut in a length":  {func(b []byte) []byte { return append(b, 0, 0, 0) }, all, "the keybox is cut off"},
		"4 GiB":            {put32(entryCA, 0, 0xFFFFFFFF), all[:2], "it says that it has 4294967295 octets"},
		"one octet more":   {put32(5, 0, size(5)+1), all[:3], "octets, and "},
		"no length":        {put32(entryCA, 0, 0), all[:2], "it says that it has 0 octets, which is too few"},
		"too short":        {put32(entryCA, 0, 5), all[:2], "it says that it has 5 octets, which is too few"},
		"unknown type":     {func(b []byte) []byte { b[at[entryCA]+4] = 9; return b }, []string{all[0], all[1], all[3]}, "it is of type 9"},
		"deleted":          {func(b []byte) []byte { b[at[entryCA]+4] = 0; return b }, []string{all[0], all[1], all[3]}, ""},
		"not deleted":      {func(b []byte) []byte { b[at[entryDeleted]+4] = 2; return b }, slices.Insert(slices.Clone(all), 2, "f, entry 3"), ""},
		"other format":     {func(b []byte) []byte { b[at[entryCA]+4] = 2; return b }, []string{all[0], all[1], all[3]}, "no OpenPGP packets"},
		"offset beyond":    {put32(entryAlice, 8, 1<<31), all[1:], "where it is not"},
		"offset too small": {put32(entryAlice, 8, 15), all[1:], "where it is not"},
		"length beyond":    {put32(entryAlice, 12, 0xFFFFFFFF), all[1:], "where it is not"},
		"both 4 GiB":       {func(b []byte) []byte { return put32(entryAlice, 12, 0xFFFFFFFF)(put32(entryAlice, 8, 0xFFFFFFFF)(b)) }, all[1:], "where it is not"},
		"up to the end": {func(b []byte) []byte {
			return put32(entryAlice, 12, size(entryAlice)-binary.BigEndian.Uint32(b[at[1]+8:]))(b)
		}, all[1:], "octet "},
		"certificate of no octets": {put32(entryAlice, 12, 0), all[1:], "it holds no OpenPGP key"},
		"an entry of six octets":   {func(b []byte) []byte { return append(b, 0, 0, 0, 6, 2, 1) }, all, "too short for a certificate"},
		"a deleted one of six":     {func(b []byte) []byte { return append(b, 0, 0, 0, 6, 0, 1) }, all, ""},
	} {
		t.Run(name, func(t *testing.T) {
			found, problems := discover.Read("f", c.change(slices.Clone(box)), both()...)
			var sources []string
			for _, f := range found {
				sources = append(sources, f.Source)
				require.Empty(t, f.Notes)
			}
			require.Equal(t, c.sources, sources)
			if c.why == "" {
				require.Empty(t, problems)
				return
			}
			require.Len(t, problems, 1)
			require.ErrorContains(t, problems[0], c.why)
		})
	}
}

// What gpgsm keeps in passing is told apart from what its user imported.
func TestKeyboxEphemeral(t *testing.T) {
	skipFIPS(t)
	box := slices.Clone(stored(t, "pubring.kbx.b64"))
	at := entriesOf(t, box)
	box[at[entryCA]+7] |= 2
	found, problems := discover.Read("f", box, both()...)
	require.Empty(t, problems)
	require.Len(t, found, 4)
	for i, c := range found {
		if i == 2 {
			require.Equal(t, []string{"kept in passing (ephemeral): GnuPG does not list it"}, c.Notes)
		} else {
			require.Empty(t, c.Notes)
		}
	}
}

func TestNoteOwnerTrustRefuses(t *testing.T) {
	skipFIPS(t)
	db, text := stored(t, "trustdb.gpg.b64"), string(stored(t, "ownertrust.txt"))
	found := func() []discover.Candidate {
		list, _ := discover.Read("f", stored(t, "pubring.gpg.b64"), both()...)
		require.Len(t, list, 2)
		return list
	}
	alice := found()[0].Certificate.Fingerprint().String()
	for name, c := range map[string]struct {
		b     []byte
		noted int
		why   string
	}{
		"the data base":       {db, 2, ""},
		"cut in a record":     {db[:len(db)-1], 2, "the trustdb.gpg is cut off"},
		"cut to its first":    {db[:40], 0, ""},
		"another program's":   {append([]byte("\x01gpx"), db[4:]...), 0, "neither GnuPG's trustdb.gpg nor"},
		"the text":            {[]byte(text), 2, ""},
		"text, CRLF":          {[]byte(alice + ":6:\r\n"), 1, ""},
		"text, lower case":    {[]byte("# c\n\n" + strings.ToLower(alice) + ":3:\n"), 1, ""},
		"a level of nothing":  {[]byte(alice + ":2:\n"), 0, ""},
		"no level":            {[]byte(alice + "::\n"), 0, "neither"},
		"not closed":          {[]byte(alice + ":6\n"), 0, "neither"},
		"no digits":           {[]byte("G" + alice[1:] + ":6:\n"), 0, "neither"},
		"a key ID":            {[]byte(alice[24:] + ":6:\n"), 0, "neither"},
		"what is before says": {[]byte(alice + ":6:\nHello\n"), 1, "neither"},
		"nothing":             {nil, 0, ""},
		"too large":           {make([]byte, 64<<20+1), 0, "more than 67108864 octets"},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := discover.NoteOwnerTrust(found(), c.b)
			require.Equal(t, c.noted, n)
			if c.why == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.why)
			}
		})
	}
	list := found()
	_, err := discover.NoteOwnerTrust(list, []byte(alice+":132:\n"))
	require.NoError(t, err)
	require.Equal(t, []string{"ownertrust: marginal, disabled (not taken)"}, list[0].Notes)
	for range 100 {
		_, err := discover.NoteOwnerTrust(list, []byte(alice+":6:\n"))
		require.NoError(t, err)
	}
	require.Len(t, list[0].Notes, 32)
}
