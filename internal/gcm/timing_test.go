//go:build !dkb_plain

package gcm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMulTiming prints how long multiplications take whose operands differ as much as they can, for a person to look at. Nothing can
// fail here but the clock: what holds mul to constant time is that it has no branch and no look-up that depends on an operand.
func TestMulTiming(t *testing.T) {
	if os.Getenv("DKB_TIMING") != "1" {
		t.Skip("measures for some seconds, and wants a machine that does nothing else: set DKB_TIMING=1")
	}
	const (
		batch   = 16     // multiplications that are timed together: the clock is coarse
		rounds  = 60_000 // batches of each class
		buckets = 12
	)
	r := rand.New(rand.NewPCG(1, 2))
	random := func() elem { return elem{r.Uint64(), r.Uint64()} }
	ones := elem{^uint64(0), ^uint64(0)}
	classes := []struct {
		name string
		a, b func() elem
		ns   []float64 // of one multiplication
	}{
		{name: "0 · random", a: func() elem { return elem{} }, b: random},
		{name: "all ones · random", a: func() elem { return ones }, b: random},
		{name: "random · 0", a: random, b: func() elem { return elem{} }},
		{name: "random · all ones", a: random, b: func() elem { return ones }},
		{name: "random · random", a: random, b: random},
	}
	for range rounds {
		// In another order each time, so that what disturbs the machine disturbs all alike.
		for _, i := range r.Perm(len(classes)) {
			c := &classes[i]
			a, b := c.a(), c.b()
			sink := elem{}
			start := time.Now()
			for range batch {
				sink = sink.xor(a.mul(b))
			}
			c.ns = append(c.ns, float64(time.Since(start).Nanoseconds())/batch)
			runtime.KeepAlive(sink) // or nothing is computed
		}
	}
	var all []float64
	for _, c := range classes {
		all = append(all, c.ns...)
	}
	slices.Sort(all)
	at := func(q float64) float64 { return all[int(q*float64(len(all)-1))] }
	low, high := at(0.005), at(0.9)
	width := (high - low) / (buckets - 1)
	reference := cropped(classes[len(classes)-1].ns, high)
	for _, c := range classes {
		var count [buckets + 1]int
		for _, x := range c.ns {
			count[min(max(int((x-low)/width), 0), buckets)]++
		}
		slices.Sort(c.ns)
		kept := cropped(c.ns, high)
		t.Logf("%-18s median %6.1f ns, mean below the 90th percentile %6.1f ns, Welch's t to random · random %+.2f",
			c.name, c.ns[len(c.ns)/2], mean(kept), welch(kept, reference))
		for i, n := range count {
			label := fmt.Sprintf("%6.1f", low+float64(i)*width)
			if i == buckets {
				label = "  more"
			}
			share := float64(n) / float64(len(c.ns))
			t.Logf("  %s ns %5.1f %% %s", label, 100*share, strings.Repeat("#", int(60*share)))
		}
	}
}

func cropped(xs []float64, high float64) (out []float64) {
	for _, x := range xs {
		if x <= high {
			out = append(out, x)
		}
	}
	return out
}

func mean(xs []float64) (m float64) {
	for _, x := range xs {
		m += x / float64(len(xs))
	}
	return m
}

// welch is Welch's t statistic: beyond ±4.5 or so it is taken for a difference (dudect).
func welch(a, b []float64) float64 {
	variance := func(xs []float64) (v float64) {
		m := mean(xs)
		for _, x := range xs {
			v += (x - m) * (x - m) / float64(len(xs)-1)
		}
		return v
	}
	return (mean(a) - mean(b)) / math.Sqrt(variance(a)/float64(len(a))+variance(b)/float64(len(b)))
}
