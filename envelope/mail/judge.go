package mail

import (
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// judgement is what is found out about a message on the way to its Summary.
type judgement struct {
	opener  *Opener
	message *Message
	now     time.Time

	envelope []*Layer // the cryptographic envelope, from the outermost layer: RFC 9787, Section 4.4
	shells   []*Part  // the parts that are these layers
	payload  *Part    // what is in the innermost of them; nil without an envelope, or where it could not be opened
	authored []*Layer // the layers of the envelope in which an author signs; see findAuthored

	headers   protection
	from      author
	reader    []mailbox.Address // the reader's own addresses
	encrypted bool              // the payload was encrypted for the reader, and is authentic
	signature *signature        // of those over the payload, the one that says most
	encloser  bool              // something is signed only outside of the encryption

	islanders map[*Layer]string // who signs a layer, of those who were asked for
	asked     int               // questions whether a signer is believed

	unproven error // why there is no evidence that the author made a signature, where it was asked for

	findings []Finding
	err      error // of the ring: nothing can be said
}

// signature is one signature over the payload, and whose it is.
type signature struct {
	envelope.Signature
	layer  *Layer
	signer string // an address that it is believed for, "" if none
	author bool   // it is believed for the address in From
}

// judge says what can be said of a message as a whole: RFC 9787, Section 3, and
// RFC 9788, Section 4. It reads what was found in the parts and layers, and
// sets Part.Verified, which depends on who is believed. Its error is that of the
// ring, which was asked for that.
func (o *Opener) judge(m *Message) (Summary, error) {
	j := &judgement{opener: o, message: m, now: o.judgedAt(), islanders: make(map[*Layer]string)}
	if len(m.parts) == 0 || m.parts[0].node == nil {
		return Summary{}, nil
	}
	j.findEnvelope()
	j.findAuthored()
	j.reader = o.readerAddresses()
	j.headers = protectionOf(m.parts[0].node.Header, j.payload)
	j.findAuthor()
	j.hideLegacyDisplay()
	j.noteParts()
	j.noteLayers()
	j.noteSignatures()
	j.noteHeaders()
	s := j.summary()
	for _, p := range m.parts {
		p.Verified = j.partVerified(p, s.Verified)
	}
	return s, j.err
}

func (o *Opener) judgedAt() time.Time {
	if o.Time != nil {
		return o.Time()
	}
	return time.Now()
}

// found adds a finding about the message as a whole.
func (j *judgement) found(code, text string) { j.foundAt(code, "", text) }

func (j *judgement) foundAt(code, path, text string) {
	j.add(Finding{Code: code, Path: path, Text: text})
}

// maxFindings bounds what one message can make a Summary hold: it has a finding
// for each of 100,000 parts if somebody wants it to.
const maxFindings = 200

func (j *judgement) add(f Finding) {
	for i, other := range j.findings {
		if f.Code == other.Code && f.Path == other.Path && f.Text == other.Text {
			j.findings[i].Ambiguous = other.Ambiguous || f.Ambiguous
			return
		}
	}
	switch {
	case len(j.findings) < maxFindings:
		j.findings = append(j.findings, f)
	case len(j.findings) == maxFindings:
		j.findings = append(j.findings, Finding{Code: "more-findings", Text: "there is more that is odd about this message; see its parts", Ambiguous: f.Ambiguous})
	default:
		j.findings[maxFindings].Ambiguous = j.findings[maxFindings].Ambiguous || f.Ambiguous
	}
}

// findEnvelope follows the layers from the root, each of which is the whole
// content of the one around it. The first part that is no layer is the payload,
// and nothing that stands beside or below it is of the envelope (RFC 9787,
// Section 4.4).
func (j *judgement) findEnvelope() {
	p := j.message.parts[0]
	for p.layer != nil && !p.layer.Errant && p.node != nil {
		j.envelope = append(j.envelope, p.layer)
		j.shells = append(j.shells, p)
		if len(p.children) == 0 {
			return
		}
		p = p.children[0]
	}
	if len(j.envelope) > 0 {
		j.payload = p
	}
}

// findAuthored finds the layers in which an author signs: the innermost that
// is encrypted, in which signatures are inside the encryption, and all in it. A
// signature around the encryption was made by somebody who need not have been
// able to read what they signed: whoever carries the message can take such a
// signature off and put their own there.
func (j *judgement) findAuthored() {
	first := 0
	for i, l := range j.envelope {
		if l.Report != nil && l.Report.Encrypted {
			first = i
			j.encrypted = l.Err == nil && !l.Report.Unauthenticated && j.payload != nil
		} else if l.Kind == kindEncrypted { // it could not even be read
			first, j.encrypted = i, false
		}
	}
	for i, l := range j.envelope {
		switch {
		case i >= first:
			j.authored = append(j.authored, l)
		case l.Report != nil && len(l.Report.Signatures) > 0:
			j.encloser = true
		}
	}
}

// readerAddresses returns the reader's own addresses: those given, and those
// that the certificates of the identities state.
func (o *Opener) readerAddresses() []mailbox.Address {
	all := addresses(o.Addresses)
	for _, id := range o.Identities {
		if c := certificateOf(id); c != nil {
			all = append(all, addresses(c.Addresses())...)
		}
	}
	return all
}

func addresses(texts []string) (all []mailbox.Address) {
	for _, t := range texts {
		if a, err := mailbox.Parse(t); err == nil {
			all = append(all, a)
		}
	}
	return all
}

// findAuthor decides which From the message has: RFC 9788, Section 4.4. The
// protected one counts where a believed signature binds it, or where the outer
// one says the same. Else anybody can have put any From inside of what they
// encrypted, past the checks that servers do on the outer one.
func (j *judgement) findAuthor() {
	outer := readAuthor(j.headers.outer)
	j.from = outer
	if _, protected := j.headers.header("From"); protected {
		j.from = readAuthor(j.headers.inside)
	}
	j.findSignature()
	if j.from.address == outer.address || j.headers.scheme == notProtected {
		return
	}
	j.found("from-mismatch", "the protected From is "+cut(shown(j.headers.inside.Values("From")))+", the outer one "+cut(shown(j.headers.outer.Values("From"))))
	if j.signature == nil || !j.signature.author {
		outer.findings = append(outer.findings, j.from.findings...)
		j.from, j.from.clean = outer, false
	}
}

// findSignature finds of the signatures over the payload the one that says
// most: by the author, by anybody who is believed, valid, any.
func (j *judgement) findSignature() {
	best := -1
	for _, l := range j.authored {
		if l.Report == nil {
			continue
		}
		for _, s := range l.Report.Signatures {
			x := signature{Signature: s, layer: l, author: j.believes(l, s, j.from.address)}
			if x.author {
				x.signer = j.from.address.String()
			} else {
				x.signer = j.otherSigner(l, s)
			}
			rank := 0
			switch {
			case x.author:
				rank = 3
			case x.signer != "":
				rank = 2
			case s.Valid():
				rank = 1
			}
			if rank > best {
				best, j.signature = rank, &x
			}
		}
	}
}
