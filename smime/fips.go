package smime

import "crypto/fips140"

// fipsOnly reports whether the program runs under GODEBUG=fips140=only, where
// the standard library refuses what FIPS 140-3 does not approve, now by an
// error and now by a panic: SHA-1, MD5, RSA PKCS#1 v1.5 encryption. What needs
// them is refused here before it starts.
func fipsOnly() bool { return fips140.Enforced() }
