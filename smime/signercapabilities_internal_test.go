package smime

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

// TestCapabilitiesOfValidSignatures: what a signature that is not valid says
// is nobody's word.
func TestCapabilitiesOfValidSignatures(t *testing.T) {
	t.Parallel()
	k := testKey(t, "p256")
	caps := []byte{0x30, 2, 0x30, 0} // not looked into here
	for _, c := range []struct {
		name   string
		change func(*forge)
		status seam.SignatureStatus
		want   []byte
	}{
		{"valid", func(*forge) {}, seam.SignatureValid, caps},
		{"not stated", func(f *forge) { f.attributes = f.attributes[:2] }, seam.SignatureValid, nil},
		{"wrong", func(f *forge) { f.value = func(v []byte) []byte { v[len(v)-1] ^= 1; return v } }, seam.SignatureBad, nil},
		{"another content", func(f *forge) {
			f.attributes[1] = attribute(t, oidMessageDigest, tlv(4, make([]byte, 32)))
		}, seam.SignatureBad, nil},
		{"long ago", func(f *forge) {
			f.attributes = append(f.attributes, attribute(t, oidSigningTime, tlv(0x17, []byte("000101000000Z"))))
		}, seam.SignatureNotInTime, nil},
		{"not signed", func(f *forge) {
			f.extra = tlv(0xa1, f.attributes[2])
			f.attributes = f.attributes[:2]
		}, seam.SignatureBad, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newForge(t, k)
			f.attributes = append(f.attributes, attribute(t, oidSMIMECapabilities, bytes.Clone(caps)))
			c.change(f)
			got := f.judge(t)
			require.Equal(t, c.status, got.Status, got.Detail)
			require.Equal(t, c.want, got.Capabilities)
		})
	}
}
