package interop_test

import (
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	small "github.com/smallstep/pkcs7"
	"github.com/stretchr/testify/require"
	moz "go.mozilla.org/pkcs7"
)

// gpgsmCMS is gpgsm with the options that each algorithm needs.
type gpgsmCMS struct{ gpgsm }

func (g gpgsmCMS) make(t *testing.T, c algorithmCell, content []byte) []byte {
	t.Helper()
	id := fmt.Sprintf("0x%x", sha1.Sum(g.w.smime(t, c.key).cert.Certificate().Marshal()))
	sign := []string{"--include-certs", "1", "--local-user", id, "--digest-algo", "SHA256", "--sign"}
	if c.signature() {
		sign[5] = strings.ToUpper(c.hash())
		if c.content == "detached" {
			sign[6] = "--detach-sign"
		}
		return g.must(t, content, sign...)
	}
	if c.inside == "signed" {
		content = g.must(t, content, sign...)
	}
	name := map[string]string{"aes128-cbc": "AES", "aes192-cbc": "AES192", "aes256-cbc": "AES256", "des3-cbc": "3DES"}[c.content]
	return g.must(t, content, "--cipher-algo", name, "--encrypt", "--recipient", id)
}

func (g gpgsmCMS) read(t *testing.T, c algorithmCell, msg, content []byte) []byte {
	t.Helper()
	return g.open(t, cell{format: "smime", key: c.key, container: c.content, signing: "unsigned"}, msg, content)
}

// nss is cmsutil with all keys in one database.
type nss struct {
	w  *world
	db string
	mu sync.Mutex // its database is one for readers that write
}

func newNSS(t *testing.T, w *world) cmsPeer {
	n := &nss{w: w, db: "sql:" + w.path("nss")}
	require.NoError(t, os.Mkdir(w.path("nss"), 0o700))
	must(t, nil, "certutil", "-N", "-d", n.db, "--empty-password")
	must(t, nil, "certutil", "-A", "-d", n.db, "-n", "ca", "-t", "CT,C,C", "-i", w.ca(t))
	for _, alg := range []string{"rsa2048", "rsa3072", "p256", "p384", "p521"} {
		k := w.smime(t, alg)
		p12 := filepath.Join(w.dir, "nss", alg+".p12")
		must(t, nil, "openssl", "pkcs12", "-export", "-in", k.public, "-inkey", k.secret, "-name", alg, "-out", p12, "-passout", "pass:pw")
		must(t, nil, "pk12util", "-i", p12, "-d", n.db, "-W", "pw")
	}
	return n
}

func (n *nss) cms(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	out := filepath.Join(t.TempDir(), "out")
	must(t, nil, "cmsutil", append(args, "-d", n.db, "-i", file(t, in), "-o", out)...)
	return read(t, out)
}

func (n *nss) make(t *testing.T, c algorithmCell, content []byte) []byte {
	t.Helper()
	if c.signature() {
		args := []string{"-S", "-N", c.key, "-G", "-H", strings.ToUpper(c.hash())}
		if c.content == "detached" {
			args = append(args, "-T")
		}
		return n.cms(t, content, args...)
	}
	if c.inside == "signed" {
		content = n.cms(t, content, "-S", "-N", c.inner(), "-G", "-H", "SHA256")
	}
	return n.cms(t, content, "-E", "-r", c.key)
}

// read looks at what cmsutil prints: its exit status says nothing of the signature.
func (n *nss) read(t *testing.T, c algorithmCell, msg, content []byte) []byte {
	t.Helper()
	args := []string{"-D", "-n", "-h", "0"}
	if c.content == "detached" {
		args = append(args, "-c", file(t, content))
	}
	require.Contains(t, string(n.cms(t, msg, args...)), "GoodSignature")
	if c.content == "detached" {
		return content
	}
	return n.cms(t, msg, "-D")
}

type thunderbirdCMS struct{ peer }

func (p thunderbirdCMS) make(t *testing.T, _ algorithmCell, _ []byte) []byte {
	t.Fatal("thunderbird is not driven to seal")
	return nil
}

func (p thunderbirdCMS) read(t *testing.T, c algorithmCell, msg, content []byte) []byte {
	t.Helper()
	return p.open(t, cell{format: "smime", key: c.key, container: "cbc"}, msg, content)
}

// goCMS is one of the two Go libraries, which share an origin and are told
// apart by the name of the peer.
type goCMS struct {
	w    *world
	name string
}

var digestOIDs = map[string]asn1.ObjectIdentifier{
	"sha1": moz.OIDDigestAlgorithmSHA1, "sha256": moz.OIDDigestAlgorithmSHA256,
	"sha384": moz.OIDDigestAlgorithmSHA384, "sha512": moz.OIDDigestAlgorithmSHA512,
}

var goHashes = map[string]crypto.Hash{"sha1": crypto.SHA1, "sha256": crypto.SHA256}

// choosing guards what these libraries keep in variables of the package.
var choosing sync.Mutex

func (g goCMS) pair(t *testing.T, alg string) (*x509.Certificate, any) {
	t.Helper()
	k := g.w.smime(t, alg)
	block, _ := pem.Decode(read(t, k.public))
	cert, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	block, _ = pem.Decode(read(t, k.secret))
	secret, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(t, err)
	return cert, secret
}

func (g goCMS) make(t *testing.T, c algorithmCell, content []byte) []byte {
	t.Helper()
	if c.signature() {
		return g.sign(t, c.key, c.hash(), c.content == "detached", content)
	}
	if c.inside == "signed" {
		content = g.sign(t, c.inner(), "sha256", false, content)
	}
	cert, _ := g.pair(t, c.key)
	to := []*x509.Certificate{cert}
	choosing.Lock()
	defer choosing.Unlock()
	var msg []byte
	var err error
	if g.name == "mozpkcs7" {
		moz.ContentEncryptionAlgorithm = map[string]int{"aes128-cbc": moz.EncryptionAlgorithmAES128CBC, "aes256-cbc": moz.EncryptionAlgorithmAES256CBC}[c.content]
		msg, err = moz.Encrypt(content, to)
	} else {
		small.ContentEncryptionAlgorithm = map[string]int{"aes128-cbc": small.EncryptionAlgorithmAES128CBC, "aes256-cbc": small.EncryptionAlgorithmAES256CBC}[c.content]
		small.KeyEncryptionAlgorithm = small.OIDEncryptionAlgorithmRSA
		if strings.HasPrefix(c.method, "oaep-") {
			small.KeyEncryptionAlgorithm, small.KeyEncryptionHash = small.OIDEncryptionAlgorithmRSAESOAEP, goHashes[c.hash()]
		}
		msg, err = small.Encrypt(content, to)
	}
	require.NoError(t, err)
	return msg
}

func (g goCMS) sign(t *testing.T, alg, hash string, detached bool, content []byte) []byte {
	t.Helper()
	cert, secret := g.pair(t, alg)
	type signer interface {
		Detach()
		Finish() ([]byte, error)
	}
	var s signer
	if g.name == "mozpkcs7" {
		m, err := moz.NewSignedData(content)
		require.NoError(t, err)
		m.SetDigestAlgorithm(digestOIDs[hash])
		require.NoError(t, m.AddSigner(cert, secret, moz.SignerInfoConfig{}))
		s = m
	} else {
		m, err := small.NewSignedData(content)
		require.NoError(t, err)
		m.SetDigestAlgorithm(digestOIDs[hash])
		require.NoError(t, m.AddSigner(cert, secret, small.SignerInfoConfig{}))
		s = m
	}
	if detached {
		s.Detach()
	}
	msg, err := s.Finish()
	require.NoError(t, err)
	return msg
}

func (g goCMS) read(t *testing.T, c algorithmCell, msg, content []byte) []byte {
	t.Helper()
	if c.signature() {
		return g.verify(t, msg, content, c.content == "detached")
	}
	cert, secret := g.pair(t, c.key)
	var plain []byte
	if g.name == "mozpkcs7" {
		p, err := moz.Parse(msg)
		require.NoError(t, err)
		plain, err = p.Decrypt(cert, secret)
		require.NoError(t, err)
	} else {
		p, err := small.Parse(msg)
		require.NoError(t, err)
		plain, err = p.Decrypt(cert, secret)
		require.NoError(t, err)
	}
	if c.inside == "signed" {
		return g.verify(t, bare(t, plain), content, false)
	}
	return plain
}

func (g goCMS) verify(t *testing.T, msg, content []byte, detached bool) []byte {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(read(t, g.w.ca(t))))
	if g.name == "mozpkcs7" {
		p, err := moz.Parse(msg)
		require.NoError(t, err)
		if detached {
			p.Content = content
		}
		require.NoError(t, p.VerifyWithChain(roots))
		return p.Content
	}
	p, err := small.Parse(msg)
	require.NoError(t, err)
	if detached {
		p.Content = content
	}
	require.NoError(t, p.VerifyWithChain(roots))
	return p.Content
}
