package smime_test

import (
	"bytes"
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mozilla.org/pkcs7"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/smime"
)

// TestMozillaPKCS7 holds messages against an implementation that shares no
// code with this one. It is only fed with well-formed messages.
func TestMozillaPKCS7(t *testing.T) {
	allowed(t, "RSA PKCS#1 v1.5 encryption")
	key := smime.FixedRSA("rsa2048")
	who := newPerson("peer", key)
	cert, err := x509.ParseCertificate(who.key.Certificate().Marshal())
	require.NoError(t, err)
	// Of content in several segments it reads the first only.
	text := bytes.Repeat([]byte("content\r\n"), 5_000)

	// It reads what we sign, and seal.
	p, err := pkcs7.Parse(signedMessage(t, envelope.Sealer{Signers: who.signers()}, text, false))
	require.NoError(t, err)
	require.NoError(t, p.Verify())
	require.True(t, bytes.Equal(text, p.Content))
	p, err = pkcs7.Parse(signedMessage(t, envelope.Sealer{Signers: who.signers()}, text, true))
	require.NoError(t, err)
	p.Content = text
	require.NoError(t, p.Verify())
	p.Content = text[1:]
	require.Error(t, p.Verify())
	cbc := envelope.Sealer{Profile: envelope.Compatible, Legacy: envelope.Legacy{UnauthenticatedCBC: true}}
	p, err = pkcs7.Parse(sealed(t, cbc, text[:1000], who.verified))
	require.NoError(t, err)
	got, err := p.Decrypt(cert, key)
	require.NoError(t, err)
	require.True(t, bytes.Equal(text[:1000], got))

	// We read what it signs, and seals.
	sd, err := pkcs7.NewSignedData(text)
	require.NoError(t, err)
	sd.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	require.NoError(t, sd.AddSigner(cert, key, pkcs7.SignerInfoConfig{}))
	opaque, err := sd.Finish()
	require.NoError(t, err)
	got, _, err = verify(envelope.Opener{Senders: who.senders()}, bytes.NewReader(opaque))
	require.NoError(t, err)
	require.True(t, bytes.Equal(text, got))

	// The package chooses the algorithm by a variable.
	pkcs7.ContentEncryptionAlgorithm = pkcs7.EncryptionAlgorithmAES256CBC
	msg, err := pkcs7.Encrypt(opaque, []*x509.Certificate{cert})
	require.NoError(t, err)
	got, r, err := open(envelope.Opener{Identities: who.identities(), Senders: who.senders(), RequireSignature: true}, bytes.NewReader(msg))
	require.NoError(t, err)
	require.True(t, bytes.Equal(text, got))
	require.Equal(t, "AES-256-CBC", r.Content)

	// It puts AES-GCM into EnvelopedData, where there is no place for the tag.
	pkcs7.ContentEncryptionAlgorithm = pkcs7.EncryptionAlgorithmAES256GCM
	msg, err = pkcs7.Encrypt(opaque, []*x509.Certificate{cert})
	require.NoError(t, err)
	_, _, err = open(envelope.Opener{Identities: who.identities()}, bytes.NewReader(msg))
	require.ErrorIs(t, err, envelope.ErrFormat)
}
