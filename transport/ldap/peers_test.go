package ldap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/keyring/discover"
	"github.com/doublekeybox/doublekeybox/smime"
)

// OpenLDAP, by LDAPS and by StartTLS. Without it the test skips, saying so;
// with DKB_REQUIRE_PEERS=1 that is a failure.
func TestPeerDirectory(t *testing.T) {
	peers, missing := os.Getenv("DKB_PEERS"), ""
	if peers == "" {
		missing = "DKB_PEERS"
	}
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	for _, p := range []string{"slapd", "slapadd", "ldapadd", "ldapmodify", "openssl"} {
		if _, err := exec.LookPath(p); err != nil {
			missing = p
		}
	}
	if missing != "" && os.Getenv("DKB_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is missing, and DKB_REQUIRE_PEERS=1", missing)
	} else if missing != "" {
		t.Skipf("skipped: %s is missing", missing)
	}
	dir, script := t.TempDir(), filepath.Join(peers, "server-ldap.sh")
	run := func(program string, args ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.WaitDelay = time.Second // the server keeps what it was given
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState.ExitCode() != 0 {
			t.Fatalf("%s: %v\n%s", program, err, out)
		}
	}
	run(script, "start", dir)
	t.Cleanup(func() { run(script, "stop", dir) })
	want := map[string][]byte{}
	for _, address := range []string{"bob@example.org", "bo*@example.org", "carol@example.org"} {
		k, err := smime.GenerateKey(smime.KeyOptions{Address: address, Algorithm: "p256"})
		require.NoError(t, err)
		want[address] = k.Certificate().Marshal()
		file := filepath.Join(dir, "cert.pem")
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: want[address]}), 0o600))
		run(script, "add", dir, address, file)
	}
	// What Outlook publishes: the certificate in a signed message.
	run("openssl", "crl2pkcs7", "-nocrl", "-certfile", filepath.Join(dir, "cert.pem"), "-outform", "DER", "-out", filepath.Join(dir, "carol.p7"))
	ldif := "dn: cn=carol@example.org,ou=people,dc=example,dc=org\nchangetype: modify\nadd: userSMIMECertificate\nuserSMIMECertificate:< file://" + filepath.Join(dir, "carol.p7") + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "carol.ldif"), []byte(ldif), 0o600))
	run("ldapmodify", "-x", "-H", "ldap://127.0.0.1:12389", "-D", "cn=admin,dc=example,dc=org", "-w", "secret-pass", "-f", filepath.Join(dir, "carol.ldif"))

	ca, err := os.ReadFile(filepath.Join(dir, "tls", "ca.pem"))
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ca))
	for _, u := range []string{"ldaps://127.0.0.1:12636", "ldap://127.0.0.1:12389"} {
		d := Directory{URL: u, Base: "ou=people,dc=example,dc=org", TLS: &tls.Config{RootCAs: roots}, AllowPrivate: true}
		for address, der := range want {
			found, problems, err := d.Search(context.Background(), address, smime.ParseCertificate)
			require.NoError(t, err)
			require.Empty(t, problems)
			if address == "carol@example.org" {
				require.Len(t, found, 2)
			} else {
				require.Len(t, found, 1) // "*" is no wildcard
			}
			for _, f := range found {
				require.Equal(t, der, f.Certificate.Marshal())
				require.Equal(t, address, f.Address)
				require.Empty(t, f.Notes)
			}
		}
		_, _, err := d.Search(context.Background(), "dave@example.org", smime.ParseCertificate)
		require.ErrorIs(t, err, discover.ErrNotFound)
		d.Bind = func(c *goldap.Conn) error { return c.Bind("cn=admin,dc=example,dc=org", "secret-pass") }
		_, _, err = d.Search(context.Background(), "bob@example.org", smime.ParseCertificate)
		require.NoError(t, err)
		d.Bind = func(c *goldap.Conn) error { return c.Bind("cn=admin,dc=example,dc=org", "wrong") }
		_, _, err = d.Search(context.Background(), "bob@example.org", smime.ParseCertificate)
		require.ErrorContains(t, err, "Invalid Credentials")
		d.Bind, d.Base = nil, "ou=nobody,dc=example,dc=org"
		_, _, err = d.Search(context.Background(), "bob@example.org", smime.ParseCertificate)
		require.ErrorContains(t, err, "No Such Object")
		d.AllowPrivate = false
		_, _, err = d.Search(context.Background(), "bob@example.org", smime.ParseCertificate)
		require.ErrorIs(t, err, keyring.ErrRefused)
	}
}
