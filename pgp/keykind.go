package pgp

import (
	"fmt"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/doublekeybox/doublekeybox/envelope"
)

// keyKind is what go-crypto is told to generate.
type keyKind struct {
	name  string
	id    packet.PublicKeyAlgorithm // of the primary key; the subkey's follows from it
	curve packet.Curve
	bits  int
	six   bool // a version 6 key
}

// keyKinds lists what keys of a profile can be of, the default first.
func keyKinds(p envelope.Profile) ([]keyKind, error) {
	// RFC 9580, Section 9.2 has these for keys of both versions.
	both := func(six bool) []keyKind {
		return []keyKind{
			{"rsa3072", packet.PubKeyAlgoRSA, "", 3072, six},
			{"rsa4096", packet.PubKeyAlgoRSA, "", 4096, six},
			{"p256", packet.PubKeyAlgoECDSA, packet.CurveNistP256, 0, six},
			{"p384", packet.PubKeyAlgoECDSA, packet.CurveNistP384, 0, six},
			{"p521", packet.PubKeyAlgoECDSA, packet.CurveNistP521, 0, six},
		}
	}
	switch p {
	case envelope.Auto, envelope.Compatible:
		// The kind that every program reads; RFC 9580 calls it legacy.
		return append([]keyKind{{"curve25519", packet.PubKeyAlgoEdDSA, packet.Curve25519, 0, false}}, both(false)...), nil
	case envelope.Modern:
		return append([]keyKind{
			{"curve25519", packet.PubKeyAlgoEd25519, packet.Curve25519, 0, true},
			{"curve448", packet.PubKeyAlgoEd448, packet.Curve448, 0, true},
		}, both(true)...), nil
	case envelope.PostQuantum:
		return []keyKind{
			{"mldsa65+mlkem768", packet.PubKeyAlgoMldsa65Ed25519, "", 0, true},
			{"mldsa87+mlkem1024", packet.PubKeyAlgoMldsa87Ed448, "", 0, true},
		}, nil
	}
	return nil, fmt.Errorf("pgp: profile %d does not exist", p)
}

func findKind(p envelope.Profile, name string) (keyKind, error) {
	all, err := keyKinds(p)
	if err != nil {
		return keyKind{}, err
	}
	if name == "" {
		return all[0], nil
	}
	var names []string
	for _, a := range all {
		if a.name == name {
			return a, nil
		}
		names = append(names, a.name)
	}
	return keyKind{}, fmt.Errorf("pgp: the algorithm %.80q is none for keys of this profile: choose %s", name, strings.Join(names, ", "))
}
