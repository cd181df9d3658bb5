package journal

import (
	"time"
)

// Kind says what a record is about.
type Kind string

// The kinds of records. Those from Begun to Bounced are about a row of the list.
const (
	Run      Kind = "run"      // the first line of every journal, and no other
	Started  Kind = "started"  // a program began to send, or to resume
	Begun    Kind = "begun"    // the next octets on a connection may be this mail's
	Sent     Kind = "sent"     // the server answers for it
	Deferred Kind = "deferred" // the server does not have it, and may take it later
	Failed   Kind = "failed"   // it was refused for good, or could not be made
	Unknown  Kind = "unknown"  // it was sent to its end, and no answer came
	Settled  Kind = "settled"  // a person says what became of one in doubt: As
	Bounced  Kind = "bounced"  // it came back
	Ended    Kind = "ended"    // a program stopped by itself
)

// Record is a line of a journal. Which members it has is up to its kind; At, N,
// Prev and Hash are set by Append.
type Record struct {
	N    uint64    `json:"n"`  // the number of the line, from 1
	At   time.Time `json:"at"` // UTC, in milliseconds
	Kind Kind      `json:"kind"`
	Head *Head     `json:"head,omitempty"` // of Run alone

	Row       int    `json:"row,omitempty"` // of the list, from 1
	Address   string `json:"address,omitempty"`
	MessageID string `json:"message_id,omitempty"` // without angle brackets
	Delivery  string `json:"delivery,omitempty"`   // "openpgp", "smime", "zip", "link"
	Asked     string `json:"asked,omitempty"`      // the delivery that the list asks for, where a setting for the domain put Delivery in its place
	Attempt   int    `json:"attempt,omitempty"`    // of the row, from 1

	Size      int64      `json:"size,omitempty"`   // of the mail as sent, in octets
	SHA256    string     `json:"sha256,omitempty"` // of the mail as sent, in hexadecimal; of Bounced that of the bounce, without CR
	Documents []Document `json:"documents,omitempty"`
	Keys      []string   `json:"keys,omitempty"`    // fingerprints of what it was sealed to
	Link      string     `json:"link,omitempty"`    // without its query, which is a secret
	Expires   *time.Time `json:"expires,omitempty"` // of the link
	Number    string     `json:"number,omitempty"`  // of the passphrase, which is never here
	Weak      string     `json:"weak,omitempty"`    // why the passphrase is a weak one that was allowed

	As     Kind   `json:"as,omitempty"`     // of Settled: Sent or Waiting
	Status string `json:"status,omitempty"` // RFC 3463, "5.1.1", of Bounced
	Reply  string `json:"reply,omitempty"`  // what the server said, or why not; untrusted
	Memory int64  `json:"memory,omitempty"` // of Started, Ended and some of Sent: what the program had resident at most so far, in octets

	Prev string `json:"prev"`
	Hash string `json:"hash,omitempty"`
}

// Waiting is what a Settled record says where the row is to be sent again.
const Waiting Kind = "again"

// Document is something that a mail carried, before it was sealed.
type Document struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // in hexadecimal
}

// Head says what a journal is the journal of. A run is resumed only with the one
// that it was begun with.
type Head struct {
	Run    string `json:"run"`    // its name: random, made by Open where it is ""
	List   string `json:"list"`   // SHA-256 of the list, in hexadecimal
	Config string `json:"config"` // SHA-256 of what in the configuration must not change
	Rows   int    `json:"rows"`   // how many the list has
}
