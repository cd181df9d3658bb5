package keyring

// A browser has neither FIFOs nor a file system: a ring in a directory is an
// error there.
const nonblock = 0
