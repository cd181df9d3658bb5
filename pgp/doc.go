// Package pgp is OpenPGP for packages keyring and envelope: certificates, keys
// and the message format of RFC 9580, versions 4 and 6.
//
// Certificates are parsed with [ParseCertificate] and believed by
// [keyring.Verify]; keys are made by [GenerateKey], read by [ParseKey], or left
// where they are, in a token or an agent, by [NewKey]; and changed into new ones
// by [Key.Extend], [Key.Revoke] and [Key.Merge]. What is done with them,
// sealing, opening and signing, is package envelope's:
//
//	bob, err := keyring.Verify(cert, keyring.Expect(fingerprint))
//	w, err := envelope.Seal(dst, bob)
//
// Where somebody who was verified certified the certificate, [IntroducedBy] is
// evidence too, and where the owner of a key named the one in its place
// [SucceededIn], [SucceededBeside] and [ReplacementOf]. [Merge] and [Update]
// keep the copy that one has up to date.
//
// What is written: encrypted data packets of version 2 (SEIPDv2: AES-256 in OCB
// mode, authenticated chunk by chunk) where every recipient's certificate says
// that its owner's program reads them, else of version 1 (SEIPDv1: AES-256 with
// a modification detection code at the end). Signatures are inside, and name
// the recipients that they were made for. Literal packets carry no file name
// and no date, and nothing is compressed. SEIPDv2 ends in padding to one of a
// few sizes (PADMÉ), so that the size of a message says less about its content.
// To a passphrase SEIPDv1 is written under Auto, as nothing says what is read
// by who has only that, and under Modern and PostQuantum SEIPDv2 with Argon2.
//
// What is read besides: armor whatever its checksum says, compressed content up
// to a limit, text signatures, several signatures, cleartext signatures as
// exactly the text that they cover (lines end in LF, the last one in nothing, and
// blanks at their ends are gone), SEIPDv2 in EAX and GCM mode, encrypted data
// packets of LibrePGP (packet 20), and passphrases with salted, iterated or
// Argon2 key derivation, up to what one may cost. What [envelope.Legacy] names
// is read where the caller says so: NoMDC, encryption of before 2003 without
// integrity protection (packet 9) and its ciphers, and TripleDES in SEIPDv1.
// What is refused always: all other ciphers than AES, packets after the message,
// and a session key packet of one version in front of encrypted data of the
// other.
//
// Under GODEBUG=fips140=only no version 4 key or certificate is read, since its
// fingerprint is SHA-1, no key is generated, unlocked or protected by a
// passphrase, and nothing is sealed or opened: each is an
// [*envelope.NotApprovedError] before it begins. Version 6 certificates are
// read there, and signatures with them made and checked: that uses nothing
// forbidden, though not Go's validated module for all of it.
//
// Keys, session key packets and signatures are github.com/ProtonMail/go-crypto's,
// called packet by packet. Armor and the encryption of content are done here, on
// several cores and in constant memory; no octet is released before it was
// authenticated, which that library's own readers do not promise. With -tags
// dkb_plain content is encrypted and decrypted by that library instead.
package pgp
