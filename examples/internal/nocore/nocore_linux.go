package nocore

import "golang.org/x/sys/unix"

// Set asks the system to write no copy of this process's memory, whatever
// happens to it. Two ways, since neither is enough: the limit of a core file's
// size is not looked at where the copy goes to another program (core(5)), and
// that a process is not dumpable (prctl(2)) is forgotten by a program that it
// starts. The second also keeps other processes of the same user from reading
// the memory. An error says that the system did not do it.
func Set() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
