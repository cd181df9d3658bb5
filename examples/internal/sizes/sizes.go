// Package sizes writes numbers of octets as people say them.
package sizes

import "fmt"

// Text returns octets in three digits or so, in units of 1,000 as file managers
// have them: "999 bytes", "1.5 kB", "150 MB".
func Text(octets int64) string {
	units := [...]string{"bytes", "kB", "MB", "GB", "TB"}
	v, unit := float64(octets), 0
	for v >= 999.5 && unit < len(units)-1 {
		v, unit = v/1000, unit+1
	}
	if unit == 0 || v >= 99.95 {
		return fmt.Sprintf("%.0f %s", v, units[unit])
	}
	return fmt.Sprintf("%.1f %s", v, units[unit])
}
