#!/usr/bin/python3
"""Runs a program on a terminal of its own, 160 by 50, for programs that want one.

usage: terminal.py SECONDS PROGRAM ARGUMENT...
What it showed goes to standard output; where that ends in "passphrase:", pw is answered. After
SECONDS it is ended, exit 3.
"""
import fcntl, os, pty, select, signal, struct, sys, termios, time


def main():
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        os.execvp(sys.argv[2], sys.argv[2:])
    shown = b""
    end = time.monotonic() + float(sys.argv[1])
    while time.monotonic() < end:
        if not select.select([fd], [], [], 0.5)[0]:
            continue
        try:
            b = os.read(fd, 65536)
        except OSError:  # Linux says so at the end
            b = b""
        if not b:
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sys.stdout.buffer.write(b)
        shown += b
        if b"passphrase:" in shown:
            shown = b""
            os.write(fd, b"pw\r")
    sys.stdout.flush()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return 3


sys.exit(main())
