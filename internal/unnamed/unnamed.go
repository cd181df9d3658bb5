// Package unnamed makes files that have no name: nobody else opens them, and
// they end with the process, however that ends.
package unnamed
