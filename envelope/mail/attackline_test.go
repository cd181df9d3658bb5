package mail_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope/mail"
)

// TestOneLine changes one line of genuine mails in every place where it can
// matter: what is then still verified says what it said before, in every part
// and every field that a person is shown.
func TestOneLine(t *testing.T) {
	skipInFIPS(t)
	c := everybody()
	entity := multipartOf("mixed", "inside", plain(genuine), page("<p>"+genuine+"</p>"))
	inserted := []string{
		foreign,
		"",
		" " + foreign,
		"From: " + eveAddress,
		"Subject: " + foreign,
		"Reply-To: " + eveAddress,
		"Content-Type: text/html",
		"Content-Transfer-Encoding: quoted-printable",
		"Content-Disposition: attachment; filename=" + foreign,
		"HP-Outer: Subject: " + foreign,
		"--signed-outside",
		"--inside--",
		"--encrypted-pgp",
	}
	for _, f := range formats {
		for name, source := range map[string]string{
			"bare":   header + signed(f, entity, c.alice),
			"signed": header + signed(f, protect(entity, "clear", header), c.alice),
			"sealed": header + sealed(f, kept(entity, header), []*someone{c.alice}, c.bob),
		} {
			t.Run(name+"/"+f, func(t *testing.T) {
				t.Parallel()
				lines := strings.SplitAfter(source, "\r\n")
				genuine, verified := told(t, c, source, name != "bare")
				require.True(t, verified)
				tried, still := 0, 0
				for i := range lines {
					if !matters(lines, i) {
						continue
					}
					var changes []string
					for _, s := range inserted {
						changes = append(changes, joinLines(lines[:i], s+"\r\n", lines[i:]))
					}
					changes = append(changes, joinLines(lines[:i], "", lines[i+1:]), joinLines(lines[:i], lines[i], lines[i:]),
						joinLines(lines[:i], strings.Replace(lines[i], "\r\n", "", 1), lines[i+1:]))
					for _, s := range changes {
						tried++
						if now, verified := told(t, c, s, name != "bare"); verified {
							still++
							require.Equal(t, genuine, now, "verified, and says something else after line %d:\n%s", i, s)
						}
					}
				}
				t.Logf("%d changes, %d of them still verified", tried, still)
				require.Greater(t, tried, 100)
			})
		}
	}
}

func joinLines(before []string, line string, after []string) string {
	return strings.Join(before, "") + line + strings.Join(after, "")
}

// matters reports whether a line is not one of many in base64.
func matters(lines []string, i int) bool {
	is64 := func(i int) bool {
		return i >= 0 && i < len(lines) && len(lines[i]) > 60 && !strings.ContainsAny(lines[i], " :<-")
	}
	return !is64(i) || !is64(i-1) || !is64(i+1)
}

// told is all that a person is told of a message. Of header fields that are
// not protected only the author counts.
func told(t *testing.T, c *cast, source string, protected bool) (all string, verified bool) {
	m, err := c.reader().Open(strings.NewReader(source))
	require.NoError(t, err)
	defer m.Close()
	s := m.Summary()
	var b strings.Builder
	fmt.Fprintf(&b, "%s|%s\n", s.From, s.Signer)
	for _, f := range s.Fields {
		if protected || f.Name == "From" {
			fmt.Fprintf(&b, "%s: %s\n", f.Name, f.Value)
		}
	}
	parts := leaves(m)
	slices.SortStableFunc(parts, func(a, b *mail.Part) int { return strings.Compare(a.Path, b.Path) })
	for _, p := range parts {
		fmt.Fprintf(&b, "%s %s %q %q\n", p.Path, p.MediaType, p.Name, contentOf(t, p))
	}
	return b.String(), s.Verified
}
