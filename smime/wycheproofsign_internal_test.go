package smime

import (
	"bytes"
	"crypto/sha256"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// What Wycheproof signs is any octets, and what a SignerInfo signs is a SET of
// attributes, among them contentType and messageDigest: none of the vectors'
// messages is one, which is checked here, so that no CMS message holds one of
// these vectors whole. Each goes this way instead:
//
//   - a complete SignedData is built, with the vector's public key in its
//     certificate, the vector's signature as the value, and attributes that are
//     right for the content;
//   - it is verified as a detached signature from its first octet to its last.
//     It must fail, and where certificate and algorithms are sound, fail with
//     the verdict on the signature: everything before it has passed;
//   - what was parsed of that message (scheme, certificate, value) is given the
//     vector's message by the one function that verification calls.
//
// That function being anything but what it is, both the second and the third
// step go red.
func TestWycheproofSignatures(t *testing.T) {
	t.Parallel()
	if os.Getenv("DKB_VECTORS") == "" {
		t.Skip("DKB_VECTORS is not set: Wycheproof is not here")
	}
	allowed(t, "half of the signatures")
	decided := signatureDecisions(t)
	var all signatureTally
	t.Run("files", func(t *testing.T) {
		for pattern, algorithms := range map[string]func(g *signatureGroup) (dalg, salg []byte){
			"rsa_signature_*_test.json.gz": func(g *signatureGroup) (dalg, salg []byte) {
				return derAlgorithm(digestOID(t, g.sha)), tlv(0x30, append(oidRSAEncryption.tlv(), 5, 0))
			},
			"rsa_pss_*_test.json.gz": func(g *signatureGroup) (dalg, salg []byte) {
				p := pssParameters(digestOID(t, g.sha), digestOID(t, g.mgf), int64(g.salt), 1)
				return derAlgorithm(digestOID(t, g.sha)), tlv(0x30, append(oidRSAPSS.tlv(), p...))
			},
			"ecdsa_*_test.json.gz": func(g *signatureGroup) (dalg, salg []byte) {
				o := map[string]oid{"SHA-256": oidECDSASHA256, "SHA-384": oidECDSASHA384, "SHA-512": oidECDSASHA512}[g.sha]
				return derAlgorithm(digestOID(t, g.sha)), derAlgorithm(o)
			},
			"ed25519_test.json.gz": func(*signatureGroup) (dalg, salg []byte) {
				return derAlgorithm(oidSHA512), derAlgorithm(oidEd25519)
			},
			"ed448_test.json.gz": func(*signatureGroup) (dalg, salg []byte) {
				return tlv(0x30, append(oidSHAKE256Len.tlv(), 2, 2, 2, 0)), derAlgorithm(oidEd448)
			},
			"mldsa_65_verify_test.json.gz": func(*signatureGroup) (dalg, salg []byte) {
				return derAlgorithm(oidSHA512), derAlgorithm(oidMLDSA65)
			},
		} {
			loadWycheproof(t, pattern, func(t *testing.T, w *wycheproof) {
				for _, g := range w.TestGroups {
					group := &signatureGroup{sha: g.Sha, mgf: g.MgfSha, salt: g.SLen}
					group.dalg, group.salg = algorithms(group)
					for _, v := range g.Tests {
						got := group.verify(t, g.PublicKeyDer, v.Msg, v.Sig)
						why := group.odd(v.Result, v.Flags, v.Ctx)
						if why != "" {
							require.Contains(t, decided, why, "case %d, %s", v.TcID, v.Comment)
							require.Equal(t, decided[why], got, "case %d, %s: %s", v.TcID, v.Comment, why)
						} else {
							require.Equal(t, v.Result == "valid", got, "case %d, %s", v.TcID, v.Comment)
						}
						all.add(v.Result, why)
					}
				}
			})
		}
	})
	all.log(t, decided)
}

// signatureGroup is what a group of vectors has in common.
type signatureGroup struct {
	sha, mgf   string
	salt       int
	dalg, salg []byte
}

// odd names why a vector is decided in the table, "" for one that is not.
func (g *signatureGroup) odd(result string, flags []string, context []byte) string {
	switch {
	case result == "acceptable":
		return strings.Join(flags, "+")
	case result != "valid":
		return ""
	case len(context) > 0:
		return "context"
	case g.mgf != "" && g.mgf != g.sha:
		return "two digests"
	case g.mgf != "" && g.salt == 0:
		return "no salt"
	}
	return ""
}

// verify reports whether value is the signature of message, through a message.
func (g *signatureGroup) verify(t *testing.T, spki, message, value []byte) bool {
	// A message that is a set of signed attributes would need another way.
	if s, set := cryptobyte.String(message), cryptobyte.String(nil); s.ReadASN1(&set, 0x31) && s.Empty() {
		_, bad := parseAttributes(set, false)
		require.NotEmpty(t, bad)
	}
	k := testKey(t, "p256")
	c, err := parseCertificate(withKey(t, k.cert, spki))
	if err != nil {
		return false // crypto/x509 refuses the key
	}
	f := newForge(t, k)
	f.digestAlgorithm, f.signatureAlgorithm = g.dalg, g.salg
	f.value = func([]byte) []byte { return value }
	var a algorithm
	in := cryptobyte.String(g.dalg)
	require.True(t, readAlgorithm(&in, &a, 0x30))
	d, ok := digestOf(&a)
	require.True(t, ok)
	h := d.new()
	h.Write(content)
	f.attributes[1] = attribute(t, oidMessageDigest, tlv(4, h.Sum(nil)))
	msg := tlv(0x30, append(oidSignedData.tlv(), tlv(0xa0, tlv(0x30, slices.Concat(
		[]byte{2, 1, 1}, tlv(0x31, g.dalg), tlv(0x30, oidData.tlv()), tlv(0xa0, c.x.Raw), tlv(0x31, f.der(t)))))...))
	plan := &seam.OpenPlan{Now: time.Now(), Limits: seam.Limits{Certificates: 64, Signatures: 16, HeaderBytes: 1 << 22}}
	facts, err := verifyDetached(bytes.NewReader(msg), bytes.NewReader(content), plan)
	require.NoError(t, err)
	require.Len(t, facts.Signatures, 1)
	verdict := facts.Signatures[0]
	require.Contains(t, []seam.SignatureStatus{seam.SignatureBad, seam.SignatureUnsupported}, verdict.Status, verdict.Detail)

	si, err := parseSignerInfo(f.der(t))
	require.NoError(t, err)
	if si.refuse != "" || !si.scheme.fits(&c.key) {
		return false // as the verdict was, without a look at the value
	}
	require.Equal(t, "the signature is wrong", verdict.Detail)
	return si.scheme.verify(&c.key, message, si.value)
}

// signatureDecisions reads the table of what is decided here: true is taken.
func signatureDecisions(t *testing.T) map[string]bool {
	raw, err := os.ReadFile("testdata/wycheproof-signatures.txt")
	require.NoError(t, err)
	out := make(map[string]bool)
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		require.Len(t, f, 3, line)
		require.Contains(t, []string{"taken", "refused"}, f[1])
		require.NotEmpty(t, f[2])
		out[f[0]] = f[1] == "taken"
	}
	return out
}

// signatureTally counts.
type signatureTally struct {
	mu             sync.Mutex
	valid, invalid int
	decided        map[string]int
}

func (c *signatureTally) add(result, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case why != "":
		if c.decided == nil {
			c.decided = make(map[string]int)
		}
		c.decided[why]++
	case result == "valid":
		c.valid++
	default:
		c.invalid++
	}
}

// log prints the counts, and sees that no decision is for nothing and that
// they are few.
func (c *signatureTally) log(t *testing.T, decided map[string]bool) {
	n := 0
	for why := range decided {
		require.NotZero(t, c.decided[why], "%s is decided, and met nowhere", why)
		n += c.decided[why]
	}
	all := c.valid + c.invalid + n
	require.Less(t, n*20, all)
	t.Logf("%d signatures: %d valid, %d invalid, %d as the table says: %v", all, c.valid, c.invalid, n, c.decided)
}

// TestSignatureTwins: the message that TestWycheproofSignatures builds is good
// in all but the value: signed by its own key, it is valid.
func TestSignatureTwins(t *testing.T) {
	t.Parallel()
	k := testKey(t, "p256")
	f := newForge(t, k)
	sum := sha256.Sum256(content)
	f.attributes[1] = attribute(t, oidMessageDigest, tlv(4, sum[:]))
	msg := tlv(0x30, append(oidSignedData.tlv(), tlv(0xa0, tlv(0x30, slices.Concat(
		[]byte{2, 1, 1}, tlv(0x31, f.digestAlgorithm), tlv(0x30, oidData.tlv()), tlv(0xa0, k.cert.x.Raw), tlv(0x31, f.der(t)))))...))
	plan := &seam.OpenPlan{Now: time.Now(), Limits: seam.Limits{Certificates: 64, Signatures: 16, HeaderBytes: 1 << 22}}
	facts, err := verifyDetached(bytes.NewReader(msg), bytes.NewReader(content), plan)
	require.NoError(t, err)
	require.Equal(t, seam.SignatureValid, facts.Signatures[0].Status, facts.Signatures[0].Detail)
}
