package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// options are those of one subcommand. Options may stand before and after the
// positional arguments; -- ends them. Values are given as --option=value or
// --option value.
type options struct{ set *pflag.FlagSet }

func newOptions(name string) *options {
	set := pflag.NewFlagSet(name, pflag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	set.SortFlags = false
	return &options{set}
}

// flag is an option without a value.
func (o *options) flag(name, usage string) *bool {
	return o.set.Bool(name, false, usage)
}

// armor is --no-armor, which many have. What it points to is true for armor.
func (o *options) armor() *bool {
	armor := true
	o.set.BoolFunc("no-armor", "write binary", func(string) error { armor = false; return nil })
	return &armor
}

// text is an option that may be given once. what is shown for its value.
func (o *options) text(name, what, usage string) *string {
	v := &once{what: what}
	o.set.Var(v, name, usage)
	return &v.value
}

// choice is an option with one of several values; the first is the default.
func (o *options) choice(name, usage string, values ...string) *string {
	v := &once{what: strings.Join(values, "|"), value: values[0], among: values}
	o.set.Var(v, name, usage)
	return &v.value
}

// several is an option that may be given again and again.
func (o *options) several(name, what, usage string) *[]string {
	var v list
	v.what = what
	o.set.Var(&v, name, usage)
	return &v.values
}

// given reports whether the option was on the command line.
func (o *options) given(name string) bool { return o.set.Changed(name) }

// once is a pflag.Value that may be set once: which of two values is meant
// nobody can know.
type once struct {
	what  string
	among []string
	value string
	given bool
}

func (v *once) String() string { return v.value }

func (v *once) Type() string { return v.what }

func (v *once) Set(s string) error {
	switch {
	case v.given:
		return fail(incompatibleOptions, "it is given twice")
	case v.among != nil && !slices.Contains(v.among, s):
		return fail(unsupportedOption, "%.80q is none of %s", s, strings.Join(v.among, ", "))
	}
	v.value, v.given = s, true
	return nil
}

type list struct {
	what   string
	values []string
}

func (v *list) String() string { return strings.Join(v.values, " ") }

func (v *list) Type() string { return v.what }

func (v *list) Set(s string) error {
	v.values = append(v.values, s)
	return nil
}

// window is --verify-not-before and --verify-not-after: when a signature must
// have been made to count.
type window struct{ from, to time.Time } // zero: no bound

// window declares them as decrypt has them.
func (a *app) window(o *options) *window {
	return a.bounds(o, "verify-not-before", "verify-not-after")
}

// bounds declares both. Without them signatures from the future do not count.
func (a *app) bounds(o *options, before, after string) *window {
	w := &window{to: a.now}
	bound := func(name string, at *time.Time) {
		given := false
		o.set.Func(name, "DATE: an ISO 8601 time, now, or - for no bound", func(s string) (err error) {
			if given {
				return fail(incompatibleOptions, "it is given twice")
			}
			given = true
			*at, err = a.date(s)
			return err
		})
	}
	bound(before, &w.from)
	bound(after, &w.to)
	return w
}

// holds reports whether a signature of this time counts. Both ends do: times
// in signatures are whole seconds.
func (w *window) holds(t time.Time) bool {
	return (w.from.IsZero() || !t.Before(w.from)) && (w.to.IsZero() || !t.After(w.to))
}

// date reads a DATE of the draft: "now", "-" (no bound: the zero time), or a
// time or day in the forms of ISO 8601 that are in use. Without a zone it is UTC.
func (a *app) date(s string) (time.Time, error) {
	switch s {
	case "-":
		return time.Time{}, nil
	case "now":
		return a.now, nil
	}
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04",
		time.DateOnly, "20060102T150405Z0700", "20060102T150405", "20060102",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fail(unsupportedOption, "%.80q is no time: write it like %s, now, or -", s, fmt.Sprintf("%q", "2026-01-31T12:00:00Z"))
}
