package pgp

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// A limit that a field of envelope.Limits or of KeyLimits raises says so; of
// the others nobody is told to raise what cannot be raised. Both are the same
// type to a program.
func TestLimitTexts(t *testing.T) {
	const raise = "raise the limit"
	refused := func(err error) string {
		t.Helper()
		var l *envelope.LimitError
		require.ErrorIs(t, err, envelope.ErrLimit)
		require.ErrorAs(t, err, &l)
		require.NotContains(t, err.Error(), "\n")
		require.Contains(t, err.Error(), l.What)
		return err.Error()
	}
	_, err := ParseCertificate(make([]byte, 2*maxKeyRead+1))
	require.NotContains(t, refused(err), raise)
	_, err = decodeArmor(strings.NewReader("-----BEGIN PGP MESSAGE-----\n" + strings.Repeat("a: b\n", 65)))
	require.NotContains(t, refused(err), raise)
	for memory, raisable := range map[uint64]bool{maxArgon2Memory: true, mostArgon2Memory: false} {
		spec := append([]byte{s2kArgon2}, make([]byte, 16)...)
		_, err = scanS2K(append(spec, 1, 1, 31), memory)
		require.Equal(t, raisable, strings.Contains(refused(err), raise))
	}
	most := maxSignature
	for left, raisable := range map[int64]bool{int64(most): false, int64(most) - 1: true} {
		u := budget{left, left}
		_, err = u.spend(&body{r: endless{}, toEnd: true}, int64(most), "octets of it")
		require.Equal(t, raisable, strings.Contains(refused(err), raise))
		require.Equal(t, left, u.left)
	}
}

type endless struct{}

func (endless) ReadByte() (byte, error) { return 0, nil }

func (endless) Read(p []byte) (int, error) { return len(p), nil }
