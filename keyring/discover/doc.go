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
// The formats are arguments: this package splits what it is given into single
// certificates, and hands each of them to the parsers. One that cannot be
// parsed is a [Problem] and takes no other with it.
//
// On the network it asks a domain ([Web.WKD], [DNS.OpenPGPKey], [DNS.SMIMEA])
// or a key server ([KeyServer]), only when it is told to, and within limits of
// size, time and whom it connects to. What a domain gives out for an address of
// its own can be evidence: [Result.Attested].
package discover
