package pgp

import (
	"bytes"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// iterated, salted, unsalted and argon2 are string-to-key specifiers.
func iterated(hash, count byte) []byte {
	return append(append([]byte{s2kIterated, hash}, "saltsalt"...), count)
}
func salted(hash byte) []byte   { return append([]byte{s2kSalted, hash}, "saltsalt"...) }
func unsalted(hash byte) []byte { return []byte{s2kSimple, hash} }
func argon2(passes, lanes, memory byte) []byte {
	return append(append([]byte{s2kArgon2}, "sixteen octets.."...), passes, lanes, memory)
}

// body6 is a packet of version 6 with counts that are right.
func body6(cipher, mode byte, nonce, key int, spec []byte) []byte {
	b := append([]byte{6, byte(3 + len(spec) + nonce), cipher, mode, byte(len(spec))}, spec...)
	return append(b, make([]byte, nonce+key)...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// TestParsePassword: each packet that is refused differs in one thing from one
// that is not.
func TestParsePassword(t *testing.T) {
	good6, with := body6(9, 2, 15, 48, argon2(3, 4, 16)), func(b []byte, at int, v byte) []byte {
		b = bytes.Clone(b)
		b[at] = v
		return b
	}
	for name, c := range map[string]struct {
		body []byte
		want string // Algorithm
		ok   bool
	}{
		"gpg -c":                   {join([]byte{4, 9}, iterated(8, 255)), "S2K iterated SHA-256, AES-256", true},
		"gpg -c, SHA-1":            {join([]byte{4, 7}, iterated(2, 96)), "S2K iterated SHA-1, AES-128", true},
		"salted":                   {join([]byte{4, 9}, salted(10)), "S2K salted SHA-512, AES-256", true},
		"simple":                   {join([]byte{4, 9}, unsalted(8)), "S2K, AES-256", false},
		"MD5":                      {join([]byte{4, 9}, salted(1)), "S2K salted MD5, AES-256", false},
		"CAST5":                    {join([]byte{4, 3}, salted(8)), "S2K salted SHA-256, CAST5", true},
		"triple DES":               {join([]byte{4, 2}, salted(8)), "S2K salted SHA-256, triple DES", true},
		"IDEA":                     {join([]byte{4, 1}, salted(8)), "unknown", false},
		"Blowfish":                 {join([]byte{4, 4}, salted(8)), "unknown", false},
		"specifier 2":              {join([]byte{4, 9}, with(salted(8), 0, 2)), "unknown", false},
		"GnuPG's":                  {join([]byte{4, 9, 101, 8}, []byte("GNU\x01")), "unknown", false},
		"cut specifier":            {join([]byte{4, 9}, salted(8))[:11], "unknown", false},
		"with a key of 32":         {join([]byte{4, 9}, salted(8), make([]byte, 33)), "S2K salted SHA-256, AES-256", true},
		"with a key of 24":         {join([]byte{4, 9}, salted(8), make([]byte, 25)), "S2K salted SHA-256, AES-256", true},
		"with a key of 16":         {join([]byte{4, 9}, salted(8), make([]byte, 17)), "S2K salted SHA-256, AES-256", true},
		"with a key of 15":         {join([]byte{4, 9}, salted(8), make([]byte, 16)), "S2K salted SHA-256, AES-256", false},
		"with a key of 33":         {join([]byte{4, 9}, salted(8), make([]byte, 34)), "S2K salted SHA-256, AES-256", false},
		"with one octet":           {join([]byte{4, 9}, salted(8), make([]byte, 1)), "S2K salted SHA-256, AES-256", false},
		"version 6":                {good6, "Argon2, AES-256-OCB", true},
		"version 6, EAX":           {body6(9, 1, 16, 48, salted(8)), "S2K salted SHA-256, AES-256-EAX", true},
		"version 6, GCM, AES-128":  {body6(7, 3, 12, 32, salted(8)), "S2K salted SHA-256, AES-128-GCM", true},
		"mode 0":                   {with(good6, 3, 0), "unknown", false},
		"mode 4":                   {with(good6, 3, 4), "unknown", false},
		"cipher 10":                {with(good6, 2, 10), "unknown", false},
		"first count too large":    {with(good6, 1, good6[1]+1), "Argon2, AES-256-OCB", false},
		"first count too small":    {with(good6, 1, good6[1]-1), "Argon2, AES-256-OCB", false},
		"second count wrong":       {with(good6, 4, 19), "unknown", false},
		"no session key":           {body6(9, 2, 15, 0, argon2(3, 4, 16)), "Argon2, AES-256-OCB", false},
		"tag alone":                {body6(9, 2, 15, 16, argon2(3, 4, 16)), "Argon2, AES-256-OCB", false},
		"one octet more":           {body6(9, 2, 15, 49, argon2(3, 4, 16)), "Argon2, AES-256-OCB", false},
		"cut nonce":                {good6[:30], "unknown", false},
		"LibrePGP":                 {join([]byte{5, 9, 2}, salted(8), make([]byte, 15+48)), "S2K salted SHA-256, AES-256-OCB", true},
		"LibrePGP without its key": {join([]byte{5, 9, 2}, salted(8), make([]byte, 15)), "S2K salted SHA-256, AES-256-OCB", false},
		"version 7":                {with(good6, 0, 7), "unknown", false},
		"version 0":                {with(good6, 0, 0), "unknown", false},
		"one octet":                {[]byte{4}, "unknown", false},
		"nothing":                  {nil, "unknown", false},
	} {
		p := parsePassword(c.body)
		require.Equal(t, c.ok, p.refuse == nil, "%s: %v", name, p.refuse)
		require.Equal(t, c.want, p.recipient().Algorithm, name)
		require.Equal(t, "passphrase", p.recipient().ID)
		if !c.ok {
			require.ErrorIs(t, p.refuse, envelope.ErrFormat, name)
		}
	}
}

// aesOnly is what is read without a name in Legacy.
func aesOnly(c packet.CipherFunction) bool { return cipherName(c) != "" }

// TestPasswordCost: what a message asks for is added up before any of it is
// computed.
func TestPasswordCost(t *testing.T) {
	v4 := func(spec []byte) []byte { return join([]byte{4, 9}, spec) }
	many := func(n int, body []byte) (all [][]byte) {
		for range n {
			all = append(all, body)
		}
		return all
	}
	full, half := v4(iterated(8, 255)), v4(iterated(8, 239)) // 65,011,712 octets, and half of them
	for name, c := range map[string]struct {
		bodies      [][]byte
		passphrases int
		what        string
	}{
		"eight":                      {many(8, v4(salted(8))), 8, ""},
		"nine":                       {many(9, v4(salted(8))), 1, "passphrase packets in one message"},
		"nine and no passphrase":     {many(9, v4(salted(8))), 0, ""},
		"sixteen tries":              {many(2, full), 8, ""},
		"as much as may be":          {append(many(2, full), v4(iterated(8, 0xC0))), 8, ""}, // 8 times 4,194,304 octets more
		"one step more":              {append(many(2, full), v4(iterated(8, 0xC1))), 8, "octets hashed for the passphrases of one message"},
		"thirty-two of half":         {many(8, half), 4, ""},
		"forty of half":              {many(8, half), 5, "octets hashed for the passphrases of one message"},
		"two digests of SHA-1":       {many(8, v4(iterated(2, 255))), 1, ""},
		"and two passphrases":        {many(8, v4(iterated(2, 255))), 2, "octets hashed for the passphrases of one message"},
		"two digests of SHA-224":     {many(8, v4(iterated(11, 255))), 2, "octets hashed for the passphrases of one message"},
		"one digest of SHA-512":      {many(8, v4(iterated(10, 255))), 2, ""},
		"Argon2":                     {many(2, v4(argon2(3, 4, 16))), 8, ""},
		"Argon2, three packets":      {many(3, v4(argon2(3, 4, 16))), 8, "KiB times passes of Argon2 for the passphrases of one message"},
		"256 MiB, ten passes":        {many(1, v4(argon2(10, 16, 18))), 1, ""},
		"256 MiB, ten passes, twice": {many(2, v4(argon2(10, 16, 18))), 1, "KiB times passes of Argon2 for the passphrases of one message"},
		"512 MiB":                    {many(1, v4(argon2(1, 4, 19))), 1, "KiB of Argon2 memory"},
		"2 TiB":                      {many(1, v4(argon2(1, 4, 31))), 1, "KiB of Argon2 memory"},
		"2 TiB beside a cheap one":   {[][]byte{v4(salted(8)), v4(argon2(1, 4, 31))}, 1, "KiB of Argon2 memory"},
		"2 TiB and no passphrase":    {many(1, v4(argon2(1, 4, 31))), 0, ""},
		"eleven passes":              {many(1, v4(argon2(11, 4, 16))), 1, "passes of Argon2"},
		"seventeen lanes":            {many(1, v4(argon2(1, 17, 16))), 1, "lanes of Argon2"},
	} {
		var all passwords
		for _, b := range c.bodies {
			all.add(parsePassword(b))
		}
		_, err := all.tried(containerV1, c.passphrases, aesOnly)
		if c.what == "" {
			require.NoError(t, err, name)
			continue
		}
		var limit *envelope.LimitError
		require.ErrorAs(t, err, &limit, name)
		require.Equal(t, c.what, limit.What, name)
	}
}

// TestPasswordPairing: which version serves which container.
func TestPasswordPairing(t *testing.T) {
	bodies := map[byte][]byte{
		4: join([]byte{4, 9}, salted(8)), 5: join([]byte{5, 9, 2}, salted(8), make([]byte, 63)), 6: body6(9, 2, 15, 48, salted(8)),
	}
	for container, serves := range map[string][]byte{containerV1: {4}, containerV2: {6}, containerLibre: {4, 5}, "SED": {4}} {
		for v, b := range bodies {
			var all passwords
			all.add(parsePassword(b))
			got, err := all.tried(container, 1, aesOnly)
			if bytes.IndexByte(serves, v) >= 0 {
				require.NoError(t, err)
				require.Len(t, got, 1)
				continue
			}
			require.ErrorIs(t, err, envelope.ErrFormat, "version %d, %s", v, container)
			require.Empty(t, got)
		}
	}
	var all passwords
	for range 3 {
		for range 100_000 {
			all.add(&password{version: 4})
			all.add(&password{version: 9})
		}
	}
	require.Len(t, all.list, maxPasswords+1, "packets of a flood are kept")
}

// TestWrittenCost: what room counts is what a packet that was written says.
func TestWrittenCost(t *testing.T) {
	for _, v2 := range []bool{false, true} {
		b, r, err := wrapForPassphrase([]byte("x"), packet.CipherAES256, v2, make([]byte, 32))
		require.NoError(t, err)
		p := parsePassword(b[2:])
		require.NoError(t, p.refuse)
		require.Equal(t, writtenCost(v2), p.cost)
		require.Equal(t, p.recipient(), r)
		require.EqualValues(t, len(b)-2, b[1])
		require.Less(t, b[1], byte(192), "a length of one octet")
	}
}

// FuzzParsePassword: nothing panics, nothing that is tried costs more than is
// allowed or has a key of another size than AES, and every octet is accounted for.
func FuzzParsePassword(f *testing.F) {
	for _, v2 := range []bool{false, true} {
		b, _, err := wrapForPassphrase([]byte("x"), packet.CipherAES256, v2, make([]byte, 32))
		require.NoError(f, err)
		f.Add(b[2:])
	}
	f.Add(join([]byte{4, 9}, argon2(1, 4, 31), make([]byte, 33)))
	f.Add(join([]byte{5, 9, 1}, salted(2), make([]byte, 64)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p := parsePassword(raw)
		p.recipient()
		if p.refuse != nil {
			return
		}
		head := map[byte]int{4: 2, 5: 3, 6: 5}[p.version]
		require.Equal(t, len(raw), head+len(p.spec)+len(p.nonce)+len(p.key))
		require.NotEmpty(t, cipherName(p.cipher)+oldName(p.cipher))
		require.LessOrEqual(t, p.cost.octets, uint64(2*65_011_712))
		require.LessOrEqual(t, p.cost.work, uint64(maxArgon2Memory*maxArgon2Passes))
		if p.cost.work > 1<<10 || p.cost.octets > 1<<20 {
			return
		}
		_, ok := p.unlock([]byte("x"), &sealed{container: containerV1})
		require.False(t, ok && p.version != 4 && len(p.key) != 48 && len(p.key) != 40 && len(p.key) != 32)
	})
}
