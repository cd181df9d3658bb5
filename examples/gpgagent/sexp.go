package gpgagent

import (
	"errors"
	"fmt"
)

// sexp is an S-expression in canonical form (Rivest, 1997): an atom of octets,
// or a list.
type sexp struct {
	atom []byte
	list []sexp // not nil: it is a list
}

// What an agent answers with has three lists in each other and less than ten
// parts.
const (
	maxDepth = 8
	maxParts = 64
)

var errSexp = errors.New("gpgagent: the agent answered with something else than an S-expression")

// parseSexp parses a list; octets of zero may follow it, which agents send.
func parseSexp(b []byte) (sexp, error) {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	stack := []sexp{{list: []sexp{}}} // the one outside holds what is read
	for parts := 0; len(b) > 0; parts++ {
		if parts > maxParts || len(stack) == 1 && len(stack[0].list) > 0 {
			return sexp{}, errSexp
		}
		top := &stack[len(stack)-1]
		switch {
		case b[0] == '(':
			if len(stack) > maxDepth {
				return sexp{}, errSexp
			}
			stack, b = append(stack, sexp{list: []sexp{}}), b[1:]
		case b[0] == ')' && len(stack) > 1:
			done := *top
			stack, b = stack[:len(stack)-1], b[1:]
			below := &stack[len(stack)-1]
			below.list = append(below.list, done)
		case len(stack) > 1:
			atom, rest, err := parseAtom(b)
			if err != nil {
				return sexp{}, err
			}
			top.list, b = append(top.list, sexp{atom: atom}), rest
		default:
			return sexp{}, errSexp
		}
	}
	if len(stack) != 1 || len(stack[0].list) != 1 {
		return sexp{}, errSexp
	}
	return stack[0].list[0], nil
}

// parseAtom reads LENGTH:OCTETS.
func parseAtom(b []byte) (atom, rest []byte, err error) {
	n, at := 0, 0
	for ; at < len(b) && b[at] >= '0' && b[at] <= '9'; at++ {
		if n = n*10 + int(b[at]-'0'); n > len(b) {
			return nil, nil, errSexp
		}
	}
	if at == 0 || at > 1 && b[0] == '0' || at == len(b) || b[at] != ':' || n > len(b)-at-1 {
		return nil, nil, errSexp
	}
	b = b[at+1:]
	return b[:n:n], b[n:], nil
}

// named returns the list that begins with name, s itself or one in it: in
// (sig-val (rsa (s 123))) that of "s" is three lists deep.
func (s sexp) named(path ...string) (sexp, error) {
	for i, name := range path {
		if i == 0 {
			if !s.begins(name) {
				return sexp{}, errSexp
			}
			continue
		}
		found := false
		for _, p := range s.list {
			if p.begins(name) {
				s, found = p, true
				break
			}
		}
		if !found {
			return sexp{}, errSexp
		}
	}
	return s, nil
}

func (s sexp) begins(name string) bool {
	return len(s.list) > 0 && s.list[0].list == nil && string(s.list[0].atom) == name
}

// value returns the one atom that follows the name of a list.
func (s sexp) value(path ...string) ([]byte, error) {
	s, err := s.named(path...)
	if err != nil {
		return nil, err
	}
	if len(s.list) != 2 || s.list[1].list != nil {
		return nil, errSexp
	}
	return s.list[1].atom, nil
}

// cipherText is what an agent is given to decrypt: (enc-val (rsa (a …))).
func cipherText(algorithm, name string, value []byte) []byte {
	return fmt.Appendf(nil, "(7:enc-val(%d:%s(%d:%s%d:%s)))", len(algorithm), algorithm, len(name), name, len(value), value)
}
