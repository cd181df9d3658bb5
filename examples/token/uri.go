package token

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// URI is what a PKCS #11 URI (RFC 7512) names.
type URI struct {
	Config        // without the PIN
	Object string // label of the key; "" fits every key
	ID     []byte // of the key; nil fits every key
}

// DefaultModule is the library of a URI that names none: p11-kit's, which has
// the tokens of all modules that are configured on the system.
const DefaultModule = "p11-kit-proxy.so"

// ParseURI parses a PKCS #11 URI of these attributes: token, serial,
// manufacturer, model, object, id, type=private, and ?module-path. A part that
// is not known is an error, since it would say which key is not meant (RFC 7512,
// Section 2.3). So is a PIN in it, which every process on the machine could
// read in the command line, and the file of one: how a PIN is asked is the
// program's.
func ParseURI(s string) (*URI, error) {
	rest, ok := strings.CutPrefix(s, "pkcs11:")
	if !ok {
		return nil, fmt.Errorf("token: %.80q is no PKCS #11 URI, which begins with pkcs11: and goes on with token=NAME", s)
	}
	if len(s) > maxURI {
		return nil, fmt.Errorf("token: a PKCS #11 URI of %d octets: %d are the most", len(s), maxURI)
	}
	u := &URI{}
	path, query, asked := strings.Cut(rest, "?")
	if err := u.attributes(path, ";", u.pathAttribute); err != nil {
		return nil, err
	}
	if asked {
		if err := u.attributes(query, "&", u.queryAttribute); err != nil {
			return nil, err
		}
	}
	if u.Module == "" {
		u.Module = DefaultModule
	}
	return u, nil
}

// maxURI is far above what four labels of 32 octets, an ID and a path need.
const maxURI = 8 << 10

// attributes hands each name and value of a list to set.
func (u *URI) attributes(list, separator string, set func(name, value string) error) error {
	if list == "" {
		return nil
	}
	seen := map[string]bool{}
	for a := range strings.SplitSeq(list, separator) {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			return fmt.Errorf("token: %.80q in a PKCS #11 URI is no attribute: name=value", a)
		}
		if seen[name] {
			return fmt.Errorf("token: a PKCS #11 URI has the attribute %.80q twice", name)
		}
		seen[name] = true
		value, err := url.PathUnescape(value)
		if err != nil {
			return fmt.Errorf("token: the value of %.80q in a PKCS #11 URI is not percent-encoded as it should be", name)
		}
		if err := set(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (u *URI) pathAttribute(name, value string) error {
	switch name {
	case "token":
		u.Token = value
	case "serial":
		u.Serial = value
	case "manufacturer":
		u.Manufacturer = value
	case "model":
		u.Model = value
	case "object":
		u.Object = value
	case "id":
		u.ID = []byte(value)
	case "type":
		if value != "private" {
			return fmt.Errorf("token: a PKCS #11 URI of type %.80q: a private key is meant, type=private, or none", value)
		}
	default:
		return fmt.Errorf("token: the attribute %.80q of a PKCS #11 URI is not supported: token, serial, manufacturer, model, object, id and type are", name)
	}
	return nil
}

var errPINInURI = errors.New("token: a PIN, or where it is, does not belong in the PKCS #11 URI: others can read it there; leave it out, and it is asked for")

func (u *URI) queryAttribute(name, value string) error {
	switch name {
	case "module-path":
		u.Module = value
	case "pin-value", "pin-source":
		return errPINInURI
	default:
		return fmt.Errorf("token: the attribute ?%.80q of a PKCS #11 URI is not supported: module-path is", name)
	}
	return nil
}
