// Command onlypgp seals standard input for one recipient and knows no other format
// than OpenPGP: what a program links that imports package pgp alone.
//
//	onlypgp CERTIFICATE FINGERPRINT < receipt.pdf > receipt.pdf.pgp
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: onlypgp CERTIFICATE FINGERPRINT < IN > OUT")
		os.Exit(1)
	}
	if err := seal(os.Stdout, os.Stdin, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "onlypgp:", err)
		os.Exit(1)
	}
}

func seal(dst io.Writer, src io.Reader, file, fingerprint string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	cert, err := pgp.ParseCertificate(b)
	if err != nil {
		return err
	}
	want, err := keyring.ParseFingerprint(fingerprint)
	if err != nil {
		return err
	}
	recipient, err := keyring.Verify(cert, keyring.Expect(want))
	if err != nil {
		return err
	}
	s := &envelope.Sealer{Profile: envelope.Modern}
	w, err := s.Seal(dst, recipient)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := io.Copy(w, src); err != nil {
		return err
	}
	return w.Close()
}
