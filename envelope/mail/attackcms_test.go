package mail_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/envelope/mail"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// cmsAttack builds an attack on the container of S/MIME, opaque: a SignedData that
// is wrong in one thing. In the twin nothing is.
func cmsAttack(name string, build func(c *cast, content string) []byte) attack {
	return attack{name: name, only: "smime", mail: func(c *cast, _ string, attacks bool) string {
		content := plain(genuine)
		if attacks {
			return header + cmsPart("signed-data", build(c, content))
		}
		return header + cmsPart("signed-data", signedData([]byte(content), []*x509.Certificate{c.alice.cert}, c.alice.info(content)))
	}}
}

// info is a signature of p in CMS, as it should be.
func (p *someone) info(content string) signerInfo {
	return signerInfo{key: p.raw, cert: p.cert, content: content}
}

// oneSignature is a cms whose only signature is changed.
func oneSignature(name string, change func(s *signerInfo)) attack {
	return cmsAttack(name, func(c *cast, content string) []byte {
		s := c.alice.info(content)
		change(&s)
		return signedData([]byte(content), []*x509.Certificate{c.alice.cert}, s)
	})
}

// mistyped is a message of S/MIME that is called what it is not (RFC 8551,
// Section 3.2.2). The twin is what it is called: sealed, and signed.
func mistyped(name, stated string, build func(c *cast) []byte) attack {
	return attack{name: name, only: "smime", mail: func(c *cast, f string, attacks bool) string {
		if attacks {
			return header + cmsPart(stated, build(c))
		}
		return header + cmsPart("authEnveloped-data", sealedBytes(f, envelope.Modern, plain(foreign), []*someone{c.alice}, c.bob))
	}}
}

// outside is a detached SignedData, which holds what it is given as content.
func outside(name string, build func(c *cast, entity string) (shown string, sig []byte)) attack {
	return attack{name: name, only: "smime", mail: func(c *cast, f string, attacks bool) string {
		entity := plain(genuine)
		if !attacks {
			return header + signedWith(f, "signed-outside", entity, signedData(nil, []*x509.Certificate{c.alice.cert}, c.alice.info(entity)))
		}
		shown, sig := build(c, entity)
		return header + signedWith(f, "signed-outside", shown, sig)
	}}
}

// Spoofing in the container: Müller and others, "Johnny, you are fired!",
// USENIX Security 2019, Section 4.1 (C1 to C4); RFC 5652, Sections 5.3 and 11.
func cmsAttacks() []attack {
	return append([]attack{
		outside("cms-econtent-other", func(c *cast, entity string) (string, []byte) {
			return plain(foreign), signedData([]byte(entity), []*x509.Certificate{c.alice.cert}, c.alice.info(entity))
		}),
		outside("cms-econtent-same", func(c *cast, entity string) (string, []byte) {
			return entity, signedData([]byte(entity), []*x509.Certificate{c.alice.cert}, c.alice.info(entity))
		}),
		outside("cms-zero-signers-detached", func(c *cast, entity string) (string, []byte) {
			return plain(foreign), signedData(nil, []*x509.Certificate{c.alice.cert})
		}),
		outside("cms-detached-damaged", func(c *cast, entity string) (string, []byte) {
			s := c.alice.info(entity)
			s.damaged = true
			return entity, signedData(nil, []*x509.Certificate{c.alice.cert}, s)
		}),
		outside("cms-detached-other-content", func(c *cast, entity string) (string, []byte) {
			return plain(foreign), signedData(nil, []*x509.Certificate{c.alice.cert}, c.alice.info(entity))
		}),
		outside("cms-detached-bad-and-good", func(c *cast, entity string) (string, []byte) {
			bad := c.alice.info(entity)
			bad.damaged = true
			return entity, signedData(nil, []*x509.Certificate{c.alice.cert}, bad, c.alice.info(entity))
		}),
		cmsAttack("cms-zero-signers", func(c *cast, _ string) []byte {
			return signedData([]byte(plain(foreign)), []*x509.Certificate{c.alice.cert})
		}),
		cmsAttack("cms-bad-and-good", func(c *cast, content string) []byte {
			bad := c.alice.info(content)
			bad.damaged = true
			return signedData([]byte(content), []*x509.Certificate{c.alice.cert}, bad, c.alice.info(content))
		}),
		cmsAttack("cms-replay-and-eve", func(c *cast, _ string) []byte {
			// Alice's signature over another text beside Eve's over this one.
			shown := plain(foreign)
			return signedData([]byte(shown), []*x509.Certificate{c.alice.cert, c.eve.cert}, c.alice.info(plain(genuine)), c.eve.info(shown))
		}),
		cmsAttack("cms-many-signers", func(c *cast, _ string) []byte {
			shown := plain(foreign)
			infos := []signerInfo{c.alice.info(plain(genuine))}
			for range 8 {
				infos = append(infos, c.eve.info(shown))
			}
			return signedData([]byte(shown), []*x509.Certificate{c.alice.cert, c.eve.cert}, infos...)
		}),
		cmsAttack("cms-signer-eve-brings-alice", func(c *cast, _ string) []byte {
			shown := plain(foreign)
			return signedData([]byte(shown), []*x509.Certificate{c.alice.cert, c.eve.cert}, c.eve.info(shown))
		}),
		cmsAttack("cms-sid-of-alice-key-of-eve", func(c *cast, _ string) []byte {
			s := c.eve.info(plain(foreign))
			s.cert = c.alice.cert
			return signedData([]byte(plain(foreign)), []*x509.Certificate{c.alice.cert}, s)
		}),
		cmsAttack("cms-self-signed-as-alice", func(c *cast, _ string) []byte {
			s := c.eve.info(plain(foreign))
			s.cert = certificate(c.eve.raw, nil, leaf("Alice", aliceAddress))
			return signedData([]byte(plain(foreign)), []*x509.Certificate{s.cert}, s)
		}),
		cmsAttack("cms-serial-of-alice", func(c *cast, _ string) []byte {
			t := leaf("Alice", aliceAddress)
			t.SerialNumber = c.alice.cert.SerialNumber
			s := c.eve.info(plain(foreign))
			s.cert = certificate(c.eve.raw, nil, t)
			return signedData([]byte(plain(foreign)), []*x509.Certificate{s.cert, c.alice.cert}, s)
		}),
		cmsAttack("cms-bytes-behind", func(c *cast, content string) []byte {
			return append(signedData([]byte(content), []*x509.Certificate{c.alice.cert}, c.alice.info(content)), signedData([]byte(plain(foreign)), nil)...)
		}),
		{name: "cms-base64-behind", only: "smime", mail: func(c *cast, _ string, attacks bool) string {
			// Padding ends base64 for some programs, and others read on.
			content := plain(genuine)
			der := signedData([]byte(content), []*x509.Certificate{c.alice.cert}, c.alice.info(content))
			for len(der)%3 != 1 {
				content += "\r\n"
				der = signedData([]byte(content), []*x509.Certificate{c.alice.cert}, c.alice.info(content))
			}
			m := header + cmsPart("signed-data", der)
			if attacks {
				m += base64Lines(signedData([]byte(plain(foreign)), nil))
			}
			return m
		}},
		mistyped("type-unsigned-as-enveloped", "enveloped-data", func(*cast) []byte { return signedData([]byte(plain(foreign)), nil) }),
		mistyped("type-sealed-as-signed", "signed-data", func(c *cast) []byte {
			return sealedBytes("smime", envelope.Modern, plain(foreign), nil, c.bob)
		}),
		mistyped("type-by-eve-as-certificates", "certs-only", func(c *cast) []byte {
			return signedData([]byte(plain(foreign)), []*x509.Certificate{c.eve.cert}, c.eve.info(plain(foreign)))
		}),
		oneSignature("cms-damaged", func(s *signerInfo) { s.damaged = true }),
		oneSignature("cms-sha1", func(s *signerInfo) { s.sha1 = true }),
		oneSignature("cms-no-attributes", func(s *signerInfo) { s.bare = true }),
		oneSignature("cms-no-digest", func(s *signerInfo) {
			s.attrs = func(d []byte) [][]byte { return goodAttributes(d)[:1] }
		}),
		oneSignature("cms-no-content-type", func(s *signerInfo) {
			s.attrs = func(d []byte) [][]byte { return goodAttributes(d)[1:] }
		}),
		oneSignature("cms-wrong-content-type", func(s *signerInfo) {
			s.attrs = func(d []byte) [][]byte {
				return [][]byte{attribute(oidContentType, oidSigned), attribute(oidMessageDigest, tlv(4, d))}
			}
		}),
		oneSignature("cms-digest-twice", func(s *signerInfo) {
			s.attrs = func(d []byte) [][]byte {
				return append(goodAttributes(d), attribute(oidMessageDigest, tlv(4, make([]byte, 32))))
			}
		}),
		oneSignature("cms-digest-two-values", func(s *signerInfo) {
			s.attrs = func(d []byte) [][]byte {
				return [][]byte{attribute(oidContentType, oidData), attribute(oidMessageDigest, tlv(4, d), tlv(4, make([]byte, 32)))}
			}
		}),
		oneSignature("cms-digest-other", func(s *signerInfo) {
			s.attrs = func([]byte) [][]byte { return goodAttributes(make([]byte, 32)) }
		}),
		oneSignature("cms-digest-cut", func(s *signerInfo) {
			s.attrs = func(d []byte) [][]byte { return goodAttributes(d[:20]) }
		}),
	}, chainAttacks()...)
}

// chained is an attack by a certificate that a message brings: what Bob
// believes is the word of one authority, and no single certificate.
func chained(name string, issue func(c *cast, t *x509.Certificate) *x509.Certificate) attack {
	return attack{name: name, only: "smime", mail: func(c *cast, _ string, attacks bool) string {
		t := leaf("Alice", aliceAddress)
		cert := certificate(c.eve.raw, c.ca, t)
		if attacks {
			cert = issue(c, t)
		}
		content := plain(genuine)
		s := c.eve.info(content)
		s.cert = cert
		return header + cmsPart("signed-data", signedData([]byte(content), []*x509.Certificate{cert, c.ca.cert}, s))
	}, opener: func(_ testing.TB, c *cast, o *mail.Opener, _ bool) {
		o.Senders, o.Evidence = nil, func(address string, beside ...*keyring.Certificate) keyring.Evidence {
			return c.trust(address, beside...)
		}
	}}
}

func chainAttacks() []attack {
	changed := func(name string, change func(t *x509.Certificate)) attack {
		return chained(name, func(c *cast, t *x509.Certificate) *x509.Certificate {
			change(t)
			return certificate(c.eve.raw, c.ca, t)
		})
	}
	return []attack{
		chained("chain-rogue", func(c *cast, t *x509.Certificate) *x509.Certificate {
			return certificate(c.eve.raw, c.rogue, t)
		}),
		chained("chain-self-signed", func(c *cast, t *x509.Certificate) *x509.Certificate {
			return certificate(c.eve.raw, nil, t)
		}),
		chained("chain-leaf-as-authority", func(c *cast, t *x509.Certificate) *x509.Certificate {
			// Eve's own good certificate issues one in Alice's name.
			a := &authority{raw: c.eve.raw, cert: certificate(c.eve.raw, c.ca, leaf("Eve", eveAddress))}
			return certificate(c.eve.raw, a, t)
		}),
		changed("chain-wrong-purpose", func(t *x509.Certificate) { t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }),
		changed("chain-wrong-usage", func(t *x509.Certificate) { t.KeyUsage = x509.KeyUsageKeyAgreement }),
		changed("chain-other-address", func(t *x509.Certificate) { t.EmailAddresses = []string{eveAddress} }),
		changed("chain-no-address", func(t *x509.Certificate) { t.EmailAddresses = nil }),
		changed("chain-address-in-name", func(t *x509.Certificate) { t.EmailAddresses, t.Subject.CommonName = nil, aliceAddress }),
		changed("chain-address-as-dns", func(t *x509.Certificate) { t.EmailAddresses, t.DNSNames = nil, []string{"alice.example.org"} }),
		changed("chain-longer-domain", func(t *x509.Certificate) { t.EmailAddresses = []string{aliceAddress + ".example.net"} }),
		changed("chain-expired", func(t *x509.Certificate) { t.NotAfter = time.Now().Add(-time.Minute) }),
		changed("chain-not-yet", func(t *x509.Certificate) { t.NotBefore = time.Now().Add(48 * time.Hour) }),
	}
}
