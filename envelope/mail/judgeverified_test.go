package mail

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// TestVerifiedRefuses: each changes one thing of a message that is verified,
// and is not. code is the finding that says why.
func TestVerifiedRefuses(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	for _, c := range []struct {
		name   string
		signed bool // begin with a message that is signed alone
		change func(*play)
		code   string
	}{
		{"no layer", false, func(p *play) { p.layers = nil }, ""},
		{"layer not of the envelope", false, func(p *play) { p.layers[0].errant = true }, "errant-layer"},
		{"layer failed", false, func(p *play) { p.layers[0].err = failed }, "not-decrypted"},
		{"signed layer failed", true, func(p *play) { p.layers[0].err = failed }, "layer-failed"},
		{"layer without a report", true, func(p *play) { p.change = func(m *Message) { m.layers[0].Report = nil } }, ""},
		{"layer without content", false, func(p *play) {
			p.change = func(m *Message) { m.parts = m.parts[:1]; m.parts[0].children = nil }
		}, ""},
		{"layer inside failed", false, func(p *play) {
			p.layers = append(p.layers, &playLayer{kind: "compressed", media: "application/pkcs7-mime", err: failed})
		}, "layer-failed"},
		{"a third part beside the signed one", true, func(p *play) { p.layers[0].parts = 1 }, "signed-parts"},
		{"no signature part", true, func(p *play) { p.layers[0].parts = -1 }, "signed-parts"},
		{"no signature", false, func(p *play) { p.sign() }, ""},
		{"no signer", true, func(p *play) { p.sign() }, "no-signature"},
		{"bad signature", false, func(p *play) { p.facts().Signatures[0].Status = seam.SignatureBad }, "signature-bad"},
		{"weak signature", false, func(p *play) { p.facts().Signatures[0].Status = seam.SignatureWeak }, "signature-invalid"},
		{"signature when the key was not valid", false, func(p *play) { p.facts().Signatures[0].Status = seam.SignatureNotInTime }, "signature-invalid"},
		{"signature that was not checked", false, func(p *play) { p.sign(seam.Signature{Sender: -1, SignerID: "key ID 1"}) }, "signature-unchecked"},
		{"signature of a kind not supported", false, func(p *play) { p.facts().Signatures[0].Status = seam.SignatureUnsupported }, "signature-invalid"},
		{"signature for others", false, func(p *play) { p.facts().Signatures[0].Status = seam.SignatureNotIntended }, "not-intended"},
		{"layer for others", false, func(p *play) { p.layers[0].intended = intendedOthers }, "not-intended"},
		{"signer not known", false, func(p *play) { p.opener.Senders = p.opener.Senders[1:]; p.facts().Signatures[0].Sender = -1 }, "signer-unknown"},
		{"signed by somebody else who is known", false, func(p *play) { p.sign(p.by(1, p.eve)) }, "signer-differs"},
		{"certificate does not state the address", false, func(p *play) { p.alice.addresses = []string{"alice@example.net"} }, "signer-differs"},
		{"certificate states the address in capitals", false, func(p *play) { p.alice.addresses = []string{"ALICE@example.org"} }, "signer-differs"},
		{"certificate states the domain alone", false, func(p *play) { p.alice.addresses = []string{"@example.org"} }, "signer-unknown"},
		{"a bad signature beside a good one", false, func(p *play) {
			bad := p.by(1, p.eve)
			bad.Status = seam.SignatureBad
			p.sign(p.by(0, p.alice), bad)
		}, "signature-bad"},
		{"a bad signature before a good one, by nobody known", false, func(p *play) {
			p.sign(seam.Signature{Status: seam.SignatureBad, Sender: -1}, p.by(0, p.alice))
		}, "signature-bad"},
		{"an expired signature of the sender beside a good one", false, func(p *play) {
			late := p.by(0, p.alice)
			late.Status = seam.SignatureNotInTime
			p.sign(p.by(0, p.alice), late)
		}, "signature-invalid"},
		{"signed around the encryption only", false, func(p *play) {
			p.sign()
			p.layers = append([]*playLayer{{kind: "signed", media: "multipart/signed", facts: seam.Facts{Signatures: []seam.Signature{p.by(0, p.alice)}}}}, p.layers...)
		}, "signed-outside-only"},
		{"signed in the future", true, func(p *play) { p.facts().Signatures[0].When = playTime.Add(time.Hour + time.Second) }, "signature-future"},
		{"a footer behind the last boundary", true, func(p *play) {
			p.change = func(m *Message) { m.parts[0].Findings = []Finding{{Code: "epilogue"}} }
		}, "signed-parts"},
		{"two subjects outside, and one of them right", true, func(p *play) { p.outer += "Subject: another\r\n" }, "two-subject"},
		{"sealed anew for somebody else", false, func(p *play) {
			p.bob.addresses = []string{"carol@example.org"}
		}, "not-addressed"},
		{"sealed anew for somebody of whom nothing is known", false, func(p *play) { p.opener.Identities = nil }, "not-addressed"},
		{"a signature inside that nobody can check", true, func(p *play) {
			p.layers = append(p.layers, &playLayer{kind: "signed", media: "multipart/signed", err: envelope.ErrSignature, facts: seam.Facts{Signatures: []seam.Signature{{Sender: -1}}}})
		}, "signature-unchecked"},
		{"decrypted for somebody else", false, func(p *play) {
			p.layers[0].kind, p.layers[0].media, p.layers[0].facts.Encrypted = "signed", "multipart/signed", false
			p.opener.Identities = nil
		}, "not-addressed"},
		{"no From", true, func(p *play) { p.replaceInner("From: Alice <alice@example.org>\r\n", "") }, "from-missing"},
		{"two From inside", true, func(p *play) { p.inner += "From: eve@example.net\r\n" }, "two-from"},
		{"the same From twice inside", true, func(p *play) { p.inner += "From: Alice <alice@example.org>\r\n" }, "two-from"},
		{"two From outside", true, func(p *play) { p.outer += "From: eve@example.net\r\n" }, "outer-differs"},
		{"another From outside", true, func(p *play) { p.replaceOuter("alice@", "eve@") }, "from-mismatch"},
		{"another name outside", true, func(p *play) { p.replaceOuter("Alice", "The bank") }, "outer-differs"},
		{"another subject outside", true, func(p *play) { p.replaceOuter("a secret", "pay at once") }, "outer-differs"},
		{"another subject outside than HP-Outer has", false, func(p *play) { p.replaceOuter("[...]", "pay at once") }, "outer-differs"},
		{"another recipient outside", true, func(p *play) { p.replaceOuter("To: bob", "To: carol") }, "outer-differs"},
		{"one more recipient outside", true, func(p *play) { p.outer += "Cc: carol@example.org\r\n" }, "outer-differs"},
		{"answers go elsewhere outside", true, func(p *play) { p.outer += "Reply-To: eve@example.net\r\n" }, "outer-differs"},
		{"another Sender outside than inside", true, func(p *play) { p.outer += "Sender: eve@example.net\r\n"; p.inner += "Sender: alice@example.org\r\n" }, "outer-differs"},
		{"a date outside of before", true, func(p *play) { p.replaceOuter("01 Mar 2026 12:00:00", "28 Feb 2026 12:00:00") }, "outer-differs"},
		{"a date outside of longer after than a mail is on its way", true, func(p *play) { p.replaceOuter("01 Mar 2026 12:00:00", "06 Mar 2026 12:00:01") }, "outer-differs"},
		{"no date outside where one was put", true, func(p *play) { p.replaceOuter("Sun, 01 Mar 2026 12:00:00 +0000", "yesterday") }, "outer-differs"},
		{"a name that is an address", true, func(p *play) {
			p.outer = strings.Replace(p.outer, "Alice <", `"bank@example.com" <`, 1)
			p.replaceInner("Alice <", `"bank@example.com" <`)
		}, "name-is-address"},
		{"two subjects inside", true, func(p *play) { p.inner += "Subject: another\r\n" }, "two-subject"},
		{"ambiguous root", true, func(p *play) {
			p.change = func(m *Message) { m.parts[0].Findings = []Finding{{Code: "odd", Ambiguous: true}} }
		}, "odd"},
		{"ambiguous part", true, func(p *play) {
			p.change = func(m *Message) { m.parts[1].Findings = []Finding{{Code: "odd", Ambiguous: true}} }
		}, "odd"},
		{"ambiguous behind all that is shown", true, func(p *play) {
			p.change = func(m *Message) {
				for range 2 * maxFindings {
					m.parts[1].Findings = append(m.parts[1].Findings, Finding{Code: "odd", Text: strings.Repeat("x", len(m.parts[1].Findings))})
				}
				m.parts[1].Findings = append(m.parts[1].Findings, Finding{Code: "last", Ambiguous: true})
			}
		}, "more-findings"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			if c.signed {
				p = newSigned(t)
			}
			require.True(t, p.judge().Verified, "what it differs from")
			c.change(p)
			m := p.message()
			s, err := p.opener.judge(m)
			require.NoError(t, err)
			require.False(t, s.Verified)
			for _, part := range m.parts {
				require.False(t, part.Verified && part.layer != nil, "a layer is nothing that was signed")
				require.False(t, part.Verified && (c.code == "" || !partsMayBe(c.code)), "a part: %v", codes(s))
			}
			if c.code != "" {
				require.Contains(t, codes(s), c.code)
			}
			for _, f := range s.Findings {
				require.NotContains(t, f.Text, "\n")
				require.Less(t, len(f.Text), 400)
			}
		})
	}
}

// partsMayBe: what is signed for itself beside what is not of the envelope.
func partsMayBe(code string) bool { return code == "errant-layer" }

// TestVerifiedAccepts: what looks like one of those, and is right.
func TestVerifiedAccepts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		signed bool
		change func(*play)
		code   string // a finding there is, "" for none
	}{
		{"another date outside, as a service that passes mails on puts it there", true, func(p *play) { p.replaceOuter("12:00:00", "12:00:01") }, "outer-differs"},
		{"a date outside of the last moment that a mail is on its way", true, func(p *play) { p.replaceOuter("01 Mar 2026 12:00:00", "06 Mar 2026 12:00:00") }, "outer-differs"},
		{"a further signature by somebody unknown", false, func(p *play) {
			p.sign(seam.Signature{Sender: -1, SignerID: "key ID 1"}, p.by(0, p.alice))
		}, "signature-unchecked"},
		{"a further signature by somebody else", false, func(p *play) { p.sign(p.by(1, p.eve), p.by(0, p.alice)) }, ""},
		{"signed, encrypted, signed", false, func(p *play) {
			p.layers = append([]*playLayer{{kind: "signed", media: "multipart/signed", facts: seam.Facts{Signatures: []seam.Signature{p.by(1, p.eve)}}}}, p.layers...)
		}, ""},
		{"signed around the encryption by somebody unknown", false, func(p *play) {
			p.layers = append([]*playLayer{{kind: "signed", media: "multipart/signed", err: envelope.ErrSignature, facts: seam.Facts{Signatures: []seam.Signature{{Sender: -1}}}}}, p.layers...)
		}, "signature-unchecked"},
		{"a bad signature around the encryption", false, func(p *play) {
			p.layers = append([]*playLayer{{kind: "signed", media: "multipart/signed", err: envelope.ErrSignature, facts: seam.Facts{Signatures: []seam.Signature{{Status: seam.SignatureBad, Sender: -1}}}}}, p.layers...)
		}, "signature-bad"},
		{"encrypted, and signed in a layer inside", false, func(p *play) {
			inside := *p.layers[0]
			inside.kind, inside.media, inside.facts.Encrypted = "signed", "multipart/signed", false
			p.sign()
			p.layers = append(p.layers, &inside)
		}, ""},
		{"a compressed layer between", false, func(p *play) {
			p.layers = append(p.layers, &playLayer{kind: "compressed", media: "application/pkcs7-mime"})
		}, ""},
		{"signed for us", false, func(p *play) { p.layers[0].intended = intendedUs }, ""},
		{"signed for us by a key that has no address", false, func(p *play) {
			p.bob.addresses, p.layers[0].intended = nil, intendedUs
		}, ""},
		{"addressed to an address that was given", false, func(p *play) {
			p.opener.Identities, p.opener.Addresses = nil, []string{"bob@EXAMPLE.org"}
		}, ""},
		{"addressed in Cc", false, func(p *play) {
			p.opener.Identities, p.opener.Addresses = nil, []string{"dora@example.org"}
			p.inner += "Cc: Dora <dora@example.org>\r\n"
		}, ""},
		{"addressed in an inner Bcc", false, func(p *play) {
			p.opener.Identities, p.opener.Addresses = nil, []string{"dora@example.org"}
			p.inner += "Bcc: dora@example.org\r\n"
		}, ""},
		{"one's own copy", false, func(p *play) {
			p.opener.Identities, p.opener.Addresses = nil, []string{"alice@example.org"}
		}, ""},
		{"signed alone, for somebody else", true, func(p *play) { p.opener.Identities = nil }, ""},
		{"header fields not protected", true, func(p *play) { p.content = "text/plain" }, "headers-unprotected"},
		{"header fields not protected, encrypted for nobody who is named", false, func(p *play) {
			p.content, p.opener.Identities = "text/plain", nil
		}, "headers-unprotected"},
		{"a field taken away outside", true, func(p *play) { p.replaceOuter("To: bob@example.org\r\n", "") }, ""},
		{"folded anew outside", true, func(p *play) { p.replaceOuter("a secret", "a\r\n secret") }, ""},
		{"encoded anew outside", true, func(p *play) { p.replaceOuter("a secret", "=?iso-8859-1?q?a_secret?=") }, ""},
		{"quoted anew outside", true, func(p *play) { p.replaceOuter("Alice <", `"Alice" <`) }, ""},
		{"domain in capitals outside", true, func(p *play) { p.replaceOuter("alice@example.org", "alice@EXAMPLE.ORG") }, ""},
		{"zone of the date", true, func(p *play) { p.replaceOuter("12:00:00 +0000", "13:00:00 +0100") }, ""},
		{"sent by somebody else", true, func(p *play) { p.outer += "Sender: eve@example.net\r\n"; p.inner += "Sender: eve@example.net\r\n" }, "sender-differs"},
		{"sent outside by a list", true, func(p *play) { p.outer += "Sender: list@example.net\r\n" }, "sender-differs"},
		{"sealed for whom it does not name", false, func(p *play) {
			p.opener.Identities = nil
			p.replaceInner("To: bob@example.org\r\n", "To: undisclosed-recipients:;\r\n")
			p.replaceInner("HP-Outer: To: bob@example.org\r\n", "")
			p.replaceOuter("To: bob@example.org\r\n", "")
		}, ""},
		{"dated long after it was signed", true, func(p *play) {
			p.facts().Signatures[0].When = playTime.Add(-time.Hour - time.Second)
		}, "date-differs"},
		{"dated an hour after it was signed", true, func(p *play) {
			p.facts().Signatures[0].When = playTime.Add(-time.Hour)
		}, ""},
		{"dated an hour before it was signed", true, func(p *play) {
			p.facts().Signatures[0].When = playTime.Add(time.Hour)
		}, ""},
		{"odd part", true, func(p *play) {
			p.change = func(m *Message) { m.parts[1].Findings = []Finding{{Code: "odd"}} }
		}, "odd"},
		{"weak algorithm", false, func(p *play) { p.facts().Findings = []string{"AES-128-CBC"} }, "cryptography"},
		{"not authenticated but by the signature", false, func(p *play) { p.facts().Auth = seam.AuthNone }, "unauthenticated"},
		{"encrypted on the way", true, func(p *play) {
			p.layers = append([]*playLayer{{kind: "encrypted", media: "application/pkcs7-mime", facts: seam.Facts{Encrypted: true, Auth: seam.AuthAtEnd}}}, p.layers...)
		}, "hp-clear-encrypted"},
		{"decrypted on the way", false, func(p *play) {
			p.layers[0].kind, p.layers[0].media, p.layers[0].facts.Encrypted = "signed", "multipart/signed", false
		}, "hp-cipher-clear"},
		{"hp outside", true, func(p *play) { p.outer += "HP-Outer: Subject: x\r\n" }, "hp-outside"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			if c.signed {
				p = newSigned(t)
			}
			c.change(p)
			m := p.message()
			s, err := p.opener.judge(m)
			require.NoError(t, err)
			require.True(t, s.Verified, "%+v", s.Findings)
			require.True(t, m.parts[len(m.parts)-1].Verified)
			require.True(t, s.SignerMatchesFrom)
			if c.code == "" {
				require.Empty(t, s.Findings)
			} else {
				require.Equal(t, strings.Fields(c.code), codes(s))
			}
		})
	}
}

// TestUnauthenticated: encryption under which anybody can have changed the
// content is not called one.
func TestUnauthenticated(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	require.True(t, p.judge().Encrypted)
	p.facts().Auth = seam.AuthNone
	s := p.judge()
	require.False(t, s.Encrypted)
	require.Contains(t, codes(s), "unauthenticated")
	require.False(t, s.Fields[2].Encrypted)
}

// TestEvidence: a certificate that the message brought is believed by evidence
// for the address, if it states it, and never for what it says alone.
func TestEvidence(t *testing.T) {
	t.Parallel()
	var asked string
	var came int
	begin := func(believe bool) *play {
		p := newPlay(t)
		p.opener.Senders = nil
		p.facts().Signatures[0].Sender = -1
		p.facts().Certificates = []seam.Certificate{p.eve, p.alice}
		p.opener.Evidence = func(address string, beside ...*keyring.Certificate) keyring.Evidence {
			asked, came = address, len(beside)
			if believe {
				return keyring.Expect(p.alice.certificate().Fingerprint())
			}
			return keyring.Expect(p.eve.certificate().Fingerprint())
		}
		return p
	}
	s := begin(true).judge()
	require.True(t, s.Verified)
	require.Equal(t, "alice@example.org", asked)
	require.Equal(t, 2, came)

	s = begin(false).judge()
	require.False(t, s.Verified)
	require.Contains(t, codes(s), "signer-unknown")
	why := slices.IndexFunc(s.Findings, func(f Finding) bool { return f.Code == "signer-unknown" })
	require.Contains(t, s.Findings[why].Text, "in From: the fingerprint is ", "it says why there is no evidence")

	p := begin(true)
	p.alice.addresses = []string{"alice@example.net"} // the evidence would do, the address does not
	s = p.judge()
	require.False(t, s.Verified)
	require.Equal(t, "alice@example.net", s.Signer)
	require.Contains(t, codes(s), "signer-differs")

	p = begin(true)
	p.alice.addresses = nil
	s = p.judge()
	require.False(t, s.Verified)
	require.Equal(t, "alice", s.Signer, "as the message names it")
}

// TestOpenPGPCopy: a copy of an OpenPGP certificate that came with the message
// is not the sender's: it may be without a revocation.
func TestOpenPGPCopy(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	copied := p.by(-1, p.alice)
	p.sign(copied)
	require.True(t, p.judge().Verified, "X.509: the fingerprint is of all of it")

	p = newPlay(t)
	p.alice.kind = seam.PGPv6
	p.opener.Senders = []*keyring.Verified{p.alice.verified()}
	copied = p.by(-1, p.alice)
	copied.Signer = p.alice
	p.sign(copied)
	s := p.judge()
	require.False(t, s.Verified)
	p.sign(p.by(0, p.alice))
	require.True(t, p.judge().Verified)
}

// TestSignerOfNothing: a signature that does not hold is by nobody, and is named
// as the message names it.
func TestSignerOfNothing(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	require.Equal(t, "alice@example.org", p.judge().Signer)
	p.facts().Signatures[0].Status = seam.SignatureBad
	s := p.judge()
	require.False(t, s.SignerMatchesFrom)
	require.Equal(t, "alice", s.Signer)
	require.True(t, s.Signed, "whatever it is worth")
}

// TestIslands: a part that is signed for itself says nothing of the message.
func TestIslands(t *testing.T) {
	t.Parallel()
	build := func(t *testing.T, by func(p *play) seam.Signature, encrypted bool) (Summary, *Message) {
		p := newSigned(t)
		p.sign(by(p))
		p.layers[0].errant = true
		p.outer += "List-Post: <mailto:list@example.com>\r\n"
		p.change = func(m *Message) { // multipart/mixed around the layer, and a footer
			layer := m.parts[0]
			root := &Part{Path: "1", node: layer.node, MediaType: "multipart/mixed"}
			footer := &Part{Path: "1.2", node: &mimeparse.Node{MediaType: "text/plain"}, MediaType: "text/plain", parent: root}
			layer.node = &mimeparse.Node{MediaType: "multipart/signed", Children: make([]*mimeparse.Node, 2)}
			layer.parent, root.children = root, []*Part{layer, footer}
			m.parts = append([]*Part{root}, append(m.parts, footer)...)
			m.layers[0].Report.Encrypted = encrypted
		}
		m := p.message()
		s, err := p.opener.judge(m)
		require.NoError(t, err)
		return s, m
	}
	s, m := build(t, func(p *play) seam.Signature { return p.by(0, p.alice) }, false)
	require.False(t, s.Verified || s.Signed || s.Encrypted)
	require.Equal(t, "list@example.com", s.DeliveredBy)
	require.Contains(t, s.Findings, Finding{Code: "list", Text: `a part is signed by "alice@example.org", delivered by the list "list@example.com"`})
	require.Contains(t, codes(s), "errant-layer")
	require.Equal(t, []bool{false, false, true, false}, []bool{m.parts[0].Verified, m.parts[1].Verified, m.parts[2].Verified, m.parts[3].Verified})

	s, m = build(t, func(p *play) seam.Signature { bad := p.by(0, p.alice); bad.Status = seam.SignatureBad; return bad }, false)
	require.False(t, s.Verified || m.parts[2].Verified)
	require.Contains(t, s.Findings, Finding{Code: "list", Text: `delivered by the list "list@example.com"`})

	for _, change := range []func(*Layer){
		nil,
		func(l *Layer) { l.intended = intendedOthers },
		func(l *Layer) { l.Err = envelope.ErrFormat },
		func(l *Layer) { l.Report = nil },
	} {
		_, m = build(t, func(p *play) seam.Signature { return p.by(0, p.alice) }, false)
		if change != nil {
			change(m.layers[0])
		}
		_, err := newPlay(t).opener.judge(m)
		require.NoError(t, err)
		require.Equal(t, change == nil, m.parts[2].Verified)
	}
}

// TestForwarded: a signed mail that the author forwards is covered by what the
// author's signature is worth, and not by more; and for itself by its own.
func TestForwarded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		inner func(*play) []seam.Signature
		spoil bool // the mail around it
		want  bool
	}{
		{"by somebody unknown, in a mail that is verified", func(*play) []seam.Signature { return []seam.Signature{{Sender: -1}} }, false, true},
		{"by somebody unknown, in a mail that is not", func(*play) []seam.Signature { return []seam.Signature{{Sender: -1}} }, true, false},
		{"by eve, in a mail that is not", func(p *play) []seam.Signature { return []seam.Signature{p.by(1, p.eve)} }, true, true},
		{"by eve, and nobody for the rest", func(p *play) []seam.Signature {
			return []seam.Signature{p.by(1, p.eve), {Status: seam.SignatureBad, Sender: -1}}
		}, false, false},
	} {
		p := newSigned(t)
		p.layers = append(p.layers, &playLayer{kind: "signed", media: "multipart/signed", errant: true, facts: seam.Facts{Signatures: c.inner(p)}})
		p.inner, p.content = "", "text/plain"
		p.outer += "Content-Type: multipart/signed\r\n"
		if c.spoil {
			p.outer += "From: eve@example.net\r\n"
		}
		m := p.message()
		s, err := p.opener.judge(m)
		require.NoError(t, err)
		require.Equal(t, !c.spoil, s.Verified, c.name)
		require.Equal(t, c.want, m.parts[2].Verified, c.name)
	}
}

// TestAsked: a hostile message does not have a ring read for ever.
func TestAsked(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	asked := 0
	p.opener.Senders = nil
	p.opener.Evidence = func(string, ...*keyring.Certificate) keyring.Evidence { asked++; return keyring.Evidence{} }
	p.eve.addresses = nil
	for i := range 50 {
		p.eve.addresses = append(p.eve.addresses, "eve"+strings.Repeat("e", i)+"@example.net")
	}
	p.sign()
	for range 1000 {
		p.facts().Signatures = append(p.facts().Signatures, p.by(-1, p.eve))
	}
	require.False(t, p.judge().Verified)
	require.LessOrEqual(t, asked, maxAsked)
	require.Greater(t, asked, maxAsked/2)
}

// TestZeroOpener: nobody is believed whom nobody named.
func TestZeroOpener(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.opener = &Opener{}
	p.facts().Signatures[0].Sender = -1
	s := p.judge()
	require.False(t, s.Verified)
	require.True(t, s.Signed)
	s, err := (&Opener{}).judge(&Message{})
	require.NoError(t, err)
	require.Equal(t, Summary{}, s)
}
