package mail

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/mimeparse"
)

func TestLegacyText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Subject: a secret\r\n\r\nHello\r\n":                     "Hello\r\n",
		"Subject: a secret\n\nHello":                             "Hello",
		"Subject: a\r\n  secret\r\nTo: bob\r\n\r\nHello\r\n\r\n": "Hello\r\n\r\n",
		"Subject: a secret\r\n\r\n":                              "",
		// Nothing that is not what it has to be is taken away.
		"Hello\r\n\r\nBob\r\n":                  "Hello\r\n\r\nBob\r\n",
		"Dear Bob: hello\r\n\r\nBob\r\n":        "Dear Bob: hello\r\n\r\nBob\r\n",
		"\r\nSubject: a secret\r\n\r\nHello":    "\r\nSubject: a secret\r\n\r\nHello",
		" folded: first\r\n\r\nHello":           " folded: first\r\n\r\nHello",
		": no name\r\n\r\nHello":                ": no name\r\n\r\nHello",
		"Subject: a secret\r\nHello\r\n\r\nBob": "Subject: a secret\r\nHello\r\n\r\nBob",
		"Subject: a secret\r\n":                 "Subject: a secret\r\n",
		"":                                      "",
		"Subject: " + strings.Repeat("x", maxLegacyDisplay) + "\r\n\r\nHello": "Subject: " + strings.Repeat("x", maxLegacyDisplay) + "\r\n\r\nHello",
	} {
		require.Equal(t, want, withoutLegacy(t, "text/plain", in), "%.80q", in)
	}
}

func TestLegacyHTML(t *testing.T) {
	t.Parallel()
	const div = `<div class="header-protection-legacy-display">`
	for in, want := range map[string]string{
		"<body>" + div + "<pre>Subject: x</pre></div><p>Hello":                   "<body><p>Hello",
		"<body>" + div + "<div>x</div>y</div><div>Hello</div>":                   "<body><div>Hello</div>",
		`<BODY><DIV id=a CLASS="header-protection-legacy-display">x</DIV >Hello`: "<BODY>Hello",
		"<body>" + div + "<pre><b>Subject</b>:<br/>x</pre></div>Hello":           "<body>Hello",
		// Nothing that is not what it has to be is taken away.
		"<body>" + div + "<!-- </div> Hello -->":                      "<body>" + div + "<!-- </div> Hello -->",
		"<body><!-- " + div + " --> Hello</div>":                      "<body><!-- " + div + " --> Hello</div>",
		"<body>" + div + "<style></div>Hello</style>":                 "<body>" + div + "<style></div>Hello</style>",
		"<body>" + div + "x":                                          "<body>" + div + "x",
		"<body>" + div + "x</div":                                     "<body>" + div + "x</div",
		`<p class="header-protection-legacy-display">x</p>Hello`:      `<p class="header-protection-legacy-display">x</p>Hello`,
		`<div>"header-protection-legacy-display"</div>Hello`:          `<div>"header-protection-legacy-display"</div>Hello`,
		`"header-protection-legacy-display"`:                          `"header-protection-legacy-display"`,
		`<div class="other">x</div>Hello`:                             `<div class="other">x</div>Hello`,
		strings.Repeat("x", maxLegacyDisplay) + div + "x</div>" + "y": strings.Repeat("x", maxLegacyDisplay) + div + "x</div>" + "y",
	} {
		require.Equal(t, want, withoutLegacy(t, "text/html", in), "%.80q", in)
	}
}

func withoutLegacy(t *testing.T, mediaType, content string) string {
	p := &Part{MediaType: mediaType, Size: int64(len(content)), open: func() io.Reader { return iotest.HalfReader(strings.NewReader(content)) }}
	p.ahead = p.open
	p.hideLegacyDisplay()
	require.Equal(t, p.Size == int64(len(content)), p.ahead != nil, "Save reads what Open does")
	got, err := io.ReadAll(p.open())
	require.NoError(t, err)
	require.EqualValues(t, len(got), p.Size)
	again, err := io.ReadAll(p.open()) // each reader is one of its own
	require.NoError(t, err)
	require.Equal(t, string(got), string(again))
	return string(got)
}

// TestLegacyBroken: what is wrong with a content is told to who reads it.
func TestLegacyBroken(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	p := &Part{MediaType: "text/plain", open: func() io.Reader {
		return io.MultiReader(strings.NewReader("Subject: x\r\n\r\nHello"), iotest.ErrReader(failed))
	}}
	p.hideLegacyDisplay()
	got, err := io.ReadAll(p.open())
	require.Equal(t, "Hello", string(got))
	require.ErrorIs(t, err, failed)
}

// TestLegacyWhere: only what the author put into the payload, and said so.
func TestLegacyWhere(t *testing.T) {
	t.Parallel()
	const text = "Subject: a secret\r\n\r\nHello"
	read := func(change func(*play, *mimeparse.Node)) string {
		p := newPlay(t)
		p.content += `; hp-legacy-display="1"`
		p.change = func(m *Message) {
			part := m.parts[1]
			part.open = func() io.Reader { return strings.NewReader(text) }
			change(p, part.node)
		}
		m := p.message()
		_, err := p.opener.judge(m)
		require.NoError(t, err)
		got, err := io.ReadAll(m.parts[1].open())
		require.NoError(t, err)
		return string(got)
	}
	require.Equal(t, "Hello", read(func(*play, *mimeparse.Node) {}))
	require.Equal(t, text, read(func(_ *play, n *mimeparse.Node) { n.Params["hp"] = "clear" }))
	require.Equal(t, text, read(func(_ *play, n *mimeparse.Node) { delete(n.Params, "hp") }))
	require.Equal(t, text, read(func(_ *play, n *mimeparse.Node) { n.Params["hp-legacy-display"] = "0" }))
	require.Equal(t, text, read(func(_ *play, n *mimeparse.Node) { n.Disposition = "attachment" }))
}
