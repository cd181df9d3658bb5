package interop_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// openpgpCell is one line of openpgp.txt; the header there explains the fields.
type openpgpCell struct {
	peer, program, key, kind string
	detail                   string // words with + between
	size                     int
	direction                string
}

func (c openpgpCell) name() string {
	return strings.Join([]string{c.program, c.key, c.kind, c.detail, strconv.Itoa(c.size), c.direction}, "/")
}

func (c openpgpCell) words() []string { return strings.Split(c.detail, "+") }

// is reports whether the detail says this.
func (c openpgpCell) is(word string) bool { return slices.Contains(c.words(), word) }

// first is the first word of the detail that is one of these, "" without.
func (c openpgpCell) first(words ...string) string {
	for _, w := range c.words() {
		if slices.Contains(words, w) {
			return w
		}
	}
	return ""
}

func (c openpgpCell) cipher() string {
	return c.first("aes128", "aes192", "aes256", "3des", "cast5", "blowfish", "twofish", "camellia128", "camellia192", "camellia256", "idea")
}

func (c openpgpCell) compression() string { return c.first("none", "zip", "zlib", "bzip2") }

// digest is the one of a signature, or of what derives a key from a password.
func (c openpgpCell) digest() string {
	for _, w := range c.words() {
		w = strings.TrimPrefix(strings.TrimPrefix(w, "salted-"), "iterated-")
		if strings.HasPrefix(w, "sha") || w == "md5" || w == "ripemd160" {
			return w
		}
	}
	return ""
}

// mode is what follows the container's name: OCB, EAX or GCM.
func (c openpgpCell) mode() string {
	container, mode, _ := strings.Cut(c.words()[0], "-")
	if container != "seipd2" && container != "aead" {
		return ""
	}
	return mode
}

// flipped is the part in which a bit flips, "" where none does.
func (c openpgpCell) flipped() string {
	part, ok := strings.CutPrefix(c.direction, "flip-")
	if !ok {
		return ""
	}
	return part
}

// content is what cell.content is, of lines where it is text.
func (c openpgpCell) content() []byte {
	b := cell{size: c.size}.content()
	if c.kind != "text" && c.kind != "clear" {
		return b
	}
	for i := range b {
		if b[i] = ' ' + b[i]%95; i%50 == 49 || i == len(b)-1 {
			b[i] = '\n'
		} else if i%50 == 48 && b[i] == ' ' {
			b[i] = '.' // blanks at the end of a line are not signed in the cleartext framework
		}
	}
	return b
}

// openpgpFields are what a line can say, field by field.
var openpgpFields = []*regexp.Regexp{
	regexp.MustCompile(`^(gpg|sq|sqop|pgpainless|rnp|bc|openpgpjs|gopenpgp|thunderbird)$`),
	regexp.MustCompile(`^(box|sop)$`),
	regexp.MustCompile(`^(-|(gpg|sq|sqop|pgpainless|rnp|js|go|box|sop):[a-z0-9-]+)$`),
	regexp.MustCompile(`^(message|password|detached|text|inline|clear|revocation)$`),
	regexp.MustCompile(`^(-|[a-z0-9+-]+)$`),
	regexp.MustCompile(`^\d+$`),
	regexp.MustCompile(`^(seal|open|legacy|refuse|unusable|wrong|flip-(content|mdc|key|signature))$`),
}

var openpgpWords = regexp.MustCompile(`^(-|seipd1|seipd2-(ocb|eax|gcm)|aead-(ocb|eax)|sed|rewrapped|resealed|` +
	`aes(128|192|256)|3des|cast5|blowfish|twofish|camellia(128|192|256)|idea|none|zip|zlib|bzip2|` +
	`signed|hidden|two|key|armored|chunk\d+|v4|argon2|((salted|iterated)-)?sha(1|224|256|384|512|3-256|3-512)|md5|ripemd160)$`)

func parseOpenPGPCell(line string) (c openpgpCell, err error) {
	words := strings.Fields(line)
	if len(words) != len(openpgpFields) {
		return c, fmt.Errorf("%q has %d fields, want %d", line, len(words), len(openpgpFields))
	}
	for i, f := range openpgpFields {
		if !f.MatchString(words[i]) {
			return c, fmt.Errorf("%q: no %q in field %d", line, words[i], i+1)
		}
	}
	c = openpgpCell{peer: words[0], program: words[1], key: words[2], kind: words[3], detail: words[4], direction: words[6]}
	for _, w := range c.words() {
		if !openpgpWords.MatchString(w) {
			return c, fmt.Errorf("%q: no %q", line, w)
		}
	}
	c.size, err = strconv.Atoi(words[5])
	return c, err
}

func readOpenPGPCells(t *testing.T) ([]openpgpCell, int) {
	return readList(t, "openpgp.txt", parseOpenPGPCell)
}

// TestOpenPGPList is [TestList] for openpgp.txt.
func TestOpenPGPList(t *testing.T) {
	cells, count := readOpenPGPCells(t)
	require.Len(t, cells, count)
	seen := map[openpgpCell]bool{}
	for _, c := range cells {
		require.False(t, seen[c], "twice: %s %s", c.peer, c.name())
		seen[c] = true
	}
	for _, bad := range []string{
		"gpg box gpg:rsa2048 message seipd1+aes256 1",
		"gpg box gpg:rsa2048 message seipd1+aes256 1 seal open",
		"gpg box rsa2048 message seipd1+aes256 1 seal",
		"gpg box gpg:rsa2048 message seipd1+rot13 1 seal",
		"gpg age gpg:rsa2048 message seipd1+aes256 1 seal",
		"gpg box gpg:rsa2048 message seipd1+aes256 1 flip-nothing",
		"gpg box gpg:rsa2048 message seipd1+aes256 -1 seal",
	} {
		_, err := parseOpenPGPCell(bad)
		require.Error(t, err, bad)
	}
	_, err := parseOpenPGPCell("gpg box gpg:rsa2048 message seipd1+aes256 1 seal")
	require.NoError(t, err)
}
