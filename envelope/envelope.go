// Package envelope is the double-key box: it seals content for verified
// recipients, opens what was sealed, signs, and checks signatures. It knows no
// format: package pgp and package smime do, and every value that this package
// works on comes from one of them.
//
//	w, err := envelope.Seal(dst, bob) // bob is a *keyring.Verified
//	if err != nil {
//		return err
//	}
//	defer w.Abort()
//	if _, err := io.Copy(w, attachment); err != nil {
//		return err
//	}
//	return w.Close()
//
// Three promises are kept for every format and every profile. Nothing is
// sealed to a key that [keyring.Verify] did not accept, and to all recipients
// or to none. A [Message] releases a byte only after it was authenticated, and
// io.EOF only after every check passed. Memory stays constant however large
// the content is.
package envelope

import (
	"time"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// Format is a message format: pgp.Format() or smime.Format(). The zero value
// is none. Safe for concurrent use.
type Format seam.Opaque[seam.Format]

// Identity is a private key that opens what was sealed to its certificate;
// the keys of pgp and smime make one. The zero value opens nothing. Safe for
// concurrent use.
type Identity seam.Opaque[seam.Identity]

// Signer is a private key that signs; the keys of pgp and smime make one. The
// zero value is refused. Safe for concurrent use.
type Signer seam.Opaque[seam.Signer]

// Profile says how much a [Sealer] cares for readers of older programs. The
// zero value, [Auto], is the strongest that the recipients are known to read.
type Profile int

const (
	// Auto chooses by what the recipients' verified certificates say that
	// they read, or what was noted beside them with [keyring.Verified.With].
	// Where nothing is known (of most X.509 certificates) and there is a signer, it chooses what [Compatible] does; without a signer it
	// refuses with an [*UnknownReaderError] that names the ways on.
	Auto Profile = iota

	// Modern is authenticated encryption always: SEIPDv2 where every OpenPGP
	// recipient reads it, else SEIPDv1; AuthEnvelopedData with AES-256-GCM and
	// RSA-OAEP, ECDH or ML-KEM for S/MIME, which OpenSSL 3 (signed content only
	// with Sealer.Entity set) and Bouncy Castle read, and Outlook, Apple Mail,
	// Thunderbird and gpgsm 2.2 do not.
	Modern

	// Compatible is what every mail program opens: SEIPDv1 with AES-256, and
	// EnvelopedData with AES-256-CBC around a SignedData. That needs a signer,
	// since CBC alone is not authenticated.
	Compatible

	// PostQuantum seals only to keys with ML-KEM and refuses all others by name.
	PostQuantum
)

// Legacy holds the weakenings that a caller can ask for, each by its name.
// None of them changes what is written or read unless its field is set, and a
// message never sets one.
type Legacy struct {
	// UnauthenticatedCBC allows EnvelopedData without a valid signature
	// inside: to be written, and to be released when opened, where the Report
	// then says so. Whoever can change such a message on its way can change
	// its content, and with a reader that reacts to it can learn its content
	// (EFAIL, CVE-2017-17689).
	UnauthenticatedCBC bool

	// TripleDES allows content under triple DES to be read, which mail
	// programs wrote until about 2010. Its blocks of 64 bits repeat by chance
	// in long messages, and what follows two equal ones tells how their
	// plaintexts differ (Sweet32, CVE-2016-2183). Never written.
	TripleDES bool

	// RC2 allows content under RC2 to be read, with keys of 40, 64 and 128
	// bits, which older ones wrote. Whoever kept such a message can try all
	// keys of 40 bits in minutes; the Report says so. Never written.
	RC2 bool

	// RSA1024 allows private keys of 1024 to 2047 bits to open, which were
	// usual until 2010. Numbers of 829 bits have been factored in public, and
	// 1024 are within reach of whoever pays for it: take what the message
	// says as known to others. Nothing is sealed to such a key.
	RSA1024 bool

	// NoMDC allows OpenPGP's encryption of before 2003 to be read, which has
	// no integrity protection at all (packet 9): whoever carried the message
	// can have changed what it says, or put pieces of it where they show
	// themselves to others (Poddebniak and others, 2018). A message that has
	// the protection can be made into one that has not, with the same session
	// key: so it is never allowed for mail that just came in. The ciphers of
	// that time, triple DES and CAST5, are then read in it too, and the Report
	// names them. It says Unauthenticated, whoever signed the content.
	NoMDC bool
}

// Limits bounds what a message from outside may cost. Each zero field is the
// default named; a limit that is reached is a [*LimitError].
type Limits struct {
	Recipients   int    // recipients read in one message; default 20,000, written at most 10,000
	PrivateKeys  int    // private-key operations tried for one message; default 32
	Certificates int    // certificates read in one message; default 64
	Signatures   int    // signatures read in one message; default 16
	HeaderBytes  int64  // octets of one message that are not content; default 4 MiB, and 16 MiB for all recipients together
	Decompressed int64  // octets that compressed content may grow to; default 1 GiB
	SourceBytes  int64  // octets of one message as it comes; default 128 GiB
	SpoolMemory  int64  // octets of a source that cannot seek held in memory before a file is used; default 2 MiB
	SpoolDir     string // where that file is made; default os.TempDir()
}

// The defaults, and the most that a caller can set: threats beyond them are
// not a question of taste. Sources: 20,000 recipients is the largest list that
// a mail server in wide use expands for one message; 32 trials of RSA-4096 are
// about half a second of one core; 64 certificates and 16 signatures are four
// times what gateways attach; 4 MiB of header is 20,000 RSA recipients at 440
// octets, halved, and doubled again per recipient list below.
const (
	defaultRecipients   = 20_000
	mostRecipients      = 50_000
	writtenRecipients   = 10_000
	defaultPrivateKeys  = 32
	mostPrivateKeys     = 1_024
	defaultCertificates = 64
	mostCertificates    = 256
	defaultSignatures   = 16
	mostSignatures      = 64
	defaultHeaderBytes  = 4 << 20
	mostHeaderBytes     = 64 << 20
	defaultDecompressed = 1 << 30
)

func pick[T int | int64](v, def, most T) T {
	switch {
	case v <= 0:
		return def
	case v > most:
		return most
	}
	return v
}

func (l Limits) resolve() seam.Limits {
	return seam.Limits{
		Recipients:   pick(l.Recipients, defaultRecipients, mostRecipients),
		PrivateTrial: pick(l.PrivateKeys, defaultPrivateKeys, mostPrivateKeys),
		Certificates: pick(l.Certificates, defaultCertificates, mostCertificates),
		Signatures:   pick(l.Signatures, defaultSignatures, mostSignatures),
		HeaderBytes:  pick(l.HeaderBytes, defaultHeaderBytes, mostHeaderBytes),
		Decompressed: pick(l.Decompressed, defaultDecompressed, 1<<62),
	}
}

// clock returns now() or the time of day.
func clock(now func() time.Time) time.Time {
	if now != nil {
		return now()
	}
	return time.Now()
}
