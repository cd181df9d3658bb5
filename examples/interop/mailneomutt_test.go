package interop_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// neomutt is NeoMutt with its two ways to do cryptography: GPGME, which calls
// gpg and gpgsm, and the classic one, which calls gpg and openssl itself.
type neomutt struct {
	w     *mailWorld
	gpgme bool
	homes map[string]string // of the keys, by name
	mu    sync.Mutex
}

func newNeomutt(t *testing.T, w *mailWorld, gpgme bool) *neomutt {
	p := &neomutt{w: w, gpgme: gpgme, homes: map[string]string{}}
	t.Cleanup(func() {
		for _, home := range p.homes {
			stopAgent(home)
		}
	})
	return p
}

// pinentry answers each question for a passphrase with the one of the PKCS#12
// files, under which gpg-agent keeps what gpgsm imports.
const pinentry = `#!/bin/sh
echo OK
while read word rest; do
  [ "$word" != GETPIN ] || echo "D pw"
  echo OK
  [ "$word" != BYE ] || exit 0
done
`

// home is the home of me, in which friend is known.
func (p *neomutt) home(t *testing.T, c mailCell, me, friend *person) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if home := p.homes[me.key.name]; home != "" {
		return home
	}
	home := p.w.path(fmt.Sprintf("nm%t-%s", p.gpgme, me.key.name))
	require.NoError(t, os.Mkdir(home, 0o700))
	p.homes[me.key.name] = home
	write(t, filepath.Join(home, "pinentry"), []byte(pinentry))
	require.NoError(t, os.Chmod(filepath.Join(home, "pinentry"), 0o700))
	write(t, filepath.Join(home, "gpg-agent.conf"), []byte("allow-loopback-pinentry\ns2k-count 65536\npinentry-program "+filepath.Join(home, "pinentry")+"\n"))
	write(t, filepath.Join(home, "gpgsm.conf"), []byte("disable-crl-checks\ndisable-dirmngr\ndisable-policy-checks\n"))
	switch {
	case c.format == "pgp":
		must(t, nil, "gpg", "--homedir", home, "--batch", "--quiet", "--import", me.secret, friend.public)
		// It asks for each recipient whose key is not believed to be theirs.
		must(t, []byte(plainHex(me.fingerprint)+":6:\n"+plainHex(friend.fingerprint)+":6:\n"), "gpg", "--homedir", home, "--batch", "--quiet", "--import-ownertrust")
	case p.gpgme:
		p.loadGpgsm(t, home, me, friend)
	default:
		p.loadOpenSSL(t, home, me, friend)
	}
	return home
}

func (p *neomutt) loadGpgsm(t *testing.T, home string, me, friend *person) {
	write(t, filepath.Join(home, "passphrase"), []byte("pw\n"))
	ca := p.w.ca(t)
	fpr := string(must(t, nil, "openssl", "x509", "-in", ca, "-noout", "-fingerprint", "-sha1"))
	_, fpr, _ = strings.Cut(strings.TrimSpace(fpr), "=")
	write(t, filepath.Join(home, "trustlist.txt"), []byte(fpr+" S relax\n"))
	g := gpgsm{p.w.world, home}
	g.must(t, nil, "--import", ca)
	g.must(t, nil, "--import", friend.public)
	g.load(t, me.key)
}

// loadOpenSSL makes the folders of the classic way: certificates and keys in
// files with an index, as NeoMutt's program smime_keys writes them.
func (p *neomutt) loadOpenSSL(t *testing.T, home string, me, friend *person) {
	var index [2]string
	for i, dir := range []string{"certificates", "keys"} {
		require.NoError(t, os.Mkdir(filepath.Join(home, dir), 0o700))
		for n, who := range []*person{me, friend} {
			if dir == "keys" && who == friend {
				break
			}
			name := fmt.Sprintf("%08x.0", n+1)
			from := who.public
			if dir == "keys" {
				from = who.secret
			}
			write(t, filepath.Join(home, dir, name), read(t, from))
			index[i] += fmt.Sprintf("%s %s %s %s t\n", who.address, name, "peer", "00000009.0")
		}
		write(t, filepath.Join(home, dir, ".index"), []byte(index[i]))
	}
	write(t, filepath.Join(home, "certificates", "00000009.0"), read(t, p.w.ca(t)))
}

// config is what both directions need.
func (p *neomutt) config(t *testing.T, c mailCell, home string, me *person) string {
	id := plainHex(me.fingerprint)
	rc := fmt.Sprintf(`set folder=%[1]s
set spoolfile=%[1]s/inbox
set record=""
set copy=no
set charset=utf-8
set send_charset=utf-8
set from="%[2]s"
set realname="%[3]s"
set use_from=yes
set wait_key=no
set quit=yes
set crypt_opportunistic_encrypt=no
set crypt_protected_headers_read=yes
set crypt_protected_headers_write=yes
set crypt_verify_sig=yes
set pgp_self_encrypt=no
set smime_self_encrypt=no
`, home, me.address, me.name)
	if c.format == "smime" {
		rc += "set smime_is_default=yes\n"
	}
	if p.gpgme {
		rc += "set crypt_use_gpgme=yes\n"
		if c.format == "pgp" {
			return rc + "set pgp_sign_as=0x" + id + "\n"
		}
		sha1 := string(must(t, nil, "openssl", "x509", "-in", me.public, "-noout", "-fingerprint", "-sha1"))
		_, sha1, _ = strings.Cut(strings.TrimSpace(sha1), "=")
		return rc + "set smime_sign_as=0x" + plainHex(sha1) + "\n"
	}
	rc += "set crypt_use_gpgme=no\n"
	if c.format == "pgp" {
		return rc + "set pgp_sign_as=0x" + id + "\n" + classicPGP
	}
	return rc + strings.ReplaceAll(classicSMIME, "HOME", home) + "set smime_ca_location=" + p.w.ca(t) + "\n"
}

// What NeoMutt's own samples gpg.rc and smime.rc set.
const classicPGP = `
set pgp_use_gpg_agent=yes
set pgp_decode_command="gpg --status-fd=2 --no-verbose --quiet --batch --output - %f"
set pgp_verify_command="gpg --status-fd=2 --no-verbose --quiet --batch --output - --verify %s %f"
set pgp_decrypt_command="gpg --status-fd=2 --no-verbose --quiet --batch --output - --decrypt %f"
set pgp_sign_command="gpg --no-verbose --batch --quiet --output - --armor --textmode %?a?--local-user %a? --detach-sign %f"
set pgp_encrypt_only_command="/usr/libexec/neomutt/pgpewrap gpg --batch --quiet --no-verbose --output - --textmode --armor --encrypt -- --recipient %r -- %f"
set pgp_encrypt_sign_command="/usr/libexec/neomutt/pgpewrap gpg --batch --quiet --no-verbose --textmode --output - %?a?--local-user %a? --armor --sign --encrypt -- --recipient %r -- %f"
set pgp_list_pubring_command="gpg --no-verbose --batch --quiet --with-colons --with-fingerprint --with-fingerprint --list-keys %r"
set pgp_list_secring_command="gpg --no-verbose --batch --quiet --with-colons --with-fingerprint --with-fingerprint --list-secret-keys %r"
set pgp_good_sign="^\\[GNUPG:\\] GOODSIG"
set pgp_check_gpg_decrypt_status_fd
`

const classicSMIME = `
set smime_certificates=HOME/certificates
set smime_keys=HOME/keys
set smime_default_key=00000001.0
set smime_sign_as=00000001.0
set smime_timeout=300
set smime_pk7out_command="openssl smime -verify -in %f -noverify -pk7out"
set smime_get_cert_command="openssl pkcs7 -print_certs -in %f"
set smime_get_signer_cert_command="openssl smime -verify -in %f -noverify -signer %c -out /dev/null"
set smime_get_cert_email_command="openssl x509 -in %f -noout -email"
set smime_encrypt_with="aes256"
set smime_encrypt_command="openssl cms -encrypt -%a -outform DER -in %f %c"
set smime_sign_digest_alg="sha256"
set smime_sign_command="openssl smime -sign -md %d -signer %c -inkey %k -passin stdin -in %f -certfile %i -outform DER"
set smime_decrypt_command="openssl cms -decrypt -passin stdin -inform DER -in %f -inkey %k -recip %c"
set smime_verify_command="openssl smime -verify -inform DER -in %s %C -content %f"
set smime_verify_opaque_command="openssl smime -verify -inform DER -in %s %C"
`

// run runs NeoMutt to its end.
func (p *neomutt) run(t *testing.T, home, rc string, args ...string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "neomuttrc")
	write(t, config, []byte(rc))
	screen := must(t, nil, "python3", append([]string{filepath.Join("testdata", "terminal.py"), "60", "env", "HOME=" + home, "GNUPGHOME=" + home,
		"TERM=xterm", "LC_ALL=C.UTF-8", "neomutt", "-n", "-F", config}, args...)...)
	t.Logf("%q", escapes.ReplaceAll(screen, []byte(" ")))
}

// escapes are orders to a terminal, and what NeoMutt marks its own lines with.
var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[a-zA-Z]|\x1b[][][0-9]+;[0-9]+\x07|\x1b\([A-Z]|\x1b[=>]`)

func (p *neomutt) send(t *testing.T, c mailCell, l *letter) []byte {
	t.Helper()
	home, dir := p.home(t, c, l.from, l.to), t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	write(t, in(attachment), []byte(l.content))
	write(t, in("editor"), []byte("#!/bin/sh\ncat '"+in("draft")+"' >\"$1\"\n"))
	write(t, in("sendmail"), []byte("#!/bin/sh\ncat >'"+in("sent.eml")+"'\n"))
	for _, name := range []string{"editor", "sendmail"} {
		require.NoError(t, os.Chmod(in(name), 0o700))
	}
	yes := map[bool]string{true: "yes", false: "no"}
	write(t, in("draft"), fmt.Appendf(nil, "From: %s <%s>\nTo: %s\nSubject: %s\n\n%s\n", l.from.name, l.from.address, l.to.address, l.subject, l.text))
	rc := p.config(t, c, home, l.from) + fmt.Sprintf(`set crypt_autosign=%s
set crypt_autoencrypt=%s
set editor="%s"
set sendmail="%s"
set sendmail_wait=60
set edit_headers=yes
set autoedit=yes
set abort_unmodified=no
send2-hook . 'push <send-message>'
`, yes[c.signed()], yes[c.encrypted()], in("editor"), in("sendmail"))
	p.run(t, home, rc, "-s", "x", "-a", in(attachment), "--", l.to.address)
	return crlf(read(t, in("sent.eml")))
}

// crlf is what a mail server makes of what a program hands to sendmail.
func crlf(b []byte) []byte {
	return []byte(strings.ReplaceAll(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n", "\r\n"))
}

var lastSubject = regexp.MustCompile(`(?m)^Subject: (.*)$`)

func (p *neomutt) read(t *testing.T, c mailCell, l *letter, eml []byte) *shown {
	t.Helper()
	home, dir := p.home(t, c, l.to, l.from), t.TempDir()
	mbox, page, saved := filepath.Join(dir, "mbox"), filepath.Join(dir, "page"), filepath.Join(dir, "saved")
	require.NoError(t, os.Mkdir(saved, 0o700))
	unix := strings.ReplaceAll(string(eml), "\r\n", "\n")
	write(t, mbox, []byte("From box Sun Nov 22 11:33:34 2026\n"+strings.ReplaceAll(unix, "\nFrom ", "\n>From ")+"\n"))
	rc := p.config(t, c, home, l.to) + fmt.Sprintf(`set display_filter="tee '%s'"
set attach_save_dir="%s"
set save_empty=yes
set pager_stop=yes
set mark_old=no
ignore *
unignore from subject to
`, page, saved)
	// A signature beside what it signs is the last attachment, and not looked for.
	last := "<last-entry>"
	if !c.encrypted() {
		last += "<previous-entry>"
	}
	p.run(t, home, rc, "-f", mbox, "-R", "-e",
		`push "<display-message><view-attachments>`+last+`<save-entry><enter><exit><exit><exit><exit>"`)
	text := escapes.ReplaceAllString(string(read(t, page)), "")
	t.Logf("%s", text)
	got := &shown{text: text, files: map[string]string{}}
	// The outer one comes first, the protected one where the content begins.
	if all := lastSubject.FindAllStringSubmatch(text, -1); all != nil {
		got.subject = all[len(all)-1][1]
	}
	_, got.from, _ = strings.Cut(text, "From: ")
	got.from, _, _ = strings.Cut(got.from, "\n")
	got.encrypted = strings.Contains(text, "encrypted data") || strings.Contains(text, "signed and encrypted") || strings.Contains(text, "is PGP/MIME encrypted")
	got.good = strings.Contains(text, "Good signature") || strings.Contains(text, "Verification successful")
	files, err := os.ReadDir(saved)
	require.NoError(t, err)
	for _, f := range files {
		got.files[f.Name()] = string(read(t, filepath.Join(saved, f.Name())))
	}
	return got
}
