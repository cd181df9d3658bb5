//go:build !windows

package identities_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring/identities"
	"github.com/doublekeybox/doublekeybox/smime"
)

// What others could have read or exchanged is refused, and says why.
func TestPermissions(t *testing.T) {
	t.Parallel()
	k := newSMIME(t, "bob@example.org")
	d, dir := added(t, k)
	f := k.Certificate().Fingerprint()
	path := filepath.Join(dir, f.String()+".identity")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	info, err = os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	for _, c := range []struct {
		mode os.FileMode
		good bool
	}{{0o600, true}, {0o400, true}, {0o640, false}, {0o604, false}, {0o620, false}, {0o602, false}, {0o610, false}, {0o644, false}} {
		require.NoError(t, os.Chmod(path, c.mode))
		if c.good {
			_, err := d.Unlock(f, asked("right"))
			require.NoError(t, err, c.mode)
			continue
		}
		_, err := d.Unlock(f, never(t))
		var refused *identities.PermissionError
		require.ErrorAs(t, err, &refused, c.mode)
		require.Equal(t, path, refused.Path)
		all, err := d.List()
		require.NoError(t, err)
		require.ErrorAs(t, all[0].Problem, &refused)
	}
	require.NoError(t, os.Chmod(path, 0o600))

	for mode, good := range map[os.FileMode]bool{0o700: true, 0o500: true, 0o750: false, 0o701: false, 0o770: false} {
		require.NoError(t, os.Chmod(dir, mode))
		_, err := identities.Open(dir, parseKey, smime.ParseCertificate)
		if good {
			require.NoError(t, err, mode)
		} else {
			require.ErrorAs(t, err, new(*identities.PermissionError), mode)
		}
	}
	require.NoError(t, os.Chmod(dir, 0o700))
}

// Links, FIFOs, devices and directories are refused, and nothing waits for them.
func TestNoOrdinaryFile(t *testing.T) {
	t.Parallel()
	k := newSMIME(t, "bob@example.org")
	d, dir := added(t, k)
	f := k.Certificate().Fingerprint()
	path := filepath.Join(dir, f.String()+".identity")
	moved := filepath.Join(dir, "moved")
	require.NoError(t, os.Rename(path, moved))
	for name, put := range map[string]func() error{
		"a link":      func() error { return os.Symlink(moved, path) },
		"a FIFO":      func() error { return syscall.Mkfifo(path, 0o600) },
		"a directory": func() error { return os.Mkdir(path, 0o700) },
	} {
		require.NoError(t, put(), name)
		_, err := d.Unlock(f, never(t))
		require.ErrorAs(t, err, new(*identities.PermissionError), name)
		require.NoError(t, os.Remove(path))
	}
	require.NoError(t, os.Rename(moved, path))
	_, err := d.Unlock(f, asked("right"))
	require.NoError(t, err)

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = identities.Open(file, parseKey, smime.ParseCertificate)
	require.Error(t, err)
}

// Somebody else's file is refused, whatever its mode: they can change that.
func TestSomebodyElses(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only the superuser can give files away")
	}
	k := newSMIME(t, "bob@example.org")
	d, dir := added(t, k)
	f := k.Certificate().Fingerprint()
	path := filepath.Join(dir, f.String()+".identity")
	require.NoError(t, os.Chown(path, 65534, 65534))
	_, err := d.Unlock(f, never(t))
	require.ErrorAs(t, err, new(*identities.PermissionError))
	require.NoError(t, os.Chown(path, os.Geteuid(), os.Getegid()))
	_, err = d.Unlock(f, asked("right"))
	require.NoError(t, err)
	require.NoError(t, os.Chown(dir, 65534, 65534))
	_, err = identities.Open(dir, parseKey, smime.ParseCertificate)
	require.ErrorAs(t, err, new(*identities.PermissionError))
}
