package main

import (
	"bytes"
	"fmt"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/pgp"
)

func inlineDetachCommand() command {
	return command{
		name: "inline-detach", args: "--signatures-out=SIGNATURES", about: "takes the signatures off a signed message, unverified",
		prepare: func(a *app, o *options) func([]string) error {
			armor := o.armor()
			out := o.text("signatures-out", "SIGNATURES", "write the signatures here")
			return func([]string) error {
				if !o.given("signatures-out") {
					return fail(missingArg, "where do the signatures go: --signatures-out=SIGNATURES")
				}
				return a.inlineDetach(*out, *armor)
			}
		},
	}
}

func (a *app) inlineDetach(name string, armor bool) error {
	told, err := a.output(name)
	if err != nil {
		return err
	}
	b, err := readSmall(a.stdin)
	if err != nil {
		return err
	}
	// The library decides what a signed message is, and that there is not a
	// thing more in it.
	report, err := envelope.Inspect(bytes.NewReader(b), pgp.Format())
	if err != nil {
		return err
	}
	if report.Encrypted || report.Container == "DetachedSignature" {
		return fail(badData, "this is no signed message with its content, but %s", report.Container)
	}
	var content, sigs []byte
	if clearsigned(b) {
		content, sigs, err = splitCleartext(b)
	} else {
		content, sigs, err = splitSigned(b)
	}
	if err != nil {
		return as(badData, err)
	}
	if armor {
		_, checksum, err := kindOf(sigs)
		if err != nil {
			return err
		}
		err = writeArmor(told, bytes.NewReader(sigs), "PGP SIGNATURE", checksum)
		if err != nil {
			return err
		}
	} else if _, err := told.Write(sigs); err != nil {
		return err
	}
	_, err = a.stdout.Write(content)
	return err
}

// splitSigned takes a signed message apart into its content and its signature
// packets.
func splitSigned(b []byte) (content, sigs []byte, err error) {
	raw, err := dearmorAll(b)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if v := recover(); v != nil { // go-crypto is not trusted not to panic on messages from outside
			err = fail(badData, "the message is damaged")
		}
	}()
	var out bytes.Buffer
	var in io.Reader = bytes.NewReader(raw)
	for {
		p, err := packet.NewOpaqueReader(in).Next()
		if err == io.EOF {
			return content, out.Bytes(), nil
		}
		if err != nil {
			return nil, nil, err
		}
		switch p.Tag {
		case tagSignature:
			if err := p.Serialize(&out); err != nil {
				return nil, nil, err
			}
		case tagCompressed:
			one, err := p.Parse()
			if err != nil {
				return nil, nil, err
			}
			c, ok := one.(*packet.Compressed)
			if !ok {
				return nil, nil, fmt.Errorf("a compressed packet is damaged")
			}
			inside, err := readSmall(c.Body)
			if err != nil {
				return nil, nil, err
			}
			in = bytes.NewReader(inside)
		case tagLiteral:
			// Type, length and name, time: RFC 9580, Section 5.9.
			if len(p.Contents) < 6 || len(p.Contents) < 6+int(p.Contents[1]) {
				return nil, nil, fmt.Errorf("a literal packet is too short")
			}
			content = p.Contents[6+int(p.Contents[1]):]
		}
	}
}
