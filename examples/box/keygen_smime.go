package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
)

// keygenSMIME makes an S/MIME key, or the pair that some algorithms take.
func (a *app) keygenSMIME(f *keygenFlags, profile envelope.Profile, passphrase []byte) error {
	algorithm := f.algorithm
	if profile == envelope.PostQuantum && algorithm == "" {
		algorithm = "mldsa65+mlkem768"
	}
	pair := strings.Contains(algorithm, "+")
	switch {
	case profile == envelope.PostQuantum && !strings.Contains(algorithm, "mlkem"):
		return usagef("--profile post-quantum with --algorithm %q: give mldsa65+mlkem768 or mldsa87+mlkem1024", cut(algorithm))
	case pair && (f.group != "" || f.csr):
		return usagef("--group and --csr take one key that signs and opens: --algorithm rsa3072, rsa4096, p256, p384 or p521")
	}
	o := smime.KeyOptions{Address: f.address, Name: f.name, Algorithm: algorithm, ReadsGCM: profile != envelope.Compatible}
	if pair {
		return a.keygenPair(f, o, passphrase)
	}
	suffixes := []string{".key", ".pub"}
	if len(passphrase) > 0 {
		if strings.HasPrefix(algorithm, "mldsa") {
			return usagef("--algorithm %s with --passphrase-file: no program reads such a key from PKCS#12 yet: leave the passphrase away, and keep PREFIX.key where nobody reads it", cut(algorithm))
		}
		suffixes = append(suffixes, ".p12")
	}
	if f.csr {
		suffixes = append(suffixes, ".csr.pem")
	}
	files, err := a.newFiles(f.out, suffixes...)
	if err != nil {
		return err
	}
	defer files.discard()
	k, err := smime.GenerateKey(o)
	if err != nil {
		return fmt.Errorf("making the key: %w", err)
	}
	if f.group != "" {
		if k, err = a.issueFromGroup(f.group, f.crlURL, k); err != nil {
			return err
		}
	}
	contents, err := keyContents(k, passphrase)
	if err != nil {
		return err
	}
	if f.csr {
		request, err := certificateRequest(k)
		if err != nil {
			return failed("making the request", f.out+".csr.pem", err)
		}
		contents = append(contents, request)
	}
	if err := files.write(contents...); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, k.Certificate().Fingerprint().String())
	a.sayWrote(f.out)
	a.sayPKCS12(f.out, passphrase)
	switch {
	case f.csr:
		a.say("wrote %s: send it to an authority; what it issues goes beside the key with: box join --key %s --out NEW CERTIFICATE", shown(f.out+".csr.pem"), shown(f.out+".key"))
	case algorithm == "ed25519" || strings.HasPrefix(algorithm, "mldsa"):
		a.say("note: this key signs; nothing can be sealed to it")
	case f.group == "":
		a.say("warning: a lone self-signed certificate: OpenSSL and this program use it, but gpgsm, Thunderbird and Outlook refuse to seal to it until it is trusted by hand")
	}
	return nil
}

// keygenPair makes the two keys of an algorithm that takes two.
func (a *app) keygenPair(f *keygenFlags, o smime.KeyOptions, passphrase []byte) error {
	files, err := a.newFiles(f.out, ".key", ".pub", ".sign.pub")
	if err != nil {
		return err
	}
	defer files.discard()
	keys, err := smime.GenerateKeys(o)
	if err != nil {
		return fmt.Errorf("making the keys: %w", err)
	}
	if len(keys) != 2 {
		return errors.New("making the keys: not a pair")
	}
	secret, err := smime.MarshalKeys(keys, passphrase)
	if err != nil {
		return failed("writing", f.out+".key", err)
	}
	signs, opens := keys[0].Certificate(), keys[1].Certificate()
	if err := files.write(secret, certificatePEM(opens), certificatePEM(signs)); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, opens.Fingerprint().String())
	a.say("wrote %s (secret: keep it), %s (public, to seal to) and %s (public, to check your signatures with: its fingerprint is %s)",
		shown(f.out+".key"), shown(f.out+".pub"), shown(f.out+".sign.pub"), signs.Fingerprint().String())
	a.say("note: few mail programs read %s yet: ask what your correspondents have; no PKCS#12 file is made", o.Algorithm)
	return nil
}

// keyContents returns what is in PREFIX.key, PREFIX.pub and, where there is a
// passphrase, PREFIX.p12.
func keyContents(k *smime.Key, passphrase []byte) ([][]byte, error) {
	secret, err := k.Marshal(passphrase)
	if err != nil {
		return nil, err
	}
	contents := [][]byte{secret, certificatePEM(k.Certificate())}
	if len(passphrase) > 0 {
		p12, err := k.MarshalPKCS12(passphrase)
		if err != nil {
			return nil, err
		}
		contents = append(contents, p12)
	}
	return contents, nil
}

// sayPKCS12 says how mail programs get the key.
func (a *app) sayPKCS12(prefix string, passphrase []byte) {
	if len(passphrase) > 0 {
		a.say("wrote %s (secret): mail programs import it, with the same passphrase; for gpgsm 2.2, which reads older encryption only, make one with openssl pkcs12 -export -legacy -in %s", shown(prefix+".p12"), shown(prefix+".key"))
		return
	}
	a.say("S/MIME: no PREFIX.p12 without a passphrase; to import the key elsewhere: openssl pkcs12 -export -in %s -out FILE.p12", shown(prefix+".key"))
}

// joinFlags are what join was asked for.
type joinFlags struct{ key, passphraseFile, out string }

func (a *app) joinCommand() *cobra.Command {
	var f joinFlags
	c := &cobra.Command{
		Use:   "join --key KEYFILE --out PREFIX CERTIFICATE",
		Short: "Put the certificate that an authority issued beside its key",
		Long: `Put the certificate that an authority issued for a request (box keygen --csr)
beside its private key: PREFIX.key, PREFIX.pub and, with a passphrase,
PREFIX.p12. CERTIFICATE may hold those of the authority too (.p7b, .p7c, PEM). It
is an error if none in it is of the key.

Keep KEYFILE: what was sealed to its own certificate names that, and is opened
with it.`,
		Example: `  box join --key bob.key --out bob-ca from-the-authority.crt`,
		Args:    most(1, "one certificate"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.join(&f, args) },
	}
	fl := c.Flags()
	fl.StringVar(&f.key, "key", "", "the `KEYFILE` that keygen --csr made")
	fl.StringVar(&f.passphraseFile, "passphrase-file", "", "the first line of this `FILE` opens KEYFILE, and protects what is written")
	fl.StringVar(&f.out, "out", "", "where to write: PREFIX.key and PREFIX.pub")
	return c
}

func (a *app) join(f *joinFlags, args []string) error {
	switch {
	case f.key == "":
		return usagef("--key is missing: the key file that the request was made with")
	case f.out == "":
		return usagef("--out is missing: --out bob writes bob.key and bob.pub")
	case len(args) == 0:
		return usagef("no certificate: box join --key KEYFILE --out PREFIX CERTIFICATE")
	}
	issued, err := a.certificatesIn(args[0])
	if err != nil {
		return err
	}
	passphrase, err := a.readPassphrase(f.passphraseFile)
	if err != nil {
		return err
	}
	keys, err := a.keysIn(f.key, passphrase)
	if err != nil {
		return err
	}
	old, ok := keys[0].(*smime.Key)
	if !ok || len(keys) != 1 {
		return failed("reading the key", f.key, errors.New("it is not one S/MIME key"))
	}
	k, err := joined(old, issued)
	if err != nil {
		return failed("joining", args[0], err)
	}
	suffixes := []string{".key", ".pub"}
	if len(passphrase) > 0 {
		suffixes = append(suffixes, ".p12")
	}
	files, err := a.newFiles(f.out, suffixes...)
	if err != nil {
		return err
	}
	defer files.discard()
	contents, err := keyContents(k, passphrase)
	if err != nil {
		return err
	}
	if err := files.write(contents...); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, k.Certificate().Fingerprint().String())
	a.sayWrote(f.out)
	a.sayPKCS12(f.out, passphrase)
	return nil
}

// joined returns k with the one of these certificates that is of its key:
// authorities send theirs along, in the same file.
func joined(k *smime.Key, issued []*keyring.Certificate) (*smime.Key, error) {
	if _, err := smime.ParseCertificate(issued[0].Marshal()); err != nil {
		return nil, errors.New("it is an OpenPGP key: those are issued by nobody")
	}
	var first error
	for _, c := range issued {
		with, err := withCertificate(k, c.Marshal())
		if err == nil {
			return with, nil
		}
		if first == nil {
			first = err
		}
	}
	if len(issued) > 1 {
		return nil, fmt.Errorf("the private key is that of none of the %d certificates in it", len(issued))
	}
	return nil, first
}

// capabilitiesIn returns the extension in which a certificate says what its
// owner's programs read (RFC 4262), for the certificate that takes its place.
func capabilitiesIn(x *x509.Certificate) []pkix.Extension {
	for _, e := range x.Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 15}) {
			return []pkix.Extension{e}
		}
	}
	return nil
}

// privatePEM returns the private key of k as one PEM block, not encrypted.
func privatePEM(k *smime.Key) (*pem.Block, error) {
	b, err := k.Marshal(nil)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("the private key cannot be taken out")
	}
	return block, nil
}

// withCertificate returns k with another certificate of the same key.
func withCertificate(k *smime.Key, der []byte) (*smime.Key, error) {
	private, err := privatePEM(k)
	if err != nil {
		return nil, err
	}
	both := append(pem.EncodeToMemory(private), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	defer clear(both)
	return smime.ParseKey(bytes.NewReader(both), nil)
}

// signerOf returns the private key of k as something that signs certificates
// and requests.
func signerOf(k *smime.Key) (crypto.Signer, *x509.Certificate, error) {
	private, err := privatePEM(k)
	if err != nil {
		return nil, nil, err
	}
	defer clear(private.Bytes)
	p, err := x509.ParsePKCS8PrivateKey(private.Bytes)
	if err != nil {
		return nil, nil, errors.New("requests are made for keys of RSA, on P-256, P-384 and P-521, and of Ed25519")
	}
	x, err := x509.ParseCertificate(k.Certificate().Marshal())
	if err != nil {
		return nil, nil, err
	}
	s, ok := p.(crypto.Signer)
	if !ok {
		return nil, nil, errors.New("the key signs nothing")
	}
	return s, x, nil
}

// certificateRequest returns a PKCS#10 request (RFC 2986) for the name and the
// addresses of k, as PEM.
func certificateRequest(k *smime.Key) ([]byte, error) {
	s, x, err := signerOf(k)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject:         pkix.Name{CommonName: x.Subject.CommonName},
		EmailAddresses:  x.EmailAddresses,
		ExtraExtensions: capabilitiesIn(x),
	}, s)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}
