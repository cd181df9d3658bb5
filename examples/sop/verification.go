package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// verifications returns a line of VERIFICATIONS for each signature that is
// valid, by one of certs, and of the time that counts. The lines are: when it
// was made, the fingerprints of the key that made it and of its certificate,
// the kind of signature, and in JSON which argument brought the certificate.
func verifications(sigs []envelope.Signature, certs []believed, w *window) (lines []string) {
	for _, s := range sigs {
		if !s.Valid() || s.Sender == nil || !w.holds(s.Time) {
			continue
		}
		mode := "binary"
		if s.Text {
			mode = "text"
		}
		primary := s.Sender.Fingerprint().String()
		var files []string
		for _, c := range certs {
			if c.Verified != nil && c.Fingerprint().String() == primary {
				files = append(files, c.file)
			}
		}
		signers, err := json.Marshal(map[string][]string{"signers": files})
		if err != nil {
			continue // strings always marshal
		}
		lines = append(lines, fmt.Sprintf("%s %s %s mode:%s %s",
			s.Time.UTC().Format(time.RFC3339), signingKey(s.SignerID, primary), strings.ToUpper(primary), mode, signers))
	}
	return lines
}

// signingKey returns the fingerprint of the key that made a signature, which
// may be a subkey: SignerID has it whole once the signature was checked.
func signingKey(id, primary string) string {
	if f, ok := strings.CutPrefix(id, "key "); ok && len(f) >= 40 {
		return strings.ToUpper(f)
	}
	return strings.ToUpper(primary)
}

// writeLines writes each line with its end.
func writeLines(w io.Writer, lines []string) error {
	for _, l := range lines {
		if _, err := io.WriteString(w, l+"\n"); err != nil {
			return err
		}
	}
	return nil
}
