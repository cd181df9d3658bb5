package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// reportJSON is what --report and inspect --json write. Fields are added and
// never renamed.
type reportJSON struct {
	Format          string          `json:"format"`
	Container       string          `json:"container"`
	Content         string          `json:"content,omitempty"`
	Encrypted       bool            `json:"encrypted"`
	Armored         bool            `json:"armored"`
	Unauthenticated bool            `json:"unauthenticated"`
	Recipients      []recipientJSON `json:"recipients"`
	Signatures      []signatureJSON `json:"signatures"`
	LoweredBy       []string        `json:"loweredBy,omitempty"` // fingerprints
	Findings        []string        `json:"findings,omitempty"`
}

type recipientJSON struct {
	ID        string `json:"id"`
	Algorithm string `json:"algorithm"`
	Hidden    bool   `json:"hidden"`
}

type signatureJSON struct {
	Valid     bool       `json:"valid"`
	Problem   string     `json:"problem,omitempty"`
	Sender    string     `json:"sender,omitempty"` // fingerprint of the --from that signed
	SignerID  string     `json:"signerID"`
	Algorithm string     `json:"algorithm"`
	Time      *time.Time `json:"time,omitempty"` // as the signer claims

	CounterSignatures []signatureJSON `json:"counterSignatures,omitempty"`
}

func writeJSON(w io.Writer, r *envelope.Report) error {
	out := reportJSON{
		Format: r.Format, Container: r.Container, Content: r.Content,
		Encrypted: r.Encrypted, Armored: r.Armored, Unauthenticated: r.Unauthenticated,
		Recipients: []recipientJSON{}, Signatures: []signatureJSON{}, Findings: r.Findings,
	}
	for _, x := range r.Recipients {
		out.Recipients = append(out.Recipients, recipientJSON(x))
	}
	out.Signatures = append(out.Signatures, signaturesJSON(r.Signatures)...)
	for _, c := range r.LoweredBy {
		out.LoweredBy = append(out.LoweredBy, c.Fingerprint().String())
	}
	return encodeJSON(w, out)
}

// encodeJSON writes v, indented. JSON leaves in strings what a terminal obeys, C1
// controls, and what turns the direction of writing: that is escaped too.
func encodeJSON(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	var out []byte
	for _, r := range string(b) {
		switch {
		case r < 0x7F || strconv.IsGraphic(r):
			out = utf8.AppendRune(out, r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, "\\u%04x\\u%04x", high, low)
		default:
			out = fmt.Appendf(out, "\\u%04x", r)
		}
	}
	_, err = w.Write(append(out, '\n'))
	return err
}

func signaturesJSON(all []envelope.Signature) (out []signatureJSON) {
	for _, s := range all {
		j := signatureJSON{
			Valid: s.Valid(), Problem: s.Problem(), SignerID: s.SignerID, Algorithm: s.Algorithm,
			CounterSignatures: signaturesJSON(s.CounterSignatures),
		}
		if s.Sender != nil {
			j.Sender = s.Sender.Fingerprint().String()
		}
		if !s.Time.IsZero() {
			t := s.Time.UTC()
			j.Time = &t
		}
		out = append(out, j)
	}
	return out
}
