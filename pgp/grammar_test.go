package pgp_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// Every message that breaks the grammar of RFC 9580, Section 10.3, is refused,
// inside SEIPDv1, SEIPDv2 and where it is only signed; what differs from it in
// one thing and keeps the grammar is read.
func TestGrammar(t *testing.T) {
	k := key(t, "v6")
	k4 := key(t, "curve25519")
	const text = "The whole text.\n"
	lit := literal(text)
	ops, sig := signature{by: k}.make(t, text)
	ops4, sig4 := signature{by: k4}.make(t, text)
	marker, padding := pkt(10, []byte("PGP")), pkt(21, make([]byte, 3000))
	zip := func(ps ...[]byte) []byte { return compressed(t, 1, cat(ps...)) }
	zlib := func(ps ...[]byte) []byte { return compressed(t, 2, cat(ps...)) }
	part := func(n int, parts ...string) []byte { // a literal packet in parts
		b := []byte{0xC0 | 11}
		for _, p := range parts[:len(parts)-1] {
			require.Equal(t, 1<<n, len(p))
			b = append(append(b, 224+byte(n)), p...)
			n = 4
		}
		last := parts[len(parts)-1]
		return append(append(b, byte(len(last))), last...)
	}
	head := "b\x00\x00\x00\x00\x00"
	tests := []struct {
		name   string
		inside []byte
		bad    bool
		sealed bool // differs only where it is sealed: without a signature
	}{
		{"literal", lit, false, true},
		{"two literals", cat(lit, lit), true, true},
		{"nothing", nil, true, true},
		{"marker and literal", cat(marker, lit), false, true},
		{"literal and marker", cat(lit, marker), false, true},
		{"marker only", marker, true, true},
		{"padding and literal", cat(padding, lit), false, true},
		{"literal and padding", cat(lit, padding), false, true},
		{"private packet and literal", cat(pkt(60, []byte("x")), lit), false, true},
		{"unknown critical packet and literal", cat(pkt(39, []byte("x")), lit), true, true},
		{"user ID and literal", cat(pkt(13, []byte("x")), lit), true, true},
		{"reserved packet and literal", cat(pkt(0, []byte("x")), lit), true, true},
		{"octet that begins no packet", cat(lit, []byte{0x7F}), true, true},
		{"literal without its end", lit[:len(lit)-1], true, true},
		{"literal of another type", pkt(11, []byte("x\x00\x00\x00\x00\x00x")), true, true},
		{"text literal", pkt(11, []byte("t\x00\x00\x00\x00\x00"), []byte(text)), false, true},
		{"literal with a name", pkt(11, []byte("b\x03../\x00\x00\x00\x00"), []byte(text)), false, true},
		{"literal too short for its name", pkt(11, []byte("b\x09../")), true, true},
		{"first part of 512", part(9, head+strings.Repeat("x", 506), ""), false, true},
		{"first part of 256", part(8, head+strings.Repeat("x", 250), ""), true, true},
		{"part without a last", part(9, head+strings.Repeat("x", 506), "")[:514], true, true},
		{"another message inside", craft{}.seal(t, k, lit), true, true},

		{"signed", cat(ops, lit, sig), false, false},
		{"signature missing", cat(ops, lit), true, false},
		{"one-pass signature missing", cat(lit, sig), true, false},
		{"signature before", cat(sig, lit), false, false},
		{"signed twice", cat(ops4, ops, lit, sig, sig4), false, false},
		{"signed twice, one missing", cat(ops4, ops, lit, sig), true, false},
		{"one signature too many", cat(ops, lit, sig, sig), true, false},
		{"signed, second literal", cat(ops, lit, sig, lit), true, false},
		{"literal before what is signed", cat(lit, ops, lit, sig), true, false},
		{"signed, padded", cat(ops, marker, lit, padding, sig, padding), false, false},
		{"no content", cat(ops, sig), true, false},
		{"one-pass signature cut", cat(pkt(4, ops[2:10]), lit, sig), true, false},

		{"zip of all", zip(ops, lit, sig), false, false},
		{"zip of the literal", cat(ops, zip(lit), sig), false, false},
		{"zlib of all", zlib(ops, lit, sig), false, false},
		{"not compressed", compressed(t, 0, cat(ops, lit, sig)), false, false},
		{"zip of zip", zip(zip(ops, lit, sig)), true, false},
		{"zip of zip of the literal", cat(ops, zip(zip(lit)), sig), true, false},
		{"zip and literal", cat(zip(ops, lit, sig), lit), true, false},
		{"two zips", cat(zip(ops, lit, sig), zip(ops, lit, sig)), true, false},
		{"zip of two literals", zip(ops, lit, lit, sig), true, false},
		{"zip that opens, signature outside", cat(zip(ops, lit), sig), false, false},
		{"zip and padding in its packet", pkt(8, zipped(t, cat(ops, lit, sig)), make([]byte, 100)), false, false},
		{"zip, damaged", pkt(8, []byte("\x01\xff\xff\xff")), true, false},
		{"zip, empty", pkt(8), true, false},
		{"unknown compression", pkt(8, []byte{9}, lit), true, false},
	}
	for _, tt := range tests {
		for _, v2 := range []bool{false, true} {
			t.Run(tt.name+"/"+map[bool]string{true: "SEIPDv2", false: "SEIPDv1"}[v2], func(t *testing.T) {
				msg := craft{v2: v2}.seal(t, k, tt.inside)
				o := opener(k)
				o.Senders = []*keyring.Verified{verified(t, k), verified(t, k4)}
				got, _, err := open(o, bytes.NewReader(msg))
				if tt.bad {
					require.Equal(t, envelope.ErrDecrypt, err)
					if !v2 {
						require.Empty(t, got)
					}
					return
				}
				require.NoError(t, err)
				require.NotEmpty(t, got)
			})
		}
		t.Run(tt.name+"/only signed", func(t *testing.T) {
			o := &envelope.Opener{Senders: []*keyring.Verified{verified(t, k), verified(t, k4)}}
			m, err := o.Verify(bytes.NewReader(tt.inside))
			if tt.bad || tt.sealed {
				require.ErrorIs(t, err, envelope.ErrFormat)
				return
			}
			require.NoError(t, err)
			got, err := io.ReadAll(m)
			require.NoError(t, err)
			require.Equal(t, text, string(got))
			require.NoError(t, m.Close())
			r, err := envelope.Inspect(bytes.NewReader(tt.inside), formatOf())
			require.NoError(t, err)
			require.False(t, r.Encrypted)
			require.NotEmpty(t, r.Signatures)
		})
	}
}

// What follows a message is refused, binary and armored: it is outside of
// everything that was authenticated.
func TestNothingFollows(t *testing.T) {
	k := key(t, "curve25519")
	for _, armor := range []bool{false, true} {
		msg, _ := seal(t, &envelope.Sealer{Armor: armor}, []byte("text"), verified(t, k))
		for name, tail := range map[string]string{
			"nothing": "", "octet": "x", "packet": string(literal("x")), "marker": string(pkt(10, []byte("PGP"))), "padding": string(pkt(21, []byte("x"))),
			"message": string(msg), "line end": "\n", "white space": " \r\n\t\n",
		} {
			good := tail == "" || name == "marker" && !armor || name == "padding" && !armor || armor && strings.TrimSpace(tail) == ""
			got, _, err := open(opener(k), strings.NewReader(string(msg)+tail))
			_, ierr := envelope.Inspect(strings.NewReader(string(msg)+tail), formatOf())
			if good {
				require.NoError(t, err, name)
				require.NoError(t, ierr, name)
				require.Equal(t, "text", string(got))
				continue
			}
			require.ErrorIs(t, err, envelope.ErrFormat, name)
			require.ErrorIs(t, ierr, envelope.ErrFormat, name)
			require.Empty(t, got)
		}
	}
}

// zipped is the body of a compressed packet.
func zipped(t *testing.T, inside []byte) []byte {
	const header = 6 // of the packets that press makes
	return press(t, 1, inside)[header:]
}
