// Package report tells people and programs what a run of the mailer did, from
// its journal alone: as a page, as JSON, and as a table for a terminal.
package report

import (
	"time"
)

// Summary is what a journal says of a run. It is made by [Read], keeps the same
// few kilobytes however many rows the run has, and is not changed then.
//
// Its JSON has the names below. Fields are added and never renamed. Times are
// UTC (RFC 3339), sizes are octets.
type Summary struct {
	Run    string `json:"run"`    // the name of the run
	List   string `json:"list"`   // SHA-256 of the list, in hexadecimal
	Config string `json:"config"` // SHA-256 of what must not change in the configuration
	Rows   int    `json:"rows"`   // of the list

	Records uint64 `json:"records"` // of the journal
	Hash    string `json:"hash"`    // of its last record: it stands for the whole journal

	First  time.Time `json:"first"`  // of the first record
	Last   time.Time `json:"last"`   // of the last record
	Starts int       `json:"starts"` // how many times a program began or went on
	Ended  bool      `json:"ended"`  // the last one stopped by itself, and was not killed

	Total      Counts     `json:"total"`
	Deliveries []Delivery `json:"deliveries"` // the four, in the order of the documentation
	Domains    []Domain   `json:"domains"`    // of addresses, the most frequent 20
	Others     int        `json:"others"`     // domains beside those

	Mail        int64 `json:"mail"`        // octets of all mails that were sent
	Documents   int   `json:"documents"`   // that were sent
	Links       int   `json:"links"`       // mails sent with a link
	Passphrases int   `json:"passphrases"` // mails sent whose passphrase has a number
	Attempts    int   `json:"attempts"`    // mails that were begun, again ones too

	InDoubt  []Row    `json:"in_doubt"` // at most 500
	Failed   []Row    `json:"failed"`   // at most 500, those after them are in Replies
	Bounces  []Row    `json:"bounces"`  // at most 500
	Replies  []Reply  `json:"replies"`  // why mails were refused or put off, by frequency
	Weak     []Reply  `json:"weak"`     // passphrases that can be guessed and were allowed, by reason
	Instead  []Change `json:"instead"`  // deliveries that a setting for the domain put in place of the list's
	Settled  int      `json:"settled"`  // times that a person said what became of one in doubt
	Bounced  int      `json:"bounced"`  // rows of which a bounce came
	Speed    []Bucket `json:"speed"`    // outcomes over time, one after the other, without gaps
	Width    Seconds  `json:"width"`    // of each of Speed
	Memory   []Memory `json:"memory"`   // what programs had resident, where it was recorded
	PeakRate float64  `json:"peak"`     // mails a second, of the best of Speed
}

// Counts are rows by what became of them. They add up to all rows.
type Counts struct {
	Rows     int `json:"rows"`
	Sent     int `json:"sent"`
	Waiting  int `json:"waiting"`  // nothing was tried yet, or a person said again
	Deferred int `json:"deferred"` // to be tried again
	Failed   int `json:"failed"`   // refused for good
	InDoubt  int `json:"in_doubt"` // a person has to look
}

// Delivery is one way of delivery.
type Delivery struct {
	Name   string `json:"name"` // "openpgp", "smime", "zip", "link"; "" where nothing was begun
	Counts Counts `json:"counts"`
}

// Domain is one domain of recipients.
type Domain struct {
	Name   string `json:"name"`
	Counts Counts `json:"counts"`
}

// Row is one row that a person may have to look at.
type Row struct {
	Row       int       `json:"row"`
	Address   string    `json:"address"`
	MessageID string    `json:"message_id,omitempty"`
	At        time.Time `json:"at"`
	Attempt   int       `json:"attempt,omitempty"`
	Status    string    `json:"status,omitempty"` // RFC 3463, of a bounce
	Reply     string    `json:"reply,omitempty"`  // of a server: untrusted, cut
}

// Reply is a reason with how often it was met.
type Reply struct {
	Kind  string `json:"kind,omitempty"` // "failed", "deferred", "unknown"
	Text  string `json:"text"`           // untrusted, cut; digits that differ from one mail to the next are "#"
	Count int    `json:"count"`
}

// Change is deliveries that were changed for a domain.
type Change struct {
	Domain string `json:"domain"`
	From   string `json:"from"`
	To     string `json:"to"`
	Count  int    `json:"count"`
}

// Bucket is what happened within one Width.
type Bucket struct {
	Begin    time.Time `json:"begin"`
	Sent     int       `json:"sent"`
	Deferred int       `json:"deferred"`
	Failed   int       `json:"failed"`
}

// Memory is what a program had resident at most, up to a time.
type Memory struct {
	At     time.Time `json:"at"`
	Octets int64     `json:"octets"`
	Sent   int       `json:"sent"` // rows that were sent by then
}

// Seconds is a duration, in JSON a number of seconds.
type Seconds = float64
