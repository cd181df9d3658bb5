package ber

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	// maxOID is the size of an OBJECT IDENTIFIER's content. Those of CMS have
	// at most 11 octets; without a limit, a library that prints one as decimal
	// numbers takes quadratic time.
	maxOID = 64

	// maxInteger is the size of an INTEGER's content: an RSA modulus of 16,384
	// bits, its sign octet, and one to spare.
	maxInteger = 2050
)

// checkSize refuses universal elements that are too large to be meant
// seriously, before their content is read.
func checkSize(h Header) error {
	switch {
	case h.Tag == asn1.OBJECT_IDENTIFIER && h.Length > maxOID:
		return &LimitError{What: "object identifier", Max: maxOID}
	case h.Tag == asn1.INTEGER && h.Length > maxInteger:
		return &LimitError{What: "integer", Max: maxInteger}
	}
	return nil
}

// canonical checks the content of a primitive element and makes it canonical
// in place, for the universal types where that takes no knowledge of the
// structure around them (X.690, Section 11). Other content is left alone.
func canonical(tag asn1.Tag, v []byte) error {
	switch tag {
	case asn1.BOOLEAN:
		if len(v) != 1 {
			return fmt.Errorf("%w: BOOLEAN of %d octets", ErrSyntax, len(v))
		}
		if v[0] != 0 {
			v[0] = 0xff // Section 11.1
		}
	case asn1.INTEGER:
		if len(v) == 0 {
			return fmt.Errorf("%w: empty INTEGER", ErrSyntax)
		}
	case asn1.NULL:
		if len(v) != 0 {
			return fmt.Errorf("%w: NULL of %d octets", ErrSyntax, len(v))
		}
	case asn1.BIT_STRING:
		return canonicalBits(v)
	case asn1.OBJECT_IDENTIFIER:
		return checkOID(v)
	}
	return nil
}

// canonicalBits checks a BIT STRING and clears its unused bits. X.690, Section
// 8.6.2 and 11.2.1.
func canonicalBits(v []byte) error {
	if len(v) == 0 || v[0] > 7 || v[0] > 0 && len(v) == 1 {
		return fmt.Errorf("%w: BIT STRING with impossible unused bits", ErrSyntax)
	}
	if len(v) > 1 {
		v[len(v)-1] &= 0xff << v[0]
	}
	return nil
}

// checkOID refuses what has more than one encoding: an arc that is padded with
// 0x80, and one that never ends. Identifiers can then be compared as octets,
// with no arithmetic that an arc might overflow. X.690, Section 8.19.2.
func checkOID(v []byte) error {
	if len(v) == 0 {
		return fmt.Errorf("%w: empty OBJECT IDENTIFIER", ErrSyntax)
	}
	first := true // the octet begins an arc
	for _, c := range v {
		if first && c == 0x80 {
			return fmt.Errorf("%w: padded arc in an OBJECT IDENTIFIER", ErrSyntax)
		}
		first = c < 0x80
	}
	if !first {
		return fmt.Errorf("%w: OBJECT IDENTIFIER ends inside an arc", ErrSyntax)
	}
	return nil
}
