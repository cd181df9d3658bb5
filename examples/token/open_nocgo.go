//go:build !cgo

package token

// Token is an open token.
type Token struct{}

// Open returns [ErrNotBuilt].
func Open(Config) (*Token, error) { return nil, ErrNotBuilt }

// Keys returns [ErrNotBuilt].
func (*Token) Keys() ([]*Key, error) { return nil, ErrNotBuilt }

// Key returns [ErrNotBuilt].
func (*Token) Key(string, []byte) (*Key, error) { return nil, ErrNotBuilt }

// Trouble returns nil.
func (*Token) Trouble() error { return nil }

// Close returns nil.
func (*Token) Close() error { return nil }
