package keyring_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
)

const benchEntries = 10_000

// manyRing makes, once, the octets of a ring with 10,000 entries, of which
// every tenth is an OpenPGP key.
var manyRing = sync.OnceValues(func() (*memStore, error) {
	m := newMem()
	r, err := keyring.Policy{}.NewRing(m, parsers()...)
	if err != nil {
		return nil, err
	}
	for i := range benchEntries {
		c, err := benchCert(i)
		if err != nil {
			return nil, err
		}
		v, err := keyring.Verify(c, keyring.Expect(c.Fingerprint()))
		if err != nil {
			return nil, err
		}
		if _, err := r.Add(v, keyring.Addition{}); err != nil {
			return nil, err
		}
	}
	return m, nil
})

func benchAddress(i int) string { return fmt.Sprintf("person.%d@department-%d.example.org", i, i%50) }

func benchCert(i int) (*keyring.Certificate, error) {
	if i%10 == 0 && !fips() {
		k, err := pgp.GenerateKey(pgp.KeyOptions{Address: benchAddress(i), Name: "Person"})
		if err != nil {
			return nil, err
		}
		return k.Certificate(), nil
	}
	k, err := generateX(benchAddress(i))
	if err != nil {
		return nil, err
	}
	return k.Certificate(), nil
}

// benchDir writes the ring of 10,000 entries to a directory, as the store of a
// directory has it.
func benchDir(b *testing.B) string {
	b.Helper()
	m, err := manyRing()
	require.NoError(b, err)
	dir := filepath.Join(b.TempDir(), "ring")
	require.NoError(b, openBench(b, dir).Close())
	require.NoError(b, os.WriteFile(filepath.Join(dir, "log"), m.log, 0o600))
	for name, octets := range m.records {
		file := filepath.Join(dir, "records", name)
		if name == "index" {
			file = filepath.Join(dir, "index.txt")
		}
		require.NoError(b, os.WriteFile(file, octets, 0o600))
	}
	return dir
}

func openBench(b *testing.B, dir string) *keyring.Ring {
	b.Helper()
	r, err := keyring.OpenRing(dir, parsers()...)
	require.NoError(b, err)
	return r
}

func BenchmarkRingOpen(b *testing.B) {
	dir := benchDir(b)
	for b.Loop() {
		require.NoError(b, openBench(b, dir).Close())
	}
}

// Without the index every record is read.
func BenchmarkRingOpenWithoutIndex(b *testing.B) {
	dir := benchDir(b)
	require.NoError(b, os.Remove(filepath.Join(dir, "index.txt")))
	for b.Loop() {
		require.NoError(b, openBench(b, dir).Close())
	}
}

func BenchmarkRingLookup(b *testing.B) {
	for _, which := range []struct {
		name string
		i    int
	}{{"x509", 4321}, {"openpgp", 4320}} {
		b.Run(which.name, func(b *testing.B) {
			r := openBench(b, benchDir(b))
			defer r.Close()
			for b.Loop() {
				found, err := r.Lookup(benchAddress(which.i))
				require.NoError(b, err)
				require.Len(b, found, 1)
			}
		})
	}
}

// Each looks up somebody who was not looked up before.
func BenchmarkRingLookupCold(b *testing.B) {
	r := openBench(b, benchDir(b))
	defer r.Close()
	for i := 0; b.Loop(); i++ {
		if i%benchEntries == benchEntries-1 {
			b.StopTimer()
			r.Close()
			r = openBench(b, benchDir(b))
			b.StartTimer()
		}
		_, err := r.Lookup(benchAddress(i % benchEntries))
		require.NoError(b, err)
	}
}

func BenchmarkRingRecipients100(b *testing.B) {
	r := openBench(b, benchDir(b))
	defer r.Close()
	var list []string
	for i := range 100 {
		list = append(list, benchAddress(10*i+1))
	}
	for b.Loop() {
		_, err := r.Recipients(list...)
		require.NoError(b, err)
	}
}

// With the fsyncs of the directory; and without, of which the rest is the ring.
func BenchmarkRingAdd(b *testing.B) {
	add := func(b *testing.B, r *keyring.Ring) {
		n := benchEntries + 1
		for b.Loop() {
			b.StopTimer()
			k, err := generateX(benchAddress(n))
			require.NoError(b, err)
			v := expected(b, k.Certificate())
			n += 11
			b.StartTimer()
			_, err = r.Add(v, keyring.Addition{})
			require.NoError(b, err)
		}
	}
	b.Run("directory", func(b *testing.B) {
		r := openBench(b, benchDir(b))
		defer r.Close()
		add(b, r)
	})
	b.Run("memory", func(b *testing.B) {
		m, err := manyRing()
		require.NoError(b, err)
		r := newRing(b, m.clone())
		add(b, r)
	})
}
