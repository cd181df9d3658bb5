package mail

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// signsOpenPGP reports whether the first signer does: what is signed by both
// formats at once is refused by package envelope.
func (c *Composer) signsOpenPGP() bool {
	for _, s := range c.Signers {
		if in := seam.Opaque[seam.Signer](s).Unwrap(); in != nil {
			return in.Certificate().Format().Name() == formatPGP
		}
	}
	return false
}

// writeBuffer is how much is collected before it is signed and written.
const writeBuffer = 32 << 10

// writeClear writes a multipart/signed: what goes to dst as its first part goes
// to the signer too, octet by octet.
func (c *Composer) writeClear(dst io.Writer, draft *checked) (*envelope.Receipt, error) {
	var signature bytes.Buffer
	s := &envelope.Sealer{Profile: c.Profile, Signers: c.Signers, Armor: c.signsOpenPGP(), Limits: c.Limits, Legacy: c.Legacy, Time: c.Time}
	signer, err := s.SignDetached(&signature)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	defer signer.Abort()
	form := newClearForm(signer.Report())
	out := bufio.NewWriterSize(dst, writeBuffer)
	inner := draft.protected(nil)
	header := append(slices.Clone(inner), form.fields()...)
	if c.Autocrypt != nil {
		header = append(header, autocryptField(draft.from.String(), c.Autocrypt))
	}
	if err := writeFields(out, header...); err != nil {
		return nil, err
	}
	if _, err := out.WriteString("\r\n--" + form.boundary + "\r\n"); err != nil {
		return nil, err
	}
	signed := bufio.NewWriterSize(io.MultiWriter(out, signer), writeBuffer)
	b := draft.body(NoConfidentiality, false)
	if err := writeFields(signed, append(inner, b.fields("clear")...)...); err != nil {
		return nil, err
	}
	if _, err := signed.WriteString("\r\n"); err != nil {
		return nil, err
	}
	if err := b.writeTo(signed); err != nil {
		return nil, err
	}
	if err := signed.Flush(); err != nil {
		return nil, err
	}
	if err := signer.Close(); err != nil {
		return nil, err
	}
	if named := newClearForm(&signer.Receipt().Report); named.micalg != form.micalg {
		return nil, fmt.Errorf("mail: internal error: signed with %s and announced %s", named.micalg, form.micalg)
	}
	if err := form.writeSignature(out, signature.Bytes()); err != nil {
		return nil, err
	}
	return signer.Receipt(), out.Flush()
}

// clearForm is what differs between the formats.
type clearForm struct {
	format, protocol, name, micalg string
	boundary                       string
}

// newClearForm names the digests of the signatures that r says are made: those of
// RFC 8551, Section 3.5.3.2, or RFC 3156, Section 5 with the names of RFC 9580,
// Section 9.5.
func newClearForm(r *envelope.Report) *clearForm {
	f := &clearForm{format: r.Format, protocol: "application/pkcs7-signature", name: "smime.p7s", boundary: boundaryMark + rand.Text()}
	prefix, hyphen := "", "sha-"
	if r.Format == formatPGP {
		f.protocol, f.name = "application/pgp-signature", "signature.asc"
		prefix, hyphen = "pgp-", "sha"
	}
	var names []string
	for _, s := range r.Signatures {
		digest := strings.ToLower(s.Algorithm[strings.LastIndex(s.Algorithm, " ")+1:])
		if rest, ok := strings.CutPrefix(digest, "sha-"); ok {
			digest = hyphen + rest
		}
		if name := prefix + digest; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	f.micalg = strings.Join(names, ",")
	return f
}

func (f *clearForm) fields() []field {
	const name = "Content-Type"
	return []field{
		{"MIME-Version", "1.0"},
		{name, withParams(name, "multipart/signed", param{"protocol", f.protocol}, param{"micalg", f.micalg}, param{"boundary", f.boundary})},
	}
}

// writeSignature ends the message.
func (f *clearForm) writeSignature(w io.Writer, signature []byte) error {
	const kind, disposition = "Content-Type", "Content-Disposition"
	fs := []field{
		{kind, withParams(kind, f.protocol, param{"name", f.name})},
		{disposition, withParams(disposition, "attachment", param{"filename", f.name})},
	}
	if f.format != formatPGP { // whose armor is text
		fs = append(fs, field{"Content-Transfer-Encoding", "base64"})
	}
	if _, err := io.WriteString(w, "\r\n--"+f.boundary+"\r\n"); err != nil {
		return err
	}
	if err := writeFields(w, fs...); err != nil {
		return err
	}
	if _, err := io.WriteString(w, "\r\n"); err != nil {
		return err
	}
	text := encoder(f.format, w)
	if _, err := text.Write(signature); err != nil {
		return err
	}
	if err := text.Close(); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\r\n--"+f.boundary+"--\r\n")
	return err
}
