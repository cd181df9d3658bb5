package interop_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// cmsPeer returns the peer of that name, or ends the test.
func (w *world) cmsPeer(t *testing.T, name string) cmsPeer {
	for _, p := range programs[name] {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, name+" ("+p+")")
		}
	}
	switch name {
	case "openssl":
		return opensslCMS{openssl{w}}
	case "bc":
		return bcCMS{w, w.bouncyCastle(t)}
	case "gpgsm":
		return gpgsmCMS{newGpgsm(t, w, "rsa2048", "rsa3072")}
	case "nss":
		return newNSS(t, w)
	case "thunderbird":
		return thunderbirdCMS{newThunderbird(t, w)}
	}
	return goCMS{w, name}
}

// opensslCMS is openssl with the options that each algorithm needs.
type opensslCMS struct{ openssl }

var rc2 = regexp.MustCompile(`^rc2-(40|64|128)-cbc$`)

func (o opensslCMS) make(t *testing.T, c algorithmCell, content []byte) []byte {
	t.Helper()
	if c.signature() {
		return o.sign(t, c, c.method, c.content, c.keys(), content)
	}
	if c.inside == "signed" {
		content = o.sign(t, c, "auto", "opaque", []string{c.inner()}, content)
	}
	name := strings.Replace(strings.Replace(c.content, "aes", "aes-", 1), "des3-cbc", "des-ede3-cbc", 1)
	if m := rc2.FindStringSubmatch(name); m != nil {
		name = map[string]string{"40": "rc2-40-cbc", "64": "rc2-64-cbc", "128": "rc2-cbc"}[m[1]]
	}
	args := []string{"-encrypt", "-outform", "DER", "-" + name}
	if rc2.MatchString(c.content) {
		args = append(args, "-provider", "legacy", "-provider", "default")
	}
	switch {
	case c.key == "password":
		return o.cms(t, content, append(args, "-pwri_password", secretPassword)...)
	case c.method == "kek":
		return o.cms(t, content, append(args, "-secretkey", c.kek(), "-secretkeyid", "6b656b2d31")...)
	}
	words := strings.Split(c.method, "-")
	if words[len(words)-1] == "keyid" {
		args = append(args, "-keyid")
	}
	if words[0] == "ecdh" || words[0] == "ecdhc" {
		args = append(args, "-aes"+strings.TrimPrefix(words[2], "wrap")+"-wrap")
	}
	args = append(args, "-recip", o.w.smime(t, c.key).public)
	return o.cms(t, content, append(args, recipientOptions(c)...)...)
}

// recipientOptions are openssl's for the recipient named last.
func recipientOptions(c algorithmCell) (args []string) {
	words := strings.Split(c.method, "-")
	option := func(s string) { args = append(args, "-keyopt", s) }
	switch words[0] {
	case "oaep":
		option("rsa_padding_mode:oaep")
		option("rsa_oaep_md:" + c.hash())
		if strings.HasSuffix(c.method, "-mgf1sha1") {
			option("rsa_mgf1_md:sha1")
		}
		if strings.HasSuffix(c.method, "-label") {
			option("rsa_oaep_label:0102")
		}
	case "ecdhc":
		option("ecdh_cofactor_mode:1")
		fallthrough
	case "ecdh":
		option("ecdh_kdf_md:" + c.hash())
	}
	return args
}

func (o opensslCMS) sign(t *testing.T, c algorithmCell, method, form string, keys []string, content []byte) []byte {
	t.Helper()
	args := []string{"-sign", "-outform", "DER"}
	if form == "opaque" {
		args = append(args, "-nodetach")
	}
	for flag, option := range map[string]string{"-keyid": "-keyid", "-ber": "-stream", "-noattr": "-noattr"} {
		if strings.HasSuffix(method, flag) {
			args = append(args, option)
		}
	}
	md := "sha256"
	if method == c.method && c.hash() != "" {
		md = c.hash()
	}
	args = append(args, "-md", md)
	for _, k := range keys {
		args = append(args, "-signer", o.w.smime(t, k).public, "-inkey", o.w.smime(t, k).secret)
	}
	if strings.HasPrefix(method, "pss-") {
		salt := "digest"
		if at := strings.LastIndex(method, "-salt"); at > 0 {
			salt = method[at+5:]
		}
		args = append(args, "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:"+salt)
		if strings.HasSuffix(method, "-mgf1sha1") {
			args = append(args, "-keyopt", "rsa_mgf1_md:sha1")
		}
	}
	return o.cms(t, content, args...)
}

func (o opensslCMS) read(t *testing.T, c algorithmCell, msg, content []byte) []byte {
	t.Helper()
	switch {
	case c.content == "opaque":
		return o.verify(t, msg, "DER")
	case c.content == "detached":
		o.cms(t, nil, "-verify", "-inform", "DER", "-in", file(t, msg), "-content", file(t, content), "-CAfile", o.w.ca(t), "-purpose", "any", "-out", os.DevNull)
		return content
	}
	args := []string{"-decrypt", "-inform", "DER"}
	if c.key == "password" {
		args = append(args, "-pwri_password", secretPassword)
	} else {
		k := o.w.smime(t, c.key)
		args = append(args, "-recip", k.public, "-inkey", k.secret)
	}
	plain := o.cms(t, msg, args...)
	if c.inside == "signed" {
		return o.verify(t, bare(t, plain), "DER")
	}
	return plain
}

// bouncyCastle is one running program; testdata/Cms.java says what it is asked.
type bouncyCastle struct {
	mu  sync.Mutex
	in  io.Writer
	out *bufio.Reader
}

// bouncyCastle starts it, once for all who ask; it ends with the test that
// asked first.
func (w *world) bouncyCastle(t *testing.T) *bouncyCastle {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bc == nil {
		w.bc = startBouncyCastle(t, w.dir)
	}
	return w.bc
}

func startBouncyCastle(t *testing.T, dir string) *bouncyCastle {
	t.Helper()
	const jars = "/usr/share/java/"
	path := jars + "bcprov.jar:" + jars + "bcutil.jar:" + jars + "bcpkix.jar"
	if _, err := os.Stat(jars + "bcpkix.jar"); err != nil {
		missing(t, "Bouncy Castle (libbcpkix-java)")
	}
	if _, err := exec.LookPath("javac"); err != nil {
		missing(t, "javac")
	}
	classes := filepath.Join(dir, "bc")
	must(t, nil, "javac", "-nowarn", "-Xlint:none", "-cp", path, "-d", classes, filepath.Join("testdata", "Cms.java"))
	cmd := exec.Command("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", classes+":"+path, "Cms")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	return &bouncyCastle{in: in, out: bufio.NewReader(out)}
}

// ask gives one order; the answer is "" where it was carried out.
func (b *bouncyCastle) ask(t *testing.T, verb string, words ...string) (problem string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	_, err := io.WriteString(b.in, strings.Join(append([]string{verb}, words...), "\t")+"\n")
	require.NoError(t, err)
	line, err := b.out.ReadString('\n')
	require.NoError(t, err, "Bouncy Castle ended")
	line = strings.TrimSpace(line)
	if line == "ok" {
		return ""
	}
	return line
}

// do is ask for what has to succeed, and returns what it wrote.
func (b *bouncyCastle) do(t *testing.T, verb string, in []byte, words ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "in"), in)
	words = append(words, "in="+filepath.Join(dir, "in"), "out="+filepath.Join(dir, "out"))
	if problem := b.ask(t, verb, words...); problem != "" {
		t.Fatalf("Bouncy Castle, %s %q: %s", verb, words, problem)
	}
	return read(t, filepath.Join(dir, "out"))
}

type bcCMS struct {
	w *world
	*bouncyCastle
}

func (b bcCMS) make(t *testing.T, c algorithmCell, content []byte) []byte {
	t.Helper()
	if c.signature() {
		return b.sign(t, c.method, c.content, c.keys(), content)
	}
	if c.inside == "signed" {
		method := "rsa-sha256"
		if strings.HasPrefix(c.inner(), "p") {
			method = "ecdsa-sha256"
		}
		content = b.sign(t, method, "opaque", []string{c.inner()}, content)
	}
	words := []string{"method=" + c.method, "content=" + c.content}
	switch {
	case c.key == "password":
		words = append(words, "password="+secretPassword)
	case c.method == "kek":
		words = append(words, "kek="+c.kek())
	default:
		words = append(words, "cert="+b.w.smime(t, c.key).public)
	}
	if c.inside == "attributes" || c.inside == "compressed" {
		words = append(words, c.inside+"=1")
	}
	return b.do(t, "seal", content, words...)
}

func (b bcCMS) sign(t *testing.T, method, form string, keys []string, content []byte) []byte {
	t.Helper()
	words := []string{"method=" + method, "form=" + form}
	for i, k := range keys {
		n := []string{"", "2"}[i]
		words = append(words, "cert"+n+"="+b.w.smime(t, k).public, "key"+n+"="+b.w.smime(t, k).secret)
	}
	return b.do(t, "sign", content, words...)
}

func (b bcCMS) read(t *testing.T, c algorithmCell, msg, content []byte) []byte {
	t.Helper()
	switch {
	case c.content == "opaque":
		return b.do(t, "verify", msg, "ca="+b.w.ca(t))
	case c.content == "detached":
		return b.do(t, "verify", msg, "ca="+b.w.ca(t), "content="+file(t, content))
	}
	secret := "password=" + secretPassword
	if c.key != "password" {
		secret = "key=" + b.w.smime(t, c.key).secret
	}
	plain := b.do(t, "open", msg, secret)
	if c.inside == "signed" {
		return b.do(t, "verify", bare(t, plain), "ca="+b.w.ca(t))
	}
	return plain
}

// refuses returns why a detached signature is not over content, nil if it is.
func (b bcCMS) refuses(t *testing.T, sig, content []byte) error {
	t.Helper()
	problem := b.ask(t, "verify", "in="+file(t, sig), "out="+file(t, nil), "ca="+b.w.ca(t), "content="+file(t, content))
	if problem == "" {
		return nil
	}
	return errors.New(problem)
}
