package pgp

import (
	"bytes"
	"cmp"
	"slices"
	"time"
)

// room is what a certificate may still take, of the limits that ParseCertificate has.
type room struct{ packets, octets int }

// take makes room smaller by packets with these bodies, if it holds them.
func (r *room) take(bodies ...[]byte) bool {
	n := 0
	for _, b := range bodies {
		n += len(b)
	}
	if len(bodies) > r.packets || n > r.octets {
		return false
	}
	r.packets -= len(bodies)
	r.octets -= n
	return true
}

// fits reports whether a certificate that was merged is within the limits.
func (c *certificate) fits() bool {
	r := room{maxKeyPackets, maxKeyKept}
	ok := r.take(c.hashed[hashedHead(c.primary):]) && len(c.users) <= maxUserIDs && len(c.subs) <= maxSubkeys
	takeAll := func(sigs ...[]selfSig) {
		for _, s := range slices.Concat(sigs...) {
			ok = ok && r.take(s.body)
		}
	}
	takeAll(c.revocations, c.direct)
	for _, u := range c.users {
		ok = ok && r.take(u.id)
		takeAll(u.revocations, u.certs)
	}
	for _, s := range c.subs {
		ok = ok && r.take(s.body)
		takeAll(s.revocations, s.bindings)
	}
	return ok
}

// fit returns c, or of one that is beyond the limits what counts most. The
// owner alone can bring it about, and with rotating subkeys does in a year; to
// refuse would leave whoever keeps certificates with the old copy, and so
// without the newest revocations.
//
// Revocations come first, and what was revoked with them: of a subkey that was
// dropped an old copy would bring back everything but its revocation.
func (c *certificate) fit() *certificate {
	if c.fits() {
		return c
	}
	f := &fitter{
		from: c, room: room{maxKeyPackets, maxKeyKept},
		// Never grown beyond: rest points into them.
		to: &certificate{primary: c.primary, hashed: c.hashed, odd: c.odd,
			users: make([]userID, 0, maxUserIDs), subs: make([]subkey, 0, maxSubkeys)},
	}
	f.room.take(c.hashed[hashedHead(c.primary):])
	f.list(&f.to.revocations, byWeight(c.revocations), 1)
	f.list(&f.to.direct, newestFirst(c.direct), 1)
	f.subkeys(true)
	f.users(true)
	f.users(false)
	f.subkeys(false)
	f.fill()
	f.sort()
	return f.to
}

type fitter struct {
	from, to *certificate
	room     room
	rest     []leftover
}

// leftover is a signature that is kept if there is room after what has to be.
type leftover struct {
	list *[]selfSig
	selfSig
}

// list takes the first few of sigs, and leaves the others over.
func (f *fitter) list(to *[]selfSig, sigs []selfSig, few int) {
	for i, s := range sigs {
		if i < few && f.room.take(s.body) {
			*to = append(*to, s)
		} else {
			f.rest = append(f.rest, leftover{to, s})
		}
	}
}

// users takes the user IDs that were revoked or those that were not, those
// that were signed last first.
func (f *fitter) users(revoked bool) {
	all := slices.Clone(f.from.users)
	slices.SortFunc(all, func(u, v userID) int {
		return cmp.Or(v.last().Compare(u.last()), bytes.Compare(u.id, v.id))
	})
	for _, u := range all {
		certs, gone := newestFirst(u.certs), byWeight(u.revocations)
		if revoked != (len(gone) > 0) || len(f.to.users) == maxUserIDs || !f.room.take(slices.Concat(bodies(gone, 1), [][]byte{u.id}, bodies(certs, 1))...) {
			continue
		}
		f.to.users = append(f.to.users, userID{id: u.id, certs: few(certs), revocations: few(gone)})
		to := &f.to.users[len(f.to.users)-1]
		f.list(&to.revocations, gone[len(to.revocations):], 0)
		f.list(&to.certs, certs[len(to.certs):], 0)
	}
}

// last is when a user ID was last signed, or if only its revocation is there
// when it was revoked.
func (u *userID) last() time.Time {
	return slices.Concat(newestFirst(u.certs), newestFirst(u.revocations))[0].CreationTime
}

// few is the first signature of a list, if there is one, with no room behind it.
func few(sigs []selfSig) []selfSig {
	n := min(1, len(sigs))
	return sigs[:n:n]
}

// subkeys takes the subkeys that were revoked or those that were not, those
// that end last first.
func (f *fitter) subkeys(revoked bool) {
	all := slices.Clone(f.from.subs)
	slices.SortFunc(all, func(s, o subkey) int {
		x, y := expiry(s.key, latest(s.bindings)), expiry(o.key, latest(o.bindings))
		return cmp.Or(first(x.IsZero(), y.IsZero()), y.Compare(x), o.key.CreationTime.Compare(s.key.CreationTime), bytes.Compare(s.body, o.body))
	})
	for _, s := range all {
		binds, gone := newestFirst(s.bindings), byWeight(s.revocations)
		if revoked != (len(gone) > 0) || len(f.to.subs) == maxSubkeys || !f.room.take(slices.Concat(bodies(gone, 1), [][]byte{s.body}, bodies(binds, 1))...) {
			continue
		}
		f.to.subs = append(f.to.subs, subkey{key: s.key, body: s.body, bindings: few(binds), revocations: few(gone)})
		to := &f.to.subs[len(f.to.subs)-1]
		f.list(&to.revocations, gone[len(to.revocations):], 0)
		f.list(&to.bindings, binds[len(to.bindings):], 0)
	}
}

// fill takes of what was left over the revocations and then the newest.
func (f *fitter) fill() {
	slices.SortStableFunc(f.rest, func(a, b leftover) int {
		return cmp.Or(first(revokes(a.SigType), revokes(b.SigType)), b.CreationTime.Compare(a.CreationTime), bytes.Compare(a.body, b.body))
	})
	for _, s := range f.rest {
		if f.room.take(s.body) {
			*s.list = append(*s.list, s.selfSig)
		}
	}
}

// sort brings everything in the order that merge gives it.
func (f *fitter) sort() {
	c := f.to
	c.revocations, c.direct = union(c.revocations, nil), union(c.direct, nil)
	c.users, c.subs = mergeUsers(c.users, nil), mergeSubkeys(c.subs, nil)
}

func bodies(sigs []selfSig, most int) (list [][]byte) {
	for _, s := range sigs[:min(most, len(sigs))] {
		list = append(list, s.body)
	}
	return list
}

// newestFirst sorts signatures whose digest proves something, by time, before
// all others.
func newestFirst(sigs []selfSig) []selfSig {
	all := slices.Clone(sigs)
	slices.SortFunc(all, func(s, o selfSig) int {
		return cmp.Or(first(!weakDigest(s.Signature), !weakDigest(o.Signature)), o.CreationTime.Compare(s.CreationTime), bytes.Compare(s.body, o.body))
	})
	return all
}

// byWeight sorts revocations: hard ones first, then by time.
func byWeight(sigs []selfSig) []selfSig {
	all := slices.Clone(sigs)
	slices.SortFunc(all, func(s, o selfSig) int {
		return cmp.Or(first(hard(s.Signature), hard(o.Signature)), s.CreationTime.Compare(o.CreationTime), bytes.Compare(s.body, o.body))
	})
	return all
}
