package pgp

// maxTrustDepth is how many certifications a path may have: what somebody says
// whom nobody known has met is gossip.
const maxTrustDepth = 3

// trustNet is who says what of whom, as far as it may bear on one user ID of
// one certificate, the target. Nodes are numbers.
type trustNet struct {
	target int
	roots  []trustRoot
	edges  []trustEdge
}

// trustRoot is an introducer whom the caller named.
type trustRoot struct{ node, depth, amount int }

// trustEdge is a certification: of the target's user ID, or one that makes
// somebody an introducer, to that many further certifications.
type trustEdge struct{ from, to, depth, amount int }

// flow returns how much the roots together say of the target, and which of them
// do. It stops at enough.
//
// It is the flow that Sequoia's web of trust finds, bounded to three hops. Of
// all paths that the depths allow, the one with the fewest certifications is
// taken, among those the one over which most flows, and among those that of the
// root that stands first; what flows is the least of the amounts on it. That is
// taken off the root and off everything that each certifier on the path says of
// the next key, of whatever user ID: two user IDs of one key are one key. Then
// the next path is looked for in what is left. Nothing that was taken is given
// back for a better whole, so that the sum can be less than the largest flow and
// never more: the mistake is to refuse.
func (n *trustNet) flow(enough int) (amount int, by []trustRoot) {
	left := map[[2]int]int{} // what was taken, by certifier and key
	roots := make([]int, len(n.roots))
	for amount < enough {
		root, edges, most := n.best(left, roots)
		if most == 0 {
			break
		}
		if roots[root] == 0 {
			by = append(by, n.roots[root])
		}
		roots[root] += most
		for _, e := range edges {
			left[[2]int{e.from, e.to}] += most
		}
		amount += most
	}
	return amount, by
}

// step is the best way on from a node.
type step struct {
	amount int
	edge   trustEdge
}

// best returns the next path: its root, its certifications, and what flows.
func (n *trustNet) best(taken map[[2]int]int, roots []int) (root int, path []trustEdge, most int) {
	var ways [maxTrustDepth + 1]map[int]step // by how many certifications it is to the target
	for k := 1; k <= maxTrustDepth; k++ {
		ways[k] = map[int]step{}
		for _, e := range n.edges {
			amount := e.amount - taken[[2]int{e.from, e.to}]
			switch {
			case e.from == n.target || e.from == e.to, (e.to == n.target) != (k == 1):
				continue // what it says of itself counts for nothing, and the target introduces nobody here
			case k > 1 && e.depth < k-1:
				continue
			case k > 1:
				amount = min(amount, ways[k-1][e.to].amount)
			}
			if amount > ways[k][e.from].amount {
				ways[k][e.from] = step{amount, e}
			}
		}
		for i, r := range n.roots {
			if amount := min(r.amount-roots[i], ways[k][r.node].amount); r.depth >= k && amount > most {
				root, most = i, amount
			}
		}
		if most > 0 {
			at := n.roots[root].node
			for ; k > 0; k-- {
				path = append(path, ways[k][at].edge)
				at = ways[k][at].edge.to
			}
			return root, path, most
		}
	}
	return 0, nil, 0
}
