package pgp

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// vectorTime is when the tables' outcomes hold: keys expire.
var vectorTime = time.Date(2026, time.June, 1, 0, 0, 0, 0, time.UTC)

// outcome says in a word what is thought of a key file. Of a secret key, given
// with a passphrase ("-": none), it adds how many keys decrypt and whether it signs.
func outcome(b []byte, secret bool, passphrase string) string {
	var c *certificate
	var err error
	tail := ""
	if secret {
		var k *Key
		if k, err = ParseKey(bytes.NewReader(b), []byte(strings.TrimPrefix(passphrase, "-"))); err == nil {
			c = k.private.cert
			tail = fmt.Sprintf(" opens=%d", len(k.private.decryptionKeys()))
			if k.private.CheckSign(vectorTime, seam.Auto) == nil {
				tail += " signs"
			}
		}
	} else {
		c, err = parseCertificate(b)
	}
	switch {
	case errors.Is(err, ErrPassphrase):
		return "passphrase"
	case errors.Is(err, envelope.ErrLimit):
		return "limit"
	case err != nil:
		return "refused"
	}
	var expired *keyring.ExpiredError
	var revoked *keyring.RevokedError
	switch err := c.CheckSeal(vectorTime, seam.Auto); {
	case err == nil:
		return "seals" + tail
	case errors.As(err, &expired):
		return "expired" + tail
	case errors.As(err, &revoked):
		return "revoked" + tail
	}
	return "unusable" + tail
}

// vectorRun does what a line says and tells what came of it in a word or two.
func vectorRun(t *testing.T, v vectorFiles, l outcomeLine) string {
	t.Helper()
	b := v.read(t, l.file)
	how := strings.Fields(l.how)
	o := &envelope.Opener{Formats: []envelope.Format{Format()}, Time: func() time.Time { return vectorTime }}
	switch how[0] {
	case "public":
		return outcome(b, false, "")
	case "secret":
		return outcome(b, true, how[1])
	case "ring":
		var all []string
		for _, k := range ringKeys(b) {
			all = append(all, outcome(k, how[1] != "public", how[1]))
		}
		return strings.Join(all, ", ")
	case "inspect":
		r, err := envelope.Inspect(bytes.NewReader(b), Format())
		if err != nil {
			return failureWord(err)
		}
		return r.Container
	case "open", "open-nomdc":
		o.Legacy.NoMDC = how[0] == "open-nomdc"
		o.Identities = []envelope.Identity{vectorKey(t, v, how[1], how[2]).Identity()}
		o.Senders = vectorSenders(t, v, how[3:])
		return opened(o.Open(bytes.NewReader(b)))
	case "passphrase":
		p, err := envelope.OpenPassphrase(how[1])
		require.NoError(t, err)
		o.Passphrases = []*envelope.Passphrase{p}
		o.Senders = vectorSenders(t, v, how[2:])
		return opened(o.Open(bytes.NewReader(b)))
	case "verify":
		o.Senders = vectorSenders(t, v, how[1:])
		return opened(o.Verify(bytes.NewReader(b)))
	case "detached":
		o.Senders = vectorSenders(t, v, how[2:])
		if _, err := o.VerifyDetached(bytes.NewReader(b), bytes.NewReader(v.read(t, how[1]))); err != nil {
			return failureWord(err)
		}
		return "valid"
	}
	require.Fail(t, "what to do with it is not known", l.how)
	return ""
}

// vectorKey reads a key for opening. A key too weak to be sealed to opens.
func vectorKey(t *testing.T, v vectorFiles, name, passphrase string) *Key {
	t.Helper()
	k, err := ParseKey(bytes.NewReader(v.part(t, name)), []byte(strings.TrimPrefix(passphrase, "-")))
	require.NoError(t, err, name)
	return k
}

// vectorSenders reads certificates, also those that a secret key file holds.
// Their fingerprints are taken on trust here.
func vectorSenders(t *testing.T, v vectorFiles, names []string) (senders []*keyring.Verified) {
	t.Helper()
	for _, name := range names {
		b := v.part(t, name)
		c, err := ParseCertificate(b)
		if err != nil {
			k, err := ParseKey(bytes.NewReader(b), nil)
			if errors.Is(err, ErrPassphrase) {
				k, err = ParseKey(bytes.NewReader(b), []byte("password"))
			}
			require.NoError(t, err, name)
			c = k.Certificate()
		}
		s, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
		require.NoError(t, err)
		senders = append(senders, s)
	}
	return senders
}

// opened reads a message to its end: the first octets of the SHA-256 of its
// content, and for each signature whether it is valid; or the kind of error.
func opened(m *envelope.Message, err error) string {
	if err != nil {
		return failureWord(err)
	}
	defer m.Close()
	h := sha256.New()
	if _, err := io.Copy(h, m); err != nil {
		return failureWord(err)
	}
	out := fmt.Sprintf("opens %x", h.Sum(nil)[:4])
	for _, s := range m.Report().Signatures {
		if s.Valid() && s.Sender != nil {
			out += " valid"
		} else {
			out += " not-valid"
		}
	}
	return out
}

func failureWord(err error) string {
	for word, known := range map[string]error{
		"decrypt": envelope.ErrDecrypt, "format": envelope.ErrFormat, "not-for-you": envelope.ErrNotForYou,
		"limit": envelope.ErrLimit, "signature": envelope.ErrSignature,
	} {
		if errors.Is(err, known) {
			return word
		}
	}
	return "an error of no kind: " + err.Error()
}

// vectorEverything gives a file to everything that reads one: whatever comes
// out, it is an error of a known kind, or none.
func vectorEverything(b []byte, own *Key, sender *keyring.Verified) (kinds []string) {
	o := &envelope.Opener{Identities: []envelope.Identity{own.Identity()}}
	s := &envelope.Opener{Senders: []*keyring.Verified{sender}}
	_, inspected := envelope.Inspect(bytes.NewReader(b), Format())
	_, detached := s.VerifyDetached(bytes.NewReader(b), strings.NewReader("content"))
	for _, err := range []error{inspected, detached} {
		if err != nil {
			kinds = append(kinds, failureWord(err))
		}
	}
	_, _ = ParseCertificate(b)
	_, _ = ParseKey(bytes.NewReader(b), []byte("password"))
	return append(kinds, opened(o.Open(bytes.NewReader(b))), opened(s.Verify(bytes.NewReader(b))))
}
