package pgp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// TestKeyVectors holds every key file of other projects that the table names
// against what the table says. Files it does not name are none of keys.
func TestKeyVectors(t *testing.T) {
	root := os.Getenv("DKB_VECTORS")
	if root == "" {
		t.Skip("set DKB_VECTORS to the folder of test vectors")
	}
	f, err := os.Open("testdata/key-outcomes.txt")
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	n := 0
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		name, kind, want := fields[0], fields[1], strings.Join(fields[2:], " ")
		n++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(filepath.Join(root, name))
			require.NoError(t, err)
			passphrase, secret := strings.CutPrefix(kind, "secret:")
			require.Equal(t, want, outcome(b, secret, passphrase))
		})
	}
	require.NoError(t, lines.Err())
	require.Greater(t, n, 150, "the table was not read")
}
