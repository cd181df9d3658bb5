package spool

// Once says that no other pass will follow: from now on nothing is kept of
// what Read returns, and what was kept is freed. A message whose chunks are
// authenticated one by one is read so. Again fails from then on.
func (s *Source) Once() {
	if s.gone || s.ended {
		return
	}
	s.once = true
	s.cur, s.mem, s.macs = nil, nil, nil
	if s.file != nil {
		s.file.Close() // it has no name, so this is its end; nothing of it is needed, whatever Close says
		s.file = nil
	}
}
