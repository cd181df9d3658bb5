//go:build !windows

package ringsql_test

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// serverUser is who runs the server where the tests are root's: it refuses to be
// root.
func serverUser() (uid, gid int) {
	if os.Geteuid() != 0 {
		return os.Geteuid(), os.Getegid()
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, e1 := strconv.Atoi(u.Uid)
			gid, e2 := strconv.Atoi(u.Gid)
			if e1 == nil && e2 == nil {
				return uid, gid
			}
		}
	}
	return 65534, 65534
}

func giveAway(paths ...string) error {
	uid, gid := serverUser()
	for _, p := range paths {
		if err := os.Chown(p, uid, gid); err != nil {
			return err
		}
	}
	return nil
}

func asServer(cmd *exec.Cmd) *exec.Cmd {
	cmd.Dir = "/"
	if uid, gid := serverUser(); uid != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	return cmd
}
