package interop_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// openpgpWorld is what the cells of openpgp.txt share.
type openpgpWorld struct {
	*world
	box, sop string // our programs
	js       *openpgpJS
	password string // file
	keys     map[string]*openpgpKey
}

// openpgpKey is a key pair in files, and in the homes of the programs that
// want one.
type openpgpKey struct {
	once           sync.Once
	name           string
	secret, public string // files
	fingerprint    string
	passphrase     string            // file, "" without
	mu             sync.Mutex        // of homes
	homes          map[string]string // of gpg and rnp, made when first needed
	made           bool
}

// passphrase is what locked keys and password cells have.
const passphrase = "fair-winds-and-7-seas"

func newOpenPGPWorld(t *testing.T) *openpgpWorld {
	w := &openpgpWorld{world: newWorld(t), keys: map[string]*openpgpKey{}}
	w.box, w.sop = w.path("box"), w.path("sop")
	must(t, nil, "go", "build", "-o", w.box, "../box")
	must(t, nil, "go", "build", "-o", w.sop, "../sop")
	w.password = w.path("password")
	write(t, w.password, []byte(passphrase+"\n"))
	t.Cleanup(func() {
		for _, k := range w.keys {
			if home := k.homes["gpg"]; home != "" {
				stopAgent(home)
			}
		}
	})
	return w
}

// openpgp returns the key of that name, MAKER:KIND, made at its first use.
func (w *openpgpWorld) openpgp(t *testing.T, name string) *openpgpKey {
	t.Helper()
	w.mu.Lock()
	k := w.keys[name]
	if k == nil {
		k = &openpgpKey{name: name, homes: map[string]string{}}
		w.keys[name] = k
	}
	w.mu.Unlock()
	k.once.Do(func() {
		path := w.path("o-" + strings.ReplaceAll(name, ":", "-"))
		k.secret, k.public = path+".key", path+".pub"
		maker, kind, _ := strings.Cut(name, ":")
		kind, locked := strings.CutPrefix(kind, "locked-")
		if locked {
			k.passphrase = w.password
		}
		switch maker {
		case "gpg":
			w.makeByGPG(t, k, kind)
		case "box":
			w.makeByBox(t, k, kind)
		case "js":
			w.js.do(t, "generate", map[string]string{"kind": kind, "key": k.secret, "cert": k.public}, nil)
		case "sop":
			write(t, k.secret, must(t, nil, w.sop, "generate-key", "Peer <peer@example.org>"))
			write(t, k.public, must(t, read(t, k.secret), w.sop, "extract-cert"))
		default:
			args := []string{"gen-pgp", "--cert", k.public, "--key", k.secret, "--uid", "Peer <" + kind + "@example.org>"}
			alg := map[string]string{"curve25519": "cv25519"}[kind]
			if alg == "" {
				alg = kind
			}
			if alg != "default" {
				args = append(args, "--alg", alg)
			}
			must(t, nil, w.driver(map[string]string{"go": "gopenpgp"}[maker]+map[bool]string{true: maker}[maker != "go"]), args...)
		}
		// Our fingerprint; of a key that gpg made it is held against gpg's.
		line := string(must(t, nil, w.box, "fingerprint", k.public))
		f, _, _ := strings.Cut(line, "\t")
		f = plainHex(strings.ToUpper(f))
		require.True(t, k.fingerprint == "" || k.fingerprint == f, "%s: %s, its maker says %s", name, f, k.fingerprint)
		k.fingerprint, k.made = f, true
	})
	require.True(t, k.made, "key %s was not made", name)
	return k
}

// gpgNames are what gpg calls the keys that sign and those that encrypt.
func gpgNames(kind string) (sign, encrypt string) {
	switch {
	case kind == "curve25519":
		return "ed25519", "cv25519"
	case strings.HasPrefix(kind, "bp"):
		kind = "brainpoolP" + kind[2:] + "r1"
	case strings.HasPrefix(kind, "p"):
		kind = "nistp" + kind[1:]
	case kind == "dsa2048":
		return kind, "elg2048"
	}
	return kind, kind
}

func (w *openpgpWorld) makeByGPG(t *testing.T, k *openpgpKey, kind string) {
	home := w.newHome(t, k, "gpg")
	sign, encrypt := gpgNames(kind)
	status := string(w.gpg(t, k, home, nil, "--status-fd", "1", "--quick-generate-key", kind+" <"+kind+"@example.org>", sign, "cert,sign", "never"))
	m := regexp.MustCompile(`KEY_CREATED . ([0-9A-F]{40})`).FindStringSubmatch(status)
	require.NotNil(t, m, status)
	k.fingerprint = m[1]
	w.gpg(t, k, home, nil, "--quick-add-key", k.fingerprint, encrypt, "encr", "never")
	write(t, k.public, w.gpg(t, k, home, nil, "--armor", "--export", k.fingerprint))
	write(t, k.secret, w.gpg(t, k, home, nil, "--armor", "--export-secret-keys", k.fingerprint))
}

func (w *openpgpWorld) makeByBox(t *testing.T, k *openpgpKey, kind string) {
	args := []string{"keygen", "--format", "pgp", "--address", "peer@example.org", "--out", strings.TrimSuffix(k.secret, ".key")}
	switch kind {
	case "compatible", "modern", "post-quantum":
		args = append(args, "--profile", kind)
	case "post-quantum-high":
		args = append(args, "--profile", "post-quantum", "--algorithm", "mldsa87+mlkem1024")
	case "curve448":
		args = append(args, "--profile", "modern", "--algorithm", kind)
	default:
		args = append(args, "--algorithm", kind)
	}
	if k.passphrase != "" {
		args = append(args, "--passphrase-file", k.passphrase)
	}
	k.fingerprint = plainHex(strings.ToUpper(string(must(t, nil, w.box, args...))))
}

// newHome makes the folder of a program for one key: none of them reads a
// keyring while another process writes it.
func (w *openpgpWorld) newHome(t *testing.T, k *openpgpKey, program string) string {
	home := filepath.Join(w.dir, fmt.Sprintf("%s%d", program, len(k.name))+strings.NewReplacer(":", "", "-", "").Replace(k.name))
	require.NoError(t, os.Mkdir(home, 0o700))
	k.homes[program] = home
	return home
}

// home returns the folder of gpg or rnp with this key in it, and with the
// second recipient's.
func (w *openpgpWorld) home(t *testing.T, k *openpgpKey, program string) string {
	t.Helper()
	other := w.second(t)
	k.mu.Lock()
	defer k.mu.Unlock()
	if home := k.homes[program+" ready"]; home != "" {
		return home
	}
	home := k.homes[program]
	if home == "" {
		home = w.newHome(t, k, program)
		if program == "gpg" {
			w.gpg(t, k, home, nil, "--import", k.secret)
		} else {
			w.rnpkeys(t, home, "--import-keys", k.secret)
		}
	}
	if other.name != k.name {
		if program == "gpg" {
			w.gpg(t, k, home, nil, "--import", other.public)
		} else {
			w.rnpkeys(t, home, "--import-keys", other.public)
		}
	}
	k.homes[program+" ready"] = home
	return home
}

// second is the other recipient of messages to two.
func (w *openpgpWorld) second(t *testing.T) *openpgpKey { return w.openpgp(t, "gpg:p384") }

// gpg runs gpg in a home, with the passphrase of the key.
func (w *openpgpWorld) gpg(t *testing.T, k *openpgpKey, home string, in []byte, args ...string) []byte {
	t.Helper()
	return must(t, in, "gpg", gpgArgs(k, home, args)...)
}

func gpgArgs(k *openpgpKey, home string, args []string) []string {
	pass := ""
	if k != nil && k.passphrase != "" {
		pass = passphrase
	}
	return append([]string{"--homedir", home, "--batch", "--yes", "--quiet", "--no-tty", "--trust-model", "always",
		"--pinentry-mode", "loopback", "--passphrase", pass}, args...)
}

func (w *openpgpWorld) rnpkeys(t *testing.T, home string, args ...string) []byte {
	t.Helper()
	return must(t, nil, "rnpkeys", append([]string{"--homedir", home, "--password", passphrase}, args...)...)
}
