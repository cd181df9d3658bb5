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
// never called protected.
package mail
