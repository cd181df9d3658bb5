package interop_test

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// cell is one line of cells.txt; the header there explains the fields.
type cell struct {
	peer, format, key, container, signing, form string
	size                                        int
	direction                                   string
}

func (c cell) name() string {
	return strings.Join([]string{c.format, c.key, c.container, c.signing, c.form, strconv.Itoa(c.size), c.direction}, "/")
}

func (c cell) signed() bool  { return c.signing != "unsigned" }
func (c cell) armored() bool { return c.form == "armored" }
func (c cell) cbc() bool     { return strings.HasPrefix(c.container, "cbc-") }

// content is a different text for every size, with no end of line that a
// program could see as text, and neither compressible nor random: a failure
// shows the same bytes each time.
func (c cell) content() []byte {
	b := make([]byte, c.size)
	x := uint32(c.size)*2654435761 + 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x >> 11)
	}
	return b
}

var fields = []struct {
	name   string
	values []string
}{
	{"peer", []string{"gpg", "thunderbird", "sq", "sqop", "rnp", "pgpainless", "bc", "openpgpjs", "gopenpgp", "openssl", "gpgsm", "nss"}},
	{"format", []string{"pgp", "smime"}},
	{"key", []string{"rsa2048", "rsa3072", "rsa4096", "p256", "p384", "curve25519", "ed25519", "v6", "v6-448"}},
	{"container", []string{"seipd1", "seipd2", "cbc-v15", "cbc-oaep", "cbc-ecdh", "gcm-v15", "gcm-oaep", "gcm-ecdh", "detached", "opaque", "mail"}},
	{"signed", []string{"unsigned", "signed", "entity"}},
	{"form", []string{"binary", "armored"}},
	{"size", nil},
	{"direction", []string{"seal", "open"}},
}

func parseCell(line string) (c cell, err error) {
	words := strings.Fields(line)
	if len(words) != len(fields) {
		return c, fmt.Errorf("%q has %d fields, want %d", line, len(words), len(fields))
	}
	for i, f := range fields {
		if f.values != nil && !slices.Contains(f.values, words[i]) {
			return c, fmt.Errorf("%q: %q is no %s", line, words[i], f.name)
		}
	}
	c = cell{peer: words[0], format: words[1], key: words[2], container: words[3], signing: words[4], form: words[5], direction: words[7]}
	if c.size, err = strconv.Atoi(words[6]); err != nil || c.size < 0 {
		return c, fmt.Errorf("%q: %q is no size", line, words[6])
	}
	return c, nil
}

// readCells returns the cells and the number that the file promises.
func readCells(t *testing.T) ([]cell, int) { return readList(t, "cells.txt", parseCell) }

// readList reads a list of cells, one a line, and the number that it promises.
func readList[T any](t *testing.T, file string, parse func(line string) (T, error)) (cells []T, count int) {
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		line := strings.TrimSpace(sc.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if n, ok := strings.CutPrefix(line, "count "); ok {
			count, err = strconv.Atoi(n)
			require.NoError(t, err)
			continue
		}
		c, err := parse(line)
		require.NoError(t, err)
		cells = append(cells, c)
	}
	require.NoError(t, sc.Err())
	return cells, count
}

// TestList: every line of the list is a cell, none is there twice, and the
// number it promises is the number of its lines.
func TestList(t *testing.T) {
	cells, count := readCells(t)
	require.Len(t, cells, count)
	seen := map[cell]bool{}
	for _, c := range cells {
		require.False(t, seen[c], "twice: %s %s", c.peer, c.name())
		seen[c] = true
	}
	for _, bad := range []string{
		"gpg pgp rsa2048 seipd1 signed binary 1", // a field short
		"gpg pgp rsa2048 seipd1 signed binary 1 seal open",
		"gpg pgp rsa1024 seipd1 signed binary 1 seal",
		"gpg pgp rsa2048 seipd1 signed binary -1 seal",
		"gpg pgp rsa2048 seipd1 signed binary x seal",
	} {
		_, err := parseCell(bad)
		require.Error(t, err, bad)
	}
	_, err := parseCell("gpg pgp rsa2048 seipd1 signed binary 1 seal")
	require.NoError(t, err)
}

// TestCells fills the list.
func TestCells(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the peers are programs that take their time to start")
	}
	cells, count := readCells(t)
	w := newWorld(t)
	green := fillByPeer(t, cells, func(c cell) string { return c.peer }, func(t *testing.T, peer string) func(*testing.T, cell) {
		p := w.peer(t, peer)
		return func(t *testing.T, c cell) { fill(t, w, p, c) }
	})
	tally(t, "cells", green, count)
}

// fillByPeer fills the cells of one peer after those of another, and returns
// how many are green. start returns what fills a cell of that peer.
func fillByPeer[T interface{ name() string }](t *testing.T, cells []T, peerOf func(T) string, start func(t *testing.T, peer string) func(*testing.T, T)) int64 {
	byPeer := map[string][]T{}
	var peers []string
	for _, c := range cells {
		if byPeer[peerOf(c)] == nil {
			peers = append(peers, peerOf(c))
		}
		byPeer[peerOf(c)] = append(byPeer[peerOf(c)], c)
	}
	var green atomic.Int64
	t.Run("peer", func(t *testing.T) {
		for _, name := range peers {
			t.Run(name, func(t *testing.T) {
				fill := start(t, name)
				for _, c := range byPeer[name] {
					t.Run(c.name(), func(t *testing.T) {
						t.Parallel()
						fill(t, c)
						green.Add(1)
					})
				}
			})
		}
	})
	return green.Load()
}

// tally prints how many cells of a list are green. Where the peers are required
// fewer than are promised fail.
func tally(t *testing.T, what string, green int64, count int) {
	fmt.Printf("interop: %d of %d %s are green\n", green, count, what)
	if required() && green < int64(count) {
		t.Errorf("%d %s are green, %d are promised", green, what, count)
	}
}
