// Package ses hands sealed mail to Amazon's Simple Email Service by its API
// (version 2, SendEmail with raw content), in the words of package smtp.
//
// What it sends is a [mail.Sealed], which nothing but sealing makes; a mail that
// is signed only, and a notice with locked boxes, go by methods of their own.
// What became of each recipient is in a [smtp.Result], always. The codes of its
// replies are those that SES itself uses where it speaks SMTP: 250 with the
// message ID that SES gave, 454 where it wants less, 554 where it will not.
//
// The service can be asked twice and sends twice: nothing is tried again here,
// not by the SDK either. Where a connection breaks after all of a request was
// given to it, nobody can know whether the message was taken, and the outcome is
// [smtp.Unknown]. A connection has one request at a time, so that at most one
// message for each connection that breaks is in doubt.
//
// SES puts a Message-ID and a Date of its own into the header of every mail. The
// sender's are among the protected fields (RFC 9788), which programs show.
// mail.Opener notes the other Date as "outer-differs", and calls the message
// Verified where it is of up to five days after the sender's.
package ses
