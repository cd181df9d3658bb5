// Package mail composes whole e-mails that are sealed for verified recipients,
// and reads whole e-mails without being fooled by them.
//
// A [Composer] makes of one [Draft] the messages that go out: one for each
// format and container that its recipients read, one of its own for every
// recipient in Bcc. Each is a [Sealed], which is the only thing that the
// helpers of module transport send.
//
// An [Opener] makes of any message a [Message]: the tree of its parts, each
// with what was encrypted and signed of it, and one [Summary] in the terms of
// RFC 9787. What is not inside the one outermost cryptographic envelope is
// never called protected. Ask Summary.Verified before anything else; what keeps
// a message from it, and all else that is odd about it, is a [Finding] with a
// code that does not change.
//
// Packages smtp, imap and bounce of module
// github.com/doublekeybox/doublekeybox/transport send, fetch, and read what
// comes back.
package mail
