package login

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// What a server may ask for. RFC 7677, Section 4, wants 4096 rounds at least;
// a million take about a second, and no server asks for as many.
const (
	leastRounds = 4096
	mostRounds  = 1_000_000
)

// scram is the client's side of SCRAM: RFC 5802, with the digest of RFC 7677.
// It is sasl.Client.
type scram struct {
	mechanism      string
	hash           func() hash.Hash
	user, password string // prepared
	nonce          string
	gs2            string // the header of RFC 5802, Section 7, with its last comma
	binding        []byte // of the channel, where gs2 begins with p

	step      int
	firstBare string
	signature []byte // what the server has to say at the end
	done      bool   // and it did
}

// Start returns the first message.
func (s *scram) Start() (mechanism string, first []byte, err error) {
	name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(s.user)
	s.firstBare = "n=" + name + ",r=" + s.nonce
	return s.mechanism, []byte(s.gs2 + s.firstBare), nil
}

// Next answers the server.
func (s *scram) Next(challenge []byte) ([]byte, error) {
	s.step++
	switch s.step {
	case 1:
		return s.proof(string(challenge))
	case 2:
		return []byte{}, s.final(string(challenge))
	}
	return nil, errors.New("the server says more than SCRAM has")
}

// proof answers the server's first message.
func (s *scram) proof(first string) ([]byte, error) {
	parts := strings.SplitN(first, ",", 4)
	if len(parts) < 3 || !strings.HasPrefix(parts[0], "r=") || !strings.HasPrefix(parts[1], "s=") || !strings.HasPrefix(parts[2], "i=") {
		return nil, errors.New("the server's first message is not one of SCRAM (RFC 5802, Section 7)")
	}
	nonce := parts[0][2:]
	// The nonce has to go on with ours, or an old exchange could be played again.
	if !strings.HasPrefix(nonce, s.nonce) || len(nonce) == len(s.nonce) {
		return nil, errors.New("the server did not take up the nonce (RFC 5802, Section 5.1)")
	}
	salt, err := base64.StdEncoding.DecodeString(parts[1][2:])
	if err != nil || len(salt) == 0 {
		return nil, errors.New("the server's salt cannot be read")
	}
	rounds, err := strconv.Atoi(parts[2][2:])
	if err != nil || rounds < leastRounds || rounds > mostRounds {
		return nil, fmt.Errorf("the server asks for %.20q rounds: %d to %d are done", parts[2][2:], leastRounds, mostRounds)
	}
	salted, err := pbkdf2.Key(s.hash, s.password, salt, rounds, s.hash().Size())
	if err != nil {
		return nil, fmt.Errorf("the key cannot be derived: %w", err)
	}
	bare := "c=" + base64.StdEncoding.EncodeToString(append([]byte(s.gs2), s.binding...)) + ",r=" + nonce
	all := s.firstBare + "," + first + "," + bare
	key := s.mac(salted, "Client Key")
	sum := s.hash()
	sum.Write(key)
	sign := s.mac(sum.Sum(nil), all)
	for i := range key {
		key[i] ^= sign[i]
	}
	s.signature = s.mac(s.mac(salted, "Server Key"), all)
	return []byte(bare + ",p=" + base64.StdEncoding.EncodeToString(key)), nil
}

func (s *scram) mac(key []byte, text string) []byte {
	m := hmac.New(s.hash, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// final checks that the server knows the password's keys too.
func (s *scram) final(last string) error {
	value, _, _ := strings.Cut(last, ",")
	if e, ok := strings.CutPrefix(value, "e="); ok {
		return fmt.Errorf("the server refuses: %.80q", e)
	}
	v, ok := strings.CutPrefix(value, "v=")
	got, err := base64.StdEncoding.DecodeString(v)
	if !ok || err != nil || !hmac.Equal(got, s.signature) {
		return errors.New("the server does not prove that it knows the account: it may be another one")
	}
	s.done = true
	return nil
}
