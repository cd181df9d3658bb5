package identities

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What the cipher opens is not enough: it has to begin with the zeros that say
// that it was sealed under this key alone.
func TestOpenCommits(t *testing.T) {
	t.Parallel()
	if approved() != nil {
		t.Skip("Argon2id is not approved")
	}
	word := []byte("correct horse")
	c := sample()
	require.NoError(t, c.seal([]byte("secret"), word))
	secret, err := c.open(word)
	require.NoError(t, err)
	require.Equal(t, "secret", string(secret))
	for name, plain := range map[string][]byte{
		"none":                             []byte("secret"),
		"one less":                         append(make([]byte, zeros-1), "secret"...),
		"nothing behind":                   make([]byte, zeros-1),
		"one in front":                     append([]byte{1}, make([]byte, zeros+6)...),
		"the zeros, and the secret behind": append(make([]byte, zeros), "secret"...),
	} {
		a, err := c.aead(word)
		require.NoError(t, err)
		c.sealed = a.Seal(nil, c.nonce[:], plain, c.bound())
		secret, err := c.open(word)
		if name == "the zeros, and the secret behind" {
			require.NoError(t, err)
			continue
		}
		require.Equal(t, ErrUnlock, err, name)
		require.Nil(t, secret)
	}
}
