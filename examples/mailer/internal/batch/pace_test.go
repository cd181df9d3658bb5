package batch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPace(t *testing.T) {
	t.Parallel()
	p := newPace(40, 1)
	require.Equal(t, 40.0, p.now)
	p.outcome(false, true)
	require.Equal(t, 20.0, p.now)
	p.outcome(true, false)
	require.InDelta(t, 20.2, p.now, 1e-9, "one two-hundredth of the full rate")
	for range 98 {
		p.outcome(true, false)
	}
	require.Less(t, p.now, 40.0)
	p.outcome(true, false)
	require.Equal(t, 40.0, p.now, "and no more")
	p.outcome(false, false)
	require.Equal(t, 40.0, p.now, "a refusal of another kind is none of the rate's")
	for range 50 {
		p.outcome(false, true)
	}
	require.Equal(t, 40.0/64, p.now)
}

// One bad moment of a server halves the rate once, however many connections
// there are.
func TestPaceOnce(t *testing.T) {
	t.Parallel()
	p := newPace(40, 4)
	for range 4 {
		p.outcome(false, true)
		require.Equal(t, 20.0, p.now)
	}
	p.outcome(false, true)
	require.Equal(t, 10.0, p.now)
}

// Where no rate was asked for, there is one while the server wants less.
func TestPaceUnlimited(t *testing.T) {
	t.Parallel()
	p := newPace(0, 1)
	require.Zero(t, p.delay())
	p.outcome(true, false)
	require.Zero(t, p.now)
	p.outcome(false, true)
	require.GreaterOrEqual(t, p.now, 50.0)
	for range 200 {
		p.outcome(true, false)
	}
	require.Zero(t, p.now)
	require.Zero(t, p.delay())
}
