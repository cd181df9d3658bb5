package pkix

import "maps"

// anyPolicy is 2.5.29.32.0.
const anyPolicy = "\x55\x1d\x20\x00"

// maxPolicies is how many policies or mappings one certificate may have.
const maxPolicies = 256

// policyNode is one policy at one depth of the graph.
type policyNode struct {
	expected map[string]bool // which policies of the next certificate it stands for
	parents  []*policyNode
	policy   string
}

// policies is the state of policy processing as RFC 9618, Section 5 has it: a
// graph in which a policy stands once at each depth, where the tree of RFC 5280
// had it once for each way to get there and grew with their product.
type policies struct {
	level map[string]*policyNode // at the current depth; nil: no policy is left (NULL)

	// How many more certificates are allowed before a policy has to be left,
	// mappings are no longer followed, and anyPolicy counts for nothing.
	explicit, mapping, inhibitAny int
}

// newPolicies begins a path of n certificates below the root (RFC 5280,
// Section 6.1.2).
func newPolicies(n int, o *Options) *policies {
	start := func(now bool) int {
		if now {
			return 0
		}
		return n + 1
	}
	root := &policyNode{policy: anyPolicy, expected: map[string]bool{anyPolicy: true}}
	return &policies{
		level:      map[string]*policyNode{anyPolicy: root},
		explicit:   start(o.ExplicitPolicy),
		mapping:    start(o.InhibitMapping),
		inhibitAny: start(o.InhibitAny),
	}
}

// enter processes the policies that c asserts: RFC 5280, Section 6.1.3 (d) to
// (f), with (d) as in RFC 9618. It reports whether the path may go on.
func (p *policies) enter(c *Certificate, last bool) bool {
	before := p.level
	p.level = map[string]*policyNode{}
	asserted := map[string]bool{}
	for _, policy := range c.policies {
		asserted[policy] = true
		if policy == anyPolicy {
			continue
		}
		parents := expecting(before, policy)
		if len(parents) == 0 && before[anyPolicy] != nil {
			parents = []*policyNode{before[anyPolicy]}
		}
		p.add(policy, parents)
	}
	if asserted[anyPolicy] && (p.inhibitAny > 0 || !last && c.selfIssued) {
		for _, n := range before {
			for policy := range n.expected {
				if p.level[policy] == nil {
					p.add(policy, expecting(before, policy))
				}
			}
		}
	}
	return p.explicit > 0 || len(p.level) > 0
}

// add puts a policy at the current depth, if it stands on something.
func (p *policies) add(policy string, parents []*policyNode) {
	if len(parents) > 0 {
		p.level[policy] = &policyNode{policy: policy, expected: map[string]bool{policy: true}, parents: parents}
	}
}

// expecting returns the nodes that stand for the policy below them.
func expecting(level map[string]*policyNode, policy string) (out []*policyNode) {
	for _, n := range level {
		if n.expected[policy] {
			out = append(out, n)
		}
	}
	return out
}

// next prepares for the certificate below c: RFC 5280, Section 6.1.4 (a), (b)
// and (h) to (j).
func (p *policies) next(c *Certificate) bool {
	mapped := map[string]map[string]bool{}
	for _, m := range c.mappings {
		if m.from == anyPolicy || m.to == anyPolicy {
			return false
		}
		if mapped[m.from] == nil {
			mapped[m.from] = map[string]bool{}
		}
		mapped[m.from][m.to] = true
	}
	for from, to := range mapped {
		switch n := p.level[from]; {
		case p.mapping == 0:
			delete(p.level, from)
		case n != nil:
			n.expected = maps.Clone(to)
		case p.level[anyPolicy] != nil:
			p.level[from] = &policyNode{policy: from, expected: maps.Clone(to), parents: p.level[anyPolicy].parents}
		}
	}
	if !c.selfIssued {
		p.explicit = max(p.explicit-1, 0)
		p.mapping = max(p.mapping-1, 0)
		p.inhibitAny = max(p.inhibitAny-1, 0)
	}
	limit(&p.explicit, c.requireExplicit)
	limit(&p.mapping, c.inhibitMapping)
	limit(&p.inhibitAny, c.inhibitAny)
	return true
}

// limit lowers n to most, -1 being none.
func limit(n *int, most int) {
	if most >= 0 {
		*n = min(*n, most)
	}
}

// finish is RFC 5280, Section 6.1.5 (a), (b) and, as in RFC 9618, (g). allowed
// is the user-initial-policy-set, empty for any.
func (p *policies) finish(last *Certificate, allowed map[string]bool) bool {
	p.explicit = max(p.explicit-1, 0)
	if last.requireExplicit == 0 {
		p.explicit = 0
	}
	if p.explicit > 0 {
		return true
	}
	if len(p.level) == 0 {
		return false
	}
	if len(allowed) == 0 || allowed[anyPolicy] || p.level[anyPolicy] != nil {
		return true
	}
	// The policies that the authorities agree on are those of the nodes that
	// stand on anyPolicy: there a policy appears that nothing above it names.
	seen := map[*policyNode]bool{}
	var work []*policyNode
	for _, n := range p.level {
		work = append(work, n)
	}
	for len(work) > 0 {
		n := work[len(work)-1]
		work = work[:len(work)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		for _, parent := range n.parents {
			if parent.policy == anyPolicy && allowed[n.policy] {
				return true
			}
			if parent.policy != anyPolicy {
				work = append(work, parent)
			}
		}
	}
	return false
}
