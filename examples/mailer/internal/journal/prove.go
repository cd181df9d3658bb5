package journal

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/atomicfile"
)

// sigName returns the file of the signature over a line of the journal at path.
func sigName(path string, line uint64) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + "-" + strconv.FormatUint(line, 10) + ".sig"
}

// Sign signs the journal as it is, with the signers of s, in a file beside it,
// whose name it returns: journal-301.sig, of a journal of 301 lines. Nothing may be
// appended meanwhile. A journal that has a signature over its last line keeps it.
//
// Errors are those of [envelope.Sealer.SignDetached] and of the file system.
func (j *Journal) Sign(s *envelope.Sealer) (name string, err error) {
	j.mu.Lock()
	n, last, broken := j.n, j.last, j.err
	j.mu.Unlock()
	if broken != nil {
		return "", broken
	}
	name = sigName(j.path, n)
	var sig bytes.Buffer
	armored := *s
	armored.Armor = true
	w, err := armored.SignDetached(&sig)
	if err != nil {
		return "", fmt.Errorf("journal: it cannot be signed: %w", err)
	}
	if _, err := w.Write(last); err != nil {
		return "", fmt.Errorf("journal: it cannot be signed: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("journal: it cannot be signed: %w", err)
	}
	err = atomicfile.WriteFile(name, sig.Bytes(), atomicfile.Options{})
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("journal: its signature: %w", err)
	}
	return name, nil
}

// Verdict is what a journal says after all of it was verified.
type Verdict struct {
	Head    Head
	Lines   uint64
	Hash    string           // of the last line
	Torn    int64            // octets behind it that were being written
	Rows    map[Status]int64 // how many rows are how far; all of Head.Rows
	Bounced int64            // rows of which a bounce came
	InDoubt []Record         // as those rows were begun, by their rows
	Proofs  []Proof          // the signatures, by their lines
}

// Signed returns how many lines the good signatures are over. What is behind them
// anybody can have written who can write to the file.
func (v *Verdict) Signed() (lines uint64) {
	for _, p := range v.Proofs {
		if p.Err == nil {
			lines = max(lines, p.Line)
		}
	}
	return lines
}

// Proof is a signature over a journal.
type Proof struct {
	Name   string           // of its file
	Line   uint64           // that it is over, and so over all before it
	Report *envelope.Report // what is in it; nil where it is none
	Err    error            // why it proves nothing; nil for a good signature of one of the senders
}

// mostSig is more than any signature file has.
const mostSig = 1 << 20

// Verify verifies the journal at path as a whole, and the signatures beside it,
// which have to be by the senders of o; with o nil they are listed, each with the
// error envelope.ErrSignature. A bad signature is in its Proof, and no error.
//
// The error is a *DamageError or one of the file system; the Verdict then counts
// the lines before it.
func Verify(path string, o *envelope.Opener) (*Verdict, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer f.Close()
	proofs, err := proofsBeside(path)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	s := newScanner(f)
	pending := proofs
	for err == nil {
		if _, err = s.next(); err == nil && len(pending) > 0 && pending[0].Line == s.n {
			pending[0].check(s.text, o)
			pending = pending[1:]
		}
	}
	for i := range pending {
		pending[i].Err = lacks(pending[i])
	}
	v := &Verdict{Head: s.head, Lines: s.n, Hash: s.prev, Torn: s.torn, Proofs: proofs}
	if s.table != nil {
		v.count(s.table)
	}
	return v, end(err)
}

// check checks a signature over a line.
func (p *Proof) check(line []byte, o *envelope.Opener) {
	if o == nil {
		p.Err = fmt.Errorf("journal: nobody was named who should have signed it: %w", envelope.ErrSignature)
		return
	}
	info, err := os.Stat(p.Name)
	if err == nil && (info.Size() > mostSig || !info.Mode().IsRegular()) {
		err = fmt.Errorf("journal: a file of %d octets, or none, is no signature: %w", info.Size(), envelope.ErrSignature)
	}
	if err != nil {
		p.Err = err
		return
	}
	sig, err := os.Open(p.Name)
	if err != nil {
		p.Err = err
		return
	}
	defer sig.Close()
	p.Report, p.Err = o.VerifyDetached(sig, bytes.NewReader(line))
}

// lacks is the error of a journal without the line that a signature is over.
func lacks(p Proof) error {
	return &DamageError{Line: int(p.Line), Problem: fmt.Sprintf("was signed (%.80q), and is not there: the end was cut off, or this is an older copy, and what it lacks would be sent again", filepath.Base(p.Name))}
}

// complete is the error of a journal of n lines that had more: one that was put
// back from a copy is a whole chain, and knows nothing of the mails that went out
// since it was made.
func complete(path string, n uint64) error {
	proofs, err := proofsBeside(path)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if len(proofs) > 0 && proofs[len(proofs)-1].Line > n {
		return lacks(proofs[len(proofs)-1])
	}
	return nil
}

// proofsBeside returns the signatures over the journal at path, in the order of
// their lines.
func proofsBeside(path string) (proofs []Proof, err error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	base := filepath.Base(path)
	lead := strings.TrimSuffix(base, filepath.Ext(base)) + "-"
	for _, e := range entries {
		number, ours := strings.CutPrefix(e.Name(), lead)
		number, sig := strings.CutSuffix(number, ".sig")
		line, err := strconv.ParseUint(number, 10, 63)
		if ours && sig && err == nil && line > 0 && strconv.FormatUint(line, 10) == number {
			proofs = append(proofs, Proof{Name: filepath.Join(filepath.Dir(path), e.Name()), Line: line})
		}
	}
	slices.SortFunc(proofs, func(a, b Proof) int { return cmp.Compare(a.Line, b.Line) })
	return proofs, nil
}

// count counts the rows.
func (v *Verdict) count(t *table) {
	v.Rows = map[Status]int64{}
	touched := int64(0)
	for _, page := range t.pages {
		for _, c := range page {
			if c == (cell{}) {
				continue
			}
			touched++
			v.Rows[Status(c.status&^bouncedBit)]++
			if c.status&bouncedBit != 0 {
				v.Bounced++
			}
		}
	}
	v.Rows[IsWaiting] += int64(t.rows) - touched
	// Nobody asks while mail is sent, or is told of what is on its way.
	v.Rows[IsDoubtful] += v.Rows[IsBegun]
	delete(v.Rows, IsBegun)
	v.InDoubt = t.inDoubt()
}
