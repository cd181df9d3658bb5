package smime

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/envelope"
	"github.com/doublekeybox/doublekeybox/internal/ccm"
	"github.com/doublekeybox/doublekeybox/internal/gcm"
)

// contentKEK is what the keys of vectors of content are wrapped with.
var contentKEK = []byte("sixteen octets!!")

// contentInfo is for whoever has contentKEK.
func contentInfo(t *testing.T, key []byte) []byte {
	t.Helper()
	wrapped, err := wrapKey(contentKEK, key)
	require.NoError(t, err)
	return sharedKeyInfo(len(contentKEK), wrapped)
}

// RFC 5084 has nonces of any length for GCM, and recommends 12 octets.
func gcmVectors(t *testing.T, _ *vectorGroup) func(*vector) verdict {
	return func(v *vector) verdict {
		out := openAEAD(t, v, gcmAlgorithm(len(v.Key), v.IV, len(v.Tag)), len(v.IV) == 12 && len(v.Tag) >= 12)
		if _, err := gcm.NewVerifier(v.Key, v.IV, v.AAD); err != nil {
			require.NotEqual(t, 12, len(v.IV))
			out.why = "AES-GCM with a nonce of other than 12 octets"
		}
		return decidedIfValid(v, out)
	}
}

// RFC 5084 has nonces of 7 to 13 octets for CCM, and tags of 4 to 16.
func ccmVectors(t *testing.T, _ *vectorGroup) func(*vector) verdict {
	return func(v *vector) verdict {
		algorithm := tlv(0x30, append(byKeyLen(len(v.Key), oidAES128CCM, oidAES192CCM, oidAES256CCM).tlv(), icvParameters(v.IV, len(v.Tag))...))
		nonce, tag := len(v.IV) >= 7 && len(v.IV) <= 13, len(v.Tag) == 12 || len(v.Tag) == 14 || len(v.Tag) == 16
		out := openAEAD(t, v, algorithm, nonce && tag)
		_, err := ccm.NewVerifier(v.Key, v.IV, v.AAD, uint64(len(v.Ct)), len(v.Tag))
		require.Equal(t, nonce && tag, err == nil, "the engine refuses what messages are refused for")
		if nonce && !tag {
			out.why = "AES-CCM with a tag of fewer than 12 octets"
		}
		return decidedIfValid(v, out)
	}
}

// RFC 8103: one length of nonce, one of tags.
func chachaVectors(t *testing.T, _ *vectorGroup) func(*vector) verdict {
	return func(v *vector) verdict {
		return openAEAD(t, v, tlv(0x30, append(oidChaCha20Poly1305.tlv(), tlv(4, v.IV)...)), len(v.IV) == 12 && len(v.Tag) == 16)
	}
}

// decidedIfValid takes back the reason for what is refused there too.
func decidedIfValid(v *vector, out verdict) verdict {
	if v.Result == "invalid" {
		out.why = ""
	}
	return out
}

// openAEAD: the vector as the content of a message. Its additional data are
// attributes and nothing else, which no vector's are: a message with those of a
// vector is malformed, and one without them has the wrong tag. What Open calls
// takes any.
func openAEAD(t *testing.T, v *vector, algorithm []byte, supported bool) verdict {
	t.Helper()
	o, info := withShared(t, contentKEK), contentInfo(t, v.Key)
	got, err := openMessage(o, sealedWith(info, algorithm, v.Ct, nil, v.Tag))
	if len(v.AAD) > 0 {
		_, malformed := openMessage(o, sealedWith(info, algorithm, v.Ct, tlv(0xa1, v.AAD), v.Tag))
		require.ErrorIs(t, malformed, envelope.ErrFormat)
	}
	switch {
	case !supported:
		require.ErrorIs(t, err, envelope.ErrFormat)
		return verdict{}
	case len(v.AAD) == 0:
		require.True(t, err == nil || err == envelope.ErrDecrypt, "%v", err)
		require.True(t, err == nil || len(got) == 0)
		return verdict{taken: err == nil && bytes.Equal(v.Msg, got)}
	}
	require.True(t, err == envelope.ErrDecrypt, "%v", err)
	got, good, err := openContent(algorithm, v.Key, v.AAD, v.Ct, v.Tag)
	require.NoError(t, err)
	return verdict{taken: good && bytes.Equal(v.Msg, got), course: besideMessage}
}

// openContent decrypts content as a session does once it has read it, but with
// additional data of the test's choice, which no message could hold.
func openContent(der, key, aad, ct, tag []byte) (plain []byte, good bool, err error) {
	a, err := parseContentAlgorithm(der)
	if err != nil {
		return nil, false, err
	}
	if a.mode == modeGCM {
		v, err := gcm.NewVerifier(key, a.nonce, nil)
		if err != nil {
			return nil, false, err
		}
		v.Write(ct)
		sum, err := v.SumLate(aad)
		if err != nil {
			return nil, false, err
		}
		good = gcm.Check(sum, tag)
	} else {
		v, err := a.verifier(key, aad, uint64(len(ct)))
		if err != nil {
			return nil, false, err
		}
		v.Write(ct)
		good = v.Check(tag)
	}
	d, err := a.decrypter(bytes.NewReader(ct), key)
	if err != nil {
		return nil, false, err
	}
	defer d.Close()
	plain, err = io.ReadAll(d)
	return plain, good, err
}

// cbcVectors: EnvelopedData, which nothing authenticates and which opens only
// where the caller asks for that. Every failure is the same.
func cbcVectors(t *testing.T, _ *vectorGroup) func(*vector) verdict {
	return func(v *vector) verdict {
		o := withShared(t, contentKEK)
		algorithm := tlv(0x30, append(byKeyLen(len(v.Key), oidAES128CBC, oidAES192CBC, oidAES256CBC).tlv(), tlv(4, v.IV)...))
		msg := sealedWith(contentInfo(t, v.Key), algorithm, v.Ct, nil, nil)
		_, err := openMessage(o, msg)
		require.True(t, err == envelope.ErrDecrypt, "%v", err)
		o.Legacy.UnauthenticatedCBC = true
		got, err := openMessage(o, msg)
		require.True(t, err == nil || errors.Is(err, envelope.ErrDecrypt), "%v", err)
		return verdict{taken: err == nil && bytes.Equal(v.Msg, got)}
	}
}
