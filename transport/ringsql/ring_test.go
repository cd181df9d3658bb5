package ringsql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/ringsql"
)

// ringWork is a machine of a fleet: it has a ring of its own on the database that
// all share, and changes the record that all others change.
func ringWork() error {
	each, err := strconv.Atoi(os.Getenv("DKB_EACH"))
	if err != nil {
		return err
	}
	octets, err := os.ReadFile(os.Getenv("DKB_CERT"))
	if err != nil {
		return err
	}
	c, err := smime.ParseCertificate(octets)
	if err != nil {
		return err
	}
	v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
	if err != nil {
		return err
	}
	db, err := sql.Open("pgx", os.Getenv("DKB_URL"))
	if err != nil {
		return err
	}
	defer db.Close()
	r, err := openRing(db)
	if err != nil {
		return err
	}
	defer r.Close()
	errs := make([]error, 3)
	var wg sync.WaitGroup
	for g := range errs {
		wg.Go(func() { errs[g] = turns(r, v, worker(os.Getenv("DKB_NAME"), g), each) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func worker(process string, g int) string { return fmt.Sprintf("%s-%d@example.org", process, g) }

func openRing(db *sql.DB) (*keyring.Ring, error) {
	s, err := ringsql.Open(context.Background(), db, "shared")
	if err != nil {
		return nil, err
	}
	return keyring.Policy{}.NewRing(s, smime.ParseCertificate)
}

// turns adds an address and removes it again, and wants the ring to say so each
// time.
func turns(r *keyring.Ring, v *keyring.Verified, address string, n int) error {
	for i := range n {
		var err error
		if i%2 == 0 {
			_, err = r.Add(v, keyring.Addition{Addresses: []string{address}, Alias: true})
		} else {
			err = r.Remove(address, v.Fingerprint())
		}
		if err != nil {
			return fmt.Errorf("turn %d of %s: %w", i, address, err)
		}
		var unknown *keyring.UnknownError
		_, err = r.Lookup(address)
		if i%2 == 0 && err != nil || i%2 == 1 && !errors.As(err, &unknown) {
			return fmt.Errorf("after turn %d of %s: %w", i, address, err)
		}
	}
	return nil
}

// Several processes with a ring each, as several machines would be: each change
// is there at once, and none is lost.
func TestRingFleet(t *testing.T) {
	t.Parallel()
	const processes = 4
	each := 5
	if everything {
		each = 101
	}
	db, url := open(t)
	k, err := smime.GenerateKey(smime.KeyOptions{Address: "shared@example.org", Algorithm: "p256"})
	require.NoError(t, err)
	cert := filepath.Join(t.TempDir(), "shared.crt")
	require.NoError(t, os.WriteFile(cert, k.Certificate().Marshal(), 0o600))
	self, err := os.Executable()
	require.NoError(t, err)
	begin := time.Now()
	var wg sync.WaitGroup
	for p := range processes {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "DKB_RINGSQL_ROLE=ring", "DKB_URL="+url, "DKB_CERT="+cert,
			fmt.Sprint("DKB_NAME=p", p), fmt.Sprint("DKB_EACH=", each))
		wg.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	t.Logf("%d processes x 3 goroutines x %d changes: %v", processes, each, time.Since(begin))
	r, err := openRing(db)
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, r.Check())
	for p := range processes {
		for g := range 3 {
			found, err := r.Lookup(worker(fmt.Sprint("p", p), g))
			require.NoError(t, err)
			require.Len(t, found, 1)
			require.Equal(t, k.Certificate().Fingerprint(), found[0].Verified.Fingerprint())
		}
	}
	events, err := r.Events()
	require.NoError(t, err)
	require.Len(t, events, 1+processes*3*each)

	// What somebody writes into the table is not what the ring believes.
	_, err = db.Exec(`UPDATE doublekeybox_record SET body = decode(replace(encode(body, 'escape'), 'p0-0@', 'p0-x@'), 'escape') WHERE name <> 'index'`)
	require.NoError(t, err)
	require.ErrorIs(t, r.Check(), keyring.ErrRefused)
	other, err := openRing(db)
	require.NoError(t, err)
	defer other.Close()
	_, err = other.Lookup("p0-x@example.org")
	require.ErrorIs(t, err, keyring.ErrRefused)
	_, err = other.Lookup("shared@example.org")
	require.ErrorIs(t, err, keyring.ErrRefused)
}
