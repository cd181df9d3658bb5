package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// config is mailer.json. Names of files in it are relative to the folder that
// it is in.
type config struct {
	From        string                  `json:"from"` // "Example AG <statements@example.com>"
	Sign        []signConfig            `json:"sign"` // one key for each format in use
	Ring        string                  `json:"ring"` // the folder of box ring
	SMTP        *smtpConfig             `json:"smtp"`
	SES         *sesConfig              `json:"ses"`
	S3          *s3Config               `json:"s3"`
	Page        string                  `json:"page"` // where people open what a link leads to
	Passphrases passphraseConfig        `json:"passphrases"`
	Templates   string                  `json:"templates"` // the folder of letters; "": ours
	Rate        *float64                `json:"rate"`      // mails a second; 0: as fast as it goes
	Connections int                     `json:"connections"`
	Pauses      []duration              `json:"pauses"`   // before each further try of what was put off
	Unsigned    bool                    `json:"unsigned"` // zip and link may go out unsigned
	Domains     map[string]domainConfig `json:"domains"`
	Bounces     *bounceConfig           `json:"bounces"`

	dir string // of the file
}

type signConfig struct {
	Key            string `json:"key"`
	PassphraseFile string `json:"passphrase_file"`
}

type smtpConfig struct {
	URL          string `json:"url"`
	User         string `json:"user"`
	PasswordFile string `json:"password_file"`
	Certificate  string `json:"certificate"`
	Key          string `json:"key"`
	Authorities  string `json:"authorities"` // PEM; "": those of the system
	Hello        string `json:"hello"`
}

type sesConfig struct {
	Region           string `json:"region"`
	Endpoint         string `json:"endpoint"`
	Profile          string `json:"profile"`
	CredentialsFile  string `json:"credentials_file"`
	Authorities      string `json:"authorities"`
	ConfigurationSet string `json:"configuration_set"`
}

type s3Config struct {
	Endpoint                      string   `json:"endpoint"`
	Region                        string   `json:"region"`
	Bucket                        string   `json:"bucket"`
	Lifetime                      duration `json:"lifetime"`
	Authorities                   string   `json:"authorities"`
	Prefix                        string   `json:"prefix"` // of the names of objects
	Profile                       string   `json:"profile"`
	LinksProfile                  string   `json:"links_profile"` // who signs links; "": who uploads
	CredentialsFile               string   `json:"credentials_file"`
	InsecureUnconfirmedEncryption bool     `json:"insecure_unconfirmed_encryption"`
}

type passphraseConfig struct {
	Kind    string         `json:"kind"` // "letters", "words", "digits"
	Weak    bool           `json:"weak"` // what people know is taken also where it can be guessed
	File    *fileConfig    `json:"file"`
	Webhook *webhookConfig `json:"webhook"`
}

type fileConfig struct {
	Directory string `json:"directory"` // "": in the folder of the run
	To        string `json:"to"`        // the print shop's address, whose key is in the ring
}

type webhookConfig struct {
	URL         string `json:"url"`
	TokenFile   string `json:"token_file"`
	Authorities string `json:"authorities"`
}

// domainConfig is what is known of the servers of a domain.
type domainConfig struct {
	Delivery string  `json:"delivery"` // in place of what the list says
	MaxSize  int64   `json:"max_size"` // octets of a mail
	Rate     float64 `json:"rate"`     // mails a second
	Reason   string  `json:"reason"`   // for people
}

type bounceConfig struct {
	Local      string `json:"local"` // "": "b"
	Domain     string `json:"domain"`
	SecretFile string `json:"secret_file"`
}

// duration is a time.Duration that is written "168h", or "7d".
type duration time.Duration

// UnmarshalJSON reads d.
func (d *duration) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf(`a time is written "24h" or "7d"`)
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 1000 {
			*d = duration(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	}
	v, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf(`%.40q is no time: "24h" or "7d" is`, text)
	}
	*d = duration(v)
	return nil
}

// mostConfigBytes is the longest configuration: far beyond any.
const mostConfigBytes = 4 << 20

// readConfig reads mailer.json. It is strict: a field that is written wrongly
// would else be a setting that is silently not made.
func readConfig(name string) (*config, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, failed("reading the configuration", name, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, mostConfigBytes+1))
	if err != nil {
		return nil, failed("reading the configuration", name, err)
	}
	if len(b) > mostConfigBytes {
		return nil, failed("reading the configuration", name, fmt.Errorf("it has more than %d MiB", mostConfigBytes>>20))
	}
	c := &config{dir: filepath.Dir(name)}
	if err := strictJSON(b, c); err != nil {
		return nil, failed("reading the configuration", name, err)
	}
	if err := c.check(); err != nil {
		return nil, failed("reading the configuration", name, err)
	}
	return c, nil
}

// check says what is wrong with c as it stands, without looking at a file.
func (c *config) check() error {
	from, err := mail.ParseAddress(c.From)
	switch {
	case c.From == "":
		return errors.New(`"from" is missing: who sends, "Name <address>"`)
	case err != nil:
		return fmt.Errorf(`"from": %.120q is no mail address: write "Name <address>"`, c.From)
	case from.Address == "":
		return errors.New(`"from" has no address`)
	case (c.SMTP == nil) == (c.SES == nil):
		return errors.New(`one of "smtp" and "ses" is needed: which server takes the mail?`)
	case c.SMTP != nil && c.SMTP.URL == "":
		return errors.New(`"smtp.url" is missing: "smtps://smtp.example.org", or "smtp://…" for STARTTLS`)
	case c.SMTP != nil && (c.SMTP.Certificate == "") != (c.SMTP.Key == ""):
		return errors.New(`"smtp.certificate" and "smtp.key" belong together`)
	case c.Passphrases.File != nil && c.Passphrases.Webhook != nil:
		return errors.New(`one of "passphrases.file" and "passphrases.webhook" is enough: by which way do people get their passphrase?`)
	case c.Passphrases.File != nil && c.Passphrases.File.To == "":
		return errors.New(`"passphrases.file.to" is missing: whose key are the passphrases sealed to?`)
	case c.Page != "" && !strings.HasPrefix(c.Page, "https://"):
		return fmt.Errorf(`"page" is %.80q: https://… is needed, as whoever carries the page can read what it opens`, c.Page)
	case c.Rate != nil && *c.Rate < 0, c.Connections < 0:
		return errors.New(`"rate" and "connections" are not negative`)
	case c.Connections > mostConnections:
		return fmt.Errorf(`"connections" is at most %d`, mostConnections)
	case c.Bounces != nil && (c.Bounces.Domain == "" || c.Bounces.SecretFile == ""):
		return errors.New(`"bounces" needs "domain" and "secret_file"`)
	}
	switch c.Passphrases.Kind {
	case "", "letters", "words", "digits":
	default:
		return fmt.Errorf(`"passphrases.kind" is %.40q: "letters", "words" or "digits" is needed`, c.Passphrases.Kind)
	}
	for domain, d := range c.Domains {
		switch d.Delivery {
		case "", "openpgp", "smime", "zip", "link":
		default:
			return fmt.Errorf(`"domains": %.80q has the delivery %.40q: openpgp, smime, zip or link is needed`, domain, d.Delivery)
		}
		if d.MaxSize < 0 || d.Rate < 0 {
			return fmt.Errorf(`"domains": %.80q has a negative "max_size" or "rate"`, domain)
		}
	}
	return nil
}

// The defaults of how fast mail goes out.
const (
	defaultRate        = 40 // a second: what providers let a new sender have
	defaultConnections = 4
	mostConnections    = 64
)

// path returns where a file of the configuration is; "" stays "".
func (c *config) path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.dir, name)
}
