package mail

// summary is the one statement about the message as a whole.
func (j *judgement) summary() Summary {
	s := Summary{
		Encrypted:   j.encrypted,
		Signed:      j.payload != nil && j.signature != nil,
		Verified:    j.verified(),
		From:        j.from.address.String(),
		DeliveredBy: listOf(j.headers.outer),
	}
	if j.signature != nil {
		s.Signer = j.signature.signer
		if s.Signer == "" {
			s.Signer = oneLine(j.signature.SignerID)
		}
		s.SignerMatchesFrom = j.signature.author
	}
	subject, _ := j.headers.header("Subject")
	s.Subject = shown(subject)
	for _, name := range shownFields() {
		if f, ok := j.field(name, s.Signed); ok {
			s.Fields = append(s.Fields, f)
		}
	}
	j.noteList(&s)
	s.Findings = j.findings
	return s
}

// field is what a person is shown of one field. ok is false where there is
// none, inside or outside.
func (j *judgement) field(name string, signed bool) (f Field, ok bool) {
	inside, protected := j.headers.header(name)
	outside := j.headers.outer.Values(name)
	if len(inside) == 0 && len(outside) == 0 || j.carriers(name) {
		return f, false
	}
	f = Field{
		Name: name, Value: shown(inside), Outer: shown(outside),
		Signed:  protected && signed && len(inside) > 0,
		Differs: j.headers.differs(name),
	}
	// What the sender showed outside was to be read on the way, and so was
	// what stands there now: RFC 9788, Section 4.3.
	sent, known := j.headers.sent(name, inside)
	f.Encrypted = protected && j.encrypted && len(inside) > 0 &&
		(!known || !sameField(name, inside, sent)) && !sameField(name, inside, outside)
	if name == "From" && protected && j.from.address != readAuthor(j.headers.inside).address {
		// The protected one is not to be believed: RFC 9788, Section 4.4.
		f.Value, f.Signed, f.Encrypted = f.Outer, false, false
	}
	return f, true
}
