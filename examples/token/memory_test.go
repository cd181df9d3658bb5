//go:build cgo && linux

package token

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// look runs this program as a child, waits until it has used its keys, and
// returns what a core file would hold.
func look(t *testing.T, how, dir string, env ...string) []byte {
	cmd := exec.Command(os.Args[0])
	cmd.Dir, cmd.Env = dir, append(append(os.Environ(), asChild+"="+how), env...)
	var said bytes.Buffer
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() { in.Close(); cmd.Wait() }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		in.Close()
		cmd.Wait()
		t.Fatalf("%s: %s", how, said.String())
	}
	require.Equal(t, "ready\n", line)
	return memory(t, cmd.Process.Pid)
}

// memory reads what the maps of a process name, other than pages of files that
// nobody can have written to. What cannot be read, such as the kernel's own
// page, is not the program's.
func memory(t *testing.T, pid int) []byte {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	require.NoError(t, err)
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if os.IsPermission(err) {
		missing(t, "the right to read a child's memory (ptrace)")
	}
	require.NoError(t, err)
	defer mem.Close()
	var all bytes.Buffer
	for l := range strings.Lines(string(maps)) {
		var from, to uint64
		var mode string
		_, err := fmt.Sscanf(l, "%x-%x %s", &from, &to, &mode)
		require.NoError(t, err)
		if mode[0] != 'r' || mode[1] != 'w' && strings.Contains(l, "/") || to > math.MaxInt64 { // the last: the kernel's vsyscall
			continue
		}
		io.Copy(&all, io.NewSectionReader(mem, int64(from), int64(to-from))) // up to where it cannot be read
	}
	t.Logf("%d octets of memory", all.Len())
	return all.Bytes()
}

// parts returns the numbers of a private key by name.
func parts(t *testing.T, k crypto.Signer) map[string][]byte {
	p := map[string][]byte{}
	switch k := k.(type) {
	case *rsa.PrivateKey:
		for name, n := range map[string]*big.Int{
			"d": k.D, "p": k.Primes[0], "q": k.Primes[1], "dp": k.Precomputed.Dp, "dq": k.Precomputed.Dq, "qinv": k.Precomputed.Qinv,
		} {
			p[name] = n.Bytes()
		}
	case *ecdsa.PrivateKey:
		d, err := k.Bytes()
		require.NoError(t, err)
		p["d"] = d
	}
	return p
}

// search returns which parts stand in memory, whole or in sixteen octets from
// the beginning, the middle and the end: as they are, from behind (the words of
// a number on this machine), in hexadecimal, and in base64 at each of the three
// places that an octet can have there.
func search(core []byte, parts map[string][]byte) (found []string) {
	const window = 16
	needles := map[string]string{}
	for name, n := range parts {
		for _, at := range []int{0, (len(n) - window) / 2, len(n) - window} {
			w := n[at : at+window]
			back := slices.Clone(w)
			slices.Reverse(back)
			what := func(form string) string { return fmt.Sprintf("%s at %d: %s", name, at, form) }
			needles[string(w)], needles[string(back)] = what("raw"), what("reversed")
			needles[hex.EncodeToString(w)], needles[strings.ToUpper(hex.EncodeToString(w))] = what("hex"), what("HEX")
			for shift := range 3 {
				// Without the characters that depend on the neighbours too.
				b := base64.StdEncoding.EncodeToString(append(make([]byte, shift), w...))
				needles[b[shift+1:20]] = what("base64")
			}
		}
	}
	var begins [1 << 16]bool
	for n := range needles {
		begins[int(n[0])<<8|int(n[1])] = true
	}
	for i := 0; i+1 < len(core); i++ {
		if !begins[int(core[i])<<8|int(core[i+1])] {
			continue
		}
		for n, what := range needles {
			if bytes.HasPrefix(core[i:], []byte(n)) {
				found = append(found, what)
			}
		}
	}
	return found
}

// TestSearch: each form is found, alone.
func TestSearch(t *testing.T) {
	n := []byte("0123456789abcdefghijklmnopqrstuv")
	back := slices.Clone(n)
	slices.Reverse(back)
	for _, core := range []string{
		string(n), string(back), hex.EncodeToString(n), strings.ToUpper(hex.EncodeToString(n)),
		base64.StdEncoding.EncodeToString(n), base64.StdEncoding.EncodeToString(append([]byte("x"), n...)), base64.StdEncoding.EncodeToString(append([]byte("xy"), n...)),
	} {
		require.NotEmpty(t, search([]byte("before "+core+" after"), map[string][]byte{"n": n}), core)
	}
	require.Empty(t, search([]byte("0123456789abcdeXghijklmnXpqrstuvwx"), map[string][]byte{"n": n}))
}
