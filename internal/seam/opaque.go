// Package seam is what the formats (pgp, smime) and the packages above them
// (keyring, envelope) say to each other: plain data and small interfaces.
//
// Being internal it closes the set of formats. That is on purpose: "nothing is
// sealed to an unverified key" and "no unauthenticated byte leaves" can only
// be promised for formats that keep those promises.
package seam

// Opaque carries a value through the public interface without giving it away.
//
// The public types are defined over it, for example
//
//	type Certificate seam.Opaque[seam.Certificate] // in package keyring
//
// Code in this module converts between the two and calls Wrap and Unwrap.
// Code outside cannot: the conversion needs the name of this type, which only
// this module can spell, type inference cannot produce it because no exported
// identifier mentions it, the field is unexported, and a defined type has none
// of the methods of the type that it is defined over. So there is no token to
// check at run time, and no method that one would have to keep out of sight.
//
// The zero value holds the zero T; for the interfaces of this package that is
// nil, which every user refuses.
type Opaque[T any] struct{ v T }

// Wrap makes an Opaque that holds v.
func Wrap[T any](v T) Opaque[T] { return Opaque[T]{v} }

// Unwrap returns what o holds.
func (o Opaque[T]) Unwrap() T { return o.v }
