package gcm

import "io"

// Config is what tests vary of the engine. A dkb_plain build ignores segment and workers.
type Config = config

func Vary(segment, workers int, start uint64) Config {
	return Config{segment: segment, workers: workers, start: start}
}

func Standard() Config { return standard() }

func NewEncrypterWith(dst io.Writer, key, nonce, aad []byte, c Config) (*Encrypter, error) {
	return newEncrypter(dst, key, nonce, aad, c)
}

func NewVerifierWith(key, nonce, aad []byte, c Config) (*Verifier, error) {
	return newVerifier(key, nonce, aad, c)
}

func NewDecrypterWith(src io.Reader, key, nonce []byte, c Config) (*Decrypter, error) {
	return newDecrypter(src, key, nonce, c)
}
