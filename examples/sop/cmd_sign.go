package main

import (
	"bufio"
	"bytes"
	"io"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// signing are the options of sop sign.
type signing struct {
	as, micalg *string
	armor      *bool
	passwords  *[]string
}

func signCommand() command {
	return command{
		name: "sign", args: "KEYS...", about: "makes a detached signature of standard input", least: 1, most: -1,
		prepare: func(a *app, o *options) func([]string) error {
			s := &signing{
				as:        o.choice("as", "what the content is", "binary", "text"),
				armor:     o.armor(),
				micalg:    o.text("micalg-out", "MICALG", "write what PGP/MIME calls the digest"),
				passwords: o.several("with-key-password", "PASSWORD", "unlocks the KEYS"),
			}
			return func(keys []string) error { return a.sign(s, o, keys) }
		},
	}
}

func (a *app) sign(s *signing, o *options, names []string) error {
	var told *output
	var err error
	if o.given("micalg-out") {
		if told, err = a.output(*s.micalg); err != nil {
			return err
		}
	}
	signers, err := a.signers(names, *s.passwords)
	if err != nil {
		return err
	}
	text := *s.as == "text"
	var sig bytes.Buffer
	w, err := (&envelope.Sealer{Armor: *s.armor, Text: text, Signers: signers}).SignDetached(&sig)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := io.Copy(w, a.content(text)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if told != nil {
		name, err := micalg(sig.Bytes())
		if err != nil {
			return err
		}
		if _, err := io.WriteString(told, name); err != nil {
			return err
		}
	}
	_, err = a.stdout.Write(sig.Bytes())
	return err
}

// content is standard input, held to be UTF-8 where it is text.
func (a *app) content(text bool) io.Reader {
	if text {
		return &textReader{r: a.stdin}
	}
	return a.stdin
}

// micalg is how RFC 3156, Section 5, names the digest of these signatures, and
// nothing where they have several.
func micalg(sig []byte) (name string, err error) {
	raw, err := dearmorAll(sig)
	if err != nil {
		return "", err
	}
	for i, s := range packetsOf(raw) {
		_, body, _ := packetHead(s)
		one := ""
		if len(s) > body+3 { // version, type, algorithm, digest: RFC 9580, Section 5.2.3
			one = digestNames[s[body+3]]
		}
		if i > 0 && one != name {
			return "", nil
		}
		name = one
	}
	return name, nil
}

// digestNames are those of RFC 9580, Section 9.5, as RFC 3156 writes them.
var digestNames = map[byte]string{
	8: "pgp-sha256", 9: "pgp-sha384", 10: "pgp-sha512", 11: "pgp-sha224", 12: "pgp-sha3-256", 14: "pgp-sha3-512",
}

// packetsOf takes the packets of b apart, as far as there are any.
func packetsOf(b []byte) (out [][]byte) {
	for len(b) > 0 {
		_, n, err := packetAt(b)
		if err != nil {
			return out
		}
		out, b = append(out, b[:n]), b[n:]
	}
	return out
}

func inlineSignCommand() command {
	return command{
		name: "inline-sign", args: "KEYS...", about: "signs standard input, and writes it with the signature", least: 1, most: -1,
		prepare: func(a *app, o *options) func([]string) error {
			s := &signing{
				as:        o.choice("as", "what the content is, or how it is written", "binary", "text", "clearsigned"),
				armor:     o.armor(),
				passwords: o.several("with-key-password", "PASSWORD", "unlocks the KEYS"),
			}
			return func(keys []string) error { return a.inlineSign(s, keys) }
		},
	}
}

func (a *app) inlineSign(s *signing, names []string) error {
	if *s.as == "clearsigned" && !*s.armor {
		return fail(incompatibleOptions, "--as=clearsigned writes text: --no-armor has no meaning with it")
	}
	signers, v4, err := a.signersAnd(names, *s.passwords)
	if err != nil {
		return err
	}
	// Through the buffer, so that of what is small and no text nothing is written.
	out := bufio.NewWriterSize(struct{ io.Writer }{a.stdout}, outputBuffer)
	if *s.as == "clearsigned" {
		err = clearsign(out, a.content(true), signers, v4)
	} else {
		err = inlineSign(out, a.content(*s.as == "text"), &envelope.Sealer{Armor: *s.armor, Text: *s.as == "text", Signers: signers})
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

func inlineSign(dst io.Writer, src io.Reader, s *envelope.Sealer) error {
	w, err := s.Sign(dst)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := io.Copy(w, src); err != nil {
		return err
	}
	return w.Close()
}
