package smime

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/pkix"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// chainCase is a certificate of a corpus with what has to be said of it.
type chainCase struct {
	leaf          string // file; PKCS#12 with the password nss
	roots, others string // files, separated by blanks
	address       string // "": the path alone
	at            string // "": 2026-06-01
	want          string // "": accepted
	why           string // of a decision of our own: where a peer accepts
}

// chainCases: where want is empty the corpus's own text, or OpenSSL (openssl
// verify -CAfile), accepts; where it is not, they refuse, or why says otherwise.
func chainCases() (all []chainCase) {
	const (
		lamps = "rfc9216/Sample_LAMPS_"
		rsaCA = lamps + "RSA_Certification_Authority.selfsigned.pem"
		edCA  = lamps + "Ed25519_Certification_Authority.selfsigned.pem"
		rsaX  = lamps + "RSA_Certification_Authority.crosssigned.pem"
		edX   = lamps + "Ed25519_Certification_Authority.crosssigned.pem"
		nss   = "comm-central/mailnews/test/data/smime/"
		ossl  = "openssl/test/smime-certs/"
		sub   = "proves nothing"
	)
	// RFC 9216, Sections 3 to 8: four people with two certificates each, two
	// authorities, each of whom also has a certificate by the other.
	for _, name := range []string{"alice", "bob", "carlos", "dana"} {
		own, other, cross := rsaCA, edCA, rsaX
		if name == "carlos" || name == "dana" {
			own, other, cross = edCA, rsaCA, edX
		}
		for _, use := range []string{"enc", "sig"} {
			leaf, address := "rfc9216/"+name+"@smime.example."+use+".pem", name+"@smime.example"
			all = append(all,
				chainCase{leaf: leaf, roots: own, address: address},
				chainCase{leaf: leaf, roots: other, others: cross, address: address},
				chainCase{leaf: leaf, roots: own + " " + other, others: rsaX + " " + edX, address: address},
				chainCase{leaf: leaf, roots: other, address: address, want: "no path"},
				chainCase{leaf: leaf, roots: other, others: own, address: address, want: "no path"},
				chainCase{leaf: leaf, roots: own, address: "eve@smime.example", want: "but for"},
				chainCase{leaf: leaf, roots: own, address: address, at: "2019-01-01", want: "not valid before"},
				chainCase{leaf: leaf, roots: own, address: address, at: "2053-01-01", want: "expired"})
		}
	}
	for _, name := range []string{"Alice", "Bob", "Dave"} {
		all = append(all,
			chainCase{leaf: nss + name + ".p12", roots: nss + "TestCA.pem"},
			chainCase{leaf: nss + name + ".p12", roots: nss + "TestCA.pem", address: name + "@example.com", want: sub,
				why: "the address is in the subject alone, which NSS takes and RFC 8550, Section 3 keeps for legacy"})
	}
	for _, c := range []chainCase{
		{leaf: nss + "Eve.p12", address: "eve@example.net"},
		{leaf: nss + "Eve.p12", address: "eve@example.org"},
		{leaf: nss + "Eve.p12", address: "beve@example.com"},
		{leaf: nss + "Eve.p12", address: "Eve@example.com", want: "but for"},
		{leaf: nss + "Alice-ec.p12", want: "no path"}, // of an authority of its own
		{leaf: nss + "Fran.p12", address: "Fran@example.com", want: "no path"},
		{leaf: nss + "Fran-ec.p12", address: "Fran-ec@example.com", want: "no path"},
	} {
		c.roots = nss + "TestCA.pem"
		all = append(all, c)
	}
	for _, name := range []string{"smrsa1", "smrsa2", "smrsa3-cert", "smrsa1024", "smec1", "smec2", "smdsa1", "smdh"} {
		all = append(all, chainCase{leaf: ossl + name + ".pem", roots: ossl + "smroot.pem"})
	}
	all = append(all,
		chainCase{leaf: ossl + "smec3.pem", roots: ossl + "smroot.pem", want: "no path"}, // by an older root of that name
		chainCase{leaf: ossl + "csrsa1.pem", roots: ossl + "smroot.pem", want: "not for mail"},
		chainCase{leaf: ossl + "smrsa1.pem", roots: rsaCA, want: "no path"})
	// RFC 9881 and RFC 9935: post-quantum certificates, each of the first
	// signed by itself and by none of the others.
	for _, n := range []string{"44", "65", "87"} {
		file := "bc-test-data/pkix/cert/mldsa/ML-DSA-" + n + ".pem"
		all = append(all, chainCase{leaf: file, roots: file})
		for _, kem := range []string{"512", "768", "1024"} {
			// All bear the same names; the signature is what tells them apart.
			want := "no path"
			if kem == map[string]string{"44": "512", "65": "768", "87": "1024"}[n] {
				want = ""
			}
			all = append(all, chainCase{leaf: "lamps-ml-kem/certificates/ML-KEM-" + kem + ".crt", roots: file, want: want})
		}
	}
	return all
}

// load reads a certificate of a corpus.
func load(t *testing.T, file string) *certificate {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(os.Getenv("DKB_VECTORS"), file))
	require.NoError(t, err)
	if strings.HasSuffix(file, ".p12") {
		k, err := ParseKey(bytes.NewReader(b), []byte("nss"))
		require.NoError(t, err, file)
		return k.in.cert
	}
	// Some have the private key or text beside them.
	der := firstPEM(b)
	c, err := parseCertificate(der)
	require.NoError(t, err, file)
	return c
}

func firstPEM(b []byte) []byte {
	const begin = "-----BEGIN CERTIFICATE-----"
	i := bytes.Index(b, []byte(begin))
	if i < 0 {
		return b
	}
	all, err := bundlePEM(b[i : i+bytes.Index(b[i:], []byte("-----END CERTIFICATE-----"))+len("-----END CERTIFICATE-----")])
	if err != nil || len(all) == 0 {
		return nil
	}
	return all[0]
}

func TestChainVectors(t *testing.T) {
	allowed(t, "PKCS#12 and ML-DSA")
	if os.Getenv("DKB_VECTORS") == "" {
		t.Skip("DKB_VECTORS is not set: the corpora are not here")
	}
	accepted, refused, decided := 0, 0, 0
	cases := chainCases()
	for _, c := range cases {
		at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
		if c.at != "" {
			var err error
			at, err = time.Parse(time.DateOnly, c.at)
			require.NoError(t, err)
		}
		a := &Authorities{Time: func() time.Time { return at }}
		for _, f := range strings.Fields(c.roots) {
			a.Roots = append(a.Roots, load(t, f).public())
		}
		for _, f := range strings.Fields(c.others) {
			a.Intermediates = append(a.Intermediates, load(t, f).public())
		}
		leaf := load(t, c.leaf)
		var err error
		if c.address == "" {
			a.once.Do(a.prepare)
			require.NoError(t, a.err)
			_, err = a.path(leaf, pkix.NewPool(nil))
		} else {
			_, err = keyring.Verify(leaf.public(), ChainTo(c.address, a))
		}
		if c.want == "" {
			require.NoError(t, err, "%+v", c)
			accepted++
			continue
		}
		require.ErrorContains(t, err, c.want, "%+v", c)
		if refused++; c.why != "" {
			decided++
			t.Logf("%s: %s", c.leaf, c.why)
		}
	}
	t.Logf("%d cases: %d accepted, %d refused, %d of them by our decision (%.1f %%)",
		len(cases), accepted, refused, decided, 100*float64(decided)/float64(len(cases)))
	require.LessOrEqual(t, 20*decided, len(cases))
}

// A certificate of 1.6 MB, made to cost time, is refused by its size.
func TestChainHugeCertificate(t *testing.T) {
	root := os.Getenv("DKB_VECTORS")
	if root == "" {
		t.Skip("DKB_VECTORS is not set: the corpora are not here")
	}
	f, err := os.Open(filepath.Join(root, "bc-test-data", "pkix", "mal-leaf.crt.gz"))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	b, err := io.ReadAll(z)
	require.NoError(t, err)
	_, err = ParseCertificates(b)
	require.ErrorContains(t, err, "more than 65536 are not read")
}
