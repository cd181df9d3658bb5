package mimeparse

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHeader(t *testing.T) {
	const message = "Received: one\r\nSubject:a \r\nreceived: \ttwo\r\n three\r\n\t four \r\nX-Empty:\r\nX-Blank: \r\n \r\nX-Colon: a: b\r\nX-Space : c\r\nnone\r\nX-Octets: \xe4=?utf-8?q?a?=\r\n\r\nX-Body: no\r\n"
	h := mustParse(t, message).Header
	require.Len(t, h, 9)
	for _, c := range []struct {
		name   string
		values []string
	}{
		{"Subject", []string{"a"}},
		{"sUBJECT", []string{"a"}},
		{"Received", []string{"one", "two three\t four"}},
		{"X-Empty", []string{""}},
		{"X-Blank", []string{""}},
		{"X-Colon", []string{"a: b"}},
		{"X-Space", []string{"c"}},
		{"X-Octets", []string{"\xe4=?utf-8?q?a?="}},
		{"X-Body", nil},
		{"X", nil},
	} {
		require.Equal(t, c.values, h.Values(c.name), c.name)
		require.Equal(t, len(c.values), h.Count(c.name), c.name)
		want := ""
		if len(c.values) > 0 {
			want = c.values[0]
		}
		require.Equal(t, want, h.Get(c.name), c.name)
	}
	require.Equal(t, "none\r\n", string(h[7].Raw))
	require.Equal(t, "received: \ttwo\r\n three\r\n\t four \r\n", string(h[2].Raw))
	require.Equal(t, "x", mustParse(t, "Subject: x").Header.Get("Subject"))
}

// TestWhole: the octets that a signature covers, without the line end of the
// boundary behind them, and with every other one.
func TestWhole(t *testing.T) {
	const part = "Content-Type: text/plain\r\n\r\ntext \t\r\n\nlast\r"
	for _, end := range []string{"\r\n", "\n"} {
		message := "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n" + part + end + "--b\r\n\r\nsignature\r\n--b--\r\n"
		src := strings.NewReader(message)
		n, err := Parse(src, src.Size(), testLimits)
		require.NoError(t, err)
		whole, err := io.ReadAll(n.Children[0].Whole(src))
		require.NoError(t, err)
		want := part
		if end == "\n" {
			want = strings.TrimSuffix(part, "\r") // the boundary's line end is CRLF then
		}
		require.Equal(t, want, string(whole))
		body, err := io.ReadAll(n.Children[0].RawBody(src))
		require.NoError(t, err)
		require.Equal(t, want, "Content-Type: text/plain\r\n\r\n"+string(body))
	}
}

func TestLimitErrorIsOneLine(t *testing.T) {
	require.EqualError(t, &LimitError{What: "parts", Max: 5}, "mimeparse: the message has more than 5 parts")
}
