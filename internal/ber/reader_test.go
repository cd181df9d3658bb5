package ber_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/doublekeybox/doublekeybox/internal/ber"
)

// tag0 is [0], as CMS uses it for content.
var tag0 = asn1.Tag(0).ContextSpecific()

// unhex decodes hexadecimal digits; blanks are for the reader.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	require.NoError(t, err)
	return b
}

// enveloped is the shape of an EnvelopedData as streaming producers write it.
const enveloped = `
	30 80
	  06 09 2a 86 48 86 f7 0d 01 07 03
	  a0 80
	    30 80
	      02 01 00
	      31 04 30 02 05 00
	      30 80
	        06 09 2a 86 48 86 f7 0d 01 07 01
	        30 05 06 03 2a 03 04
	        a0 80
	          04 03 61 62 63
	          04 00
	          24 80 04 02 64 65 00 00
	          24 03 04 01 66
	        00 00
	      00 00
	    00 00
	  00 00
	00 00`

// walkEnveloped reads it as a CMS reader does, and returns the content.
func walkEnveloped(src io.Reader) (content []byte, err error) {
	r := ber.NewReader(src)
	steps := []func() error{
		func() error { return r.Enter(asn1.SEQUENCE) },
		func() error { _, err := r.Primitive(asn1.OBJECT_IDENTIFIER, 64); return err },
		func() error { return r.Enter(tag0) },
		func() error { return r.Enter(asn1.SEQUENCE) },
		func() error { _, err := r.Primitive(asn1.INTEGER, 1); return err },
		func() error { _, err := r.Element(100); return err },
		func() error { return r.Enter(asn1.SEQUENCE) },
		r.Skip,
		func() error { _, err := r.DER(100); return err },
		func() error {
			o, err := r.Octets(tag0)
			if err != nil {
				return err
			}
			content, err = io.ReadAll(o)
			return err
		},
		r.Leave, r.Leave, r.Leave, r.Leave, r.End,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return content, err
		}
	}
	return content, nil
}

func TestReaderWalk(t *testing.T) {
	got, err := walkEnveloped(bytes.NewReader(unhex(t, enveloped)))
	require.NoError(t, err)
	require.Equal(t, "abcdef", string(got))
}

func TestReaderTruncated(t *testing.T) {
	raw := unhex(t, enveloped)
	for n := range raw {
		_, err := walkEnveloped(bytes.NewReader(raw[:n]))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d octets", n)
	}
	_, err := walkEnveloped(bytes.NewReader(append(raw, 0)))
	require.ErrorIs(t, err, ber.ErrSyntax, "one octet more")
}
