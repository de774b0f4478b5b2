//go:build !linux

package agent

import (
	"os"
	"syscall"
)

func self() (string, error) { return os.Executable() }

// Hosts run Linux. Elsewhere a worker notices the end of its supervisor when
// it has nobody to tell its next event.

func ownSession() *syscall.SysProcAttr { return nil }

func withParent() *syscall.SysProcAttr { return nil }
