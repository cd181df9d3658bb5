// Package smime is S/MIME: X.509 certificates and keys, and the Cryptographic
// Message Syntax (CMS, RFC 5652) that sealed and signed messages are made of.
//
// It makes the values that packages keyring and envelope work with. To seal:
//
//	cert, err := smime.ParseCertificate(pem)
//	bob, err := keyring.Verify(cert, keyring.Expect(fingerprint))
//	w, err := envelope.Seal(dst, bob)
//
// and to open:
//
//	key, err := smime.ParseKey(file, passphrase)
//	o := envelope.Opener{Identities: []envelope.Identity{key.Identity()}}
//	m, err := o.Open(src)
//
// # What is written
//
// Where all readers are known to read it, or the Modern or PostQuantum profile
// asks for it: AuthEnvelopedData (RFC 5083) with AES-256-GCM, and RSAES-OAEP for
// RSA keys. Else EnvelopedData with AES-256-CBC and RSA PKCS#1 v1.5 around a
// SignedData, which every mail program reads. AES-CBC authenticates nothing, so
// it is never written without a signature inside, unless that is allowed by
// name. What a reader reads is in the certificate (RFC 4262) or in
// [Capabilities]; the profiles of package envelope say when that decides, and
// the receipt says why. Two things are written only to readers who all list
// them: ChaCha20-Poly1305 (RFC 8103), where they do not all list AES-256-GCM, and
// a content key that is derived for its algorithm (CEK-HKDF, RFC 9709).
//
// Keys on P-256, P-384, P-521, X25519 and X448 get the content key by ECDH, those
// of ML-KEM-768 and ML-KEM-1024 by KEMRecipientInfo, passphrases by PBKDF2 and
// PWRI-KEK, under every profile but PostQuantum, which takes ML-KEM and
// passphrases alone.
// Nothing is sealed to RSA keys of fewer than 2,048 bits, to ML-KEM-512, or to
// certificates that are for signatures only.
//
// Content that is signed and sealed is a SignedData inside the encryption; with
// envelope.Sealer.Entity set, it is one in the MIME entity that mail programs
// expect there (RFC 8551, Section 3.7). Signed attributes are always written:
// contentType, messageDigest, signingTime, SMIMECapabilities,
// signingCertificateV2 and CMSAlgorithmProtection.
//
// # What is read
//
// DER, and BER with lengths of any form, binary, as PEM (RFC 7468, Section 9), or
// in base64 alone. Content of any length is read and written as a stream in
// constant memory.
//
//	content      AES-GCM, AES-CCM, AES-CBC with keys of 128, 192 and 256 bits;
//	             ChaCha20-Poly1305; each also with CEK-HKDF-SHA256
//	content key  RSA PKCS#1 v1.5 (RFC 3218) and OAEP with SHA-1 and SHA-2; ECDH on P-256,
//	             P-384, P-521, X25519 and X448 (RFC 5753, RFC 8418); ML-KEM-512,
//	             -768 and -1024 (RFC 9629, RFC 9936); a key that was shared before
//	             ([SharedKey]); a passphrase (RFC 3211)
//	by name      what is named in [envelope.Legacy] and nowhere else: triple DES,
//	             RC2, RSA keys of 1,024 bits and more, CBC without a signature
//	never        GCM inside EnvelopedData, DES, brainpool curves, Camellia,
//	             ECMQV, DSA, static Diffie-Hellman
//
// AuthEnvelopedData is content with a tag at its end, so a message is read
// twice: once to verify it, once to release it. EnvelopedData is released only
// if it holds a SignedData of which a signature covers all that is released.
// Whatever fails and depends on a secret is the one [envelope.ErrDecrypt].
//
// # Layers
//
// Inside the encryption, and in a message that is signed alone, these are taken
// off content: SignedData, CompressedData (RFC 3274), both also in a MIME
// entity, and multipart/signed (RFC 8551, Section 3.5.3), of which the first
// part is released, with its header. There is one rule:
//
//   - The first signature is the last layer. What it is over is content, also
//     where that is a signed or sealed message again, as in triple wrapping.
//   - The exception is content whose signed CMS type says that it is
//     compressed: what decompressing yields is released.
//   - Content is decompressed once, up to [envelope.Limits].
//
// So there is at most one signed layer, and it is over exactly what is released,
// or over what that was decompressed from. A multipart/signed has to be one for
// all who might read it: two parts, text or nothing before them, white space or
// nothing after them, and no line that could be taken for its boundary or not.
// Where its lines have lost their CR, it is put in again before they are hashed,
// and released so. Whatever only looks like a layer, in AuthEnvelopedData, and
// is none or has a signature that does not verify, is released as it is.
//
// # What a signature proves
//
// That the content is as it was when the key signed it. Whose key that is, only
// a certificate that was verified says: see envelope.Opener.Senders. Who can
// open a message knows its content key and could seal other content with it
// under the same recipients; only a signature proves an origin.
//
// # Which signatures are read
//
// RSA PKCS#1 v1.5 and PSS; ECDSA on P-256, P-384 and P-521; Ed25519, Ed448,
// ML-DSA and SLH-DSA; with SHA-2 and SHA-3, and with SHAKE where the scheme is
// not RSA. SHA-1, MD5, and RSA keys of fewer than 2,048 bits make a signature
// that is reported as weak and never valid. DSA is not supported. Where readers
// disagree, this is what is done, and why:
//
//   - Without signed attributes a signature is not supported: its octets can be
//     the attributes of another message, so that what was signed is open.
//   - Signed attributes that are not in the order of DER are checked sorted and
//     as they stand, since some programs sign them so. It is the same set, each
//     attribute that has a meaning is in it once, and nothing else is tried.
//   - contentType, messageDigest, signingTime and the others that count where
//     they are signed make a signature bad where they stand twice, or unsigned.
//   - RSA-PSS has one digest for content and mask, and a salt that is exactly as
//     long as is stated: OpenSSL makes it as long as fits.
//   - A key that its certificate restricts to PSS signs with nothing else, and
//     one for OAEP with nothing.
//   - With Ed25519, Ed448, ML-DSA and SLH-DSA the content may be hashed with any
//     digest of 256 bits or more that is not weak: programs differ from the RFCs
//     here, and the digest has only not to collide.
//   - Countersignatures are reported beside the signature that they are of, and
//     change nothing of it. Time stamps are noted and not checked.
//
// RSA keys sign with PKCS#1 v1.5, which every program reads, and with PSS under
// the Modern and PostQuantum profiles or where all recipients list it; PSS keys
// always with PSS. SLH-DSA is read only.
//
// # Whose certificate it is
//
// A fingerprint that its owner told you by another way is the best evidence:
// keyring.Expect. Where an authority issues the certificates of many, [ChainTo]
// takes the word of authorities that you name, and of no others: the roots of
// the system are there for the web. What that proves and what not is said there.
// A certificate that takes the place of one that was verified comes in a message
// that its key signed, [SucceededIn], or from the same authority, [Reissued].
//
// # Keys
//
// [ParseKey] and [ParseKeys] read PEM with PKCS#8, encrypted with PBES2 (PBKDF2
// or scrypt) or not, PKCS#1 and SEC 1; and PKCS#12 with PBES2 or the older
// encryption of that format, which must have a MAC. [NewKey] takes what lives in a hardware
// module. [Key.Marshal] and [Key.MarshalPKCS12] write PBES2 with PBKDF2 and AES-256. A
// person may have one key to sign and another one to open with: all of them go
// into envelope.Opener.Identities, and [GenerateKeys] makes such pairs.
//
// # Limits
//
// Everything from outside is bounded before it costs anything. What callers may
// change is in [envelope.Limits]; these are fixed: certificates of 64 KiB, files
// of them of 4 MiB, key files of 1 MiB, RSA keys of 8,192 bits to open with and of
// 16,384 to verify with, 10^7 rounds of PBKDF2 in one file and in one message, 256
// MiB for scrypt, 8 passphrases, one RSA PKCS#1 v1.5 operation for a message, 10
// certificates on a path and 100 signatures to find it, CRLs of 64 MiB. AES-GCM and
// ChaCha20-Poly1305 end at 64 GiB - 32 and 256 GiB - 64 octets of content.
//
// # FIPS 140-3
//
// With GODEBUG=fips140=only everything that needs what that mode forbids is an
// [*envelope.NotApprovedError] before it begins: AuthEnvelopedData, whose nonce
// is in the message; RSA PKCS#1 v1.5 encryption; SHA-1 and MD5; RSA keys of odd
// sizes or small exponents; X25519, X448, ML-KEM-512, Ed448, ML-DSA and SLH-DSA;
// PKCS#12. What is left is EnvelopedData around a SignedData, with ECDH, ML-KEM,
// RSAES-OAEP or a passphrase: seal with the Compatible profile to keys on P-256,
// P-384 and P-521, of ML-KEM-768 and of ML-KEM-1024. A signature that cannot be
// checked is reported as unsupported.
package smime
