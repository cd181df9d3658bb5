package keyring

import "strings"

// domainOf returns the address that stands for all of an address' domain.
func domainOf(address string) string { return address[strings.LastIndexByte(address, '@'):] }

// looksLike reports whether a person may take one address for the other.
func looksLike(a, b string) bool { return a != b && strings.EqualFold(a, b) }
