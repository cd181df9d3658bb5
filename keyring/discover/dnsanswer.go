package discover

import (
	"errors"
	"fmt"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// maxRecords is how many records of one answer are looked at: a person has
	// one or two certificates, and the names that lead there are as few.
	maxRecords = 64

	// maxAliases is how long a chain of CNAME records may be.
	maxAliases = 8
)

// dnsAnswer is what a resolver said.
type dnsAnswer struct {
	rcode     dnsmessage.RCode
	cut       bool     // ask again over TCP
	validated bool     // the AD bit, RFC 4035, Section 3.2.3
	data      [][]byte // of the records that were asked for
}

// errNotOurs is about a message that is no answer to the question: somebody may
// be guessing.
var errNotOurs = errors.New("this is no answer to the question")

// parseAnswer reads an answer. The error is errNotOurs where it is to another
// question, of which the ID, the name and the type are what somebody who does
// not see it has to guess (RFC 5452, Section 9.1); any other error is about an
// answer that is not well-formed.
func parseAnswer(b []byte, id uint16, q dnsmessage.Question) (*dnsAnswer, error) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || h.ID != id || !h.Response || h.OpCode != 0 {
		return nil, errNotOurs
	}
	asked, err := p.Question()
	if err != nil || !sameName(asked.Name, q.Name) || asked.Type != q.Type || asked.Class != q.Class {
		return nil, errNotOurs
	}
	if _, err := p.Question(); !errors.Is(err, dnsmessage.ErrSectionDone) {
		return nil, errNotOurs
	}
	a := &dnsAnswer{rcode: h.RCode, cut: h.Truncated, validated: h.AuthenticData}
	if a.cut || a.rcode != dnsmessage.RCodeSuccess {
		return a, nil // what is there is not all of it
	}
	records, err := answers(&p)
	if err != nil {
		return nil, err
	}
	a.data, err = follow(records, q)
	return a, err
}

// record is one of the answer section.
type record struct {
	name  dnsmessage.Name
	kind  dnsmessage.Type
	alias dnsmessage.Name // of a CNAME
	data  []byte          // of what was asked for
}

// answers reads the answer section.
func answers(p *dnsmessage.Parser) (list []record, err error) {
	for {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the answer is damaged: %w", err)
		}
		if len(list) == maxRecords {
			return nil, fmt.Errorf("more than %d records were answered", maxRecords)
		}
		r := record{name: h.Name, kind: h.Type}
		switch {
		case h.Class != dnsmessage.ClassINET:
			err = p.SkipAnswer()
			r.kind = 0
		case h.Type == dnsmessage.TypeCNAME:
			var c dnsmessage.CNAMEResource
			c, err = p.CNAMEResource()
			r.alias = c.CNAME
		case h.Type == typeOpenPGPKey || h.Type == typeSMIMEA:
			var u dnsmessage.UnknownResource
			u, err = p.UnknownResource()
			r.data = u.Data
		default:
			err = p.SkipAnswer()
		}
		if err != nil {
			return nil, fmt.Errorf("the answer is damaged: %w", err)
		}
		list = append(list, r)
	}
}

// follow returns the data of the records that were asked for, at the name of
// the question or where CNAME records lead from there. Others, which a resolver
// has no reason to send, do not count.
func follow(records []record, q dnsmessage.Question) (data [][]byte, err error) {
	name := q.Name
	for range maxAliases + 1 {
		next := false
		for _, r := range records {
			if !sameName(r.name, name) {
				continue
			}
			if r.kind == q.Type {
				data = append(data, r.data)
			} else if r.kind == dnsmessage.TypeCNAME && len(data) == 0 {
				name, next = r.alias, true
				break
			}
		}
		if !next {
			return data, nil
		}
	}
	return nil, fmt.Errorf("more than %d names lead to one another", maxAliases)
}

// sameName compares as DNS does, RFC 4343.
func sameName(a, b dnsmessage.Name) bool {
	return lowerOctets(a.Data[:a.Length]) == lowerOctets(b.Data[:b.Length])
}

// lowerOctets is lowerASCII for what need not be UTF-8.
func lowerOctets(b []byte) string {
	out := make([]byte, len(b))
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		out[i] = c
	}
	return string(out)
}
