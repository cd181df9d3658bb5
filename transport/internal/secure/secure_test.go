package secure

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func pipe(t *testing.T) (c *Conn, other net.Conn) {
	a, b := net.Pipe()
	t.Cleanup(func() { _ = a.Close(); _ = b.Close() })
	return Wrap(a, a), b
}

func TestAllow(t *testing.T) {
	c, other := pipe(t)
	go func() { _, _ = io.WriteString(other, "0123456789") }()
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, ErrFlood)
	c.Allow(4)
	b, err := io.ReadAll(c)
	require.ErrorIs(t, err, ErrFlood)
	require.Equal(t, "0123", string(b))
	c.Allow(2)
	b = make([]byte, 2)
	_, err = io.ReadFull(c, b)
	require.NoError(t, err)
	require.Equal(t, "45", string(b))
}

// Who takes nothing is not waited for, and who says nothing neither; one octet
// is something.
func TestBounds(t *testing.T) {
	c, _ := pipe(t)
	c.Block(time.Millisecond)
	_, err := c.Write([]byte("x"))
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())

	c, _ = pipe(t)
	c.Allow(10)
	ctx, stop := c.Stall(context.Background(), 10*time.Millisecond)
	_, err = c.Read(make([]byte, 1))
	require.Error(t, err)
	require.ErrorIs(t, context.Cause(ctx), ErrStalled)
	stop()

	c, other := pipe(t)
	c.Allow(10)
	ctx, stop = c.Stall(context.Background(), time.Hour)
	go func() { _, _ = other.Write([]byte("x")) }()
	_, err = c.Read(make([]byte, 1))
	require.NoError(t, err)
	require.NoError(t, ctx.Err())
	stop()
	go func() { _, _ = other.Write([]byte("x")) }()
	_, err = c.Read(make([]byte, 1)) // what is stopped cuts nothing
	require.NoError(t, err)

	why := errors.New("gone")
	c, _ = pipe(t)
	c.Allow(10)
	ctx, cancel := context.WithCancelCause(context.Background())
	ctx, stop = c.Stall(ctx, time.Hour)
	defer stop()
	time.AfterFunc(time.Millisecond, func() { cancel(why) })
	_, err = c.Read(make([]byte, 1))
	require.Error(t, err)
	require.ErrorIs(t, context.Cause(ctx), why)
}

func TestAddress(t *testing.T) {
	ports := map[string]string{"smtps": "465", "smtp": "587"}
	for url, want := range map[string][3]string{
		"smtps://a.example":      {"smtps", "a.example", "a.example:465"},
		"smtp://a.example/":      {"smtp", "a.example", "a.example:587"},
		"SMTPS://a.example:25":   {"smtps", "a.example", "a.example:25"},
		"smtps://[2001:db8::1]":  {"smtps", "2001:db8::1", "[2001:db8::1]:465"},
		"smtps://127.0.0.1:1465": {"smtps", "127.0.0.1", "127.0.0.1:1465"},
	} {
		scheme, host, address, err := Address(url, ports)
		require.NoError(t, err, url)
		require.Equal(t, want, [3]string{scheme, host, address})
	}
	for _, url := range []string{"", "a.example", "a.example:465", "imaps://a.example", "smtps://", "smtps://:465", "smtps://a/b", "smtps://a?b", "smtps://a#b", "smtps://u:secret@a", "smtps://a:b", "smtps:a", "://secret"} {
		_, _, _, err := Address(url, ports)
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestConfig(t *testing.T) {
	base := &tls.Config{ServerName: "other.example", MinVersion: tls.VersionTLS10}
	c, _, err := Config(base, "a.example")
	require.NoError(t, err)
	require.Equal(t, "a.example", c.ServerName)
	require.EqualValues(t, tls.VersionTLS12, c.MinVersion)
	require.Equal(t, "other.example", base.ServerName) // the caller's stays
	c, _, err = Config(&tls.Config{MinVersion: tls.VersionTLS13}, "a.example")
	require.NoError(t, err)
	require.EqualValues(t, tls.VersionTLS13, c.MinVersion)
	_, _, err = Config(&tls.Config{InsecureSkipVerify: true}, "a.example")
	require.Error(t, err)
}
