package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

const (
	// maxLine is a line that names 4,000 documents.
	maxLine = 1 << 20

	// hashLead and hashTail are around the digits of the last member.
	hashLead = `,"hash":"`
	hashTail = `"}`

	// maxReply is what is kept of what somebody else said.
	maxReply = 1000
)

// zeros is prev of the first line.
var zeros = strings.Repeat("0", 2*sha256.Size)

// encode appends r to dst as a line, and sets its Hash.
func (r *Record) encode(dst []byte) ([]byte, error) {
	r.Hash = ""
	if len(r.Reply) > maxReply {
		r.Reply = strings.ToValidUTF8(r.Reply[:maxReply], "")
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // as jq writes it
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	sum := sha256.Sum256(text)
	r.Hash = hex.EncodeToString(sum[:])
	dst = append(dst, text[:len(text)-1]...)
	dst = append(append(append(dst, hashLead...), r.Hash...), hashTail...)
	if len(dst) > maxLine {
		return nil, fmt.Errorf("journal: a record of %d octets is too long: at most %d", len(dst), maxLine)
	}
	return append(dst, '\n'), nil
}

// decode reads a line, without its line feed, that has to be number n and to
// follow prev. The problem is what is wrong with it, "" where nothing is.
func decode(line []byte, n uint64, prev string) (r Record, problem string) {
	tail := len(hashLead) + 2*sha256.Size + len(hashTail)
	if len(line) < tail {
		return r, "is damaged: it is too short to be one"
	}
	text, end := line[:len(line)-tail], string(line[len(line)-tail:])
	digits, lead := strings.CutPrefix(end[:len(end)-len(hashTail)], hashLead)
	if !lead || !strings.HasSuffix(end, hashTail) {
		return r, "is damaged: it does not end in its hash"
	}
	h := sha256.New()
	h.Write(text)
	h.Write([]byte("}"))
	if hex.EncodeToString(h.Sum(nil)) != digits {
		return r, "is damaged: its hash is not that of its octets"
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Sprintf("is no record: %.200v", err)
	}
	if r.N != n {
		return r, fmt.Sprintf("has the number %d: lines were left out, added, repeated or moved", r.N)
	}
	if r.Prev != prev || r.Hash != digits {
		return r, "does not follow the one before it: lines were left out, added, repeated or moved"
	}
	return r, ""
}
