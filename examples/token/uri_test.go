package token

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseURI(t *testing.T) {
	for s, want := range map[string]URI{
		"pkcs11:": {Config: Config{Module: DefaultModule}},
		"pkcs11:token=The%20Software;id=%01%02;object=my-key;type=private":             {Config: Config{Module: DefaultModule, Token: "The Software"}, Object: "my-key", ID: []byte{1, 2}},
		"pkcs11:serial=1;manufacturer=Snake%20Oil;model=1.0?module-path=/usr/lib/x.so": {Config: Config{Module: "/usr/lib/x.so", Serial: "1", Manufacturer: "Snake Oil", Model: "1.0"}},
		"pkcs11:object=a+b%3Bc": {Config: Config{Module: DefaultModule}, Object: "a+b;c"},
	} {
		u, err := ParseURI(s)
		require.NoError(t, err, s)
		require.Equal(t, &want, u, s)
	}
	for s, want := range map[string]string{
		"":                                      "no PKCS #11 URI",
		"token=x":                               "no PKCS #11 URI",
		"PKCS11:token=x":                        "no PKCS #11 URI",
		"pkcs11:token":                          "is no attribute",
		"pkcs11:;":                              "is no attribute",
		"pkcs11:token=x;":                       "is no attribute",
		"pkcs11:token=x;token=x":                "twice",
		"pkcs11:token=%4":                       "not percent-encoded",
		"pkcs11:token=%zz":                      "not percent-encoded",
		"pkcs11:type=cert":                      "a private key is meant",
		"pkcs11:slot-id=1":                      "is not supported",
		"pkcs11:Token=x":                        "is not supported",
		"pkcs11:token=x?module-name=x":          "is not supported",
		"pkcs11:token=x?pin-value=1":            "a PIN, or where it is",
		"pkcs11:token=x?pin-source=/f":          "a PIN, or where it is",
		"pkcs11:token=x?":                       "",
		"pkcs11:" + strings.Repeat("a", maxURI): "are the most",
	} {
		_, err := ParseURI(s)
		if want == "" {
			require.NoError(t, err, s)
			continue
		}
		require.ErrorContains(t, err, want, s)
		require.Less(t, len(err.Error()), 300)
	}
}

func FuzzParseURI(f *testing.F) {
	f.Add("pkcs11:token=The%20Software;id=%01;object=my-key;type=private?module-path=/x")
	f.Add("pkcs11:?pin-value=1")
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURI(s)
		if err != nil {
			require.Nil(t, u)
			return
		}
		require.NotEmpty(t, u.Module)
		require.LessOrEqual(t, len(u.Token)+len(u.Object)+len(u.ID)+len(u.Module), maxURI+len(DefaultModule))
	})
}
