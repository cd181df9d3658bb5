// Package storetest holds the stores of a ring to what keyring.Store promises. It
// is for tests, of this module and of others of this project.
package storetest

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// Commit is keyring.Commit, which this package may not import.
type Commit interface {
	~struct {
		Append []byte
		Put    map[string][]byte
		Drop   []string
	}
}

// Store is keyring.Store.
type Store[C Commit] interface {
	Log(from int64) ([]byte, error)
	Record(name string) ([]byte, error)
	Commit(size int64, c C) error
	Close() error
}

// Suite is what is tested.
type Suite[C Commit] struct {
	// Open opens the same store each time within one test, which has an own one.
	Open     func(t *testing.T) func() (Store[C], error)
	Conflict error // keyring.ErrConflict
}

type puts = map[string][]byte

func commit[C Commit](line string, put puts, drop ...string) C {
	return C{Append: []byte(line), Put: put, Drop: drop}
}

// Run runs all tests that need no second process.
func Run[C Commit](t *testing.T, s Suite[C]) {
	for name, test := range map[string]func(*testing.T, Suite[C], func() Store[C]){
		"empty":      testEmpty[C],
		"appends":    testAppends[C],
		"records":    testRecords[C],
		"conflict":   testConflict[C],
		"refused":    testRefused[C],
		"two":        testTwo[C],
		"lineless":   testLineless[C],
		"octets":     testOctets[C],
		"goroutines": testGoroutines[C],
		"closed":     testClosed[C],
	} {
		t.Run(name, func(t *testing.T) {
			open := s.Open(t)
			test(t, s, func() Store[C] {
				t.Helper()
				st, err := open()
				ok(t, err)
				t.Cleanup(func() { st.Close() })
				return st
			})
		})
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("the error is %v, not %v", err, want)
	}
}

func hasLog[C Commit](t *testing.T, st Store[C], from int64, want string) {
	t.Helper()
	b, err := st.Log(from)
	ok(t, err)
	if string(b) != want {
		t.Fatalf("the log from %d is %q, not %q", from, b, want)
	}
}

// hasRecord wants "-" for a record that is not there.
func hasRecord[C Commit](t *testing.T, st Store[C], name, want string) {
	t.Helper()
	b, err := st.Record(name)
	if want == "-" {
		is(t, err, fs.ErrNotExist)
		return
	}
	ok(t, err)
	if string(b) != want {
		t.Fatalf("the record %s is %.80q, not %.80q", name, b, want)
	}
}

func testEmpty[C Commit](t *testing.T, _ Suite[C], open func() Store[C]) {
	st := open()
	hasLog(t, st, 0, "")
	hasRecord(t, st, "a", "-")
	hasRecord(t, st, "index", "-")
	if _, err := st.Log(1); err == nil {
		t.Fatal("a log that is shorter than it was is no error")
	}
	if _, err := st.Log(-1); err == nil {
		t.Fatal("an offset below nothing is no error")
	}
}

func testAppends[C Commit](t *testing.T, _ Suite[C], open func() Store[C]) {
	st := open()
	ok(t, st.Commit(0, commit[C]("one\n", nil)))
	ok(t, st.Commit(4, commit[C]("two\n", nil)))
	for _, st := range []Store[C]{st, open()} {
		hasLog(t, st, 0, "one\ntwo\n")
		hasLog(t, st, 4, "two\n")
		hasLog(t, st, 6, "o\n")
		hasLog(t, st, 8, "")
		if _, err := st.Log(9); err == nil {
			t.Fatal("a log that is shorter than it was is no error")
		}
	}
}

func testRecords[C Commit](t *testing.T, _ Suite[C], open func() Store[C]) {
	st := open()
	ok(t, st.Commit(0, commit[C]("1\n", puts{"a.1": []byte("first"), "b": nil, "index": []byte("i1")})))
	hasRecord(t, st, "a.1", "first")
	hasRecord(t, st, "b", "")
	hasRecord(t, st, "index", "i1")
	// One is replaced, one dropped, one new, and one that is not there dropped.
	ok(t, st.Commit(2, commit[C]("2\n", puts{"a.2": []byte("second"), "index": []byte("i2")}, "a.1", "never")))
	for _, st := range []Store[C]{st, open()} {
		hasRecord(t, st, "a.1", "-")
		hasRecord(t, st, "a.2", "second")
		hasRecord(t, st, "b", "")
		hasRecord(t, st, "index", "i2")
		hasRecord(t, st, "never", "-")
		hasLog(t, st, 0, "1\n2\n")
	}
	// A name can be used again.
	ok(t, st.Commit(4, commit[C]("3\n", puts{"a.1": []byte("third")}, "index")))
	hasRecord(t, st, "a.1", "third")
	hasRecord(t, st, "index", "-")
}

func testConflict[C Commit](t *testing.T, s Suite[C], open func() Store[C]) {
	st := open()
	ok(t, st.Commit(0, commit[C]("1\n", puts{"a": []byte("kept")})))
	for _, size := range []int64{0, 1, 3, 1 << 40} {
		is(t, st.Commit(size, commit[C]("2\n", puts{"a": []byte("lost"), "b": []byte("lost")}, "c")), s.Conflict)
		hasLog(t, st, 0, "1\n")
		hasRecord(t, st, "a", "kept")
		hasRecord(t, st, "b", "-")
	}
	ok(t, st.Commit(2, commit[C]("2\n", puts{"b": []byte("b")}, "a")))
	hasRecord(t, st, "a", "-")
	hasRecord(t, st, "b", "b")
}

func testRefused[C Commit](t *testing.T, s Suite[C], open func() Store[C]) {
	st := open()
	long := strings.Repeat("n", 64)
	for what, c := range map[string]C{
		"no end of line":    commit[C]("1", nil),
		"two lines":         commit[C]("1\n2\n", nil),
		"no name":           commit[C]("1\n", puts{"": nil}),
		"a way out":         commit[C]("1\n", puts{"../x": nil}),
		"a dot first":       commit[C]("1\n", puts{".x": nil}),
		"a hyphen first":    commit[C]("1\n", puts{"-x": nil}),
		"a large letter":    commit[C]("1\n", puts{"X": nil}),
		"a separator":       commit[C]("1\n", puts{"a/b": nil}),
		"an octet of zero":  commit[C]("1\n", puts{"a\x00": nil}),
		"a long name":       commit[C]("1\n", puts{long + "n": nil}),
		"a bad drop":        commit[C]("1\n", nil, "../x"),
		"put and dropped":   commit[C]("1\n", puts{"a": nil}, "a"),
		"one of two is bad": commit[C]("1\n", puts{"a": nil, "b!": nil}),
	} {
		err := st.Commit(0, c)
		if err == nil || errors.Is(err, s.Conflict) {
			t.Fatalf("%s: the error is %v", what, err)
		}
		hasLog(t, st, 0, "")
		hasRecord(t, st, "a", "-")
	}
	for _, name := range []string{"", "../lock", "a\x00", "a/../a", long + "n"} {
		hasRecord(t, st, name, "-")
	}
	ok(t, st.Commit(0, commit[C]("1\n", puts{long: []byte("long"), "0.-a": nil})))
	hasRecord(t, st, long, "long")
}

// Two that have the same store open see each other.
func testTwo[C Commit](t *testing.T, s Suite[C], open func() Store[C]) {
	a, b := open(), open()
	ok(t, a.Commit(0, commit[C]("a\n", puts{"x": []byte("a")})))
	hasLog(t, b, 0, "a\n")
	hasRecord(t, b, "x", "a")
	ok(t, b.Commit(2, commit[C]("b\n", nil, "x")))
	hasRecord(t, a, "x", "-")
	is(t, a.Commit(2, commit[C]("c\n", nil)), s.Conflict)
	hasLog(t, a, 2, "b\n")
	ok(t, a.Commit(4, commit[C]("c\n", nil)))
	hasLog(t, b, 2, "b\nc\n")
}

// A commit without a line leaves the log alone.
func testLineless[C Commit](t *testing.T, s Suite[C], open func() Store[C]) {
	st := open()
	ok(t, st.Commit(0, commit[C]("", puts{"index": []byte("0"), "a": []byte("a")})))
	hasLog(t, st, 0, "")
	hasRecord(t, st, "index", "0")
	ok(t, st.Commit(0, commit[C]("1\n", nil)))
	ok(t, st.Commit(2, commit[C]("", puts{"index": []byte("1")}, "a")))
	is(t, st.Commit(0, commit[C]("", puts{"index": []byte("lost")})), s.Conflict)
	hasLog(t, st, 0, "1\n")
	hasRecord(t, st, "index", "1")
	hasRecord(t, st, "a", "-")
}

// Any octets come back, and the caller's are not kept.
func testOctets[C Commit](t *testing.T, _ Suite[C], open func() Store[C]) {
	st := open()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	large := bytes.Repeat(all, 4<<10)
	line := strings.Repeat("é\t'\\\"", 2000) + "\n"
	put := puts{"all": bytes.Clone(all), "large": large}
	ok(t, st.Commit(0, commit[C](line, put)))
	clear(put["all"])
	hasRecord(t, st, "all", string(all))
	hasRecord(t, st, "large", string(large))
	hasLog(t, st, 0, line)
	b, err := st.Record("all")
	ok(t, err)
	clear(b)
	hasRecord(t, st, "all", string(all))
}

func testClosed[C Commit](t *testing.T, _ Suite[C], open func() Store[C]) {
	st := open()
	ok(t, st.Commit(0, commit[C]("1\n", puts{"a": []byte("a")})))
	ok(t, st.Close())
	if _, err := st.Log(0); err == nil {
		t.Fatal("the log of a closed store is no error")
	}
	if _, err := st.Record("a"); err == nil {
		t.Fatal("a record of a closed store is no error")
	}
	if err := st.Commit(2, commit[C]("2\n", nil)); err == nil {
		t.Fatal("a commit to a closed store is no error")
	}
	hasLog(t, open(), 0, "1\n")
}
