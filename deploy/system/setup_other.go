//go:build !linux

package system

import (
	"context"
	"errors"
)

// errNotLinux says where this works.
var errNotLinux = errors.New("host:setup prepares Linux hosts")

// Setup prepares Linux hosts only.
func Setup(context.Context, Options, func(Item)) error { return errNotLinux }

// Check looks at Linux hosts only.
func Check(context.Context, Options, func(Item)) error { return errNotLinux }
