package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// appendLog is a file of lines that several processes add to at once: each
// line is one write with O_APPEND, which the kernel does not interleave. The
// file is opened for each line, so that nothing is kept when it is replaced.
type appendLog struct{ folder, name string }

func (l appendLog) add(line string) error {
	if err := os.MkdirAll(l.folder, 0o755); err != nil {
		return fmt.Errorf("make store: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(l.folder, l.name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open %s: %w", l.name, err)
	}
	_, err = f.WriteString(line + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("append to %s: %w", l.name, err)
	}
	return nil
}

// copyTo writes the whole file to w; a file that is not there is empty.
func (l appendLog) copyTo(w io.Writer) error {
	f, err := os.Open(filepath.Join(l.folder, l.name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", l.name, err)
	}
	defer f.Close()
	if _, err := io.Copy(w, f); err != nil {
		return fmt.Errorf("read %s: %w", l.name, err)
	}
	return nil
}
