package keyring

import (
	"fmt"
	"strings"
)

// PolicyError says that the evidence is of a kind that the [Policy] does not
// take.
type PolicyError struct {
	Fingerprint Fingerprint
	Field       string // of Policy, which decides it: "AcceptFirstUse"
	Evidence    string // as Verified.Evidence would have it
}

// Error implements error, on one line.
func (e *PolicyError) Error() string {
	if e.Field == "FingerprintOnly" {
		return fmt.Sprintf("keyring: for %s there is only %q, and Policy.FingerprintOnly takes nobody's word: compare its fingerprint with its owner",
			e.Fingerprint, cut(e.Evidence))
	}
	return fmt.Sprintf("keyring: for %s there is only %q, which Policy.%s has to allow: compare its fingerprint with its owner",
		e.Fingerprint, cut(e.Evidence), e.Field)
}

// Is reports whether target is [ErrRefused].
func (e *PolicyError) Is(target error) bool { return target == ErrRefused }

// ChangedError says that an address has another key of this format already. It
// is what an attacker who swaps keys runs into, and whoever made a new key
// without a word of the old one. Nothing was changed.
type ChangedError struct {
	Address string
	Old     []Fingerprint // what the ring has for it
	New     Fingerprint   // what was offered
	Hint    string        // one clause, for people: "it is in another name, …"; may be ""
}

// Error implements error, on one line.
func (e *ChangedError) Error() string {
	const most = 3
	var old []string
	for i, f := range e.Old {
		if i == most {
			old = append(old, fmt.Sprintf("and %d more", len(e.Old)-most))
			break
		}
		old = append(old, f.String())
	}
	hint := ""
	if e.Hint != "" {
		hint = "; " + e.Hint
	}
	return fmt.Sprintf("keyring: %q has the key %s, and %s is another one%s: ask its owner, not by mail, which is right, and say whether it replaces the old key or is one beside it",
		cut(e.Address), strings.Join(old, ", "), e.New, hint)
}

// Is reports whether target is [ErrRefused].
func (e *ChangedError) Is(target error) bool { return target == ErrRefused }

// DowngradeError says that what would take a key's place is weaker than it.
type DowngradeError struct {
	Address string
	Old     Fingerprint // the same as New where the key itself became weaker
	New     Fingerprint
	Lost    []string // "post-quantum encryption", "authenticated encryption", "OpenPGP version 6"
}

// Error implements error, on one line.
func (e *DowngradeError) Error() string {
	lost := strings.Join(e.Lost, ", ")
	if e.Old.Matches(e.New) {
		return fmt.Sprintf("keyring: the key %s of %q no longer has what it had, %s: ask its owner, not by mail, whether that is meant, and replace it if so",
			e.New, cut(e.Address), lost)
	}
	return fmt.Sprintf("keyring: %q has the key %s, and %s has not what that has, %s: ask its owner, not by mail, for a key that is no weaker, or replace it if that is meant",
		cut(e.Address), e.Old, e.New, lost)
}

// Is reports whether target is [ErrRefused].
func (e *DowngradeError) Is(target error) bool { return target == ErrRefused }

// NotBoundError says that a certificate does not, or no longer, state that it
// is for an address.
type NotBoundError struct {
	Address     string
	Fingerprint Fingerprint
	Has         []string // the addresses that it states
	Reason      string   // one clause
}

// Error implements error, on one line.
func (e *NotBoundError) Error() string {
	const most = 3
	has := "it states no address"
	if len(e.Has) > 0 {
		var quoted []string
		for _, a := range e.Has[:min(most, len(e.Has))] {
			quoted = append(quoted, fmt.Sprintf("%q", cut(a)))
		}
		if len(e.Has) > most {
			quoted = append(quoted, "…")
		}
		has = "it is for " + strings.Join(quoted, ", ")
	}
	return fmt.Sprintf("keyring: %s is not for %q: %s, %s; if you know that this address is its owner's too, say that it is an alias",
		e.Fingerprint, cut(e.Address), e.Reason, has)
}

// Is reports whether target is [ErrRefused].
func (e *NotBoundError) Is(target error) bool { return target == ErrRefused }
