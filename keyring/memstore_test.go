package keyring_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"sync"

	"github.com/doublekeybox/doublekeybox/keyring"
)

// memStore is a Store in memory, which fails where it is told to.
type memStore struct {
	mu      sync.Mutex
	log     []byte
	records map[string][]byte

	// fail is asked before a Commit takes place (0), between the records and
	// the log (1), and after it (2).
	fail func(at int) error

	// meanwhile is called before each Commit, as long as it is set: what others do.
	meanwhile func()

	broken error // nothing can be read

	commits, conflicts, reads int
}

var errFault = errors.New("the disk is on fire")

func newMem() *memStore { return &memStore{records: map[string][]byte{}} }

func (m *memStore) Log(from int64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return nil, m.broken
	}
	if from > int64(len(m.log)) {
		return nil, errors.New("the log is shorter than it was")
	}
	return append([]byte(nil), m.log[from:]...), nil
}

func (m *memStore) Record(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	b, ok := m.records[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return append([]byte(nil), b...), nil
}

func (m *memStore) failing(at int) error {
	if m.fail == nil {
		return nil
	}
	return m.fail(at)
}

func (m *memStore) Commit(size int64, c keyring.Commit) error {
	if f := m.meanwhile; f != nil {
		m.meanwhile = nil
		f()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if size != int64(len(m.log)) {
		m.conflicts++
		return keyring.ErrConflict
	}
	if err := m.failing(0); err != nil {
		return err
	}
	// A record under a new name that no line names is not there for anybody.
	for name, b := range c.Put {
		if _, overwritten := m.records[name]; !overwritten {
			m.records[name] = append([]byte(nil), b...)
		}
	}
	if err := m.failing(1); err != nil {
		return err
	}
	m.commits++
	m.log = append(m.log, c.Append...)
	for name, b := range c.Put {
		m.records[name] = append([]byte(nil), b...)
	}
	for _, name := range c.Drop {
		delete(m.records, name)
	}
	return m.failing(2)
}

func (m *memStore) Close() error { return nil }

// clone returns a copy of what is stored.
func (m *memStore) clone() *memStore {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := newMem()
	c.log = append(c.log, m.log...)
	for name, b := range maps.All(m.records) {
		c.records[name] = append([]byte(nil), b...)
	}
	return c
}

// Set overwrites the log, and these records.
func (m *memStore) Set(log []byte, records map[string][]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log = log
	maps.Copy(m.records, records)
}
