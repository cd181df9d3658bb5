package smtp

import (
	"bufio"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// clear is a server that never does TLS, whatever it says.
type clear struct {
	address string
	mu      sync.Mutex
	text    string
}

func (c *clear) heard() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text
}

// plainServer says each of the answers after a line, and then listens.
func plainServer(t *testing.T, greeting string, answers ...string) *clear {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &clear{address: l.Addr().String()}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		_, _ = io.WriteString(conn, greeting)
		for _, a := range append(answers, "500 no\r\n") {
			line, err := r.ReadString('\n')
			c.mu.Lock()
			c.text += line
			c.mu.Unlock()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, a)
		}
	})
	return c
}
