package smime

import (
	"github.com/doublekeybox/doublekeybox/internal/ber"
	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// containerName returns how reports and errors name a CMS content type, ""
// for one that is not known.
func containerName(o oid) string {
	switch o {
	case oidData:
		return "Data"
	case oidSignedData:
		return containerSigned
	case oidEnvelopedData:
		return containerEnveloped
	case oidAuthEnvelopedData:
		return containerAuthEnveloped
	case oidCompressedData:
		return containerCompressed
	case oidDigestedData:
		return "DigestedData"
	case oidEncryptedData:
		return "EncryptedData"
	case oidAuthenticatedData:
		return "AuthenticatedData"
	}
	return ""
}

const (
	containerCompressed = "CompressedData"
	containerCerts      = "certs-only" // RFC 8551, Section 3.8
)

// notExpected is the error for a message of a type that has no place where it
// is. That is visible without a key, and named.
func notExpected(o oid) error {
	switch o {
	case oidSignedData:
		return malformed("it is signed and not sealed")
	case oidCompressedData:
		return malformed("it is compressed and not sealed")
	case oidEnvelopedData, oidAuthEnvelopedData:
		return malformed("it is sealed and not only signed")
	}
	if name := containerName(o); name != "" {
		return malformed("it is %s, which is not supported", name)
	}
	return malformed("CMS content of a type that is not supported")
}

// notSealed is notExpected for a message that is to be opened, of which r stands
// behind its type.
func notSealed(r *ber.Reader, o oid, l seam.Limits) error {
	if o != oidSignedData {
		return notExpected(o)
	}
	if sd, err := enterSignedData(r, l); err == nil && sd.eContent == nil {
		if err := sd.finish(); err == nil && sd.certificatesOnly() {
			return errCertificatesOnly()
		}
	}
	return notExpected(o)
}

// certificatesOnly reports whether a SignedData, read to its end, signs
// nothing and has nothing that could be signed (RFC 8551, Section 3.8).
func (sd *signedData) certificatesOnly() bool {
	return sd.eContent == nil && len(sd.signers) == 0
}

func errCertificatesOnly() error {
	return malformed("it holds certificates only: nothing in it is signed")
}
