package link_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/transport/link"
)

// signed is what a pre-signed URL of S3 looks like.
const signed = "https://drop.s3.eu-central-1.amazonaws.com/outgoing/mzxw6ytboi2gk3tfon2ca5dpeb2gk43u" +
	"?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261122%2Feu-central-1%2Fs3%2Faws4_request" +
	"&X-Amz-Date=20261122T140000Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host&x-id=GetObject" +
	"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"

func sample() link.Link {
	return link.Link{
		URL: signed, Size: 12345, SHA256: sha256.Sum256([]byte("sealed")),
		Expires: time.Date(2026, 11, 29, 14, 0, 0, 0, time.UTC), Name: "documents.zip",
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	l := sample()
	require.NoError(t, l.Check())
	lines := strings.Split(l.String(), "\n")
	require.Equal(t, []string{"Size: 12345", "SHA-256: " + hex.EncodeToString(l.SHA256[:]), "Expires: 2026-11-29T14:00:00Z", ""}, lines[1:])
	for _, text := range []string{l.String(), l.Line(), lines[0], l.OnPage("https://page.example/open.html")} {
		got, err := link.Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, l, got)
	}
	got, err := link.ParseFragment("#" + l.Fragment())
	require.NoError(t, err)
	require.Equal(t, l, got)
}

// A log tells what object it is about, and not how to read it.
func TestLogValue(t *testing.T) {
	t.Parallel()
	l := sample()
	for name, handler := range map[string]func(io.Writer) slog.Handler{
		"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		"JSON": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		var b strings.Builder
		slog.New(handler(&b)).Info("stored", "link", l)
		require.Contains(t, b.String(), l.Object(), name)
		require.NotContains(t, b.String(), "Signature", name)
		require.NotContains(t, b.String(), "Credential", name)
		require.NotContains(t, b.String(), "?", name)
	}
	require.Contains(t, l.String(), "Signature")
}
