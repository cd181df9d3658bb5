package main

import (
	"bytes"
	"fmt"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/pgp"
)

// keygenPGP makes an OpenPGP key.
func (a *app) keygenPGP(f *keygenFlags, profile envelope.Profile, passphrase []byte) error {
	// The files are begun before the work, so that a name that is taken costs
	// nobody a key.
	files, err := a.newFiles(f.out, ".key", ".pub", ".rev")
	if err != nil {
		return err
	}
	defer files.discard()
	k, err := pgp.GenerateKey(pgp.KeyOptions{
		Address: f.address, Name: f.name, Algorithm: f.algorithm, Profile: profile, Lifetime: time.Duration(f.lifetime),
	})
	if err != nil {
		return fmt.Errorf("making the key: %w", err)
	}
	secret, err := k.Marshal(passphrase)
	if err != nil {
		return failed("writing", f.out+".key", err)
	}
	public, err := pgp.MarshalArmored(k.Certificate())
	if err != nil {
		return failed("writing", f.out+".pub", err)
	}
	revocation, err := revocationFile(k)
	if err != nil {
		return failed("writing", f.out+".rev", err)
	}
	if err := files.write(secret, public, revocation); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, k.Certificate().Fingerprint().String())
	a.sayWrote(f.out)
	a.say("wrote %s (secret: whoever has it can revoke the key): keep it for the day that the key is lost or stolen", shown(f.out+".rev"))
	a.say("%s", importedBy(profile))
	return nil
}

// importedBy says which programs take the key.
func importedBy(profile envelope.Profile) string {
	switch profile {
	case envelope.Modern:
		return "OpenPGP version 6: imported by OpenPGP.js, gopenpgp and this program; not by GnuPG, and not by Thunderbird"
	case envelope.PostQuantum:
		return "OpenPGP version 6, post-quantum: imported by gopenpgp and this program; not by GnuPG, and not by Thunderbird"
	}
	return "OpenPGP version 4: imported by GnuPG, Thunderbird, Sequoia, OpenKeychain and this program"
}

// revocationFile is what PREFIX.rev holds: the text above the armor is for
// people, and is skipped by what imports the file.
func revocationFile(k *pgp.Key) ([]byte, error) {
	armored, err := k.Revocation()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `This is a revocation certificate for the OpenPGP key
%s

Keep it where you find it on the day that the key is lost or in wrong hands, and
give it to those who have your public key then: it tells their programs not to
use the key any more, and cannot be taken back. Until then give it to nobody and
import it nowhere: whoever has it can revoke the key. It opens nothing.

`, k.Certificate().Fingerprint().Grouped())
	b.Write(armored)
	return b.Bytes(), nil
}
