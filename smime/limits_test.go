package smime_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// Too much of something inside the encryption is told where the content is
// authentic, and is like all other damage where it is not.
func TestLimitsInside(t *testing.T) {
	t.Parallel()
	who := fresh["P-256"]()
	text := []byte("text")
	sd := func(signers, certs int) []byte {
		p := signedParts{by: who, content: text}
		p.infos = repeat(p.signerInfo(t), signers)
		p.certs = tlv(0xa0, repeat(who.key.Certificate().Marshal(), certs)...)
		return p.bytes(t)
	}
	deep := func(levels int) []byte {
		return signedParts{by: who, content: text, eContent: func(b []byte) []byte {
			e := tlv(4, b)
			for range levels {
				e = tlv(0x24, e)
			}
			return tlv(0xa0, e)
		}}.bytes(t)
	}
	for _, c := range []struct {
		name  string
		plain []byte
		ok    bool
	}{
		{"16 signatures", sd(16, 1), true},
		{"17 signatures", sd(17, 1), false},
		{"64 certificates", sd(1, 64), true},
		{"65 certificates", sd(1, 65), false},
		{"29 levels", deep(29), true},
		{"30 levels", deep(30), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := envelope.Opener{Identities: who.identities()}
			cbc := crafted{to: who, cbc: true, contentType: signedOID, plain: c.plain}
			gcm := crafted{to: who, contentType: signedOID, plain: c.plain, attrs: tlv(0xa1, attribute(ctAttrOID, signedOID))}
			damaged := gcm
			damaged.mac = func(tag []byte) []byte { tag[0] ^= 1; return tlv(4, tag) }
			for _, m := range []struct {
				crafted
				good bool // but for the limit
				tell bool
			}{{cbc, true, false}, {gcm, true, true}, {damaged, false, false}} {
				got, _, err := open(o, bytes.NewReader(m.bytes(t)))
				var limit *envelope.LimitError
				switch {
				case c.ok && m.good:
					require.NoError(t, err)
					require.Equal(t, text, got)
					continue
				case !c.ok && m.tell:
					require.ErrorAs(t, err, &limit)
				default:
					require.Equal(t, envelope.ErrDecrypt, err)
				}
				require.Empty(t, got)
			}
		})
	}
}
