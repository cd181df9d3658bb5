//go:build cgo && linux

package token

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	openpgpecdh "github.com/ProtonMail/go-crypto/openpgp/ecdh"
	openpgpecdsa "github.com/ProtonMail/go-crypto/openpgp/ecdsa"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"github.com/miekg/pkcs11"
	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
)

// asChild is set where this program runs as the one that is looked into.
const asChild = "TOKEN_TEST_CHILD"

func TestMain(m *testing.M) {
	if how := os.Getenv(asChild); how != "" {
		run := func() error { return child(how) }
		if how == "relay" {
			run = relay
		}
		if err := run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var trouble = func() error { return nil } // of the child's token

// child opens and signs with the keys in the token, or with those in files
// ("software"), and waits.
func child(how string) error {
	rsaKey, ecKey, err := childKeys(how)
	if err != nil {
		return err
	}
	defer func() { fmt.Fprintln(os.Stderr, rsaKey, ecKey) }() // they live until then
	for name, k := range map[string]*pgpOrSMIME{"rsa": rsaKey, "ec": ecKey} {
		for format, id := range map[string]envelope.Identity{"pgp": k.pgp.Identity(), "smime": k.smime.Identity()} {
			msg, err := os.ReadFile(name + "." + format)
			if err != nil {
				return err
			}
			o := envelope.Opener{Identities: []envelope.Identity{id}, Legacy: envelope.Legacy{UnauthenticatedCBC: true}}
			m, err := o.Open(bytes.NewReader(msg))
			if err != nil {
				return fmt.Errorf("%s.%s: %w (%v)", name, format, err, trouble())
			}
			plain, err := io.ReadAll(m)
			if err != nil {
				return fmt.Errorf("%s.%s: %w", name, format, err)
			}
			m.Close()
			signer := k.pgp.Signer()
			if format == "smime" {
				signer = k.smime.Signer()
			}
			if err := childSigns(name+"."+format+".sig", signer, plain); err != nil {
				return err
			}
		}
	}
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func childSigns(name string, s envelope.Signer, content []byte) error {
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	defer out.Close()
	w, err := (&envelope.Sealer{Signers: []envelope.Signer{s}}).SignDetached(out)
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	return w.Close()
}

type pgpOrSMIME struct {
	pgp   *pgp.Key
	smime *smime.Key
}

func childKeys(how string) (rsaKey, ecKey *pgpOrSMIME, err error) {
	var tok *Token
	defer func() {
		if tok != nil {
			trouble = tok.Trouble
		}
	}()
	if how == "token" {
		tok, err = Open(Config{Module: os.Getenv("PKCS11_MODULE"), Token: "interop", PIN: pin("1234")})
		if err != nil {
			return nil, nil, err
		}
	}
	if rsaKey, err = childKey(tok, "rsa"); err == nil {
		ecKey, err = childKey(tok, "ec")
	}
	return rsaKey, ecKey, err
}

func childKey(tok *Token, name string) (*pgpOrSMIME, error) {
	k := &pgpOrSMIME{}
	if tok == nil {
		f, err := os.Open(name + ".pgp.key")
		if err != nil {
			return nil, err
		}
		if k.pgp, err = pgp.ParseKey(f, nil); err != nil {
			return nil, err
		}
		p, err := os.Open(name + ".smime.key")
		if err != nil {
			return nil, err
		}
		k.smime, err = smime.ParseKey(p, nil)
		return k, err
	}
	primary, err := tok.Key("known-"+name+"-0", nil)
	if err != nil {
		return nil, err
	}
	sub, err := tok.Key("known-"+name+"-1", nil)
	if err != nil {
		return nil, err
	}
	for _, k := range []*Key{primary, sub} {
		if !k.Sensitive || k.Extractable {
			return nil, fmt.Errorf("the key %s can leave the token", k.Label)
		}
	}
	b, err := os.ReadFile(name + ".pgp.pub")
	if err != nil {
		return nil, err
	}
	c, err := pgp.ParseCertificate(b)
	if err != nil {
		return nil, err
	}
	private, err := agreeing(tok, sub)
	if err != nil {
		return nil, err
	}
	if k.pgp, err = pgp.NewKey(c, primary.Private(), private); err != nil {
		return nil, err
	}
	if c, err = smime.ParseCertificate(sub.Certificate); err != nil {
		return nil, err
	}
	k.smime, err = smime.NewKey(c, private)
	return k, err
}

// agreeing returns the key, and where the way to the token does not carry ECDH,
// which p11-kit before 0.25 does not, one that asks a third process for that.
func agreeing(tok *Token, k *Key) (any, error) {
	x, ok := k.Private().(ecBoth)
	_, err := tok.ctx.GetMechanismInfo(tok.slot, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDH1_DERIVE, nil)})
	if !ok || err == nil {
		return k.Private(), nil
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asChild+"=relay")
	cmd.Stderr = os.Stderr
	r := &relayed{Signer: x.ecSigner, public: x.PublicKey()}
	if r.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if r.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return r, cmd.Start()
}

// relayed signs by p11-kit, and agrees by another process that has the module.
type relayed struct {
	crypto.Signer
	public *ecdh.PublicKey
	in     io.Writer
	out    io.Reader
}

func (r *relayed) PublicKey() *ecdh.PublicKey { return r.public }
func (r *relayed) Curve() ecdh.Curve          { return r.public.Curve() }
func (r *relayed) ECDH(p *ecdh.PublicKey) ([]byte, error) {
	if _, err := r.in.Write(p.Bytes()); err != nil {
		return nil, err
	}
	z := make([]byte, 32)
	_, err := io.ReadFull(r.out, z)
	return z, err
}

// relay is that process: points of P-256 come in, and secrets go out.
func relay() error {
	tok, err := Open(Config{Module: os.Getenv("SOFTHSM_MODULE"), Token: "interop", PIN: pin("1234")})
	if err != nil {
		return err
	}
	k, err := tok.Key("known-ec-1", nil)
	if err != nil {
		return err
	}
	for point := make([]byte, 65); ; {
		if _, err := io.ReadFull(os.Stdin, point); err == io.EOF {
			return tok.Close()
		} else if err != nil {
			return err
		}
		p, err := ecdh.P256().NewPublicKey(point)
		if err != nil {
			return err
		}
		z, err := k.Private().(ecdh.KeyExchanger).ECDH(p)
		if err != nil {
			return err
		}
		if _, err := os.Stdout.Write(z); err != nil {
			return err
		}
	}
}

// known is a key of both formats, made here and given to the token.
type known struct {
	pgp     *pgp.Key
	smime   *smime.Key
	secrets []crypto.Signer // the primary key's and the subkey's, which is the S/MIME key too
}

func newKnown(t *testing.T, algorithm string) *known {
	k := &known{}
	var err error
	k.pgp, err = pgp.GenerateKey(pgp.KeyOptions{Address: "token@example.org", Algorithm: algorithm})
	require.NoError(t, err)
	b, err := k.pgp.Marshal(nil)
	require.NoError(t, err)
	all, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(b))
	require.NoError(t, err)
	for _, p := range []any{all[0].PrivateKey.PrivateKey, all[0].Subkeys[0].PrivateKey.PrivateKey} {
		var d []byte
		switch p := p.(type) {
		case *rsa.PrivateKey:
			k.secrets = append(k.secrets, p)
			continue
		case *openpgpecdsa.PrivateKey:
			d = p.D.Bytes()
		case *openpgpecdh.PrivateKey:
			d = p.D
		}
		s, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), new(big.Int).SetBytes(d).FillBytes(make([]byte, 32)))
		require.NoError(t, err)
		k.secrets = append(k.secrets, s)
	}
	s := k.secrets[1]
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Token"}, EmailAddresses: []string{"token@example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	}
	if algorithm == "p256" {
		template.KeyUsage &^= x509.KeyUsageKeyEncipherment
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, s.Public(), s)
	require.NoError(t, err)
	c, err := smime.ParseCertificate(der)
	require.NoError(t, err)
	k.smime, err = smime.NewKey(c, s)
	require.NoError(t, err)
	return k
}

// store puts the secrets into the token, never to come out again.
func (k *known) store(t *testing.T, ctx *pkcs11.Ctx, s pkcs11.SessionHandle, name string) {
	for i, secret := range k.secrets {
		id := []byte(name + fmt.Sprint(i))
		attributes := []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
			pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
			pkcs11.NewAttribute(pkcs11.CKA_ID, id), pkcs11.NewAttribute(pkcs11.CKA_LABEL, fmt.Sprintf("known-%s-%d", name, i)),
		}
		switch p := secret.(type) {
		case *rsa.PrivateKey:
			attributes = append(attributes, pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA), pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, true))
			for a, n := range map[uint]*big.Int{
				pkcs11.CKA_MODULUS: p.N, pkcs11.CKA_PUBLIC_EXPONENT: big.NewInt(int64(p.E)), pkcs11.CKA_PRIVATE_EXPONENT: p.D,
				pkcs11.CKA_PRIME_1: p.Primes[0], pkcs11.CKA_PRIME_2: p.Primes[1], pkcs11.CKA_EXPONENT_1: p.Precomputed.Dp,
				pkcs11.CKA_EXPONENT_2: p.Precomputed.Dq, pkcs11.CKA_COEFFICIENT: p.Precomputed.Qinv,
			} {
				attributes = append(attributes, pkcs11.NewAttribute(a, n.Bytes()))
			}
		case *ecdsa.PrivateKey:
			params := []byte{6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7}
			d, err := p.Bytes()
			require.NoError(t, err)
			point, err := p.PublicKey.Bytes()
			require.NoError(t, err)
			point, err = asn1.Marshal(point)
			require.NoError(t, err)
			attributes = append(attributes, pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC), pkcs11.NewAttribute(pkcs11.CKA_DERIVE, true),
				pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params), pkcs11.NewAttribute(pkcs11.CKA_VALUE, d))
			_, err = ctx.CreateObject(s, []*pkcs11.Attribute{
				pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
				pkcs11.NewAttribute(pkcs11.CKA_ID, id), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params), pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, point),
			})
			require.NoError(t, err)
		}
		_, err := ctx.CreateObject(s, attributes)
		require.NoError(t, err)
	}
	x, err := x509.ParseCertificate(k.smime.Certificate().Marshal())
	require.NoError(t, err)
	_, err = ctx.CreateObject(s, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_CERTIFICATE), pkcs11.NewAttribute(pkcs11.CKA_CERTIFICATE_TYPE, pkcs11.CKC_X_509), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_ID, []byte(name+"1")), pkcs11.NewAttribute(pkcs11.CKA_SUBJECT, x.RawSubject), pkcs11.NewAttribute(pkcs11.CKA_VALUE, x.Raw),
	})
	require.NoError(t, err)
}

var text = []byte("only the token opens this")

// write puts into dir what the child gets: messages, certificates, and the
// private keys for the one that uses them itself.
func (k *known) write(t *testing.T, dir, name string) {
	put := func(suffix string, b []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+suffix), b, 0o600))
	}
	for format, c := range map[string]*keyring.Certificate{".pgp": k.pgp.Certificate(), ".smime": k.smime.Certificate()} {
		v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
		require.NoError(t, err)
		var out bytes.Buffer
		s := envelope.Sealer{Profile: envelope.Compatible, Signers: []envelope.Signer{k.pgp.Signer()}}
		if format == ".smime" {
			s.Signers[0] = k.smime.Signer()
		}
		w, err := s.Seal(&out, v)
		require.NoError(t, err)
		_, err = w.Write(text)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		put(format, out.Bytes())
	}
	put(".pgp.pub", k.pgp.Certificate().Marshal())
	b, err := k.pgp.Marshal(nil)
	require.NoError(t, err)
	put(".pgp.key", b)
	b, err = k.smime.Marshal(nil)
	require.NoError(t, err)
	put(".smime.key", b)
}

// signed checks what the child signed.
func (k *known) signed(t *testing.T, dir, name string) {
	for format, c := range map[string]*keyring.Certificate{".pgp": k.pgp.Certificate(), ".smime": k.smime.Certificate()} {
		v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
		require.NoError(t, err)
		sig, err := os.ReadFile(filepath.Join(dir, name+format+".sig"))
		require.NoError(t, err)
		o := envelope.Opener{Senders: []*keyring.Verified{v}, RequireSignature: true}
		_, err = o.VerifyDetached(bytes.NewReader(sig), bytes.NewReader(text))
		require.NoError(t, err)
	}
}

// kitModule returns the library that asks a token of another process.
func kitModule(t *testing.T) string {
	if _, err := exec.LookPath("p11-kit"); err != nil {
		missing(t, "p11-kit")
	}
	all, err := filepath.Glob("/usr/lib/*/pkcs11/p11-kit-client.so")
	require.NoError(t, err)
	if len(all) == 0 {
		missing(t, "p11-kit-client.so (Debian package p11-kit-modules)")
	}
	return all[0]
}

// TestKeyStaysAway: the token is another process's, reached by p11-kit. This
// program opens and signs with its keys in both formats, and nothing in its
// memory is any part of them. With the same keys in files it holds them, which
// shows that the search finds what is there.
func TestKeyStaysAway(t *testing.T) {
	dir, c := softHSM(t)
	client := kitModule(t)
	keys := map[string]*known{"rsa": newKnown(t, "rsa3072"), "ec": newKnown(t, "p256")}
	ctx := pkcs11.New(c.Module)
	require.NotNil(t, ctx)
	require.NoError(t, ctx.Initialize())
	tok := openToken(t, c) // finds the slot, and logs in
	s, err := ctx.OpenSession(tok.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	require.NoError(t, err)
	for name, k := range keys {
		k.store(t, ctx, s, name)
	}
	require.NoError(t, tok.Close())
	require.NoError(t, ctx.Finalize())

	socket := filepath.Join(dir, "p11")
	server := exec.Command("p11-kit", "server", "--foreground", "--provider", c.Module, "--name", socket, "pkcs11:token=interop")
	var said bytes.Buffer
	server.Stdout, server.Stderr = &said, &said
	require.NoError(t, server.Start())
	defer func() { server.Process.Kill(); server.Wait() }()
	require.Eventually(t, func() bool { _, err := os.Stat(socket); return err == nil }, 20*time.Second, 10*time.Millisecond)

	for _, how := range []string{"token", "software"} {
		work := t.TempDir()
		for name, k := range keys {
			k.write(t, work, name)
			if how == "token" {
				require.NoError(t, os.Remove(filepath.Join(work, name+".pgp.key")))
				require.NoError(t, os.Remove(filepath.Join(work, name+".smime.key")))
			}
		}
		core := look(t, how, work, "PKCS11_MODULE="+client, "P11_KIT_SERVER_ADDRESS=unix:path="+socket, "SOFTHSM_MODULE="+c.Module)
		require.True(t, bytes.Contains(core, text), "the memory is not that of the program")
		for name, k := range keys {
			k.signed(t, work, name)
			for i, secret := range k.secrets {
				found := search(core, parts(t, secret))
				if how == "token" {
					require.Empty(t, found, "%s %d", name, i)
				} else {
					require.NotEmpty(t, found, "%s %d: the search finds nothing", name, i)
				}
			}
		}
	}
}
