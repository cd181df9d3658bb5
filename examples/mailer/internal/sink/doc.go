// Package sink has the servers that a mailer speaks with, inside this process: one
// that takes mail, over TLS, and one that keeps objects, which checks the
// signatures of those who come. They are what the demonstration sends to, and
// what tests and the measurements of speed run against; nothing leaves the
// machine, and both listen on its loopback address only.
package sink
