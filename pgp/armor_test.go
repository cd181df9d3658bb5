package pgp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	gocrypto "github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

func decodeArmor(r io.Reader) ([]byte, error) {
	d, err := newDearmor(bufio.NewReader(r))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(d)
}

// What is wrong with armor is wrong with the message, and what its source says
// is not.
func TestArmorErrors(t *testing.T) {
	var text bytes.Buffer
	w := newArmorWriter(&text, labelMessage, true)
	_, err := w.Write([]byte("attachment\n"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	good := text.String()
	got, err := decodeArmor(strings.NewReader(good))
	require.NoError(t, err)
	require.Equal(t, "attachment\n", string(got))

	_, err = decodeArmor(strings.NewReader(strings.Replace(good, "YXR0", "YX*0", 1)))
	require.ErrorIs(t, err, envelope.ErrFormat)
	require.NotErrorIs(t, err, io.ErrUnexpectedEOF)
	_, err = decodeArmor(strings.NewReader(strings.Replace(good, "\n\n", "\n"+strings.Repeat("a: b\n", 70)+"\n", 1)))
	require.ErrorIs(t, err, envelope.ErrLimit)
	for n := range len(good) - 1 {
		_, err = decodeArmor(strings.NewReader(good[:n]))
		require.ErrorIs(t, err, envelope.ErrFormat, n)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, n)
	}
	broken := errors.New("broken")
	for _, at := range []int{10, 60} {
		_, err = decodeArmor(io.MultiReader(strings.NewReader(good[:at]), failed{broken}))
		require.Equal(t, broken, err)
	}
}

// FuzzArmor: what is accepted as armor decodes to what go-crypto makes of it,
// where that takes it.
func FuzzArmor(f *testing.F) {
	for _, s := range []string{"", "=njUN\n", "=AAAA\n"} {
		f.Add([]byte("-----BEGIN PGP MESSAGE-----\n\nYXR0YWNobWVudAo=\n" + s + "-----END PGP MESSAGE-----\n"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeArmor(bytes.NewReader(b))
		if err != nil {
			return
		}
		block, err := gocrypto.Decode(bytes.NewReader(b))
		if err != nil {
			return // go-crypto takes less
		}
		if other, err := io.ReadAll(block.Body); err == nil {
			require.True(t, bytes.Equal(got, other))
		}
	})
}
