package smime

import (
	"io"

	"github.com/doublekeybox/doublekeybox/internal/seam"
)

type format struct{ seam.Format }

func (format) Name() string { return "S/MIME" }

var _ io.Writer = io.Discard
