package smime_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
)

// The kit is in testdata/kit: a file for each group of messages. Each message
// has a header of fields, an empty line, itself in base64, and an empty line.
//
//	name       group/message
//	twin       the message that is right, and from which it differs in one thing
//	fault      that thing
//	rfc        what it violates
//	check      what refuses it: the name of an entry in the list of package
//	           mutants, with which taken out the kit fails
//	kind       sealed, signed, or detached: then the content is the twin's payload
//	open-with  the key that it is for: a file in testdata/kit/keys, passphrase,
//	           or shared
//	expect     success; the sentinel that is returned: format, decrypt,
//	           not-for-you, limit; or of a signature what is wrong with it: bad,
//	           weak, not-in-time, unsupported, unchecked, stranger, unsigned
//	says       a part of the error, where another check has the same verdict
//	right-at   the one other entry point at which it is right
//	inspect    what envelope.Inspect says: success, format or limit
//	payload-sha256
//	made-by    where it was not made by the tests themselves

const kitPayload = "the payload of the kit\n"

// kitMessage is one file.
type kitMessage struct {
	group, name, twin, fault, rfc, check, kind, openWith, expect, says, rightAt, inspect, sum, madeBy string

	body []byte
}

func (m *kitMessage) fields() []struct {
	name  string
	value *string
} {
	return []struct {
		name  string
		value *string
	}{
		{"name", &m.name}, {"twin", &m.twin}, {"fault", &m.fault}, {"rfc", &m.rfc}, {"check", &m.check},
		{"kind", &m.kind}, {"open-with", &m.openWith}, {"expect", &m.expect}, {"says", &m.says}, {"right-at", &m.rightAt}, {"inspect", &m.inspect},
		{"payload-sha256", &m.sum}, {"made-by", &m.madeBy},
	}
}

func (m *kitMessage) marshal() []byte {
	var b bytes.Buffer
	for _, f := range m.fields() {
		if *f.value != "" {
			fmt.Fprintf(&b, "%s: %s\n", f.name, *f.value)
		}
	}
	b.WriteString("\n")
	for text := base64.StdEncoding.EncodeToString(m.body); text != ""; {
		n := min(76, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	b.WriteString("\n")
	return b.Bytes()
}

// parseKit reads a file.
func parseKit(file []byte) (out []*kitMessage, err error) {
	blocks := strings.Split(strings.TrimSuffix(string(file), "\n\n"), "\n\n")
	if len(blocks)%2 != 0 {
		return nil, fmt.Errorf("a header without a message")
	}
	for i := 0; i < len(blocks); i += 2 {
		m := new(kitMessage)
		if err := m.parseHeader(blocks[i]); err != nil {
			return nil, err
		}
		m.group, _, _ = strings.Cut(m.name, "/")
		if m.body, err = base64.StdEncoding.DecodeString(strings.ReplaceAll(blocks[i+1], "\n", "")); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

func (m *kitMessage) parseHeader(header string) error {
	fields := m.fields()
	for _, line := range strings.Split(header, "\n") {
		name, value, ok := strings.Cut(line, ": ")
		known := false
		for _, f := range fields {
			if f.name == name && *f.value == "" {
				*f.value, known = value, true
			}
		}
		if !ok || !known {
			return fmt.Errorf("line %q", line)
		}
	}
	return nil
}
