package smime_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// kitMaker makes the messages of one group.
type kitMaker struct {
	all                   *[]*kitMessage
	group, kind, openWith string
	twin, sum, madeBy     string
	base                  *element
}

// good adds a message that is right, and makes it the twin of what follows.
func (k *kitMaker) good(name string, m *element) {
	k.twin, k.base = k.group+"/"+name, m
	sum := sha256.Sum256([]byte(kitPayload))
	k.sum = hex.EncodeToString(sum[:])
	k.file(name, "", "", "", "success", m.bytes())
	(*k.all)[len(*k.all)-1].twin = ""
}

// from makes a message that is there the twin of what follows.
func (k *kitMaker) from(name string, m *element) {
	k.twin, k.base = k.group+"/"+name, m
}

// fine adds a message that differs from its twin in a thing that is allowed.
func (k *kitMaker) fine(name, difference, rfc string, how func(m *element)) {
	m := k.base.clone()
	how(m)
	k.file(name, difference, rfc, "", "success", m.bytes())
}

// edit adds the twin with a fault.
func (k *kitMaker) edit(name, fault, rfc, check, expect string, how func(m *element)) {
	m := k.base.clone()
	how(m)
	k.file(name, fault, rfc, check, expect, m.bytes())
}

// made adds a message that was made anew, with the fault under its tag, key
// wrap or signature.
func (k *kitMaker) made(name, fault, rfc, check, expect string, m *element) {
	k.file(name, fault, rfc, check, expect, m.bytes())
}

// file adds a message. What Inspect says is what opening says where that can
// be seen without a key, unless expect has it behind a slash.
func (k *kitMaker) file(name, fault, rfc, check, expect string, body []byte) {
	m := &kitMessage{
		group: k.group, name: k.group + "/" + name, twin: k.twin, fault: fault, rfc: rfc, check: check,
		kind: k.kind, openWith: k.openWith, madeBy: k.madeBy, body: body,
	}
	if fault != "" {
		m.madeBy = ""
	}
	var given bool
	if m.expect, m.inspect, given = strings.Cut(expect, "/"); !given {
		m.inspect = "success"
		if expect == "format" || expect == "limit" {
			m.inspect = expect
		}
	}
	if m.expect == "success" {
		m.sum = k.sum
	}
	*k.all = append(*k.all, m)
}

// kitMessages makes the whole kit. foreign returns what a peer made.
func kitMessages(foreign func(name string) (*element, string)) (all []*kitMessage) {
	for _, group := range []func(*kitMaker, func(string) (*element, string)){
		kitAgreements, kitEncapsulations, kitPasswords, kitSharedKeys, kitContents, kitCiphers,
		kitSignatures, kitDetached, kitInside, kitMultipart, kitCompressions,
	} {
		group(&kitMaker{all: &all}, foreign)
	}
	return all
}

// foreign adds what a peer made as the message that is right.
func (k *kitMaker) foreign(made func(string) (*element, string)) {
	var m *element
	m, k.madeBy = made(k.group + "/good")
	k.good("good", m)
}

// start begins a group.
func (k *kitMaker) start(group, kind, openWith string) {
	*k = kitMaker{all: k.all, group: group, kind: kind, openWith: openWith}
}

// payload sets what the last good message, and its variants, open to.
func (k *kitMaker) payload(text string) {
	sum := sha256.Sum256([]byte(text))
	k.sum = hex.EncodeToString(sum[:])
	(*k.all)[len(*k.all)-1].sum = k.sum
}

// rightAt says that the last message is right at another entry point than the
// one that it was made for.
func (k *kitMaker) rightAt(api string) {
	last := (*k.all)[len(*k.all)-1]
	last.rightAt, last.sum = api, k.sum
}

// says is a part of the error for the last message, where another check would
// come to the same verdict.
func (k *kitMaker) says(text string) { (*k.all)[len(*k.all)-1].says = text }
