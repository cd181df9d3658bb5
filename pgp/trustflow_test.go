package pgp

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTrustFlow: networks of Sequoia's tests of its web of trust, with the
// amounts that it finds in them where no path is longer than three
// certifications. The first letter of a row is who trusts, and is no node: whom
// they certified are the roots.
func TestTrustFlow(t *testing.T) {
	t.Parallel()
	type net struct {
		roots []trustRoot
		edges []trustEdge
	}
	// "simple": A -2/100-> B -1/100-> C -1/100-> D -1/100-> E
	simple := net{[]trustRoot{{'B', 2, 100}}, []trustEdge{{'B', 'C', 1, 100}, {'C', 'D', 1, 100}, {'D', 'E', 1, 100}}}
	partial := net{[]trustRoot{{'B', 2, 90}}, simple.edges}
	asBob := net{[]trustRoot{{'C', 1, 100}}, simple.edges}
	// "local-optima": amounts and depths, the depths cut to what is left of three.
	optima := net{[]trustRoot{{'B', 150, 120}}, []trustEdge{
		{'B', 'C', 50, 100}, {'B', 'D', 100, 50}, {'B', 'F', 200, 75}, {'C', 'E', 50, 100}, {'D', 'E', 100, 50},
		{'E', 'F', 100, 120}, {'E', 'G', 0, 30}, {'E', 'H', 0, 120},
	}}
	// "roundabout", of Alice, and of Jenny.
	round := []trustEdge{
		{'C', 'D', 5, 120}, {'D', 'E', 4, 120}, {'E', 'F', 3, 120}, {'F', 'B', 2, 120}, {'B', 'G', 2, 120}, {'G', 'H', 1, 120}, {'H', 'I', 0, 120},
		{'J', 'E', 5, 100}, {'J', 'G', 1, 100},
	}
	alice := net{[]trustRoot{{'B', 100, 60}, {'C', 6, 120}}, round}
	jenny := net{[]trustRoot{{'E', 5, 100}, {'G', 1, 100}}, round}
	// "multiple-userids-3": three user IDs of one key, and nothing is counted twice.
	users := net{[]trustRoot{{'A', 255, 120}}, []trustEdge{
		{'A', 'B', 2, 40}, {'A', 'B', 3, 30}, {'A', 'B', 255, 10}, {'B', 'C', 1, 20}, {'B', 'D', 2, 120}, {'C', 'F', 0, 120}, {'D', 'E', 1, 120}, {'E', 'F', 0, 120},
	}}
	for _, c := range []struct {
		name   string
		net    net
		target int
		amount int
	}{
		{"simple", simple, 'C', 100},
		{"simple: two away", simple, 'D', 100},
		{"simple: too deep", simple, 'E', 0},
		{"simple: not connected", simple, 'X', 0},
		{"partially trusted root", partial, 'D', 90},
		{"of Bob's", asBob, 'D', 100},
		{"of Bob's: too deep", asBob, 'E', 0},
		{"local optima: Carol", optima, 'C', 100},
		{"local optima: Dave", optima, 'D', 50},
		{"local optima: Ellen", optima, 'E', 120},   // 100 and 20
		{"local optima: Francis", optima, 'F', 120}, // 75 and 45
		{"local optima: Georgina", optima, 'G', 30},
		{"local optima: Henry", optima, 'H', 120}, // 100 and 20
		{"roundabout: Dave", alice, 'D', 120},
		{"roundabout: Elmar", alice, 'E', 120},
		{"roundabout: Frank", alice, 'F', 120},
		{"roundabout: Isaac", alice, 'I', 60},
		{"roundabout: George, whose second path is too long here", alice, 'G', 60},
		{"roundabout: of Jenny's, Frank", jenny, 'F', 100},
		{"roundabout: of Jenny's, Bob", jenny, 'B', 100},
		{"roundabout: of Jenny's, Henry, whose second path is too long here", jenny, 'H', 100},
		{"roundabout: of Jenny's, Isaac", jenny, 'I', 0},
		{"many user IDs: Carol", users, 'C', 20},
		{"many user IDs: Frank, by the way that is short enough", users, 'F', 20},
		{"many user IDs: Ed", users, 'E', 40},
	} {
		n := trustNet{target: c.target, roots: c.net.roots, edges: c.net.edges}
		amount, by := n.flow(fullTrust)
		require.Equal(t, c.amount, amount, c.name)
		require.Equal(t, c.amount > 0, len(by) > 0, c.name)
	}
}

// TestTrustFlowBounds: what one thing changes.
func TestTrustFlowBounds(t *testing.T) {
	t.Parallel()
	flow := func(roots []trustRoot, edges ...trustEdge) int {
		n := trustNet{target: 'T', roots: roots, edges: edges}
		amount, _ := n.flow(fullTrust)
		return amount
	}
	one := []trustRoot{{'A', 1, 120}}
	two := []trustRoot{{'A', 1, 60}, {'B', 1, 60}}
	three := []trustRoot{{'A', 1, 40}, {'B', 1, 40}, {'C', 1, 40}}
	a, b, c := trustEdge{'A', 'T', 0, 120}, trustEdge{'B', 'T', 0, 120}, trustEdge{'C', 'T', 0, 120}
	require.Equal(t, 120, flow(one, a))
	require.Equal(t, 0, flow([]trustRoot{{'A', 0, 120}}, a), "who introduces nobody")
	require.Equal(t, 60, flow(two[:1], a))
	require.Equal(t, 60, flow(two, a, a, a), "said three times")
	require.Equal(t, 120, flow(two, a, b), "said by two")
	require.Equal(t, 80, flow(three[:2], a, b))
	require.Equal(t, 120, flow(three, a, b, c), "three of 40 are enough")
	require.Equal(t, 119, flow([]trustRoot{{'A', 1, 59}, {'B', 1, 60}}, a, b))
	require.Equal(t, 0, flow(one, trustEdge{'T', 'T', 0, 120}), "nobody introduces themselves")
	require.Equal(t, 0, flow([]trustRoot{{'T', 3, 120}}, trustEdge{'T', 'A', 3, 120}, trustEdge{'A', 'T', 0, 120}), "nor by way of another")
	deep := []trustRoot{{'A', 3, 120}}
	x, y := trustEdge{'A', 'X', 2, 120}, trustEdge{'X', 'Y', 1, 120}
	require.Equal(t, 120, flow(deep, x, y, trustEdge{'Y', 'T', 0, 120}))
	require.Equal(t, 0, flow([]trustRoot{{'A', 2, 120}}, x, y, trustEdge{'Y', 'T', 0, 120}), "the root is not trusted so far")
	require.Equal(t, 0, flow(deep, trustEdge{'A', 'X', 1, 120}, y, trustEdge{'Y', 'T', 0, 120}), "nor does it trust so far")
	require.Equal(t, 0, flow(deep, x, trustEdge{'X', 'Y', 0, 120}, trustEdge{'Y', 'T', 0, 120}), "a certification makes nobody an introducer")
	require.Equal(t, 0, flow([]trustRoot{{'A', 255, 120}}, trustEdge{'A', 'X', 255, 120}, trustEdge{'X', 'Y', 255, 120}, trustEdge{'Y', 'Z', 255, 120}, trustEdge{'Z', 'T', 0, 120}), "four are too many")
	require.Equal(t, 60, flow(deep, trustEdge{'A', 'X', 2, 60}, trustEdge{'X', 'T', 0, 120}))
	require.Equal(t, 60, flow(deep, trustEdge{'A', 'X', 1, 60}, trustEdge{'X', 'T', 0, 120}, trustEdge{'X', 'T', 0, 120}), "a bottleneck is one however many ways lead on")
	require.Equal(t, 120, flow(deep, trustEdge{'A', 'X', 1, 60}, trustEdge{'X', 'T', 0, 120}, trustEdge{'A', 'Y', 1, 60}, trustEdge{'Y', 'T', 0, 120}))
	require.Equal(t, 0, flow(deep, trustEdge{'A', 'X', 2, 120}, trustEdge{'X', 'A', 2, 120}), "a circle")
}
