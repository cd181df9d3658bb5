package storetest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
)

// A line of the model is "worker operation record digest dropped", with "-" for
// nothing dropped. A record is there from its line on until a later line drops it.

// Work makes n commits as worker, each trying again until no other was first. Each
// puts a record, and drops the one of before. What is done is told to done, where
// that is not nil. Where flaky reports that an error is one of those that are to be
// expected, it finds out whether the commit was made.
func Work[C Commit](st Store[C], worker string, n int, conflict error, done func(), flaky func(error) bool) error {
	var size int64
	old, drop := "-", []string(nil)
	for i := range n {
		body := bytes.Repeat([]byte(rand.Text()), 40)
		name := strings.ToLower(rand.Text()) + "." + fmt.Sprint(i)
		sum := sha256.Sum256(body)
		line := fmt.Sprintf("%s %d %s %s %s\n", worker, i, name, hex.EncodeToString(sum[:8]), old)
		c := commit[C](line, puts{name: body}, drop...)
		for made, unsure := false, false; !made; {
			more, err := st.Log(size)
			size += int64(len(more))
			switch {
			case err == nil && unsure && bytes.Contains(more, []byte(line)):
				made = true
				continue
			case err == nil:
				err = st.Commit(size, c)
			}
			switch {
			case err == nil:
				made = true
			case errors.Is(err, conflict):
			case flaky != nil && flaky(err):
				unsure = true
			default:
				return err
			}
		}
		old, drop = name, []string{name}
		if done != nil {
			done()
		}
	}
	return nil
}

// Check reads a store, and returns how many operations of each worker it has. It
// may run while others work.
func Check[C Commit](st Store[C]) (map[string]int, error) {
	for {
		log, err := st.Log(0)
		if err != nil {
			return nil, err
		}
		done, err := check(st, log)
		if !errors.Is(err, fs.ErrNotExist) {
			return done, err
		}
		// A record that a later line dropped since is none that is missing.
		more, e := st.Log(int64(len(log)))
		if e != nil {
			return nil, e
		}
		if len(more) == 0 {
			return nil, err
		}
	}
}

func check[C Commit](st Store[C], log []byte) (map[string]int, error) {
	done := map[string]int{}
	live := map[string]string{}
	for line := range strings.Lines(string(log)) {
		var worker, name, sum, old string
		var i int
		if n, err := fmt.Sscanf(line, "%s %d %s %s %s\n", &worker, &i, &name, &sum, &old); n != 5 || err != nil {
			return nil, fmt.Errorf("the log has the line %.80q", line)
		}
		if done[worker] != i {
			return nil, fmt.Errorf("operation %d of %s comes after %d others", i, worker, done[worker])
		}
		done[worker]++
		live[name] = sum
		delete(live, old)
	}
	for name, want := range live {
		b, err := st.Record(name)
		if err != nil {
			return nil, err
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:8]) != want {
			return nil, fmt.Errorf("the record %s is torn", name)
		}
	}
	return done, nil
}

func testGoroutines[C Commit](t *testing.T, s Suite[C], open func() Store[C]) {
	const workers, stores, each = 8, 2, 5
	var wg sync.WaitGroup
	st := []Store[C]{open(), open()}
	for w := range workers {
		wg.Go(func() {
			if err := Work(st[w%stores], fmt.Sprint("w", w), each, s.Conflict, nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	done, err := Check(open())
	ok(t, err)
	for w := range workers {
		if n := done[fmt.Sprint("w", w)]; n != each {
			t.Fatalf("of worker %d there are %d operations, not %d", w, n, each)
		}
	}
}
