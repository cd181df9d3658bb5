package smime_test

import (
	"bytes"
	"fmt"
	"log"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

func fingerprints(certs []*keyring.Certificate) (out []string) {
	for _, c := range certs {
		out = append(out, c.Fingerprint().String())
	}
	return out
}

func TestMarshalCertificates(t *testing.T) {
	a, b := fresh["P-256"]().key.Certificate(), fresh["RSA-3072"]().key.Certificate()
	list, err := smime.MarshalCertificates(a, b)
	require.NoError(t, err)
	again, err := smime.MarshalCertificates(b, a)
	require.NoError(t, err)
	require.Equal(t, list, again, "DER has one order")
	got, err := smime.ParseCertificates(list)
	require.NoError(t, err)
	require.ElementsMatch(t, fingerprints([]*keyring.Certificate{a, b}), fingerprints(got))
	r, err := envelope.Inspect(bytes.NewReader(list), smime.Format())
	require.NoError(t, err)
	require.Equal(t, "certs-only", r.Container)

	_, err = smime.MarshalCertificates()
	require.ErrorContains(t, err, "no certificate")
	_, err = smime.MarshalCertificates(a, nil)
	require.ErrorContains(t, err, "certificate 2")
	_, err = smime.MarshalCertificates(a, &keyring.Certificate{})
	require.ErrorContains(t, err, "certificate 2")
	many := make([]*keyring.Certificate, 65)
	for i := range many {
		many[i] = a
	}
	_, err = smime.MarshalCertificates(many...)
	require.ErrorContains(t, err, "64")
	most, err := smime.MarshalCertificates(many[:64]...)
	require.NoError(t, err)
	r, err = envelope.Inspect(bytes.NewReader(most), smime.Format())
	require.NoError(t, err)
	require.Equal(t, []string{"certificates and nothing else: 64"}, r.Findings)
}

// TestMarshalCertificatesOpenSSL: OpenSSL reads the list that we write.
func TestMarshalCertificatesOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed: certs-only messages were not held against it")
	}
	a, b := fresh["P-256"]().key.Certificate(), fresh["RSA-3072"]().key.Certificate()
	list, err := smime.MarshalCertificates(a, b)
	require.NoError(t, err)
	run := func(in []byte, args ...string) []byte {
		cmd := exec.Command(openssl, args...)
		cmd.Stdin = bytes.NewReader(in)
		out, err := cmd.Output()
		require.NoError(t, err)
		return out
	}
	got, err := smime.ParseCertificates(run(list, "pkcs7", "-inform", "DER", "-print_certs"))
	require.NoError(t, err)
	require.ElementsMatch(t, fingerprints([]*keyring.Certificate{a, b}), fingerprints(got))
}

func ExampleMarshalCertificates() {
	key, err := smime.GenerateKey(smime.KeyOptions{Address: "bob@example.org", Algorithm: "p256"})
	if err != nil {
		log.Fatal(err)
	}
	p7c, err := smime.MarshalCertificates(key.Certificate()) // bob.p7c
	if err != nil {
		log.Fatal(err)
	}

	r, err := envelope.Inspect(bytes.NewReader(p7c), smime.Format())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Container, r.Findings)
	// Output: certs-only [certificates and nothing else: 1]
}
