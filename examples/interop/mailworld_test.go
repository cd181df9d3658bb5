package interop_test

import (
	"os/exec"
	"sync"
	"testing"
)

// mailPeer is a program that writes and shows whole mails.
type mailPeer interface {
	// send writes l as its user would, in the state that c names.
	send(t *testing.T, c mailCell, l *letter) []byte
	// read opens a mail as its user would, and returns what is shown. l is what
	// to wait for.
	read(t *testing.T, c mailCell, l *letter, eml []byte) *shown
}

// letter is a mail with one attachment.
type letter struct {
	from, to      *person
	subject, text string
	content       string // of the attachment
}

// shown is what a program shows of a mail.
type shown struct {
	subject, from, text string
	files               map[string]string // attachments: name and content
	encrypted           bool
	good                bool // a good signature by the author
}

// person is somebody with a key.
type person struct {
	*key
	address, name string
}

// ourAlgorithm is that of our keys in all cells: whoever has the other one is
// the peer.
const ourAlgorithm = "rsa2048"

type mailWorld struct {
	*world
	importing sync.Mutex
	imported  map[string]bool
}

func newMailWorld(t *testing.T) *mailWorld {
	return &mailWorld{world: newWorld(t), imported: map[string]bool{}}
}

// once does something at the first call for that name alone.
func (w *mailWorld) once(name string, do func()) {
	w.importing.Lock()
	defer w.importing.Unlock()
	if !w.imported[name] {
		do()
		w.imported[name] = true
	}
}

// person returns the owner of the key of that algorithm, whose address is that
// of the key: see [world.makePGP] and [world.makeX509].
func (w *mailWorld) person(t *testing.T, c mailCell, algorithm string) *person {
	k := w.key(t, cell{peer: c.peer, format: c.format, key: algorithm})
	return &person{k, algorithm + "@example.org", "Jürgen Groß"}
}

func newLetter(c mailCell, from, to *person) *letter {
	return &letter{
		from: from, to: to,
		subject: "Rechnung für März – " + c.state,
		text:    "Grüße aus Köln, " + c.state + " mit " + c.key,
		content: "der Beleg zu " + c.name(),
	}
}

func (w *mailWorld) mailPeer(t *testing.T, name string) mailPeer {
	for _, p := range mailPrograms[name] {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, name+" ("+p+")")
		}
	}
	switch name {
	case "thunderbird":
		return mailThunderbird{w, newThunderbird(t, w.world).(*thunderbird)}
	case "neomutt", "neomutt-classic":
		return newNeomutt(t, w, name == "neomutt")
	case "gpg":
		return mailGPG{w}
	case "openssl":
		return mailOpenSSL{w}
	case "gpgsm":
		return mailGpgsm{w, newGpgsm(t, w.world, "rsa3072")}
	}
	return mailPGPMail{}
}

var mailPrograms = map[string][]string{
	"thunderbird": programs["thunderbird"], "gpg": {"gpg"}, "openssl": {"openssl"}, "gpgsm": programs["gpgsm"],
	"neomutt": {"neomutt", "python3", "gpg", "gpgsm", "openssl"}, "neomutt-classic": {"neomutt", "python3", "gpg", "openssl"},
}
