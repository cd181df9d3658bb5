package smime_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// impostor has a certificate with the name, the serial number and the key
// identifier of p's, and a key of its own.
func impostor(p *person, k crypto.Signer) *person {
	x := must(x509.ParseCertificate(p.key.Certificate().Marshal()))
	t := &x509.Certificate{
		SerialNumber: x.SerialNumber, RawSubject: x.RawSubject, SubjectKeyId: x.SubjectKeyId,
		NotBefore: x.NotBefore, NotAfter: x.NotAfter, KeyUsage: x.KeyUsage, ExtKeyUsage: x.ExtKeyUsage, EmailAddresses: x.EmailAddresses,
	}
	return personOf(p.name, must(x509.CreateCertificate(rand.Reader, t, t, k.Public(), k)), k)
}

// A signature by a certificate that calls itself what a sender's is called is
// by somebody else, however often it is there.
func TestImpostor(t *testing.T) {
	who := fresh["P-256"]()
	eve := impostor(who, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)))
	msg := sealed(t, envelope.Sealer{Profile: envelope.Compatible, Signers: eve.signers()}, []byte("pay me"), who.verified)
	for _, c := range []struct {
		senders []*keyring.Verified
		by      *keyring.Verified
	}{
		{who.senders(), nil},
		{slices.Concat(who.senders(), who.senders()), nil},
		{slices.Concat(who.senders(), eve.senders()), eve.verified},
	} {
		o := envelope.Opener{Identities: who.identities(), Senders: c.senders, RequireSignature: true}
		got, _, err := open(o, bytes.NewReader(msg))
		if c.by == nil {
			require.ErrorIs(t, err, envelope.ErrSignature)
			require.Empty(t, got)
		} else {
			require.NoError(t, err)
		}
		o.RequireSignature = false
		_, r, err := open(o, bytes.NewReader(msg))
		require.NoError(t, err)
		require.Equal(t, c.by, r.Signatures[0].Sender)
	}
}

// A recipient that names a certificate and asks for another kind of key than
// the certificate's can be seen to be impossible without one.
func TestOtherKindOfKey(t *testing.T) {
	ec := fresh["P-256"]()
	rsa := impostor(ec, smime.FixedRSA("rsa2048"))
	for _, c := range []struct {
		seal, open *person
		ok         bool
	}{{ec, ec, true}, {rsa, rsa, true}, {ec, rsa, false}, {rsa, ec, false}} {
		for _, v15 := range []bool{false, true} {
			sd := message(signedParts{by: ec, content: []byte("text")}.bytes(t))
			msg := crafted{to: c.seal, cbc: true, v15: v15, plain: sd}.bytes(t)
			got, _, err := open(envelope.Opener{Identities: c.open.identities()}, bytes.NewReader(msg))
			if c.ok {
				require.NoError(t, err)
				require.Equal(t, "text", string(got))
				continue
			}
			require.ErrorIs(t, err, envelope.ErrFormat)
			require.ErrorContains(t, err, "another kind of key")
		}
	}
}

// TestSecretMutations changes what only a private key can judge, in every octet
// and at random, and in every kind of message: there is one error value.
func TestSecretMutations(t *testing.T) {
	t.Parallel()
	allowed(t, "AES-GCM")
	signer := fresh["P-256"]()
	sd := message(signedParts{by: signer, content: []byte("text")}.bytes(t))
	cek := bytes.Repeat([]byte{0x42}, 32)
	other := newPerson("other", smime.FixedRSA("rsa2048"))
	tried := 0
	for _, to := range []*person{signer, other} {
		for _, v15 := range []bool{false, true} {
			for _, cbc := range []bool{false, true} {
				if v15 && to == signer {
					continue
				}
				ri := must(smime.WrapFor(to.key.Certificate(), cek, v15))
				good := crafted{to: to, cbc: cbc, plain: sd, infos: [][]byte{ri}}
				try := func(c crafted, ok bool) {
					tried++
					got, _, err := open(envelope.Opener{Identities: to.identities()}, bytes.NewReader(c.bytes(t)))
					if ok {
						require.NoError(t, err)
						return
					}
					require.True(t, err == envelope.ErrDecrypt, "%v", err)
					require.Empty(t, got)
				}
				try(good, true)
				// The encrypted key is at the end of a RecipientInfo.
				size := map[bool]int{true: 40, false: 256}[to == signer]
				step, every := map[bool]int{true: 1, false: 11}[to == signer], 7
				if race {
					step, every = 4*step, 4*every
				}
				for i := len(ri) - size; i < len(ri); i += step {
					bad := bytes.Clone(ri)
					bad[i] ^= 1 << (i % 8)
					c := good
					c.infos = [][]byte{bad}
					try(c, false)
				}
				for i := 0; i < len(sd); i += every {
					c := good
					c.content = func(ct []byte) []byte { ct[i] ^= 1 << (i % 8); return tlv(0x80, ct) }
					try(c, false)
				}
				for n := range 16 {
					c := good
					c.content = func(ct []byte) []byte { return tlv(0x80, ct[:len(ct)-n-1]) }
					try(c, false)
					c.content = func(ct []byte) []byte { return tlv(0x80, ct, make([]byte, 16*n+16)) }
					try(c, false)
					if !cbc {
						c.content, c.mac = nil, func(tag []byte) []byte { tag[n] ^= 0x80; return tlv(4, tag) }
						try(c, false)
					}
				}
			}
		}
	}
	t.Logf("%d messages", tried)
	require.Greater(t, tried, map[bool]int{false: 1000, true: 300}[race])
}

// TestInnerForms: what is put around a signed message inside CBC comes out as
// the signed octets, or not at all. Nothing before, behind or beside what was
// signed is released, and in GCM it is released only as it is.
func TestInnerForms(t *testing.T) {
	t.Parallel()
	who := fresh["P-256"]()
	text := []byte("signed text")
	bare := signedParts{by: who, content: text}.bytes(t)
	sd := message(bare)
	var b64 bytes.Buffer
	w := smime.NewMIMEBase64(&b64)
	must(w.Write(sd))
	require.NoError(t, w.Close())
	const head = "Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n"
	entity := func(headers string, body []byte, rest ...string) []byte {
		return []byte(headers + "\r\n" + string(body) + strings.Join(rest, ""))
	}
	const cte = "Content-Transfer-Encoding: base64\r\n"
	for name, c := range map[string]struct {
		plain       []byte
		contentType []byte
		ok          bool // in CBC
	}{
		"SignedData":                      {bare, signedOID, true},
		"ContentInfo":                     {sd, data, true},
		"ContentInfo as id-signedData":    {sd, signedOID, true},
		"SignedData as data":              {bare, data, false},
		"an octet behind":                 {append(bytes.Clone(sd), 0), data, false},
		"an octet before":                 {append([]byte{0}, sd...), data, false},
		"two":                             {slices.Concat(sd, sd), data, false},
		"two, bare":                       {slices.Concat(bare, bare), signedOID, false},
		"end-of-contents behind":          {append(bytes.Clone(bare), 0, 0), signedOID, false},
		"base64":                          {entity(head+cte, b64.Bytes()), data, true},
		"binary":                          {entity(head, sd), data, true},
		"base64 as id-signedData":         {entity(head+cte, b64.Bytes()), signedOID, false},
		"text behind base64":              {entity(head+cte, b64.Bytes(), "and more"), data, false},
		"blank lines behind base64":       {entity(head+cte, b64.Bytes(), "\r\n \t\r\n"), data, true},
		"a line end behind binary":        {entity(head, sd, "\r\n"), data, false},
		"garbage in base64":               {entity(head+cte, bytes.Replace(b64.Bytes(), []byte("\r\n"), []byte("*\r\n"), 1)), data, false},
		"base64 twice":                    {entity(head+cte, slices.Concat(b64.Bytes(), b64.Bytes())), data, false},
		"two encodings":                   {entity(head+cte+"Content-Transfer-Encoding: binary\r\n", b64.Bytes()), data, false},
		"two types":                       {entity(head+cte+"Content-Type: text/plain\r\n", b64.Bytes()), data, false},
		"two types, the other first":      {entity("Content-Type: text/plain\r\n"+head+cte, b64.Bytes()), data, false},
		"folded type":                     {entity("Content-Type: application/pkcs7-mime;\r\n smime-type=signed-data\r\n"+cte, b64.Bytes()), data, true},
		"another smime-type":              {entity("Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n"+cte, b64.Bytes()), data, false},
		"smime-type twice":                {entity("Content-Type: application/pkcs7-mime; smime-type=signed-data; smime-type=certs-only\r\n"+cte, b64.Bytes()), data, false},
		"text before":                     {append([]byte("Dear Bob,\r\n\r\n"), entity(head+cte, b64.Bytes())...), data, false},
		"a blank line before":             {append([]byte("\r\n"), entity(head+cte, b64.Bytes())...), data, false},
		"multipart":                       {append([]byte("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"), entity(head+cte, b64.Bytes(), "\r\n--x--\r\n")...), data, false},
		"a header line that is none":      {entity("what is this\r\n"+head+cte, b64.Bytes()), data, false},
		"a header of 16 KiB":              {entity(head+cte+"X: "+strings.Repeat("x", 16<<10-len(head+cte)-7)+"\r\n", b64.Bytes()), data, true},
		"a header of 16 KiB and an octet": {entity(head+cte+"X: "+strings.Repeat("x", 16<<10-len(head+cte)-6)+"\r\n", b64.Bytes()), data, false},
		"no body":                         {entity(head+cte, nil), data, false},
		"detached":                        {message(signedParts{by: who, content: text, eContent: func([]byte) []byte { return nil }}.bytes(t)), data, false},
		"no signer":                       {message(signedParts{by: who, content: text, infos: [][]byte{}}.bytes(t)), data, false},
		"signed for another content":      {message(signedParts{by: who, content: text, signs: []byte("another")}.bytes(t)), data, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, pipes := range []bool{false, true} {
				msg := crafted{to: who, cbc: true, plain: c.plain, contentType: c.contentType}.bytes(t)
				o := envelope.Opener{Identities: who.identities(), Senders: who.senders()}
				src := fmt.Sprint(pipes)
				got, r, err := open(o, source(msg, pipes))
				if c.ok {
					require.NoError(t, err, src)
					require.Equal(t, text, got, src)
					require.Same(t, who.verified, r.Signatures[0].Sender, src)
				} else {
					require.True(t, err == envelope.ErrDecrypt, "%v", err)
					require.Empty(t, got, src)
				}
			}
		})
	}
	allowed(t, "AES-GCM")
	for _, plain := range [][]byte{sd, append([]byte("Dear Bob,\r\n\r\n"), entity(head+cte, b64.Bytes())...), entity(head+cte, b64.Bytes(), "and more")} {
		got, r, err := open(envelope.Opener{Identities: who.identities(), Senders: who.senders()}, bytes.NewReader(crafted{to: who, plain: plain}.bytes(t)))
		require.NoError(t, err)
		require.Equal(t, plain, got, "authentic content that is no signed entity is a file")
		require.Empty(t, r.Signatures)
	}
}

// Authenticated attributes are counted.
func TestManyAuthenticatedAttributes(t *testing.T) {
	who := fresh["P-256"]()
	for n, ok := range map[int]bool{64: true, 65: false} {
		var attrs [][]byte
		for i := range n {
			attrs = append(attrs, attribute(oidOf("\x2a\x03"+string(rune(i))), tlv(5)))
		}
		c := crafted{to: who, plain: []byte("text"), attrs: tlv(0xa1, attrs...)}
		_, _, err := open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(c.bytes(t)))
		if ok {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, envelope.ErrLimit)
		}
	}
}
