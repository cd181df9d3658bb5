package pgp

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/seam"
	"github.com/doublekeybox/doublekeybox/keyring"
)

// writtenChunk is the chunk size of SEIPDv2: a reader holds one chunk before
// it releases anything, and 16 octets in 65,536 cost nothing.
const writtenChunk = 64 << 10

// Seal implements seam.Format.
func (format) Seal(dst io.Writer, p *seam.SealPlan) (seam.Writer, error) {
	if err := approved("sealing an OpenPGP message"); err != nil {
		return nil, err
	}
	if len(p.Passphrases) > 0 {
		return nil, errPassphrases
	}
	keys, err := encryptionKeys(p)
	if err != nil {
		return nil, err
	}
	w := &writer{text: textEnds(p)}
	suite, v2, err := choose(p, &w.planned)
	if err != nil {
		return nil, err
	}
	var all bool
	if w.signs, all, err = newSignings(p); err != nil {
		return nil, err
	}
	if !all {
		w.planned.Findings = append(w.planned.Findings, "a signature does not name the recipients: there are more than it has room for")
	}
	w.key = make([]byte, suite.Cipher.KeySize())
	rand.Read(w.key) // never fails
	if p.SessionKey != nil {
		p.SessionKey(byte(suite.Cipher), w.key)
	}
	head, err := wrapAll(keys, suite.Cipher, v2, w.key)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		w.planned.Recipients = append(w.planned.Recipients, plannedRecipient(k.key, v2))
	}
	w.output(dst, p.Armor, labelMessage, !v2)
	return w, w.seal(head, suite, v2)
}

// errPassphrases is returned before anything is read or written.
var errPassphrases = errors.New("pgp: passphrases are not supported for OpenPGP messages: give recipients, or use S/MIME")

// encryptionKeys asks every recipient for the key to use, and names all that
// have none.
func encryptionKeys(p *seam.SealPlan) (keys []*encryptionKey, err error) {
	var bad []error
	for _, x := range p.Recipients {
		c, ok := x.(*certificate)
		if !ok {
			return nil, errors.New("pgp: a recipient of another format")
		}
		k, err := c.encryptionKey(p.Now, p.Profile)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		keys = append(keys, k)
	}
	switch {
	case len(bad) > 0:
		return nil, &envelope.RecipientsError{Reasons: bad}
	case len(keys) == 0:
		return nil, errors.New("pgp: no recipient")
	}
	return keys, nil
}

// choose decides on the container: SEIPDv2 if every recipient's certificate
// says that it is read, with GCM, which is faster, only if each lists it.
func choose(p *seam.SealPlan, f *seam.Facts) (suite packet.CipherSuite, v2 bool, err error) {
	suite = packet.CipherSuite{Cipher: packet.CipherAES256, Mode: packet.AEADModeGCM}
	v2 = p.Profile != seam.Compatible
	if v2 {
		var lowered []keyring.Fingerprint
		for _, x := range p.Recipients {
			c := x.(*certificate)
			if !c.readsSEIPDv2(p.Now) {
				f.LoweredBy = append(f.LoweredBy, c)
				lowered = append(lowered, c.public().Fingerprint())
			}
			if !c.readsGCM(p.Now) {
				suite.Mode = packet.AEADModeOCB
			}
		}
		v2 = len(lowered) == 0
		if !v2 && p.RefuseLowering {
			return suite, false, &envelope.LoweredError{Recipients: lowered}
		}
	}
	f.Format, f.Encrypted, f.Armored, f.OpenedBy = formatName, true, p.Armor, -1
	f.Container, f.Content, f.Auth = containerV1, contentV1, seam.AuthAtEnd
	if v2 {
		f.Container, f.Content, f.Auth = containerV2, contentV2(suite.Cipher, suite.Mode), seam.AuthChunk
	}
	return suite, v2, nil
}

// plannedRecipient is what a keyless reader must find for a key.
func plannedRecipient(key *packet.PublicKey, v2 bool) seam.Recipient {
	r := seam.Recipient{Algorithm: keyAlgorithm(byte(key.PubKeyAlgo))}
	if v2 {
		r.ID = keyName(key.Fingerprint, 0)
	} else {
		r.ID = keyName(nil, key.KeyId)
	}
	return r
}

// wrapAll encrypts the session key to every key, before a byte is written: a
// key with a point that is none of its curve shows itself only now.
func wrapAll(keys []*encryptionKey, cipher packet.CipherFunction, v2 bool, secret []byte) ([]byte, error) {
	const few = 8 // below, a second worker costs more than it brings
	workers := min(runtime.GOMAXPROCS(0), 4)
	if len(keys) < few {
		workers = 1
	}
	out := make([]bytes.Buffer, len(keys))
	errs := make([]error, len(keys))
	var wg sync.WaitGroup
	for at := range workers {
		wg.Go(func() {
			for i := at; i < len(keys); i += workers {
				errs[i] = keyGuard(func() error {
					return packet.SerializeEncryptedKeyAEAD(&out[i], keys[i].key, cipher, v2, secret, config())
				})
			}
		})
	}
	wg.Wait()
	var bad []error
	var head bytes.Buffer
	for i, err := range errs {
		if err != nil {
			bad = append(bad, &keyring.UnusableError{
				Fingerprint: keys[i].cert.public().Fingerprint(),
				Reason:      fmt.Sprintf("has an encryption key that does not work (%.80q)", err),
			})
		}
		head.Write(out[i].Bytes())
		out[i] = bytes.Buffer{}
	}
	if len(bad) > 0 {
		return nil, &envelope.RecipientsError{Reasons: bad}
	}
	return head.Bytes(), nil
}

// output lays armor and a buffer between the writer and dst.
func (w *writer) output(dst io.Writer, armor bool, label string, checksum bool) {
	buf := bufio.NewWriterSize(dst, slice)
	w.out = buf
	if armor {
		a := newArmorWriter(buf, label, checksum)
		w.out = a
		w.finish = append(w.finish, a.Close)
	}
	w.finish = append(w.finish, buf.Flush)
}

// seal writes what comes before the content.
func (w *writer) seal(head []byte, suite packet.CipherSuite, v2 bool) error {
	if _, err := w.out.Write(head); err != nil {
		return err
	}
	box, err := newBox(w.out, suite, v2, w.key)
	if err != nil {
		return err
	}
	w.box, w.in = box, box
	return w.begin()
}
