package interop_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// algorithmCell is one line of algorithms.txt; the header there explains the fields.
type algorithmCell struct {
	peer, key, method, content, inside string
	size                               int
	direction                          string
}

func (c algorithmCell) name() string {
	return strings.Join([]string{c.key, c.method, c.content, c.inside, strconv.Itoa(c.size), c.direction}, "/")
}

// signature reports whether the cell is a signature, not something sealed.
func (c algorithmCell) signature() bool { return c.inside == "-" }

func (c algorithmCell) cbc() bool { return strings.HasSuffix(c.content, "-cbc") }

// hash is the digest that the method names, "" without one.
func (c algorithmCell) hash() string { return hashName.FindString(c.method) }

var hashName = regexp.MustCompile(`md5|sha1\b|sha224|sha256|sha384|sha512-256|sha512|sha3-\d+`)

// flipped is the part of the message in which a bit flips, "" where none does.
func (c algorithmCell) flipped() string {
	part, _ := strings.CutPrefix(c.direction, "flip-")
	if part == c.direction {
		return ""
	}
	return part
}

// algorithmFields are what a line can say, field by field.
var algorithmFields = []*regexp.Regexp{
	regexp.MustCompile(`^(openssl|bc|gpgsm|nss|thunderbird|mozpkcs7|smallpkcs7)$`),
	regexp.MustCompile(`^(rsa1024|rsa2048|rsa3072|rsa3072\+p256|p256|p384|p521|x25519|x448|ed25519|ed448|password|kek(128|192|256))$`),
	regexp.MustCompile(`^(auto|pss|v15|v15-keyid|kek|two|pwri(-sha\d+)?|oaep-sha(1|224|256|384|512|512-256)(-mgf1sha1|-label)?|` +
		`(ecdhc?|hkdf)-sha\d+-wrap(128|192|256)(-keyid)?|ed25519|ed448|` +
		`(rsa|pss|ecdsa)-(md5|sha1|sha224|sha256|sha384|sha512|sha512-256|sha3-\d+)(-salt0|-salt20|-saltmax|-mgf1sha1|-keyid|-ber|-noattr|-countersigned)?)$`),
	regexp.MustCompile(`^(aes(128|192|256)-(cbc|gcm|ccm)|des3-cbc|rc2-(40|64|128)-cbc|any-cbc|detached|opaque|compressed)$`),
	regexp.MustCompile(`^(unsigned|signed|compressed|attributes|-)$`),
	regexp.MustCompile(`^\d+$`),
	regexp.MustCompile(`^(seal|open|refuse|flip-(content|tag|nonce|key|ephemeral|salt|attributes|signature))$`),
}

func parseAlgorithmCell(line string) (c algorithmCell, err error) {
	words := strings.Fields(line)
	if len(words) != len(algorithmFields) {
		return c, fmt.Errorf("%q has %d fields, want %d", line, len(words), len(algorithmFields))
	}
	for i, f := range algorithmFields {
		if !f.MatchString(words[i]) {
			return c, fmt.Errorf("%q: no %q in field %d", line, words[i], i+1)
		}
	}
	c = algorithmCell{peer: words[0], key: words[1], method: words[2], content: words[3], inside: words[4], direction: words[6]}
	c.size, err = strconv.Atoi(words[5])
	return c, err
}

// readAlgorithmCells returns the cells and the number that the file promises.
func readAlgorithmCells(t *testing.T) ([]algorithmCell, int) {
	return readList(t, "algorithms.txt", parseAlgorithmCell)
}

// TestAlgorithmList is [TestList] for algorithms.txt, whose signatures have
// nothing inside and whose sealed messages say what they have.
func TestAlgorithmList(t *testing.T) {
	cells, count := readAlgorithmCells(t)
	require.Len(t, cells, count)
	seen := map[algorithmCell]bool{}
	for _, c := range cells {
		require.False(t, seen[c], "twice: %s %s", c.peer, c.name())
		seen[c] = true
		sealed := c.content != "detached" && c.content != "opaque" && c.content != "compressed"
		require.Equal(t, sealed, !c.signature(), "%s %s", c.peer, c.name())
	}
	for _, bad := range []string{
		"bc rsa2048 v15 aes128-cbc unsigned 1",
		"bc rsa2048 v15 aes128-cbc unsigned 1 open open",
		"bc rsa2048 v15 camellia128-cbc unsigned 1 open",
		"bc rsa2048 v15 aes128-cbc unsigned -1 open",
		"bc rsa2048 v15 aes128-cbc unsigned 1 flip-nothing",
		"bc rsa2048 rsa aes128-cbc unsigned 1 open",
	} {
		_, err := parseAlgorithmCell(bad)
		require.Error(t, err, bad)
	}
	_, err := parseAlgorithmCell("bc rsa2048 v15 aes128-cbc unsigned 1 open")
	require.NoError(t, err)
}
