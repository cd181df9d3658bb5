package ber

// Element returns the next element whole, header and end-of-contents octets
// included, exactly as it was received: for hashing, and for certificates. An
// element of more than max octets is a [*LimitError].
//
// Like [Reader.Skip], it judges nothing inside of a definite length.
func (r *Reader) Element(max int64) ([]byte, error) {
	raw, err := r.walk(true, max)
	if err != nil {
		return nil, err
	}
	return raw, nil
}

// Skip passes over the next element, of any size, in constant memory.
//
// What a definite length contains is passed over by that length, without a
// look at it: a broken certificate among good ones can be left out. Inside an
// indefinite length, elements are followed to find its end, up to [MaxDepth].
func (r *Reader) Skip() error {
	_, err := r.walk(false, 0)
	return err
}

// walk passes over the next element, and returns its octets if keep is set.
// Only indefinite lengths become frames, since the end of every other element
// is known from its header.
func (r *Reader) walk(keep bool, max int64) ([]byte, error) {
	var raw []byte
	pass := func(n int64) (err error) {
		if !keep {
			return r.discard(n)
		}
		if n > max-int64(len(raw)) {
			return r.fail(&LimitError{What: "element", Max: max})
		}
		raw, err = r.take(raw, n)
		return err
	}

	h, n, err := r.expect()
	if err != nil {
		return nil, err
	}
	for outer := r.depth; ; {
		if h.indefinite() {
			// The header is kept first: push consumes what is left of it.
			if err := pass(int64(n)); err != nil {
				return nil, err
			}
			if err := r.push(h, 0); err != nil {
				return nil, err
			}
		} else if err := pass(int64(n) + h.Length); err != nil {
			return nil, err
		}
		for r.depth > outer {
			var end bool
			if h, n, end, err = r.nextHeader(); err != nil {
				return nil, err
			}
			if !end {
				break
			}
			if err := pass(int64(n)); err != nil {
				return nil, err
			}
			r.pop(0)
		}
		if r.depth == outer {
			return raw, nil
		}
	}
}
