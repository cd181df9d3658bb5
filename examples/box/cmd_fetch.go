package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/unnamed"
	"github.com/doublekeybox/doublekeybox/transport/link"
)

// fetchFlags are what fetch was asked for.
type fetchFlags struct {
	openerFlags
	out    string
	force  bool
	sealed bool
}

func (a *app) fetchCommand() *cobra.Command {
	var f fetchFlags
	c := &cobra.Command{
		Use:   "fetch [--passphrase-file FILE | --key KEYFILE…] [-o OUT] LINK",
		Short: "Get what a link in a mail leads to, and open it",
		Long: `Get what a link in a mail leads to, hold it against the size and the SHA-256 in
the link, and open it. Nothing is written before all of that is right.

LINK is the whole line of the mail, in quotation marks, since a shell takes "&"
for something else; or a file with the text of the mail; or -, for standard
input. A box that a passphrase locks is opened with --passphrase-file, or the
passphrase is asked for; what was sealed to a key with --key, as with box open.`,
		Example: `  box fetch -o papers 'https://…#v1…'
  box fetch --passphrase-file secret.txt -o papers mail.txt
  box fetch --key me.key --from insurer.pub=FINGERPRINT -o statement.pdf mail.txt
  box fetch --sealed -o box.zip mail.txt    # for 7-Zip`,
		Args: most(1, "one link; put it in quotation marks"),
		RunE: func(cmd *cobra.Command, args []string) error {
			where := ""
			if len(args) > 0 {
				where = args[0]
			}
			return a.fetchLink(cmd.Context(), &f, where)
		},
	}
	f.add(c, false)
	c.Flags().BoolVar(&f.sealed, "sealed", false, "write the sealed file as it is, for another program to open")
	a.addAuthorityFlags(c, "--from")
	a.addRingFlags(c)
	outputFlags(c, &f.out, &f.force)
	return c
}

func (a *app) fetchLink(ctx context.Context, f *fetchFlags, where string) error {
	l, err := a.readLink(where)
	if err != nil {
		return err
	}
	// What was typed wrongly is said before anything is asked of anybody.
	var o *envelope.Opener
	if len(f.keys)+len(f.from)+len(f.passphrases) > 0 {
		if o, err = a.opener(&f.openerFlags); err != nil {
			return err
		}
	}
	file, err := unnamed.File("") // an end by Ctrl-C leaves nothing of it
	if err != nil {
		return err
	}
	bar := a.progress("fetching")
	bar.start(l.Size)
	err = link.Fetch(ctx, http.DefaultClient, l, &arriving{File: file, bar: bar})
	bar.stop()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return errors.Join(err, file.Close())
	}
	in, err := a.opened(&input{name: "what the link leads to", size: -1, file: file, Reader: file, bar: a.progress("opening")})
	if err != nil {
		return err
	}
	defer in.Close()
	return a.openFetched(f, in, o)
}

// arriving tells a progress bar what came.
type arriving struct {
	*os.File
	bar *progress
}

func (r *arriving) WriteAt(p []byte, off int64) (int, error) {
	n, err := r.File.WriteAt(p, off)
	r.bar.add(n)
	return n, err
}

// mostLinkText is how much text a link is looked for in: what link.Parse reads.
const mostLinkText = 1 << 20

// readLink reads a link that was typed, or is in a file.
func (a *app) readLink(where string) (link.Link, error) {
	switch {
	case where == "":
		return link.Link{}, usagef("which link? box fetch 'https://…', with the whole line of the mail in quotation marks, or box fetch FILE with the text of the mail")
	case strings.HasPrefix(where, "http://"):
		return link.Link{}, usagef("this begins with http://, and a link in a mail of ours with https://: copy the whole line as it stands there")
	case strings.HasPrefix(where, "https://"):
		l, err := link.Parse(where)
		if err != nil && !strings.Contains(where, "#") {
			err = errors.Join(err, errors.New("put the link in quotation marks: the shell ends it at the first &"))
		}
		return l, err
	}
	text, err := a.readAtMost(where, mostLinkText)
	if err != nil {
		return link.Link{}, err
	}
	l, err := link.Parse(string(text))
	if err != nil && wholeMail(text) {
		err = errors.New("this is a whole mail: open it in your mail program and save its text, or box mail read --save DIR, and give the text that this saves")
	}
	return l, failed("reading the link in", where, err)
}

// wholeMail reports whether text begins with the header of a mail, whose body is
// often written in another way than it is read.
func wholeMail(text []byte) bool {
	head, _, _ := bytes.Cut(bytes.ReplaceAll(text, []byte("\r"), nil), []byte("\n\n"))
	head = bytes.ToLower(append([]byte("\n"), head...))
	return bytes.Contains(head, []byte("\nmime-version:")) && bytes.Contains(head, []byte("\nfrom:"))
}

// openFetched opens what arrived, whatever locks it: with o, or where that is nil
// with the identities that there are.
func (a *app) openFetched(f *fetchFlags, in *input, o *envelope.Opener) error {
	src, isZip, err := zipped(in)
	switch {
	case err != nil:
		return err
	case f.sealed:
		return a.writeSealed(f, in)
	case isZip:
		p, err := a.boxPassphrase(f.passphraseFile)
		if err != nil {
			return err
		}
		u := unlockFlags{out: f.out, force: f.force}
		return failed("unlocking", in.name, a.unlockZip(&u, in, src, p))
	}
	if o == nil {
		if o, err = a.opener(&f.openerFlags); err != nil {
			return err
		}
	}
	return a.readingFrom(in, "opening", f.out, "", f.force, o.Open)
}

func (a *app) writeSealed(f *fetchFlags, in *input) error {
	out, err := a.create(f.out, f.force, true)
	if err != nil {
		return err
	}
	defer out.discard()
	if _, err := io.Copy(onlyWriter{out}, in.Reader); err != nil {
		return err
	}
	in.bar.stop()
	return out.commit()
}
