package envelope

// NotApprovedError says that the program runs with GODEBUG=fips140=only, and
// that what it asked for needs something that this mode forbids. Nothing was
// begun: no octet was written, no private key used.
type NotApprovedError struct {
	What string // "AES-GCM with a nonce of its own", "SHA-1"
}

// Error implements error, on one line.
func (e *NotApprovedError) Error() string {
	return "envelope: " + e.What + " is not allowed with GODEBUG=fips140=only: run without it, or use keys and profiles that do without"
}
