package mail

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// For whom a signature was made, of which only those inside the encryption are
// judged by package pgp.
func TestMeant(t *testing.T) {
	p := newPlay(t)
	raw := func(a *actor) []byte {
		b, err := hex.DecodeString(a.certificate().Fingerprint().String())
		require.NoError(t, err)
		return b
	}
	me := envelope.Identity(seam.Wrap[seam.Identity](reader{p.bob}))
	for _, c := range []struct {
		name       string
		status     seam.SignatureStatus
		named      [][]byte
		encrypted  bool
		openedBy   int
		identities []envelope.Identity
		want       intended
	}{
		{"nobody named", seam.SignatureValid, nil, false, -1, []envelope.Identity{me}, intendedAbsent},
		{"the reader", seam.SignatureValid, [][]byte{raw(p.eve), raw(p.bob)}, false, -1, []envelope.Identity{me}, intendedUs},
		{"another", seam.SignatureValid, [][]byte{raw(p.eve)}, false, -1, []envelope.Identity{me}, intendedOthers},
		{"another, to whom has no key", seam.SignatureValid, [][]byte{raw(p.eve)}, false, -1, nil, intendedAbsent},
		{"the reader, by a bad signature", seam.SignatureBad, [][]byte{raw(p.bob)}, false, -1, []envelope.Identity{me}, intendedAbsent},
		{"inside the encryption", seam.SignatureValid, [][]byte{raw(p.bob)}, true, 0, []envelope.Identity{me}, intendedUs},
		{"inside the encryption, another", seam.SignatureNotIntended, [][]byte{raw(p.eve)}, true, 0, []envelope.Identity{me}, intendedOthers},
		{"opened with a passphrase", seam.SignatureValid, [][]byte{raw(p.eve)}, true, -1, nil, intendedAbsent},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.stage.facts = &seam.Facts{Format: "S/MIME", Encrypted: c.encrypted, OpenedBy: c.openedBy,
				Signatures: []seam.Signature{{Status: c.status, Sender: -1, Intended: c.named}}}
			o := envelope.Opener{Formats: []envelope.Format{envelope.Format(seam.Wrap[seam.Format](p.stage))}}
			report, err := o.ExamineDetached(strings.NewReader("x"), strings.NewReader("x"))
			require.NoError(t, err)
			l := &Layer{Kind: kindSigned, Format: report.Format, Report: report}
			r := (&Opener{Identities: c.identities}).begin()
			r.settle(l)
			require.Equal(t, c.want, l.intended)
			require.Equal(t, c.status == seam.SignatureValid, l.Err == nil)
		})
	}
}
