// Package nocore keeps what a program has in its memory out of files: where it
// crashes, or is killed with a signal that asks for it, the system writes a copy
// of its memory to disk, with every passphrase and document that was in use.
package nocore
