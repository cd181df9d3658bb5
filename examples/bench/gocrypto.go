package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// goCrypto is go-crypto as a program with the same duties as box: it seals or
// opens one file, with the cipher and chunk size that box writes.
func goCrypto(args []string) error {
	if len(args) != 5 {
		return errors.New("-gocrypto: give seal or open, a mode, a key, and two files")
	}
	key, err := goCryptoKey(args[2])
	if err != nil {
		return err
	}
	config := &packet.Config{DefaultCipher: packet.CipherAES256}
	switch args[1] {
	case "ocb":
		config.AEADConfig = &packet.AEADConfig{DefaultMode: packet.AEADModeOCB, ChunkSize: 64 << 10}
	case "gcm":
		config.AEADConfig = &packet.AEADConfig{DefaultMode: packet.AEADModeGCM, ChunkSize: 64 << 10}
	}
	in, err := os.Open(args[3])
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(args[4])
	if err != nil {
		return err
	}
	defer out.Close()
	if args[0] == "seal" {
		return goCryptoSeal(out, in, key, config)
	}
	return goCryptoOpen(out, in, key, config)
}

func goCryptoKey(name string) (openpgp.EntityList, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return openpgp.ReadArmoredKeyRing(f)
}

// buffer is what lies between go-crypto and a file.
const buffer = 256 << 10

func goCryptoSeal(out io.Writer, in io.Reader, to openpgp.EntityList, config *packet.Config) error {
	b := bufio.NewWriterSize(out, buffer)
	w, err := openpgp.Encrypt(b, to, nil, nil, &openpgp.FileHints{IsUTF8: false}, config)
	if err != nil {
		return err
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{in}, make([]byte, buffer)); err != nil {
		return err
	}
	return errors.Join(w.Close(), b.Flush())
}

func goCryptoOpen(out io.Writer, in io.Reader, key openpgp.EntityList, config *packet.Config) error {
	m, err := openpgp.ReadMessage(bufio.NewReaderSize(in, buffer), key, nil, config)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{out}, m.UnverifiedBody, make([]byte, buffer))
	return err
}

// generateGCM writes a version 6 key that lists AES-256 with GCM, in armor, and
// returns its fingerprint.
func generateGCM(secret, public string) (string, error) {
	config := &packet.Config{
		V6Keys: true, Algorithm: packet.PubKeyAlgoEd25519, DefaultCipher: packet.CipherAES256,
		AEADConfig: &packet.AEADConfig{DefaultMode: packet.AEADModeGCM},
	}
	e, err := openpgp.NewEntity("", "", filepath.Base(public)+"@example.org", config)
	if err != nil {
		return "", err
	}
	write := func(name, kind string, serialize func(io.Writer) error) error {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		w, err := armor.Encode(f, kind, nil)
		if err != nil {
			return err
		}
		return errors.Join(serialize(w), w.Close(), f.Close())
	}
	err = errors.Join(
		write(secret, openpgp.PrivateKeyType, func(w io.Writer) error { return e.SerializePrivate(w, config) }),
		write(public, openpgp.PublicKeyType, e.Serialize),
	)
	return fmt.Sprintf("%X", e.PrimaryKey.Fingerprint), err
}
