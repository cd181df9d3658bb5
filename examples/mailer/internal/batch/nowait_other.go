//go:build !unix

package batch

const noWait = 0
