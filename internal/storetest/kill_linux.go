package storetest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The marks are system calls that do nothing, with an argument that no other call
// has: whose priority it is that is asked for.
const (
	markBegin = 0xdb01
	markEnd   = 0xdb02
)

func mark(n uintptr) { syscall.RawSyscall(syscall.SYS_GETPRIORITY, n, 0, 0) }

// Begin and End stand around what KillAt looks at, in the program that it runs.
func Begin() { mark(markBegin) }

// End is the other one.
func End() { mark(markEnd) }

// ErrNoTrace is returned by KillAt where processes cannot be traced.
var ErrNoTrace = errors.New("storetest: no process can be traced here")

// KillAt runs this program with these arguments and this environment, and kills it
// with SIGKILL when it enters its system call number n, counted over all its
// threads from 1 after Begin, without those of Go's runtime for itself. It returns how many there were, and whether it
// killed; else the program came to its end.
func KillAt(n int, args, env []string) (calls int, killed bool, err error) {
	// Who traces is a thread, not a process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	self, err := os.Executable()
	if err != nil {
		return 0, false, err
	}
	p, err := os.StartProcess(self, append([]string{self}, args...), &os.ProcAttr{
		Env:   env,
		Files: []*os.File{nil, nil, os.Stderr},
		// A group of its own is what is waited for: another test's children are
		// that test's.
		Sys: &syscall.SysProcAttr{Ptrace: true, Setpgid: true},
	})
	if err != nil {
		return 0, false, fmt.Errorf("%w: %w", ErrNoTrace, err)
	}
	defer p.Release()
	t := &trace{pid: p.Pid, at: n}
	if err := t.run(); err != nil {
		syscall.Kill(p.Pid, syscall.SIGKILL)
		return 0, false, err
	}
	return t.calls, t.killed, nil
}

type trace struct {
	pid, at  int
	counting bool
	calls    int
	killed   bool
}

func (t *trace) run() error {
	const exitKill = 0x100000 // PTRACE_O_EXITKILL
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(t.pid, &ws, syscall.WALL, nil); err != nil {
		return err
	}
	options := syscall.PTRACE_O_TRACESYSGOOD | syscall.PTRACE_O_TRACECLONE | exitKill
	if err := syscall.PtraceSetOptions(t.pid, options); err != nil {
		return fmt.Errorf("%w: %w", ErrNoTrace, err)
	}
	if err := syscall.PtraceSyscall(t.pid, 0); err != nil {
		return err
	}
	for {
		tid, err := syscall.Wait4(-t.pid, &ws, syscall.WALL, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return err
		case ws.Exited() || ws.Signaled():
			if tid != t.pid {
				continue
			}
			if !t.killed && ws.ExitStatus() != 0 {
				return fmt.Errorf("storetest: the program failed (status %#x)", int(ws))
			}
			return nil
		}
		if err := t.stopped(tid, ws.StopSignal()); err != nil && err != syscall.ESRCH {
			return err
		}
	}
}

// stopped lets a thread go on, or ends them all.
func (t *trace) stopped(tid int, sig syscall.Signal) error {
	switch sig {
	case syscall.SIGTRAP | 0x80: // PTRACE_O_TRACESYSGOOD
		entry, nr, arg, err := call(tid)
		if err != nil {
			return err
		}
		if entry && t.entered(nr, arg) {
			t.killed = true
			return syscall.Kill(t.pid, syscall.SIGKILL)
		}
		sig = 0
	case syscall.SIGTRAP, syscall.SIGSTOP: // a new thread
		sig = 0
	}
	return syscall.PtraceSyscall(tid, int(sig))
}

// entered counts, and reports whether this is the end.
func (t *trace) entered(nr, arg uint64) bool {
	switch {
	case nr == syscall.SYS_GETPRIORITY && arg == markBegin:
		t.counting = true
	case nr == syscall.SYS_GETPRIORITY && arg == markEnd:
		t.counting = false
	case t.counting && !t.killed && !ofRuntime(nr):
		t.calls++
		return t.calls == t.at
	}
	return false
}

// ofRuntime tells the calls by which the runtime of Go runs goroutines. They come
// when they like, and change nothing that outlives the process.
func ofRuntime(nr uint64) bool {
	switch nr {
	case unix.SYS_FUTEX, unix.SYS_NANOSLEEP, unix.SYS_SCHED_YIELD, unix.SYS_EPOLL_PWAIT,
		unix.SYS_TGKILL, unix.SYS_RT_SIGRETURN, unix.SYS_RT_SIGPROCMASK, unix.SYS_SIGALTSTACK,
		unix.SYS_CLONE, unix.SYS_CLONE3, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_GETTID, unix.SYS_GETPID,
		unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MADVISE:
		return true
	}
	return false
}

// call returns what system call a thread is stopped at, on any kind of machine.
func call(tid int) (entry bool, nr, arg uint64, err error) {
	const getSyscallInfo = 0x420e // PTRACE_GET_SYSCALL_INFO, Linux 5.3
	var info struct {
		op   uint8 // 1: it is entered
		_    [3]uint8
		arch uint32
		ip   uint64
		sp   uint64
		nr   uint64
		args [6]uint64
		_    [4]uint64
	}
	_, _, e := syscall.Syscall6(syscall.SYS_PTRACE, getSyscallInfo, uintptr(tid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if e == syscall.EIO || e == syscall.ENOSYS {
		return false, 0, 0, fmt.Errorf("%w: %w", ErrNoTrace, e)
	}
	if e != 0 {
		return false, 0, 0, e
	}
	return info.op == 1, info.nr, info.args[0], nil
}
