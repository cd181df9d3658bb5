package zipbox_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/zipbox"
)

func Example() {
	var archive bytes.Buffer
	p := envelope.NewPassphrase() // for one recipient, told by another way
	w, err := zipbox.Lock(&archive, p)
	if err != nil {
		panic(err)
	}
	defer w.Abort()
	f, err := w.Create("statement.pdf", time.Now())
	if err != nil {
		panic(err)
	}
	if _, err := io.WriteString(f, "you owe us nothing"); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}

	var o zipbox.Opener
	a, err := o.Open(bytes.NewReader(archive.Bytes()), p)
	if err != nil {
		panic(err)
	}
	defer a.Close()
	for _, f := range a.Files() {
		r := f.Open()
		content, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s: %s\n", f.Name, content)
	}
	// Output: statement.pdf: you owe us nothing
}

func ExampleLocker_Lock() {
	born, err := envelope.WeakPassphrase("24.12.1980")
	if err != nil {
		panic(err)
	}
	_, err = zipbox.Lock(io.Discard, born)
	fmt.Println(err)

	l := zipbox.Locker{Weak: true}
	w, err := l.Lock(io.Discard, born)
	if err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	fmt.Println(len(w.Receipt().Weak), "reason to guess it")
	// Output:
	// zipbox: the passphrase can be guessed, it has about 16 bits and 70 are needed: it is a date, such as one of birth: there are fewer than 50,000 days on which somebody who lives was born; generate one, or accept this one by Locker.Weak
	// 1 reason to guess it
}

func ExampleEstimate() {
	for _, text := range []string{"24.12.1980", "KV-1234567-89", "lamp river window paper correct horse battery staple"} {
		fmt.Println(zipbox.Estimate(text).Weak())
	}
	// Output:
	// true
	// true
	// false
}

func ExampleInspect() {
	var archive bytes.Buffer
	w, err := zipbox.Lock(&archive, envelope.NewPassphrase())
	if err != nil {
		panic(err)
	}
	defer w.Abort()
	f, err := w.Create("diagnosis.pdf", time.Now())
	if err != nil {
		panic(err)
	}
	if _, err := io.WriteString(f, "nothing is wrong"); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	o, err := zipbox.Inspect(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	if err != nil {
		panic(err)
	}
	fmt.Println(o.Container, o.Content, o.Names, o.Hidden)

	// What is no locked archive does not pass.
	_, err = zipbox.Inspect(strings.NewReader("%PDF-1.7"), 8)
	fmt.Println(err)
	// Output:
	// AE-2 AES-256 [attachments.zip] true
	// zipbox: it is no ZIP archive
}

// beside is a file that has another name until Commit.
type beside struct {
	*os.File
	name string
}

func (b beside) Commit() error {
	if err := b.Close(); err != nil {
		return err
	}
	return os.Rename(b.Name(), b.name)
}

func ExampleOpener_OpenInto() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	archive, err := os.Open("testdata/7z-stored.zip")
	if err != nil {
		panic(err)
	}
	defer archive.Close()
	temp, err := os.CreateTemp(dir, "")
	if err != nil {
		panic(err)
	}
	defer temp.Close()

	p, err := envelope.OpenPassphrase("k8x2-mv9q-7tzr-4hwb-npc3")
	if err != nil {
		panic(err)
	}
	name := filepath.Join(dir, "letter.txt")
	a, written, err := new(zipbox.Opener).OpenInto(beside{temp, name}, archive, p)
	if err != nil {
		panic(err)
	}
	defer a.Close()
	text, err := os.ReadFile(name)
	fmt.Println(written, string(text), err)
	// Output: true a short text, a short text, a short text
	//  <nil>
}
