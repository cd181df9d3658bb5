package mail

import (
	"errors"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/confusable"
	"github.com/doublekeybox/doublekeybox/internal/mailbox"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// noteParts repeats what is odd about the parts.
func (j *judgement) noteParts() {
	for _, p := range j.message.parts {
		for _, f := range p.Findings {
			// What is in a layer begins like a message and is a part: only the
			// message itself has a version, RFC 2045, Section 4.
			if f.Code == "mime-version-missing" && p.parent != nil {
				continue
			}
			if f.Path == "" {
				f.Path = p.Path
			}
			j.add(f)
		}
	}
}

// noteLayers says what the layers are worth.
func (j *judgement) noteLayers() {
	for _, l := range j.message.layers {
		if l.Err != nil && !errors.Is(l.Err, envelope.ErrSignature) {
			code := "layer-failed"
			if l.Kind == kindEncrypted {
				code = "not-decrypted"
			}
			j.foundAt(code, l.Path, strings.TrimPrefix(oneLine(l.Err.Error()), "envelope: "))
		}
		if l.Report == nil {
			continue
		}
		if l.Report.Unauthenticated && l.Err == nil {
			j.foundAt("unauthenticated", l.Path, "the encryption does not show whether the content was changed: anybody can have written it")
		}
		for _, text := range l.Report.Findings {
			j.foundAt("cryptography", l.Path, oneLine(text))
		}
		if l.Errant && (l.Kind == kindEncrypted || l.Kind == kindSigned) {
			by := ""
			if who := j.islander(l); who != "" {
				if by = ", by " + cut(who); l.Kind == "encrypted" {
					by = ", signed by " + cut(who) + " for itself"
				}
			}
			j.foundAt("errant-layer", l.Path, "only a part of the message is "+l.Kind+by+": that says nothing of the rest")
		}
	}
	for i, l := range j.envelope {
		if beside(j.shells[i]) {
			j.foundAt("signed-parts", l.Path, "something stands beside what is signed or encrypted, and is neither")
		}
	}
	if j.encloser && j.signature == nil {
		j.found("signed-outside-only", "the signature is around the encryption, and its maker need not have known what is in it")
	}
}

// noteSignatures says what is wrong with the signatures.
func (j *judgement) noteSignatures() {
	for _, l := range j.message.layers {
		if l.Report == nil {
			continue
		}
		for _, s := range l.Report.Signatures {
			j.noteSignature(l, s)
		}
		if len(l.Report.Signatures) == 0 && l.Kind == kindSigned {
			j.foundAt("no-signature", l.Path, "what says that it is signed has no signature")
		}
		if l.intended == intendedOthers {
			j.foundAt("not-intended", l.Path, "the signer made this for other recipients")
		}
	}
	if j.signature == nil {
		return
	}
	s := j.signature
	switch {
	case s.author || !s.Valid():
	case s.signer != "":
		j.found("signer-differs", "signed by "+cut(s.signer)+", which is not the address in From")
	default:
		why := ""
		if j.unproven != nil {
			why = oneLine(j.unproven.Error())
			for _, said := range []string{"keyring: ", "refused: ", "smime: "} {
				why = strings.TrimPrefix(why, said)
			}
			why = ": " + why
		}
		j.found("signer-unknown", "signed by "+cut(s.SignerID)+", who is not known to be the one in From"+why)
	}
	if !j.addressed() {
		j.found("not-addressed", "the author sealed the message for somebody else, by its protected header")
	}
}

func (j *judgement) noteSignature(l *Layer, s envelope.Signature) {
	if !s.Valid() {
		code := "signature-invalid"
		switch {
		case s.Bad():
			code = "signature-bad"
		case s.Misdirected():
			code = "not-intended"
		case s.Sender == nil && s.Certificate == nil:
			code = "signature-unchecked"
		}
		j.foundAt(code, l.Path, "the signature "+oneLine(s.Problem()))
		return
	}
	if s.Time.IsZero() {
		return
	}
	if s.Time.After(j.now.Add(clockSkew)) {
		j.foundAt("signature-future", l.Path, "the signature says that it was made at "+s.Time.UTC().Format(time.RFC3339)+", which is not yet")
	}
	dates, _ := j.headers.header("Date")
	if len(dates) != 1 || !slices.Contains(j.authored, l) {
		return
	}
	if d, err := mail.ParseDate(dates[0]); err == nil && s.Time.Sub(d).Abs() > clockSkew {
		j.foundAt("date-differs", l.Path, "the message is dated "+d.UTC().Format(time.RFC3339)+", its signature "+s.Time.UTC().Format(time.RFC3339))
	}
}

// noteHeaders says what is odd about the header fields.
func (j *judgement) noteHeaders() {
	for _, f := range j.from.findings {
		j.add(f)
	}
	for _, name := range shownFields() {
		// RFC 5322, Section 3.6: each at most once, outside too, where a program
		// that knows nothing of protected fields looks.
		fields, _ := j.headers.header(name)
		if outer := j.headers.outer.Values(name); len(fields) < 2 {
			fields = outer
		}
		if code := "two-" + strings.ToLower(name); len(fields) > 1 && !slices.ContainsFunc(j.findings, func(f Finding) bool { return f.Code == code }) {
			j.add(Finding{Code: code, Text: "there are several " + name + " fields: " + cut(strings.Join(fields, " | ")), Ambiguous: true})
		}
	}
	for _, name := range j.differing() {
		j.found("outer-differs", name+" outside is "+cut(shown(j.headers.outer.Values(name)))+", which the author did not put there")
	}
	j.noteSender()
	j.noteLookalike()
	j.noteProtection()
}

// noteLookalike says of an author that they may be taken for somebody else.
// Whoever has such an address can be verified for it, and for no other.
func (j *judgement) noteLookalike() {
	who := j.from.address.String()
	if why := confusable.Odd(who); why != "" {
		j.found("from-odd", "the address "+cut(who)+" is written oddly: "+why)
	}
	if j.opener.Ring == nil || who == "" {
		return
	}
	_, err := j.opener.Ring.Senders(who)
	if u := new(keyring.UnknownError); errors.As(err, &u) && len(u.Similar) > 0 {
		j.found("from-similar", "the address "+cut(who)+" is not known, and looks like "+cut(u.Similar[0])+", which is")
	}
}

// noteSender says who else is named as having sent the message.
func (j *judgement) noteSender() {
	fields, _ := j.headers.header("Sender")
	if j.carriers("Sender") {
		fields = j.headers.outer.Values("Sender")
	}
	if list, ok := addressList(fields); ok && len(list) == 1 && j.from.address != (mailbox.Address{}) && !mailbox.Same(list[0].Address, j.from.address.String()) {
		j.found("sender-differs", "sent by "+cut(list[0].Address)+" in the name of the author")
	}
	if len(j.headers.outer.Values("Resent-From")) > 0 {
		j.found("resent", "passed on by "+cut(shown(j.headers.outer.Values("Resent-From"))))
	}
}

// noteProtection says how the header fields are protected, if they are.
func (j *judgement) noteProtection() {
	if (j.encrypted || j.signature != nil) && j.headers.scheme == notProtected {
		j.found("headers-unprotected", "the message does not protect its header fields: all but the author are the word of whoever carried it")
	}
	if j.headers.scheme == oldWrapped && j.payload.node.Params["forwarded"] == "" {
		j.found("headers-wrapped", "the message is in a message, which says who wrote it and what about: one that the author passed on alone looks the same")
	}
	if open := j.unprotected(); len(open) > 0 {
		j.found("headers-unprotected", "the message does not protect "+strings.Join(open, ", ")+": that is the word of whoever carried it")
	}
	switch encrypted := j.wasEncrypted(); {
	case j.headers.scheme == hpCipher && !encrypted:
		j.found("hp-cipher-clear", "the author encrypted this message, and it came without encryption")
	case j.headers.scheme == hpClear && encrypted:
		j.found("hp-clear-encrypted", "the author did not encrypt this message, somebody on the way did")
	}
	// RFC 9788, Section 4.1: outside of the payload neither means anything.
	for _, p := range append(slices.Clone(j.shells), j.message.parts[0]) {
		if p != j.payload && (p.node.Params["hp"] != "" || len(p.node.Header.Values("HP-Outer")) > 0) {
			j.foundAt("hp-outside", p.Path, "what says that header fields are protected stands outside of what is protected")
		}
	}
}

// unprotected returns the fields that are shown and that nothing protects, in a
// message that protects others: the older parameter says nothing of those that
// are not inside.
func (j *judgement) unprotected() (names []string) {
	if j.headers.scheme != oldParameter {
		return nil
	}
	for _, name := range shownFields() {
		// Who signed is compared with From, wherever that stands.
		if fields, protected := j.headers.header(name); name != "From" && !protected && len(fields) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// noteList says who signed what a list passed on: its footer or its own From is
// no reason to say that nobody signed.
func (j *judgement) noteList(s *Summary) {
	if s.DeliveredBy == "" {
		return
	}
	by := "delivered by the list " + cut(s.DeliveredBy)
	switch signer := j.anySigner(); {
	case s.Signer != "" && j.signature.signer != "":
		j.found("list", "signed by "+cut(s.Signer)+", "+by)
	case signer != "":
		j.found("list", "a part is signed by "+cut(signer)+", "+by)
	default:
		j.found("list", by)
	}
}

// anySigner returns who signed a part of the message, "" if nobody who is
// believed did.
func (j *judgement) anySigner() string {
	for _, l := range j.message.layers {
		if who := j.islander(l); who != "" {
			return who
		}
	}
	return ""
}

// oneLine is for text that may repeat the message, where it is quoted by who
// wrote it: whatever could do more than be read becomes a space.
func oneLine(s string) string {
	const most = 300
	if len(s) > most {
		s = s[:most] + "…"
	}
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return collapsed(s)
}
