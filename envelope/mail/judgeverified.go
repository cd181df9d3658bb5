package mail

import (
	"errors"
	"net/mail"
	"slices"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

// verified is the promise of Summary.Verified, and the one place where it is
// made. Why it cannot be fooled:
//
// Who writes a message without the key of the author can choose every octet of
// it, and all that they can do is to have a signature that the author once made
// over something else stand beside what they wrote, or one of their own. So
// each way for something to be shown that the author's signature does not cover
// is closed by one condition:
//
//   - Beside the signed content: the layers are followed from the root, each the
//     only content of the one around it (findEnvelope), so that the signature is
//     over the payload and the payload is all that there is. Where one layer
//     could not be opened or read to its end, there is no saying that.
//   - Around it: a signature outside of encryption is no author's
//     (findAuthored).
//   - In another reading of the same octets: whatever two programs can read
//     differently is a finding with Ambiguous set, and nothing ambiguous passes.
//   - In the author's name: From is one field with one plain address, the one
//     that is compared is the one that is shown, and the signer's key is believed
//     for exactly it, by the ring, the caller or evidence, never by the message.
//     Its name does not claim another address.
//   - In header fields outside: those that people go by say what the author
//     put there, or nothing.
//   - To another reader: what the author wrote to somebody else and they passed
//     on, sealed anew (Davis, "Defective Sign & Encrypt", 2001).
//   - At another time: a signature of the future says what its maker wants to be
//     believed later, when the key is lost or withdrawn.
//   - With a signature that is not what it seems: every signature that was
//     checked with a key has to hold, so that no bad one is passed over for the
//     sake of a good one beside it.
//
// Nothing is decided by what the message says of itself, by the order of
// anything in it, or by a text in a report.
func (j *judgement) verified() bool {
	return j.payload != nil &&
		j.whole() &&
		j.byAuthor() &&
		!j.fromFuture() &&
		!slices.ContainsFunc(j.authored, hasBad) &&
		j.intended() &&
		j.addressed() &&
		j.from.clean &&
		len(j.contradicting()) == 0 &&
		!j.ambiguous()
}

// byAuthor reports whether a signature over the payload is valid and by whom From
// names: findSignature puts such a one before all others.
func (j *judgement) byAuthor() bool { return j.signature != nil && j.signature.author }

// whole reports whether every layer of the envelope was read to its end, and
// has no content beside the one that was followed.
func (j *judgement) whole() bool {
	enclosing := len(j.envelope) - len(j.authored)
	for i, l := range j.envelope {
		// A signature around the encryption says nothing, good or bad, and takes
		// nothing from what is inside: whoever carried the message could as well
		// have taken it off.
		aside := i < enclosing && errors.Is(l.Err, envelope.ErrSignature)
		if l.Report == nil || l.Err != nil && !aside {
			return false
		}
		if beside(j.shells[i]) {
			return false
		}
	}
	return true
}

// beside reports whether something stands beside the content of a part that is a
// layer: more than the signed part and its signature (RFC 1847, Section 2.1),
// or a text behind the last boundary. No program ought to show that; where one
// does, or where a list put its footer or somebody a whole mail there, it is not
// signed. What is before the first one is the note to readers without MIME.
func beside(shell *Part) bool {
	return shell.node.MediaType == "multipart/signed" && len(shell.node.Children) != 2 ||
		slices.ContainsFunc(shell.Findings, func(f Finding) bool { return f.Code == "epilogue" })
}

// fromFuture reports whether the signature says that it is not yet made. Clocks
// differ, and by an hour where somebody forgot about daylight saving time.
func (j *judgement) fromFuture() bool {
	return j.signature != nil && j.signature.Time.After(j.now.Add(clockSkew))
}

// clockSkew is how far two clocks, or a date and a signature, may be apart.
const clockSkew = time.Hour

// hasBad reports whether a signature in the layer that was checked with a key is
// anything but valid. One that nobody here has a key for says nothing.
func hasBad(l *Layer) bool {
	return l.Report != nil && slices.ContainsFunc(l.Report.Signatures, func(s envelope.Signature) bool {
		checked := s.Sender != nil || s.Certificate != nil || s.Bad() || s.Misdirected()
		return checked && !s.Valid()
	})
}

// intended reports whether the signer named no recipients, or the reader among
// them: RFC 9580, Section 5.2.3.36.
func (j *judgement) intended() bool {
	return !slices.ContainsFunc(j.authored, func(l *Layer) bool { return l.intended == intendedOthers })
}

// addressed reports whether a message that says for whom it was sealed was
// sealed for the reader: what was encrypted to one person they can seal anew to
// the next one, signature and all, or pass on without encryption (RFC 9788,
// Section 10.2). A message that was signed alone anybody may read. The reader's
// own copy of what they sent is for them.
func (j *judgement) addressed() bool {
	if j.headers.scheme == notProtected || !j.wasEncrypted() && j.headers.scheme != hpCipher {
		return true
	}
	if j.signature != nil && j.signature.layer.intended == intendedUs {
		return true
	}
	named := false
	for _, name := range []string{"To", "Cc", "Bcc", "From"} {
		fields, protected := j.headers.header(name)
		if !protected || len(fields) == 0 {
			continue
		}
		list, ok := addressList(fields)
		// "undisclosed-recipients:;" names nobody.
		named = named || name != "From" && (!ok || len(list) > 0)
		for _, a := range list {
			if m, err := mailbox.Parse(a.Address); err == nil && slices.Contains(j.reader, m) {
				return true
			}
		}
	}
	return !named
}

// wasEncrypted reports whether a layer of the envelope was encrypted, whatever
// that is worth.
func (j *judgement) wasEncrypted() bool {
	return slices.ContainsFunc(j.envelope, func(l *Layer) bool { return l.Kind == kindEncrypted || l.Report != nil && l.Report.Encrypted })
}

// differing returns the fields of which the outer one is not what the author
// put there.
func (j *judgement) differing() []string {
	var all []string
	for _, name := range shownFields() {
		if !j.carriers(name) && j.headers.differs(name) {
			all = append(all, name)
		}
	}
	return all
}

// contradicting returns those of differing that a message is not verified with:
// all but a Date outside that is of when the message was handed over.
func (j *judgement) contradicting() []string {
	return slices.DeleteFunc(j.differing(), func(name string) bool { return name == "Date" && j.dateOfCarrier() })
}

// carriedFor is how long a message is on its way at most (RFC 5321, Section
// 4.5.4.1: servers give up after four or five days).
const carriedFor = 5 * 24 * time.Hour

// dateOfCarrier reports whether Date outside can be what a service put there that
// took the message by an API, as Amazon SES does: one time, after that of the
// author, and not long after.
func (j *judgement) dateOfCarrier() bool {
	inner, _ := j.headers.header("Date")
	outer := j.headers.outer.Values("Date")
	if len(inner) != 1 || len(outer) != 1 {
		return false
	}
	written, err := mail.ParseDate(inner[0])
	if err != nil {
		return false
	}
	handed, err := mail.ParseDate(outer[0])
	if err != nil {
		return false
	}
	d := handed.Sub(written)
	return d >= -clockSkew && d <= carriedFor
}

// carriers reports whether a field is of those who carried the message, and none
// of the author's: a Sender that stands outside alone, which lists put there.
func (j *judgement) carriers(name string) bool {
	fields, protected := j.headers.header(name)
	return name == "Sender" && protected && len(fields) == 0
}

// ambiguous reports whether another program may read the message in another
// way. All of it counts, attachments too: what is odd about a part inside can
// be what ends a part around it elsewhere.
func (j *judgement) ambiguous() bool {
	return slices.ContainsFunc(j.findings, func(f Finding) bool { return f.Ambiguous })
}

// partVerified reports whether a valid signature covers a part, by somebody who
// is believed. What is in the envelope is what the message is. A part in a tree
// that anybody can have put together is an island: what is signed there is
// signed for itself, by whoever From or the certificate names.
func (j *judgement) partVerified(p *Part, all bool) bool {
	if slices.Contains(j.shells, p) {
		return false // the layer itself is not what was signed
	}
	if len(j.envelope) > 0 && len(p.within) > 0 && p.within[0] == j.envelope[0] && !slices.ContainsFunc(p.within, func(l *Layer) bool { return l.Errant }) {
		return all
	}
	for _, l := range slices.Backward(p.within) {
		switch {
		case !l.Errant:
			return all
		case j.islander(l) != "":
			return true
		case l.Err != nil || l.Report == nil || hasBad(l):
			return false // whoever vouches for all of it, this says that it is broken
		case l.Report.Encrypted:
			return false // a signature further out is around the encryption
		}
	}
	return false
}
