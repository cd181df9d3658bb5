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

// Whoever seals another's signature anew can put their own beside it, which was
// made for the reader: that is no word of the other.
func TestMeantBySeveral(t *testing.T) {
	p := newPlay(t)
	raw, err := hex.DecodeString(p.bob.certificate().Fingerprint().String())
	require.NoError(t, err)
	none, us := seam.Signature{Status: seam.SignatureValid, Sender: -1}, seam.Signature{Status: seam.SignatureValid, Sender: -1, Intended: [][]byte{raw}}
	others := seam.Signature{Status: seam.SignatureNotIntended, Sender: -1}
	for _, c := range []struct {
		name       string
		signatures []seam.Signature
		want       intended
	}{
		{"both", []seam.Signature{us, us}, intendedUs},
		{"the first", []seam.Signature{us, none}, intendedAbsent},
		{"the last", []seam.Signature{none, us}, intendedAbsent},
		{"the last two", []seam.Signature{none, us, us}, intendedAbsent},
		{"neither", []seam.Signature{none, none}, intendedAbsent},
		{"the first, and the last for others", []seam.Signature{us, others}, intendedOthers},
		{"the last, and the first for others", []seam.Signature{others, us}, intendedOthers},
		{"the first for others, the last for nobody", []seam.Signature{others, none}, intendedOthers},
	} {
		p.stage.facts = &seam.Facts{Format: "S/MIME", Encrypted: true, Signatures: c.signatures}
		o := envelope.Opener{Formats: []envelope.Format{envelope.Format(seam.Wrap[seam.Format](p.stage))}}
		report, err := o.ExamineDetached(strings.NewReader("x"), strings.NewReader("x"))
		require.NoError(t, err)
		l := &Layer{Kind: kindEncrypted, Format: report.Format, Report: report}
		(&Opener{}).begin().settle(l)
		require.Equal(t, c.want, l.intended, c.name)
	}
}
