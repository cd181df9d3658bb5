package atomicfile

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"
)

// createTemp makes the file beside its target. Windows has no mode bits: a
// secret file is made with an access list of its own in the same step, since
// one that is narrowed later was readable for a moment.
func createTemp(dir string, secret bool) (*os.File, error) {
	name := filepath.Join(dir, "~doublekeybox-"+rand.Text()+".tmp")
	if !secret {
		return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	}
	descriptor, free, err := ownerOnly()
	if err != nil {
		return nil, &os.PathError{Op: "create", Path: name, Err: err}
	}
	defer free()
	sa := syscall.SecurityAttributes{SecurityDescriptor: descriptor}
	sa.Length = uint32(unsafe.Sizeof(sa))
	p, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return nil, &os.PathError{Op: "create", Path: name, Err: err}
	}
	h, err := syscall.CreateFile(p, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, &sa, syscall.CREATE_NEW, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &os.PathError{Op: "create", Path: name, Err: err}
	}
	return os.NewFile(uintptr(h), name), nil
}

// ownerOnly returns a security descriptor that gives the owner (OW) all access,
// nobody else any, and inherits nothing (P). free releases it.
func ownerOnly() (descriptor uintptr, free func(), err error) {
	const revision = 1 // SDDL_REVISION_1
	sddl, err := syscall.UTF16PtrFromString("D:P(A;;FA;;;OW)")
	if err != nil {
		return 0, nil, err
	}
	convert := syscall.NewLazyDLL("advapi32.dll").NewProc("ConvertStringSecurityDescriptorToSecurityDescriptorW")
	if err := convert.Find(); err != nil {
		return 0, nil, err
	}
	ok, _, err := convert.Call(uintptr(unsafe.Pointer(sddl)), revision, uintptr(unsafe.Pointer(&descriptor)), 0)
	if ok == 0 {
		return 0, nil, err
	}
	return descriptor, func() { syscall.LocalFree(syscall.Handle(descriptor)) }, nil
}

// place gives temp its final name unless there is such a file: MoveFile
// without MOVEFILE_REPLACE_EXISTING fails in the same step.
func place(temp, path string) error {
	from, err := syscall.UTF16PtrFromString(temp)
	if err != nil {
		return err
	}
	to, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return err
	}
	return insist(func() error { return syscall.MoveFile(from, to) })
}

func replace(temp, path string) error {
	return insist(func() error { return os.Rename(temp, path) })
}

// insist tries again for a second while another program, most often a virus
// scanner or an indexer, holds the file open.
func insist(move func() error) (err error) {
	const sharingViolation = syscall.Errno(32) // ERROR_SHARING_VIOLATION
	for wait := 10 * time.Millisecond; wait < time.Second; wait *= 2 {
		err = move()
		if !errors.Is(err, sharingViolation) && !errors.Is(err, syscall.ERROR_ACCESS_DENIED) {
			return err
		}
		time.Sleep(wait)
	}
	return err
}

// SyncDir does nothing: Windows has no such call, and NTFS journals names.
func SyncDir(string) error { return nil }
