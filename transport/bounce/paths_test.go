package bounce

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/mailbox"
)

func testPaths(at time.Time) *Paths {
	return &Paths{Local: "b", Domain: "example.org", Key: []byte("0123456789abcdef"), Time: func() time.Time { return at }}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestPaths(t *testing.T) {
	p := testPaths(noon)
	for _, to := range []string{"bob@example.net", "b.o-b_1@a.b.example", "bob+tag@example.net", "o'brien@example.net", "a=b@example.net", "50%off@example.net", "Bob@example.net", "jürgen@example.net", "x/y!z@example.net"} {
		path, err := p.Address("1@example.org", to)
		require.NoError(t, err, to)
		local, domain, ok := strings.Cut(path, "@")
		require.True(t, ok)
		require.Equal(t, "example.org", domain)
		require.LessOrEqual(t, len(local), 64)
		require.Empty(t, strings.Trim(local[2:], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_=+"))
		o, err := p.Origin(path)
		require.NoError(t, err, path)
		require.Equal(t, to, o.Recipient)
		require.Equal(t, noon.Truncate(24*time.Hour), o.Day)
		require.True(t, o.Is("1@example.org"))
		require.False(t, o.Is("2@example.org"))
		// Servers that change the case leave it readable.
		o, err = p.Origin(strings.ToLower(path))
		require.NoError(t, err, path)
		require.True(t, strings.EqualFold(to, o.Recipient))
		_, err = p.Origin(strings.ToUpper(path))
		if strings.ToLower(to) == to && to != "jürgen@example.net" {
			require.NoError(t, err, path)
		}
	}
	path, err := p.Address("1@example.org", "bob@bücher.example")
	require.NoError(t, err)
	require.Contains(t, path, "+bob=xn--bcher-kva.example@")
}

// Every octet of a path counts, and the key, the mailbox and the time.
func TestForged(t *testing.T) {
	p := testPaths(noon)
	path, err := p.Address("1@example.org", "bob@example.net")
	require.NoError(t, err)
	_, err = p.Origin(path)
	require.NoError(t, err)
	for i := range path {
		for _, c := range "aB2+=@.\x00" {
			changed := path[:i] + string(c) + path[i+1:]
			if strings.EqualFold(changed, path) {
				continue
			}
			_, err := p.Origin(changed)
			require.ErrorIs(t, err, ErrForged, changed)
		}
		_, err = p.Origin(path[:i])
		require.ErrorIs(t, err, ErrForged)
	}
	for _, other := range []string{"", "b@example.org", "b+@example.org", "bob@example.net", "b+aaaaaaaaaaaaaaaaaaaa+bob=example.net@example.org", "b+aaaaaaaaaaaaaaaaaaaa+=@example.org"} {
		_, err = p.Origin(other)
		require.ErrorIs(t, err, ErrForged, other)
	}
	q := *p
	q.Key = []byte("0123456789abcdeg")
	_, err = q.Origin(path)
	require.ErrorIs(t, err, ErrForged)
	for days, ok := range map[int]bool{-2: false, -1: true, 0: true, 30: true, 31: false, 366: false, wrap: true, wrap - 2: false} {
		_, err = testPaths(noon.AddDate(0, 0, days)).Origin(path)
		if ok {
			require.NoError(t, err, days)
		} else {
			require.ErrorIs(t, err, ErrForged, days)
		}
	}
}

func TestTooLong(t *testing.T) {
	p := testPaths(noon)
	for n, ok := range map[int]bool{40: true, 41: true, 42: false, 60: false} {
		_, err := p.Address("1@example.org", strings.Repeat("x", n-len("@example.net"))+"@example.net")
		require.Equal(t, !ok, errors.Is(err, ErrTooLong), n)
	}
	for _, odd := range []string{"", "bob", "@example.net", "bob@example.net\r\n", "b ob@example.net"} {
		_, err := p.Address("1@example.org", odd)
		require.Error(t, err, odd)
	}
	for i, change := range []func(*Paths){
		func(p *Paths) { p.Key = p.Key[:15] }, func(p *Paths) { p.Key = nil }, func(p *Paths) { p.Local = "" }, func(p *Paths) { p.Local = "a+b" },
		func(p *Paths) { p.Local = "ä" }, func(p *Paths) { p.Local = "a@b" }, func(p *Paths) { p.Domain = "" }, func(p *Paths) { p.Domain = "bücher.example" }, func(p *Paths) { p.Domain = "a b" },
	} {
		q := *p
		change(&q)
		_, err := q.Address("1@example.org", "bob@example.net")
		require.Error(t, err, i)
		_, err = q.Origin("b+aaaaaaaaaaaaaaaaaaaa+bob=example.net@example.org")
		require.Error(t, err)
		require.NotErrorIs(t, err, ErrForged)
	}
}

// What a path says is what it was made for, and nothing else is believed.
func FuzzOrigin(f *testing.F) {
	p := testPaths(noon)
	made := map[string]bool{}
	for _, to := range []string{"bob@example.net", "a=b+c@example.net"} {
		path, err := p.Address("1@example.org", to)
		if err != nil {
			f.Fatal(err)
		}
		made[strings.ToLower(to)] = true
		f.Add(path)
		f.Add(strings.ToUpper(path))
	}
	f.Add("b+aaaaaaaaaaaaaaaaaaaa+bob=example.net@example.org")
	f.Fuzz(func(t *testing.T, path string) {
		o, err := p.Origin(path)
		if err != nil {
			require.ErrorIs(t, err, ErrForged)
			return
		}
		require.True(t, made[strings.ToLower(o.Recipient)], path)
		_, err = mailbox.Parse(o.Recipient)
		require.NoError(t, err)
	})
}
