package main

import (
	"fmt"

	"github.com/doublekeybox/doublekeybox/envelope/mail"
)

// composeJSON is report.json of mail compose. Fields are added and never renamed.
type composeJSON struct {
	From      string     `json:"from"`
	MessageID string     `json:"messageID"`
	Copies    []copyJSON `json:"copies"`
}

type copyJSON struct {
	File       string         `json:"file"`
	Recipients []string       `json:"recipients"` // envelope recipients
	Bcc        bool           `json:"bcc"`
	Own        bool           `json:"own"`
	Format     string         `json:"format,omitempty"`
	Container  string         `json:"container,omitempty"`
	Content    string         `json:"content,omitempty"`
	Reason     string         `json:"reason,omitempty"`
	Signed     bool           `json:"signed"`
	SealedTo   []sealedToJSON `json:"sealedTo"`
	LoweredBy  []string       `json:"loweredBy,omitempty"` // fingerprints
	Size       int64          `json:"size,omitempty"`      // octets of the file
}

type sealedToJSON struct {
	Fingerprint string `json:"fingerprint"`
	Evidence    string `json:"evidence"`
}

func (a *app) copyReport(file string, c *mail.Copy, s *mail.Sealed) copyJSON {
	r := s.Receipt()
	out := copyJSON{
		File: file, Recipients: s.Recipients(), Bcc: c.Bcc, Own: c.Own, Signed: c.Signed,
		Format: r.Format, Container: r.Container, Content: r.Content, Reason: r.Reason,
		SealedTo: []sealedToJSON{}, Size: s.Size(),
	}
	if out.Recipients == nil {
		out.Recipients = []string{}
	}
	for i, f := range r.Sealed {
		out.SealedTo = append(out.SealedTo, sealedToJSON{f.String(), r.Evidence[i]})
	}
	for _, c := range r.LoweredBy {
		out.LoweredBy = append(out.LoweredBy, c.Fingerprint().String())
	}
	return out
}

// sayComposed says what a person should know of what was written.
func (a *app) sayComposed(f *composeFlags, copies []mail.Copy) {
	people := 0
	signed := true
	for _, c := range copies {
		people += len(c.Recipients)
		signed = signed && c.Signed
	}
	a.say("%s for %s in %s: deliver each to the addresses in its .rcpt, and to nobody else", count(len(copies), "message"), count(people, "recipient"), shown(f.out))
	if !signed {
		a.say("note: not signed: whoever reads it cannot know that you wrote it")
	}
	if f.headers == "none" {
		a.say("warning: the subject is not hidden: whoever carries the mail reads it")
	}
}

// readJSON is what mail read --json prints. Fields are added and never renamed.
type readJSON struct {
	Summary summaryJSON `json:"summary"`
	Layers  []layerJSON `json:"layers"`
	Parts   []partJSON  `json:"parts"`
}

type summaryJSON struct {
	Encrypted         bool        `json:"encrypted"`
	Signed            bool        `json:"signed"`
	Verified          bool        `json:"verified"`
	Signer            string      `json:"signer"`
	From              string      `json:"from"`
	SignerMatchesFrom bool        `json:"signerMatchesFrom"`
	Subject           string      `json:"subject"`
	DeliveredBy       string      `json:"deliveredBy,omitempty"`
	Fields            []fieldJSON `json:"fields"`
	Findings          []string    `json:"findings"`
}

type fieldJSON struct {
	Name      string `json:"name"`
	Value     string `json:"value"`
	Outer     string `json:"outer"`
	Encrypted bool   `json:"encrypted"`
	Signed    bool   `json:"signed"`
	Differs   bool   `json:"differs"`
}

type layerJSON struct {
	Path       string          `json:"path"`
	Kind       string          `json:"kind"`
	Format     string          `json:"format"`
	Container  string          `json:"container,omitempty"`
	Content    string          `json:"content,omitempty"`
	Errant     bool            `json:"errant"`
	Error      string          `json:"error,omitempty"`
	Signatures []signatureJSON `json:"signatures,omitempty"`
}

type partJSON struct {
	Path      string   `json:"path"`
	MediaType string   `json:"mediaType"`
	Name      string   `json:"name"`
	SafeName  string   `json:"safeName"`
	Size      int64    `json:"size"`
	Encrypted bool     `json:"encrypted"`
	Signed    bool     `json:"signed"`
	Verified  bool     `json:"verified"`
	Protected bool     `json:"protected"`
	SavedAs   string   `json:"savedAs,omitempty"`
	Findings  []string `json:"findings,omitempty"`
}

// messageJSON describes m; savedAs is by the path of a part.
func messageJSON(m *mail.Message, savedAs map[string]string) readJSON {
	s := m.Summary()
	out := readJSON{
		Summary: summaryJSON{
			Encrypted: s.Encrypted, Signed: s.Signed, Verified: s.Verified,
			Signer: s.Signer, From: s.From, SignerMatchesFrom: s.SignerMatchesFrom, Subject: s.Subject,
			DeliveredBy: s.DeliveredBy, Fields: []fieldJSON{}, Findings: findingTexts(s.Findings),
		},
		Layers: []layerJSON{}, Parts: []partJSON{},
	}
	if out.Summary.Findings == nil {
		out.Summary.Findings = []string{}
	}
	for _, f := range s.Fields {
		out.Summary.Fields = append(out.Summary.Fields, fieldJSON(f))
	}
	for _, l := range m.Layers() {
		j := layerJSON{Path: l.Path, Kind: l.Kind, Format: l.Format, Errant: l.Errant}
		if l.Report != nil {
			j.Container, j.Content, j.Signatures = l.Report.Container, l.Report.Content, signaturesJSON(l.Report.Signatures)
		}
		if l.Err != nil {
			j.Error = l.Err.Error()
		}
		out.Layers = append(out.Layers, j)
	}
	for _, p := range m.Parts() {
		out.Parts = append(out.Parts, partJSON{
			Path: p.Path, MediaType: p.MediaType, Name: p.Name, SafeName: p.SafeName, Size: p.Size,
			Encrypted: p.Encrypted, Signed: p.Signed, Verified: p.Verified, Protected: p.Protected,
			SavedAs: savedAs[p.Path], Findings: findingTexts(p.Findings),
		})
	}
	return out
}

// findingTexts are findings as lines: their code first, which does not change.
func findingTexts(all []mail.Finding) (out []string) {
	for _, f := range all {
		text := f.Code + ": "
		if f.Path != "" {
			text += "part " + f.Path + ": "
		}
		out = append(out, text+f.Text)
	}
	return out
}

// count is n things.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}
