//go:build !unix

package deploy

import (
	"errors"
	"os"
)

// errNoLock is where a laptop can ship and follow, but nothing is rolled out.
var errNoLock = errors.New("a release is rolled out on Linux hosts")

func flockExclusive(*os.File) error { return errNoLock }

func flockShared(*os.File) error { return errNoLock }

func flockFree(*os.File) error { return errNoLock }

func closeOnExec(*os.File) {}
