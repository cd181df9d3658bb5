package main

import (
	"slices"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// sealerFlags are what the commands that seal share.
type sealerFlags struct {
	to, passphrases, readsGCM []string
	profile, out              string
	format                    string
	armor, force, hide        bool
}

func (f *sealerFlags) add(a *app, c *cobra.Command) {
	fl := c.Flags()
	fl.StringArrayVar(&f.to, "to", nil, "a recipient, `FILE=FINGERPRINT`, FILE=ADDRESS, or an ADDRESS of the ring; again for each further one")
	fl.StringArrayVar(&f.readsGCM, "reads-gcm", nil, "the owner of this `FILE`, which --to names too, says that they read AES-GCM (S/MIME)")
	fl.StringArrayVar(&f.passphrases, "to-passphrase", nil, "whoever knows the first line of this `FILE` opens it too; what people choose, others guess")
	fl.StringVar(&f.format, "format", "", "pgp or smime, where only passphrases are given, or the ring has keys in both (default: that of the keys or of the message)")
	fl.BoolVar(&f.hide, "hide", false, "the message does not say for whom it is, only for how many (OpenPGP); they still see each other")
	fl.StringVar(&f.profile, "profile", "auto", "auto, modern, compatible or post-quantum")
	fl.BoolVar(&f.armor, "armor", false, "write text instead of binary")
	a.addAuthorityFlags(c, "--to")
	a.addRingFlags(c)
	outputFlags(c, &f.out, &f.force)
}

// shortPassphrase is how many characters a passphrase has to have not to be
// warned of: so many of 32 that a program chose are 80 bits. It says nothing of
// one that a person chose.
const shortPassphrase = 16

// sealer returns what seals as the flags say, and for whom.
func (a *app) sealer(f *sealerFlags) (*envelope.Sealer, []*keyring.Verified, error) {
	listed, err := a.listed()
	if err != nil {
		return nil, nil, err
	}
	f.to = append(f.to, listed...)
	if len(f.to)+len(f.passphrases) == 0 {
		return nil, nil, usagef("nobody to seal to: --to FILE=FINGERPRINT, --to ADDRESS of the ring, FILE=ADDRESS with --roots, or --to-passphrase FILE")
	}
	s := &envelope.Sealer{Armor: f.armor, Hidden: f.hide}
	if s.Profile, err = sealProfile(f.profile); err != nil {
		return nil, nil, err
	}
	if s.Passphrases, err = a.passphrases(f.passphrases, envelope.WeakPassphrase); err != nil {
		return nil, nil, err
	}
	for i, p := range s.Passphrases {
		if n := utf8.RuneCountInString(p.Reveal()); n < shortPassphrase {
			a.say("warning: the passphrase in %s has %d characters: whoever gets hold of the message can try all that are likely; let a program make one of %d or more", shown(f.passphrases[i]), n, shortPassphrase)
		}
	}
	switch f.format {
	case "pgp":
		s.Format = pgp.Format()
	case "smime":
		s.Format = smime.Format()
	case "": // that of the keys, or of the message that is sealed anew
	default:
		return nil, nil, usagef("--format %q: give pgp or smime", cut(f.format))
	}
	to, err := a.verify("--to", kindTo(nil, f.format), f.to)
	if err != nil {
		return nil, nil, err
	}
	return s, to, a.noteReaders(f.readsGCM, to)
}

// noteReaders notes what the caller says that the owners of these files read.
func (a *app) noteReaders(files []string, to []*keyring.Verified) error {
	if len(files) == 0 {
		return nil
	}
	told, err := smime.Reads(time.Now(), "AES-256-GCM")
	if err != nil {
		return err
	}
	noted := map[string]bool{}
	for i, v := range to {
		file := a.files[v.Fingerprint().String()]
		if !slices.Contains(files, file) {
			continue
		}
		noted[file] = true
		if to[i], err = v.With(told.Note()); err != nil {
			return failed("--reads-gcm", file, err)
		}
	}
	for _, file := range files {
		if !noted[file] {
			return usagef("--reads-gcm %s: no --to names this file", shown(file))
		}
	}
	return nil
}

func sealProfile(s string) (envelope.Profile, error) {
	switch s {
	case "auto":
		return envelope.Auto, nil
	case "modern":
		return envelope.Modern, nil
	case "compatible":
		return envelope.Compatible, nil
	case "post-quantum":
		return envelope.PostQuantum, nil
	}
	return 0, usagef("--profile %q: give auto, modern, compatible or post-quantum", cut(s))
}
