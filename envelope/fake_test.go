package envelope_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// fake is a format without cryptography that misbehaves on demand: what is
// tested here is what envelope does about formats. Real ones are tested in
// pgp and smime.
//
// A message is its name, a count, that many recipients' names, content, and
// four octets of CRC that stand for a tag.
type fake struct {
	name       string
	auth       seam.Auth
	sealErr    error                                // what Seal returns
	drop       bool                                 // forgets the last recipient
	add        string                               // adds a recipient
	algorithm  string                               // what it writes; "plain" is what it plans
	garbage    string                               // written after the end
	inspected  func(io.Reader) (*seam.Facts, error) // in the place of Inspect
	hide       func(r *seam.Recipient, i int)       // changes what Inspect finds
	plan       func(*seam.Facts)                    // changes what is planned
	signatures []seam.Signature
	log        *[]string
}

func (f *fake) Name() string             { return f.name }
func (f *fake) Sniff(prefix []byte) bool { return bytes.HasPrefix(prefix, []byte(f.name)) }
func (f *fake) note(s string) {
	if f.log != nil {
		*f.log = append(*f.log, s)
	}
}

// unasked is what nobody asks of a fakeCert.
type unasked interface{ seam.Certificate }

type fakeCert struct {
	unasked
	f       *fake
	name    string
	sealErr error
	refusal error
}

func (c *fakeCert) Kind() seam.Kind                         { return seam.X509 }
func (c *fakeCert) Hashed() []byte                          { return []byte(c.name) }
func (c *fakeCert) Encoding() []byte                        { return []byte(c.name) }
func (c *fakeCert) Addresses() []string                     { return nil }
func (c *fakeCert) Format() seam.Format                     { return c.f }
func (c *fakeCert) Refuse() error                           { return c.refusal }
func (c *fakeCert) CheckSeal(time.Time, seam.Profile) error { return c.sealErr }
func (c *fakeCert) Certificate() seam.Certificate           { return c }
func (c *fakeCert) CheckSign(time.Time, seam.Profile) error { return c.sealErr }

func (c *fakeCert) verified() *keyring.Verified {
	k := keyring.Certificate(seam.Wrap[seam.Certificate](c))
	v, err := keyring.Verify(&k, keyring.Expect(k.Fingerprint()))
	if err != nil {
		panic(err)
	}
	return v
}
func (c *fakeCert) identity() envelope.Identity {
	return envelope.Identity(seam.Wrap[seam.Identity](c))
}
func (c *fakeCert) signer() envelope.Signer { return envelope.Signer(seam.Wrap[seam.Signer](c)) }

type fakeWriter struct {
	f       *fake
	dst     io.Writer
	crc     uint32
	planned *seam.Facts
}

func (f *fake) facts(names []string, algorithm string) *seam.Facts {
	x := &seam.Facts{Format: f.name, Container: "Fake", Content: "none", Encrypted: true, Auth: f.auth, OpenedBy: -1}
	for _, n := range names {
		x.Recipients = append(x.Recipients, seam.Recipient{ID: n, Algorithm: algorithm})
	}
	return x
}

func (f *fake) Seal(dst io.Writer, p *seam.SealPlan) (seam.Writer, error) {
	if f.sealErr != nil {
		return nil, f.sealErr
	}
	var names []string
	for _, c := range p.Recipients {
		names = append(names, c.(*fakeCert).name)
	}
	for range p.Passphrases {
		names = append(names, "passphrase")
	}
	w := &fakeWriter{f: f, dst: dst, planned: f.facts(names, "plain")}
	if f.plan != nil {
		f.plan(w.planned)
	}
	if f.drop {
		names = names[:len(names)-1]
	}
	if f.add != "" {
		names = append(names, f.add)
	}
	algorithm := "plain"
	if f.algorithm != "" {
		algorithm = f.algorithm
	}
	head := append([]byte(f.name), byte(len(names)))
	for _, n := range names {
		head = append(head, byte(len(n)), byte(len(algorithm)))
		head = append(append(head, n...), algorithm...)
	}
	_, err := dst.Write(head)
	return w, err
}

func (w *fakeWriter) Write(p []byte) (int, error) {
	w.crc = crc32.Update(w.crc, crc32.IEEETable, p)
	return w.dst.Write(p)
}

func (w *fakeWriter) Close() error {
	w.f.note("close")
	tail := binary.BigEndian.AppendUint32(nil, w.crc)
	_, err := w.dst.Write(append(tail, w.f.garbage...))
	return err
}
func (w *fakeWriter) Abort()               { w.f.note("abort") }
func (w *fakeWriter) Planned() *seam.Facts { return w.planned }

func (f *fake) Sign(dst io.Writer, p *seam.SealPlan, detached bool) (seam.Writer, error) {
	return nil, errors.New("fake: does not sign")
}

func (f *fake) header(src io.Reader) (*seam.Facts, int, error) {
	read := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(src, b); err != nil {
			panic(fmt.Errorf("%w: %w", envelope.ErrFormat, io.ErrUnexpectedEOF))
		}
		return b
	}
	size := len(read(len(f.name))) + 1
	facts := f.facts(nil, "")
	for range read(1)[0] {
		l := read(2)
		facts.Recipients = append(facts.Recipients, seam.Recipient{ID: string(read(int(l[0]))), Algorithm: string(read(int(l[1])))})
		size += 2 + int(l[0]) + int(l[1])
	}
	return facts, size, nil
}

func caught(err *error) {
	if e, ok := recover().(error); ok {
		*err = e
	}
}

func (f *fake) Inspect(src io.Reader, l seam.Limits) (facts *seam.Facts, err error) {
	if f.inspected != nil {
		return f.inspected(src)
	}
	defer caught(&err)
	facts, _, err = f.header(src)
	for i := range facts.Recipients {
		if f.hide != nil {
			f.hide(&facts.Recipients[i], i)
		}
	}
	rest, e := io.ReadAll(src)
	if e != nil {
		return nil, e
	}
	if len(rest) < 4 || crc32.ChecksumIEEE(rest[:len(rest)-4]) != binary.BigEndian.Uint32(rest[len(rest)-4:]) {
		return nil, envelope.ErrFormat
	}
	return facts, err
}

type fakeSession struct {
	f     *fake
	facts *seam.Facts
	src   io.Reader
	head  int
}

func (f *fake) Open(src io.Reader, p *seam.OpenPlan) (s seam.Session, err error) {
	defer caught(&err)
	facts, size, err := f.header(src)
	if err != nil {
		return nil, err
	}
	for i, id := range p.Identities {
		for _, r := range facts.Recipients {
			if id.(*fakeCert).name == r.ID && facts.OpenedBy < 0 {
				facts.OpenedBy = i
			}
		}
	}
	if facts.OpenedBy < 0 {
		return nil, envelope.ErrNotForYou
	}
	return &fakeSession{f, facts, src, size}, nil
}

func (f *fake) OpenSigned(src io.Reader, p *seam.OpenPlan) (seam.Session, error) {
	return f.Open(src, p)
}

func (f *fake) VerifyDetached(sig, content io.Reader, p *seam.OpenPlan) (*seam.Facts, error) {
	for _, r := range []io.Reader{sig, content} {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return nil, err
		}
	}
	return &seam.Facts{Format: f.name, Signatures: f.signatures, OpenedBy: -1}, nil
}

func (s *fakeSession) Facts() *seam.Facts { return s.facts }
func (s *fakeSession) body(src io.Reader) ([]byte, error) {
	b, err := io.ReadAll(src)
	if err != nil {
		return nil, err
	}
	if len(b) < 4 || crc32.ChecksumIEEE(b[:len(b)-4]) != binary.BigEndian.Uint32(b[len(b)-4:]) {
		return nil, envelope.ErrDecrypt
	}
	s.facts.Signatures = s.f.signatures
	return b[:len(b)-4], nil
}
func (s *fakeSession) Verify() error {
	s.f.note("verify")
	_, err := s.body(s.src)
	return err
}

type lazy struct {
	make func() io.Reader
	r    io.Reader
}

func (l *lazy) Read(p []byte) (int, error) {
	if l.r == nil {
		l.r = l.make()
	}
	return l.r.Read(p)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func (s *fakeSession) Plain() io.Reader {
	s.f.note("plain")
	return &lazy{make: func() io.Reader {
		b, err := s.body(s.src)
		if err != nil {
			return failing{err}
		}
		return bytes.NewReader(b)
	}}
}

func (s *fakeSession) Again(src io.Reader) io.Reader {
	s.f.note("again")
	return &lazy{make: func() io.Reader {
		if _, err := io.CopyN(io.Discard, src, int64(s.head)); err != nil {
			return failing{err}
		}
		b, err := s.body(src)
		if err != nil {
			return failing{err}
		}
		return bytes.NewReader(b)
	}}
}
func (s *fakeSession) Close() error { s.f.note("session closed"); return nil }
