package pgp

import (
	"bufio"
	"errors"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/armor"
)

// The labels of armor that messages have.
const (
	labelMessage   = armor.Message
	labelSignature = armor.Signature
	labelCleartext = "PGP SIGNED MESSAGE" // which begins what is no armor: see cleartext
)

// armored reports whether text begins like armor.
func armored(text []byte) bool { return armor.Begins(text) }

// newArmorWriter returns a writer of armor. checksum is for what readers of
// version 4 read; see armor.NewWriter.
func newArmorWriter(dst io.Writer, label string, checksum bool) io.WriteCloser {
	return armor.NewWriter(dst, label, checksum)
}

// dearmor reads ASCII armor; see armor.Reader. Its errors are those of messages.
type dearmor struct {
	*armor.Reader
	label string
}

// newDearmor reads the lines before the body.
func newDearmor(r *bufio.Reader) (*dearmor, error) {
	in, err := armor.NewReader(r)
	if err != nil {
		return nil, armorError(err)
	}
	return &dearmor{in, in.Label()}, nil
}

// Read implements io.Reader.
func (d *dearmor) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p)
	return n, armorError(err)
}

func armorError(err error) error {
	var format *armor.FormatError
	var limit *armor.LimitError
	switch {
	case errors.As(err, &format) && format.Cut:
		return cut(format.Reason)
	case errors.As(err, &format):
		return malformed("%s", format.Reason)
	case errors.As(err, &limit):
		return &envelope.LimitError{What: limit.What, Max: limit.Max, Fixed: true}
	}
	return err
}

// again says that what is in the armor was read before; nil is no armor.
func (d *dearmor) again() {
	if d != nil {
		d.Again()
	}
}

// finding is what there is to say of the armor after its end.
func (d *dearmor) finding() (list []string) {
	if d != nil && d.SumDiffers() {
		list = append(list, "the armor's checksum is wrong")
	}
	return list
}
