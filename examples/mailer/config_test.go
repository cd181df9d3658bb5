package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const goodConfig = `{
  "from": "Example AG <statements@example.com>",
  "sign": [{"key": "sign.key"}],
  "ring": "ring",
  "smtp": {"url": "smtps://mx.example.com", "user": "u", "password_file": "pw"},
  "s3": {"endpoint": "https://s3.example.com", "bucket": "b", "lifetime": "7d"},
  "passphrases": {"kind": "words", "file": {"to": "print@example.net"}},
  "rate": 20,
  "domains": {"example.org": {"delivery": "link", "max_size": 1000, "reason": "quarantines"}}
}`

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "mailer.json")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func TestConfig(t *testing.T) {
	t.Parallel()
	name := writeConfig(t, goodConfig)
	c, err := readConfig(name)
	require.NoError(t, err)
	require.Equal(t, duration(7*24*time.Hour), c.S3.Lifetime)
	require.Equal(t, filepath.Join(filepath.Dir(name), "ring"), c.path(c.Ring))
	require.Equal(t, "/elsewhere", c.path("/elsewhere"))
	require.Equal(t, 20.0, *c.Rate)
	require.Equal(t, domainConfig{Delivery: "link", MaxSize: 1000, Reason: "quarantines"}, c.Domains["example.org"])
}

// Each differs from the good one in one thing.
func TestConfigRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, old, new, says string }{
		{"a field of nobody's", `"ring"`, `"rnig"`, `"rnig" is no setting: "ring" is meant?`},
		{"another case", `"ring"`, `"Ring"`, `"Ring" is no setting: "ring" is meant?`},
		{"a field within", `"password_file"`, `"password"`, `"smtp.password" is no setting: "password_file" is meant?`},
		{"within a map", `"max_size"`, `"maxsize"`, `"domains.example.org.maxsize" is no setting: "max_size" is meant?`},
		{"within an array", `{"key": "sign.key"}`, `{"kye": "sign.key"}`, `kye" is no setting: "key" is meant?`},
		{"far from all", `"ring"`, `"something-else"`, "is no setting: there are from, sign,"},
		{"twice", `"rate": 20`, `"rate": 20, "rate": 30`, `"rate" stands there twice`},
		{"a text for a number", `"rate": 20`, `"rate": "20"`, "line 8: "},
		{"cut off", `}}` + "\n}", ``, "cut off"},
		{"more behind", `}}` + "\n}", `}}` + "\n}{}", "something stands behind"},
		{"a comma too many", `"rate": 20,`, `"rate": 20,,`, "line 8: "},
		{"no server", `"smtp": {"url": "smtps://mx.example.com", "user": "u", "password_file": "pw"},`, ``, `one of "smtp" and "ses"`},
		{"two servers", `"rate": 20`, `"ses": {}`, `one of "smtp" and "ses"`},
		{"no sender", `"from": "Example AG <statements@example.com>",`, ``, `"from" is missing`},
		{"no address", `Example AG <statements@example.com>`, `Example AG`, `is no mail address`},
		{"a page in the clear", `"rate": 20`, `"page": "http://example.com/open.html"`, `"page" is "http://example.com/open.html": https://`},
		{"no time", `"7d"`, `"a week"`, `"a week" is no time`},
		{"a kind of nobody's", `"words"`, `"emoji"`, `"letters", "words" or "digits"`},
		{"a delivery of nobody's", `"delivery": "link"`, `"delivery": "fax"`, `the delivery "fax"`},
		{"two channels", `"file": {`, `"webhook": {"url": "https://example.net"}, "file": {`, `is enough`},
		{"a channel to nobody", `{"to": "print@example.net"}`, `{}`, `"passphrases.file.to" is missing`},
		{"a negative rate", `"rate": 20`, `"rate": -1`, `not negative`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, goodConfig, c.old)
			_, err := readConfig(writeConfig(t, strings.Replace(goodConfig, c.old, c.new, 1)))
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, oneLine(errorLine(err)), "\n")
		})
	}
	_, err := readConfig(filepath.Join(t.TempDir(), "none.json"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
