package list

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// readJSON reads an array of objects, or one object a line.
func readJSON(w *window, c *check) error {
	b := bufio.NewReaderSize(w, ahead)
	for {
		next, err := b.Peek(1)
		switch {
		case err == io.EOF:
			return errors.New("list: the file is empty")
		case err != nil:
			return fmt.Errorf("list: %w", err)
		case bytes.ContainsAny(next, " \t\r\n"):
			b.Discard(1)
			w.advance(w.base + 1)
		case next[0] == '[':
			return readArray(w, b, c)
		default:
			return readLines(w, b, c)
		}
	}
}

// readArray reads one array. A mistake in its syntax ends it: what follows
// cannot be told apart any more.
func readArray(w *window, b *bufio.Reader, c *check) error {
	d, start := json.NewDecoder(b), w.base
	syntax := func(row int, err error) error {
		line := w.lineAt(start + d.InputOffset())
		if errors.Is(err, errLong) {
			return fmt.Errorf("list: row %d, near line %d, is longer than %d octets", row, line, maxRow)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("list: the array is cut off in row %d, near line %d", row, line)
		}
		return fmt.Errorf("list: row %d, near line %d, is no JSON: %w", row, line, err)
	}
	if _, err := d.Token(); err != nil {
		return syntax(1, err)
	}
	row := 1
	for ; d.More(); row++ {
		var object json.RawMessage
		w.advance(start + d.InputOffset())
		if err := d.Decode(&object); err != nil {
			return syntax(row, err)
		}
		line := w.lineAt(start + d.InputOffset() - int64(len(object)))
		if err := c.object(object, row, line); err != nil || c.stopped {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return syntax(row, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("list: something follows the array")
	}
	return c.end(row - 1)
}

// readLines reads one object a line; an empty line is none.
func readLines(w *window, b *bufio.Reader, c *check) error {
	s := bufio.NewScanner(b)
	s.Buffer(make([]byte, 0, ahead), maxRow)
	w.free = true
	row, line := 0, w.line
	for s.Scan() {
		line++
		object := bytes.TrimSpace(s.Bytes())
		if len(object) == 0 {
			continue
		}
		row++
		if err := c.object(object, row, line); err != nil || c.stopped {
			return err
		}
	}
	if err := s.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("list: line %d is longer than %d octets", line+1, maxRow)
	} else if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	return c.end(row)
}

// object reads one row. It returns what ends the list.
func (c *check) object(text []byte, row, line int) error {
	if row > maxRows {
		return fmt.Errorf("list: more than %d rows: split the list", maxRows)
	}
	cells := raw{row: row, line: line}
	if bad := badOctet(string(text)); bad >= 0 {
		c.problem(row, line+bytes.Count(text[:bad], []byte("\n")), "", notUTF8)
	} else if what := cells.members(c, text); what != "" {
		c.problem(row, line, "", what)
	} else {
		c.entry(&cells)
	}
	if c.problems >= maxProblems && !c.stopped {
		return errMany
	}
	return nil
}

// members reads the members of an object one by one, since a map would hide
// that a name is there twice. It returns what is wrong with the whole.
func (x *raw) members(c *check, text []byte) string {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return "it is no JSON object"
	}
	var names []string
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return "it is no JSON object"
		}
		line := x.line + bytes.Count(text[:d.InputOffset()], []byte("\n"))
		if len(names) == maxColumns {
			return fmt.Sprintf("it has more than %d members", maxColumns)
		}
		if !c.memberName(x.row, line, name, names) {
			x.spoiled = true
		}
		names = append(names, name)
		var value any
		if err := d.Decode(&value); err != nil {
			return "it is no JSON object"
		}
		if !x.value(name, value, line) {
			c.problem(x.row, line, name, "it has to be a string"+map[bool]string{true: ", or an array of strings"}[name == "documents"])
			x.spoiled = true
		}
	}
	if _, err := d.Token(); err != nil {
		return "it is no JSON object"
	}
	if _, err := d.Token(); err != io.EOF {
		return "something follows the object: one object a line, or all of them in an array"
	}
	return ""
}

// value takes the value of one member.
func (x *raw) value(name string, v any, line int) bool {
	switch v := v.(type) {
	case string:
		x.set(name, v, line)
		if name == "documents" {
			x.documents = []string{v}
		}
		return true
	case json.Number:
		if known(name) {
			return false
		}
		x.set(name, v.String(), line)
		return true
	case nil:
		x.set(name, "", line)
		return true
	case []any:
		if name != "documents" {
			return false
		}
		x.documents = []string{}
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return false
			}
			x.documents = append(x.documents, s)
		}
		x.set(name, "", line)
		return true
	}
	return false
}
