//go:build unix

package deploy

import (
	"errors"
	"os"
	"syscall"
)

func flockExclusive(file *os.File) error { return flock(file, syscall.LOCK_EX) }

func flockShared(file *os.File) error { return flock(file, syscall.LOCK_SH) }

func flockFree(file *os.File) error { return flock(file, syscall.LOCK_UN) }

// flock does not wait; errHeld where it would have to.
func flock(file *os.File, how int) error {
	for {
		err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errHeld
		case !errors.Is(err, syscall.EINTR):
			return err
		}
	}
}

// closeOnExec keeps an inherited file from the processes that this one starts.
func closeOnExec(file *os.File) { syscall.CloseOnExec(int(file.Fd())) }
