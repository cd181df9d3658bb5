// Package identities keeps private keys at rest: a directory with one text file
// for each, under its owner's passphrase.
//
// Everything about a key that is not secret can be read without the passphrase
// ([Identities.List]), and nothing of it can be changed without being noticed:
// certificate, fingerprint, time and the cost of the passphrase are
// authenticated together with the secret. Whoever can write to the file can
// make the key be lost, and no more. In particular no public part can be put
// beside a secret that it does not belong to, which would give the secret away
// with the first signature (Klíma and Rosa, 2002; Bruseghini, Huigens and
// Paterson, 2022).
//
// What that cannot notice is a file in the place of a newer one of the same key:
// an older copy, from a backup for instance, opens with its older passphrase and
// has the older certificate.
//
// A passphrase is octets, and is used as it is: where it is not ASCII, whoever
// asks for it sees to it that keyboards which compose letters in another way
// make the same octets of it (RFC 8265, Section 4.2, has NFC), and that the end
// of a line does not count. It is asked for by a callback at the moment when it
// is needed, so that it need not stand in arguments, environments or long-lived
// variables.
// It, what it unlocks and the key between the two are overwritten after use.
// That is best effort and no promise: the garbage collector may have copied
// them, the memory of Argon2 is not cleared, and the key that was unlocked is in
// memory as long as it is used.
package identities
