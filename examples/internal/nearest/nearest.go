// Package nearest finds what somebody meant to type.
package nearest

// Name returns what of all s is mistyped for, "" for none: the one that differs
// in one letter, or in two where it is long. Case counts.
func Name(s string, all []string) string {
	best, at := "", 3
	for _, a := range all {
		most := 1
		if len(a) >= 6 {
			most = 2
		}
		if d := distance(s, a); d <= most && d < at {
			best, at = a, d
		}
	}
	return best
}

// distance is how many letters have to be changed, added or left out, or
// exchanged with the next one, to make b of a. Beyond 32 octets it is more than
// anybody mistypes.
func distance(a, b string) int {
	const long = 32
	if len(a) > long || len(b) > long {
		return long
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
