// Command sop is the Stateless OpenPGP command line, draft-dkg-openpgp-
// stateless-cli-16, on this library: programs that test OpenPGP
// implementations against each other, and scripts, drive all of them alike.
//
//	sop generate-key "Alice <alice@example.org>" > alice.sec
//	sop extract-cert < alice.sec > alice.pgp
//	sop encrypt --sign-with=bob.sec alice.pgp < letter > letter.asc
//	sop decrypt --verify-with=bob.pgp --verifications-out=who alice.sec < letter.asc
//
// It is no example of how to use the library. The interface hands it
// certificates without a word on whose they are, takes session keys and gives
// them out, and knows no fingerprints: so this program believes every
// certificate that it is given (package internal/unverified), which the public
// packages do not allow anybody else. To seal something for a person, look at
// examples/box.
//
// What the library refuses stays refused here: a certificate that its owner
// revoked, content that is not authenticated, a digest that proves nothing.
package main
