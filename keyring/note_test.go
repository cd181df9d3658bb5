package keyring_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// noting is a note that turns every certificate into another one.
type noting struct {
	to  seam.Certificate
	err error
}

func (n noting) Apply(seam.Certificate) (seam.Certificate, error) { return n.to, n.err }

// TestWith: a note never changes whose certificate it is.
func TestWith(t *testing.T) {
	v, err := keyring.Verify(wrap(alice), keyring.Expect(wrap(alice).Fingerprint()))
	require.NoError(t, err)
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		note noting
		ok   bool
	}{
		"the same":         {noting{to: alice}, true},
		"an equal one":     {noting{to: &cert{kind: alice.kind, hashed: alice.hashed}}, true},
		"another":          {noting{to: eve}, false},
		"of another kind":  {noting{to: alice6}, false},
		"another encoding": {noting{to: recoded{alice}}, false},
		"hashed otherwise": {noting{to: rehashed{alice}}, false},
		"none":             {noting{}, false},
		"an error":         {noting{to: alice, err: broken}, false},
	} {
		got, err := v.With(keyring.Note(seam.Wrap[seam.Note](c.note)))
		if !c.ok {
			require.ErrorIs(t, err, keyring.ErrRefused, name)
			require.Nil(t, got, name)
			if c.note.err != nil {
				require.ErrorIs(t, err, broken, name)
			}
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, v.Fingerprint(), got.Fingerprint(), name)
		require.Equal(t, v.Evidence(), got.Evidence(), name)
	}
}

// recoded hashes to the same, and is given out in another form.
type recoded struct{ *cert }

func (recoded) Encoding() []byte { return []byte("another") }

// rehashed is given out in the same form, and has another fingerprint.
type rehashed struct{ *cert }

func (rehashed) Hashed() []byte { return []byte("another") }
