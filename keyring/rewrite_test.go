package keyring

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Rewrite changes a store as another program could write it: all digests fit
// to what change returns.
func Rewrite(t testing.TB, s Store, change func(log string, records map[string]string) string) {
	t.Helper()
	raw, err := s.Log(0)
	require.NoError(t, err)
	l, st := &line{}, newState()
	require.NoError(t, st.apply(raw))
	records := map[string]string{}
	was := map[string]string{}
	for _, slot := range st.slots {
		b, err := s.Record(slot.name)
		require.NoError(t, err)
		records[slot.name], was[slot.name] = string(b), string(b)
	}
	var bare []string
	for seq := int64(1); len(raw) > 0; seq++ {
		text, rest, _ := bytes.Cut(raw, []byte("\n"))
		if l, err = parseLine(text, seq, l.chain); err != nil {
			t.Fatal(err)
		}
		bare, raw = append(bare, string(text[:bytes.LastIndexByte(text, ' ')])), rest
	}
	log := change(strings.Join(bare, "\n")+"\n", records)
	put := map[string][]byte{}
	for name, text := range records {
		if text == was[name] {
			continue
		}
		put[name] = []byte(text)
		var r struct{ Salt []byte }
		require.NoError(t, json.Unmarshal([]byte(text), &r))
		before, after := st.slots[idOf(name)].digest, keyed(r.Salt, []byte(text))
		log = strings.Replace(log, hex.EncodeToString(before[:]), hex.EncodeToString(after[:]), 1)
	}
	var chain [32]byte
	var out []byte
	for text := range strings.Lines(log) {
		text = strings.TrimSuffix(text, "\n")
		chain = chained(chain, []byte(text))
		out = append(out, text+" "+hex.EncodeToString(chain[:])+"\n"...)
	}
	s.(interface {
		Set(log []byte, records map[string][]byte)
	}).Set(out, put)
}
