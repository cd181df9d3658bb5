//go:build !unix

package nocore

// Set does nothing: there are no core files here, and what the system reports
// of a crash is for its administrator to settle.
func Set() error { return nil }
