package gcm

import "errors"

// errLate is a mistake of the program: additional data was given twice.
var errLate = errors.New("gcm: SumLate of a Verifier that was made with additional data")
