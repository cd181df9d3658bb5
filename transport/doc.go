// Package transport holds what connects doublekeybox with other machines and
// needs a library for that: packages below it. It is a module of its own, so
// that programs that only seal files get none of those libraries.
package transport
