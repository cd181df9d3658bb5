package carrier

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/transport/smtp"
)

func TestHopeless(t *testing.T) {
	t.Parallel()
	login := func(err error) error { return fmt.Errorf("mx.example.org: %w: %w", smtp.ErrLogin, err) }
	said := func(code int) error {
		return &smtp.ReplyError{Command: "AUTH PLAIN", Reply: smtp.Reply{Code: code}}
	}
	reset := &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{smtp.ErrTLS, true},
		{x509.UnknownAuthorityError{}, true},
		{smtp.ErrLogin, true},
		{login(said(535)), true},
		{login(said(454)), false},
		{login(io.EOF), false},
		{login(io.ErrUnexpectedEOF), false},
		{login(reset), false},
		{login(errors.New("the password's file is not there")), true},
		{said(554), false}, // a greeting: this server, this minute
		{reset, false},
	} {
		require.Equal(t, c.want, Hopeless(c.err), "%v", c.err)
	}
}
