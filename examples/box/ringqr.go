package main

import (
	"fmt"
	"strings"

	"rsc.io/qr"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// printQR draws what a phone scans: dark on light, whatever the colours of the
// terminal are, with the quiet zone of four modules that scanners need. Two
// rows of modules are one line of characters, so that they are about square.
func (a *app) printQR(f keyring.Fingerprint) error {
	uri := f.URI()
	code, err := qr.Encode(uri, qr.M)
	if err != nil {
		return err
	}
	const quiet = 4
	dark := func(x, y int) bool { return code.Black(x-quiet, y-quiet) }
	n := code.Size + 2*quiet
	var b strings.Builder
	for y := 0; y < n; y += 2 {
		for x := range n {
			b.WriteRune([...]rune{'█', '▄', '▀', ' '}[half(dark(x, y))<<1|half(y+1 < n && dark(x, y+1))])
		}
		b.WriteByte('\n')
	}
	fmt.Fprint(a.stdout, b.String())
	fmt.Fprintln(a.stdout, uri)
	return nil
}

func half(dark bool) int {
	if dark {
		return 1
	}
	return 0
}
