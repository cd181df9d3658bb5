// Package discover finds certificates: in files, in stores of other programs,
// in mail, and on the network.
//
// What it finds are candidates. That something arrived, from whatever source
// and in whatever order, is no reason to believe it: keyring.Verify decides,
// with evidence that came by another way, and nothing is sealed before.
//
//	found, problems := discover.Read("keys.asc", octets, pgp.ParseCertificate, smime.ParseCertificate)
//	for _, c := range found {
//		fmt.Println(c.Certificate.Fingerprint(), c.Certificate.Addresses(), c.Source, c.Notes)
//	}
//
// What is read of files, by what they hold and whatever their names are:
//
//	OpenPGP      armor in any text, also of 16 bits as PowerShell redirects it; packets; joined
//	             files; gpg --export and --export-secret-keys (of those the public part);
//	             GnuPG's pubring.kbx and pubring.gpg; certificate directories (cert-d)
//	X.509        PEM in any text, DER, .p7b and .p7c, PKCS #12; what gpgsm has in pubring.kbx;
//	             gpgsm --export, certutil -L -a, pk12util -o, openssl x509 -trustout
//	messages     certificates beside an S/MIME signature, attached keys, keys in the text, the
//	             Autocrypt header and, by a function of its own, Autocrypt-Gossip
//	vCards       KEY of versions 2.1, 3.0 and 4.0, for the card's EMAIL
//
// Thunderbird and Firefox keep certificates in a data base of NSS (cert9.db in
// the folder of the profile), which is not read. The program that owns it
// exports them: "certutil -L -d FOLDER" lists the names, "certutil -L -d FOLDER
// -n NAME -a" writes a certificate, "pk12util -o FILE.p12 -d FOLDER -n NAME" one
// with its key and its authorities. Thunderbird's own OpenPGP keys are exported
// by its key manager, as armor.
//
// The formats are arguments: this package splits what it is given into single
// certificates, and hands each of them to the parsers. One that cannot be
// parsed is a [Problem] and takes no other with it.
//
// On the network it asks a domain ([Web.WKD], [DNS.OpenPGPKey], [DNS.SMIMEA])
// or a key server ([KeyServer]), only when it is told to, and within limits of
// size, time and whom it connects to. What a domain gives out for an address of
// its own can be evidence: [Result.Attested].
package discover
