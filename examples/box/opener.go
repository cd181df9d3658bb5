package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// openerFlags are what the commands that open a sealed message share.
type openerFlags struct {
	keys, from, passphrases []string
	passphraseFile, legacy  string
	allowUnauthenticated    bool
	in                      string // what is to be opened
}

// add declares the flags; old are those for what only open and reseal take.
func (f *openerFlags) add(c *cobra.Command, old bool) {
	fl := c.Flags()
	fl.StringArrayVar(&f.keys, "key", nil, "a private key, `KEYFILE` or the address or fingerprint of an identity, or where it is kept: pkcs11:URI, gpg-agent:FINGERPRINT,\nwith the file of its certificate in front where that is not there, FILE=pkcs11:URI; again for each further one\n(default: all of box identity list)")
	fl.StringVar(&f.passphraseFile, "passphrase-file", "", "the first line of this `FILE` opens the key files and identities")
	fl.StringArrayVar(&f.passphrases, "with-passphrase", nil, "the first line of this `FILE` opens the message itself")
	fl.StringArrayVar(&f.from, "from", nil, "`FILE=FINGERPRINT`, FILE=ADDRESS, or an ADDRESS of the ring: it must be signed by this key, or by another --from")
	if !old {
		return
	}
	fl.BoolVar(&f.allowUnauthenticated, "allow-unauthenticated", false, "open S/MIME that nothing protects against change: whoever carried it may have changed it (EFAIL)")
	fl.StringVar(&f.legacy, "legacy", "", "open old archives under weak algorithms, a `LIST` of 3des, rc2 and rsa1024: take them as read by others;\nmostly they are not signed, and need --allow-unauthenticated too;\nnomdc: OpenPGP of before 2003, which whoever carried it may have changed")
}

// opener returns what opens a message as the flags say.
func (a *app) opener(f *openerFlags) (*envelope.Opener, error) {
	legacy, err := legacyList(f.legacy)
	if err != nil {
		return nil, err
	}
	legacy.UnauthenticatedCBC = f.allowUnauthenticated
	// Both say what was typed, and nothing of why it did not decrypt.
	switch {
	case f.legacy != "" && !legacy.NoMDC && !f.allowUnauthenticated:
		a.hint = "nothing was written; old messages mostly have no signature inside, and open with --allow-unauthenticated only: whoever carried them may have changed them"
	case len(f.passphrases) > 0:
		a.hint = "nothing was written; check the passphrase (the first line of the file, without its line end), or ask the sender to send it again"
	}
	o := &envelope.Opener{Formats: formats(), Legacy: legacy}
	keys, err := a.openingKeys(f)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		o.Identities = append(o.Identities, k.Identity())
	}
	if o.Passphrases, err = a.passphrases(f.passphrases, envelope.OpenPassphrase); err != nil {
		return nil, err
	}
	if o.Senders, err = a.verify("--from", "", f.from); err != nil {
		return nil, err
	}
	o.RequireSignature = len(o.Senders) > 0
	return o, nil
}

// legacyList reads the value of --legacy.
func legacyList(list string) (l envelope.Legacy, err error) {
	if list == "" {
		return l, nil
	}
	for word := range strings.SplitSeq(list, ",") {
		switch strings.TrimSpace(word) {
		case "3des":
			l.TripleDES = true
		case "rc2":
			l.RC2 = true
		case "rsa1024":
			l.RSA1024 = true
		case "nomdc":
			l.NoMDC = true
		default:
			return l, usagef("--legacy %q: give one or several of 3des, rc2, rsa1024 and nomdc, with commas between", cut(word))
		}
	}
	return l, nil
}

// passphrases reads the first lines of files.
func (a *app) passphrases(names []string, made func(string) (*envelope.Passphrase, error)) (out []*envelope.Passphrase, err error) {
	for _, name := range names {
		text, err := a.readPassphrase(name)
		if err != nil {
			return nil, err
		}
		p, err := made(string(text))
		if err != nil {
			return nil, failed("reading the passphrase in", name, err)
		}
		out = append(out, p)
	}
	return out, nil
}
