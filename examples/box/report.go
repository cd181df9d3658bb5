package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/examples/internal/terminal"
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

// encodeJSON writes v, indented, with what a terminal obeys escaped.
func encodeJSON(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(terminal.JSON(b), '\n'))
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
