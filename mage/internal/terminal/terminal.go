// Package terminal is the terminal that a person sits at: whether there is one,
// how large it is, and that it hands on each key as it is typed.
package terminal

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/term"
)

// Size is a terminal's, in characters.
type Size = struct{ Width, Height uint }

// Usual is the size of a terminal that does not know its own.
var Usual = Size{Width: 80, Height: 24}

// Is says whether a file is a terminal.
func Is(file *os.File) bool { return term.IsTerminal(int(file.Fd())) }

// SizeOf is a terminal's size now.
func SizeOf(file *os.File) Size {
	width, height, err := term.GetSize(int(file.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return Usual
	}
	return Size{Width: uint(width), Height: uint(height)}
}

// Raw makes a terminal hand on each key, Ctrl-C included, until back is called.
func Raw(file *os.File) (back func(), err error) {
	before, err := term.MakeRaw(int(file.Fd()))
	if err != nil {
		return nil, fmt.Errorf("use the terminal: %w", err)
	}
	return func() { _ = term.Restore(int(file.Fd()), before) }, nil
}

// Resized gives each next size of a terminal until ctx ends.
func Resized(ctx context.Context, file *os.File) <-chan Size {
	sizes := make(chan Size)
	go watch(ctx, func() {
		select {
		case sizes <- SizeOf(file):
		case <-ctx.Done():
		}
	})
	return sizes
}
