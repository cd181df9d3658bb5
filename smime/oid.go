package smime

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// oid is the content of a DER OBJECT IDENTIFIER. Being text it is immutable,
// comparable, and compared octet for octet: no arc is ever decoded, so none
// can overflow. The reader in internal/ber refuses arcs that are not minimal.
type oid string

// tlv returns o with tag and length.
func (o oid) tlv() []byte {
	return append([]byte{byte(asn1.OBJECT_IDENTIFIER), byte(len(o))}, o...)
}

// add appends o to b.
func (o oid) add(b *cryptobyte.Builder) {
	b.AddASN1(asn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes([]byte(o)) })
}

// readOID consumes an OBJECT IDENTIFIER.
func readOID(s *cryptobyte.String, o *oid) bool {
	var v cryptobyte.String
	if !s.ReadASN1(&v, asn1.OBJECT_IDENTIFIER) || len(v) == 0 {
		return false
	}
	*o = oid(v)
	return true
}

const (
	oidData              oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"         // 1.2.840.113549.1.7.1
	oidSignedData        oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"         // 1.2.840.113549.1.7.2
	oidEnvelopedData     oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"         // 1.2.840.113549.1.7.3
	oidDigestedData      oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x05"         // 1.2.840.113549.1.7.5
	oidEncryptedData     oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06"         // 1.2.840.113549.1.7.6
	oidAuthenticatedData oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x02" // 1.2.840.113549.1.9.16.1.2
	oidCompressedData    oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09" // 1.2.840.113549.1.9.16.1.9
	oidAuthEnvelopedData oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17" // 1.2.840.113549.1.9.16.1.23

	oidZlib oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x08" // 1.2.840.113549.1.9.16.3.8

	oidAES128CBC        oid = "\x60\x86\x48\x01\x65\x03\x04\x01\x02"         // 2.16.840.1.101.3.4.1.2
	oidAES192CBC        oid = "\x60\x86\x48\x01\x65\x03\x04\x01\x16"         // 2.16.840.1.101.3.4.1.22
	oidAES256CBC        oid = "\x60\x86\x48\x01\x65\x03\x04\x01\x2a"         // 2.16.840.1.101.3.4.1.42
	oidAES128CCM        oid = "\x60\x86\x48\x01\x65\x03\x04\x01\x07"         // 2.16.840.1.101.3.4.1.7
	oidAES192CCM        oid = "\x60\x86\x48\x01\x65\x03\x04\x01\x1b"         // 2.16.840.1.101.3.4.1.27
	oidAES256CCM        oid = "\x60\x86\x48\x01\x65\x03\x04\x01\x2f"         // 2.16.840.1.101.3.4.1.47
	oidChaCha20Poly1305 oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x12" // 1.2.840.113549.1.9.16.3.18
	oidRC2CBC           oid = "\x2a\x86\x48\x86\xf7\x0d\x03\x02"             // 1.2.840.113549.3.2
	oidAES128Wrap       oid = "\x60\x86\x48\x01\x65\x03\x04\x01\x05"         // 2.16.840.1.101.3.4.1.5
	oidAES192Wrap       oid = "\x60\x86\x48\x01\x65\x03\x04\x01\x19"         // 2.16.840.1.101.3.4.1.25
	oidAES256Wrap       oid = "\x60\x86\x48\x01\x65\x03\x04\x01\x2d"         // 2.16.840.1.101.3.4.1.45
	oidAES128GCM        oid = "\x60\x86\x48\x01\x65\x03\x04\x01\x06"         // 2.16.840.1.101.3.4.1.6
	oidAES192GCM        oid = "\x60\x86\x48\x01\x65\x03\x04\x01\x1a"         // 2.16.840.1.101.3.4.1.26
	oidAES256GCM        oid = "\x60\x86\x48\x01\x65\x03\x04\x01\x2e"         // 2.16.840.1.101.3.4.1.46
	oidDESEDE3CBC       oid = "\x2a\x86\x48\x86\xf7\x0d\x03\x07"             // 1.2.840.113549.3.7
	oidCEKHKDF          oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x1f" // 1.2.840.113549.1.9.16.3.31

	oidRSAEncryption oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" // 1.2.840.113549.1.1.1
	oidRSAOAEP       oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07" // 1.2.840.113549.1.1.7
	oidMGF1          oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08" // 1.2.840.113549.1.1.8
	oidPSpecified    oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x09" // 1.2.840.113549.1.1.9
	oidRSAPSS        oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a" // 1.2.840.113549.1.1.10
	oidMD5WithRSA    oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04" // 1.2.840.113549.1.1.4
	oidSHA1WithRSA   oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05" // 1.2.840.113549.1.1.5
	oidSHA224WithRSA oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e" // 1.2.840.113549.1.1.14
	oidSHA256WithRSA oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b" // 1.2.840.113549.1.1.11
	oidSHA384WithRSA oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c" // 1.2.840.113549.1.1.12
	oidSHA512WithRSA oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d" // 1.2.840.113549.1.1.13
	oidDHPublic      oid = "\x2a\x86\x48\xce\x3e\x02\x01"         // 1.2.840.10046.2.1
	oidECPublicKey   oid = "\x2a\x86\x48\xce\x3d\x02\x01"         // 1.2.840.10045.2.1
	oidECDSASHA1     oid = "\x2a\x86\x48\xce\x3d\x04\x01"         // 1.2.840.10045.4.1
	oidECDSASHA224   oid = "\x2a\x86\x48\xce\x3d\x04\x03\x01"     // 1.2.840.10045.4.3.1
	oidECDSASHA256   oid = "\x2a\x86\x48\xce\x3d\x04\x03\x02"     // 1.2.840.10045.4.3.2
	oidECDSASHA384   oid = "\x2a\x86\x48\xce\x3d\x04\x03\x03"     // 1.2.840.10045.4.3.3
	oidECDSASHA512   oid = "\x2a\x86\x48\xce\x3d\x04\x03\x04"     // 1.2.840.10045.4.3.4
	oidEd25519       oid = "\x2b\x65\x70"                         // 1.3.101.112
	oidX25519        oid = "\x2b\x65\x6e"                         // 1.3.101.110
	oidX448          oid = "\x2b\x65\x6f"                         // 1.3.101.111
	oidEd448         oid = "\x2b\x65\x71"                         // 1.3.101.113
	oidMLKEM512      oid = "\x60\x86\x48\x01\x65\x03\x04\x04\x01" // 2.16.840.1.101.3.4.4.1
	oidMLKEM768      oid = "\x60\x86\x48\x01\x65\x03\x04\x04\x02" // 2.16.840.1.101.3.4.4.2
	oidMLKEM1024     oid = "\x60\x86\x48\x01\x65\x03\x04\x04\x03" // 2.16.840.1.101.3.4.4.3
	oidMLDSA44       oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x11" // 2.16.840.1.101.3.4.3.17
	oidMLDSA65       oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x12" // 2.16.840.1.101.3.4.3.18
	oidMLDSA87       oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x13" // 2.16.840.1.101.3.4.3.19
	oidP256          oid = "\x2a\x86\x48\xce\x3d\x03\x01\x07"     // 1.2.840.10045.3.1.7
	oidP384          oid = "\x2b\x81\x04\x00\x22"                 // 1.3.132.0.34
	oidP521          oid = "\x2b\x81\x04\x00\x23"                 // 1.3.132.0.35

	oidMD5         oid = "\x2a\x86\x48\x86\xf7\x0d\x02\x05"     // 1.2.840.113549.2.5
	oidSHA1        oid = "\x2b\x0e\x03\x02\x1a"                 // 1.3.14.3.2.26
	oidSHA224      oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x04" // 2.16.840.1.101.3.4.2.4
	oidSHA256      oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x01" // 2.16.840.1.101.3.4.2.1
	oidSHA384      oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x02" // 2.16.840.1.101.3.4.2.2
	oidSHA512      oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x03" // 2.16.840.1.101.3.4.2.3
	oidSHA512t224  oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x05" // 2.16.840.1.101.3.4.2.5
	oidSHA512t256  oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x06" // 2.16.840.1.101.3.4.2.6
	oidSHA3224     oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x07" // 2.16.840.1.101.3.4.2.7
	oidSHA3256     oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x08" // 2.16.840.1.101.3.4.2.8
	oidSHA3384     oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x09" // 2.16.840.1.101.3.4.2.9
	oidSHA3512     oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x0a" // 2.16.840.1.101.3.4.2.10
	oidSHAKE128    oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x0b" // 2.16.840.1.101.3.4.2.11
	oidSHAKE256    oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x0c" // 2.16.840.1.101.3.4.2.12
	oidSHAKE256Len oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x12" // 2.16.840.1.101.3.4.2.18

	// Signatures with the digests of RFC 8017, 9688 and 8702.
	oidSHA512t224WithRSA oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0f" // 1.2.840.113549.1.1.15
	oidSHA512t256WithRSA oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x10" // 1.2.840.113549.1.1.16
	oidECDSASHA3224      oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x09" // 2.16.840.1.101.3.4.3.9
	oidECDSASHA3256      oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x0a" // 2.16.840.1.101.3.4.3.10
	oidECDSASHA3384      oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x0b" // 2.16.840.1.101.3.4.3.11
	oidECDSASHA3512      oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x0c" // 2.16.840.1.101.3.4.3.12
	oidSHA3224WithRSA    oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x0d" // 2.16.840.1.101.3.4.3.13
	oidSHA3256WithRSA    oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x0e" // 2.16.840.1.101.3.4.3.14
	oidSHA3384WithRSA    oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x0f" // 2.16.840.1.101.3.4.3.15
	oidSHA3512WithRSA    oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x10" // 2.16.840.1.101.3.4.3.16
	oidECDSASHAKE128     oid = "\x2b\x06\x01\x05\x05\x07\x06\x20"     // 1.3.6.1.5.5.7.6.32
	oidECDSASHAKE256     oid = "\x2b\x06\x01\x05\x05\x07\x06\x21"     // 1.3.6.1.5.5.7.6.33
	oidPSSSHAKE128       oid = "\x2b\x06\x01\x05\x05\x07\x06\x1e"     // 1.3.6.1.5.5.7.6.30
	oidPSSSHAKE256       oid = "\x2b\x06\x01\x05\x05\x07\x06\x1f"     // 1.3.6.1.5.5.7.6.31
	oidDSA               oid = "\x2a\x86\x48\xce\x38\x04\x01"         // 1.2.840.10040.4.1
	oidDSASHA1           oid = "\x2a\x86\x48\xce\x38\x04\x03"         // 1.2.840.10040.4.3
	oidDSASHA224         oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x01" // 2.16.840.1.101.3.4.3.1
	oidDSASHA256         oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x02" // 2.16.840.1.101.3.4.3.2
	oidDSASHA384         oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x03" // 2.16.840.1.101.3.4.3.3
	oidDSASHA512         oid = "\x60\x86\x48\x01\x65\x03\x04\x03\x04" // 2.16.840.1.101.3.4.3.4

	oidStdDHSHA1KDF      oid = "\x2b\x81\x05\x10\x86\x48\x3f\x00\x02"         // 1.3.133.16.840.63.0.2
	oidStdDHSHA224KDF    oid = "\x2b\x81\x04\x01\x0b\x00"                     // 1.3.132.1.11.0
	oidStdDHSHA256KDF    oid = "\x2b\x81\x04\x01\x0b\x01"                     // 1.3.132.1.11.1
	oidStdDHSHA384KDF    oid = "\x2b\x81\x04\x01\x0b\x02"                     // 1.3.132.1.11.2
	oidStdDHSHA512KDF    oid = "\x2b\x81\x04\x01\x0b\x03"                     // 1.3.132.1.11.3
	oidCofactorSHA1KDF   oid = "\x2b\x81\x05\x10\x86\x48\x3f\x00\x03"         // 1.3.133.16.840.63.0.3
	oidCofactorSHA224KDF oid = "\x2b\x81\x04\x01\x0e\x00"                     // 1.3.132.1.14.0
	oidCofactorSHA256KDF oid = "\x2b\x81\x04\x01\x0e\x01"                     // 1.3.132.1.14.1
	oidCofactorSHA384KDF oid = "\x2b\x81\x04\x01\x0e\x02"                     // 1.3.132.1.14.2
	oidCofactorSHA512KDF oid = "\x2b\x81\x04\x01\x0e\x03"                     // 1.3.132.1.14.3
	oidStdDHHKDFSHA256   oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x13" // 1.2.840.113549.1.9.16.3.19
	oidStdDHHKDFSHA384   oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x14" // 1.2.840.113549.1.9.16.3.20
	oidStdDHHKDFSHA512   oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x15" // 1.2.840.113549.1.9.16.3.21

	oidORIKEM     oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x0d\x03" // 1.2.840.113549.1.9.16.13.3
	oidHKDFSHA256 oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x1c" // 1.2.840.113549.1.9.16.3.28
	oidHKDFSHA384 oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x1d" // 1.2.840.113549.1.9.16.3.29
	oidHKDFSHA512 oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x1e" // 1.2.840.113549.1.9.16.3.30
	oidPWRIKEK    oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x09" // 1.2.840.113549.1.9.16.3.9

	oidEmailAddress         oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"         // 1.2.840.113549.1.9.1
	oidContentType          oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"         // 1.2.840.113549.1.9.3
	oidMessageDigest        oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"         // 1.2.840.113549.1.9.4
	oidSigningTime          oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05"         // 1.2.840.113549.1.9.5
	oidSMIMECapabilities    oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0f"         // 1.2.840.113549.1.9.15
	oidSigningCertificate   oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x0c" // 1.2.840.113549.1.9.16.2.12
	oidSigningCertificateV2 oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f" // 1.2.840.113549.1.9.16.2.47
	oidAlgorithmProtection  oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x34"         // 1.2.840.113549.1.9.52
	oidCounterSignature     oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x06"         // 1.2.840.113549.1.9.6
	oidTimeStampToken       oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x0e" // 1.2.840.113549.1.9.16.2.14

	oidPBES2          oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d"         // 1.2.840.113549.1.5.13
	oidPBKDF2         oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c"         // 1.2.840.113549.1.5.12
	oidPBMAC1         oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0e"         // 1.2.840.113549.1.5.14
	oidScrypt         oid = "\x2b\x06\x01\x04\x01\xda\x47\x04\x0b"         // 1.3.6.1.4.1.11591.4.11
	oidHMACSHA1       oid = "\x2a\x86\x48\x86\xf7\x0d\x02\x07"             // 1.2.840.113549.2.7
	oidHMACSHA224     oid = "\x2a\x86\x48\x86\xf7\x0d\x02\x08"             // 1.2.840.113549.2.8
	oidHMACSHA256     oid = "\x2a\x86\x48\x86\xf7\x0d\x02\x09"             // 1.2.840.113549.2.9
	oidHMACSHA384     oid = "\x2a\x86\x48\x86\xf7\x0d\x02\x0a"             // 1.2.840.113549.2.10
	oidHMACSHA512     oid = "\x2a\x86\x48\x86\xf7\x0d\x02\x0b"             // 1.2.840.113549.2.11
	oidKeyBag         oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x01" // 1.2.840.113549.1.12.10.1.1
	oidCertBag        oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x03" // 1.2.840.113549.1.12.10.1.3
	oidX509Bag        oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01"     // 1.2.840.113549.1.9.22.1
	oidPBE3DES        oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x03"     // 1.2.840.113549.1.12.1.3
	oidPBE2DES        oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x04"     // 1.2.840.113549.1.12.1.4
	oidPBERC2         oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x05"     // 1.2.840.113549.1.12.1.5
	oidPBERC240       oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x06"     // 1.2.840.113549.1.12.1.6
	oidShroudedKeyBag oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x02" // 1.2.840.113549.1.12.10.1.2
)
