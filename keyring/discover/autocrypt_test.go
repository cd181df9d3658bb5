package discover_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring/discover"
)

// folded returns base64 in lines that go on a header field.
func folded(b []byte) string {
	var out strings.Builder
	for text := base64.StdEncoding.EncodeToString(b); text != ""; {
		n := min(76, len(text))
		out.WriteString("\r\n " + text[:n])
		text = text[n:]
	}
	return out.String()
}

// The rules of Autocrypt Level 1.1, "The Autocrypt Header" and "Updating
// Autocrypt Peer State": each refusal differs in one thing from what is taken.
func TestAutocrypt(t *testing.T) {
	m := someKeys(t)
	key := folded(m.alice)
	header := func(attributes string) string { return "Autocrypt: " + attributes + "\r\n" }
	good := header("addr=alice@example.org; keydata=" + key)
	padded := func(n int) string { // a field of n octets
		f := header("_pad=; addr=alice@example.org; keydata=" + key)
		return strings.Replace(f, "_pad=", "_pad="+strings.Repeat("x", n-len(f)), 1)
	}
	for name, c := range map[string]struct {
		from, fields string
		notes        []string
		why          string
	}{
		"as it should be":           {"alice@example.org", good, nil, ""},
		"with a name":               {"Alice <alice@example.org>", good, nil, ""},
		"other case":                {"Alice@Example.ORG", good, nil, ""},
		"prefers encryption":        {"alice@example.org", header("addr=alice@example.org; prefer-encrypt=mutual; keydata=" + key), []string{"prefer-encrypt: mutual"}, ""},
		"prefers something":         {"alice@example.org", header("addr=alice@example.org; prefer-encrypt=always; keydata=" + key), nil, ""},
		"not critical":              {"alice@example.org", header("addr=alice@example.org; _color=red; keydata=" + key), nil, ""},
		"critical":                  {"alice@example.org", header("addr=alice@example.org; color=red; keydata=" + key), nil, `"color", which is not known`},
		"not critical, twice":       {"alice@example.org", header("_a=1; _a=2; addr=alice@example.org; keydata=" + key), nil, ""},
		"address twice":             {"alice@example.org", header("addr=alice@example.org; addr=alice@example.org; keydata=" + key), nil, `"addr" twice`},
		"no attribute":              {"alice@example.org", header("addr=alice@example.org; hello; keydata=" + key), nil, `"hello" in it is no attribute`},
		"empty attribute":           {"alice@example.org", header("addr=alice@example.org;; keydata=" + key + ";"), nil, ""},
		"key is not the last":       {"alice@example.org", header("keydata=" + key + "; addr=alice@example.org"), nil, "something follows the key"},
		"no address":                {"alice@example.org", header("keydata=" + key), nil, "it lacks the address or the key"},
		"no key":                    {"alice@example.org", header("addr=alice@example.org"), nil, "it lacks the address or the key"},
		"empty key":                 {"alice@example.org", header("addr=alice@example.org; keydata="), nil, "it holds no OpenPGP key"},
		"no base64":                 {"alice@example.org", header("addr=alice@example.org; keydata=?"), nil, "its base64 is damaged"},
		"armored key":               {"alice@example.org", header("addr=alice@example.org; keydata=" + folded(m.aliceArmored)), nil, "no OpenPGP packets"},
		"two keys":                  {"alice@example.org", header("addr=alice@example.org; keydata=" + folded(join(m.alice, m.alice))), nil, "it holds 2 keys"},
		"a secret key":              {"alice@example.org", header("addr=alice@example.org; keydata=" + folded([]byte{0xC5, 1, 4})), nil, "a secret one"},
		"of somebody else":          {"mallory@example.org", good, nil, `it is about "alice@example.org", and the message is from "mallory@example.org"`},
		"nobody":                    {"", good, nil, "the From field does not hold exactly one address"},
		"from two":                  {"alice@example.org, bob@example.org", good, nil, "the From field does not hold exactly one address"},
		"two fields":                {"alice@example.org", good + good, nil, "there are 2: none is taken"},
		"two fields, one invalid":   {"alice@example.org", good + header("addr=alice@example.org; new=1; keydata="+key), nil, ""},
		"two fields, one of others": {"alice@example.org", good + header("addr=bob@example.org; keydata="+key), nil, ""},
		"10 KiB":                    {"alice@example.org", padded(10 << 10), nil, ""},
		"10 KiB and an octet":       {"alice@example.org", padded(10<<10 + 1), nil, "it has more than 10240 octets"},
		"a report":                  {"alice@example.org", good + "Content-Type: Multipart/Report; boundary=b\r\n", nil, "it is in an automatic reply"},
		"a reply by itself":         {"alice@example.org", good + "Auto-Submitted: auto-replied\r\n", nil, "it is in an automatic reply"},
		"sent by itself":            {"alice@example.org", good + "Auto-Submitted: auto-generated\r\n", nil, ""},
		"gossip outside":            {"alice@example.org", strings.Replace(good, "Autocrypt:", "Autocrypt-Gossip:", 1), nil, "it holds no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			from := "From: " + c.from + "\r\n"
			r := discover.Reader{Parsers: both()}
			found, problems := r.Message("m", []byte(from+c.fields+"\r\nHello\r\n"))
			if c.why != "" {
				require.Empty(t, found)
				require.NotEmpty(t, problems)
				require.ErrorContains(t, problems[0], c.why)
				return
			}
			require.Len(t, found, 1, "%v", problems)
			require.Equal(t, "m, Autocrypt header", found[0].Source)
			require.True(t, strings.EqualFold("alice@example.org", found[0].Address), found[0].Address)
			require.Equal(t, c.notes, found[0].Notes)
		})
	}
}

// Autocrypt is about the message that came, not about one that is in it.
func TestAutocryptForwarded(t *testing.T) {
	m := someKeys(t)
	inner := "From: alice@example.org\r\nAutocrypt: addr=alice@example.org; keydata=" + folded(m.alice) + "\r\n\r\nHello\r\n"
	for outer, want := range map[string]int{
		"": 1,
		"From: bob@example.org\r\nContent-Type: message/rfc822\r\n\r\n": 0,
	} {
		r := discover.Reader{Parsers: both()}
		found, _ := r.Message("m", []byte(outer+inner))
		require.Len(t, found, want)
	}
}

// Gossip is about those who got the message, once for each.
func TestAutocryptGossip(t *testing.T) {
	m := someKeys(t)
	gossip := func(address string) string {
		return "Autocrypt-Gossip: addr=" + address + "; keydata=" + folded(m.alice) + "\r\n"
	}
	body := "Content-Type: text/plain\r\n\r\nHello\r\n"
	for name, c := range map[string]struct {
		payload string
		to      []string
		found   []string
		why     string
	}{
		"about a recipient":      {gossip("bob@example.org") + body, []string{"bob@example.org"}, []string{"bob@example.org"}, ""},
		"in another case":        {gossip("bob@example.org") + body, []string{"Bob@EXAMPLE.org"}, []string{"bob@example.org"}, ""},
		"about both":             {gossip("bob@example.org") + gossip("carol@example.org") + body, []string{"carol@example.org", "bob@example.org"}, []string{"bob@example.org", "carol@example.org"}, ""},
		"about somebody else":    {gossip("mallory@example.org") + body, []string{"bob@example.org"}, nil, "to whom the message was not sent"},
		"about nobody":           {gossip("") + body, []string{""}, nil, "it lacks the address"},
		"no recipients":          {gossip("bob@example.org") + body, nil, nil, "to whom the message was not sent"},
		"twice about one":        {gossip("bob@example.org") + gossip("Bob@example.org") + gossip("carol@example.org") + body, []string{"bob@example.org", "carol@example.org"}, []string{"carol@example.org"}, "there are 2 keys"},
		"one of two is critical": {gossip("bob@example.org") + strings.Replace(gossip("bob@example.org"), "addr", "new=1; addr", 1) + body, []string{"bob@example.org"}, []string{"bob@example.org"}, `"new", which is not known`},
		"not in its header":      {"Content-Type: text/plain\r\n\r\n" + gossip("bob@example.org"), []string{"bob@example.org"}, nil, "it holds no certificate"},
		"no header":              {"Hello\r\n", []string{"bob@example.org"}, nil, "it does not begin with the header"},
	} {
		t.Run(name, func(t *testing.T) {
			r := discover.Reader{Parsers: both()}
			found, problems := r.AutocryptGossip("m", []byte(c.payload), c.to...)
			var addresses []string
			for _, f := range found {
				addresses = append(addresses, f.Address)
				require.Equal(t, []string{"told by the sender of a message of one of its other recipients"}, f.Notes)
			}
			require.Equal(t, c.found, addresses)
			if c.why == "" {
				require.Empty(t, problems)
			} else {
				require.Len(t, problems, 1)
				require.ErrorContains(t, problems[0], c.why)
			}
		})
	}
}

// Headers end, however they are made.
func TestHeaderLimits(t *testing.T) {
	m := someKeys(t)
	r := discover.Reader{Parsers: both()}
	tail := "From: alice@example.org\r\n\r\n" + string(m.aliceArmored)
	for name, c := range map[string]struct {
		head string
		ok   bool
	}{
		"4,999 fields":     {strings.Repeat("A: b\r\n", 4999), true},
		"5,000 fields":     {strings.Repeat("A: b\r\n", 5000), false},
		"a line of 3 MiB":  {"A: " + strings.Repeat("b", 3<<20) + "\r\n", true},
		"a line of 4 MiB":  {"A: " + strings.Repeat("b", 4<<20) + "\r\n", false},
		"folded 4 MiB":     {"A: b\r\n" + strings.Repeat(" b\r\n", 1<<20), false},
		"begins folded":    {" b\r\n", false},
		"a space in it":    {"A b: c\r\n", false},
		"a space behind":   {"A : c\r\n", true},
		"no name":          {": c\r\n", false},
		"of a mail box":    {"From alice Mon Jan  1 00:00:00 2024\r\n", true},
		"one too many box": {"From alice\r\nFrom alice\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			found, problems := r.Message("m", []byte(c.head+tail))
			require.Equal(t, c.ok, len(found) == 1 && found[0].Address == "alice@example.org", fmt.Sprint(problems))
		})
	}
}

// Many fields about many recipients are read in the time of both together: one
// by one it would be minutes.
func TestAutocryptGossipMany(t *testing.T) {
	const keys, others = 4000, 100_000
	to := make([]string, others)
	for i := range to {
		to[i] = fmt.Sprintf("r%d@example.org", i)
	}
	var payload strings.Builder
	for i := range keys {
		fmt.Fprintf(&payload, "Autocrypt-Gossip: addr=s%d@example.org; keydata=%s\r\n", i, base64.StdEncoding.EncodeToString([]byte{0xC6, 1, 4}))
	}
	r := discover.Reader{Parsers: both()}
	found, problems := r.AutocryptGossip("m", []byte(payload.String()+"\r\n"), to...)
	require.Empty(t, found)
	require.Len(t, problems, 1001)
	require.ErrorContains(t, problems[0], "to whom the message was not sent")
}
