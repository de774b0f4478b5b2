package system

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// binaryPath is where the deploy directory's own copy is.
func (h *host) binaryPath() string { return filepath.Join(h.path(h.options.Directory), "mage") }

func (h *host) lookBinary(context.Context) Item {
	item := Item{Name: itemBinary, State: Already}
	wanted, err := checksum(h.options.Binary)
	if err != nil {
		return failed(itemBinary, fmt.Errorf("read this program: %w", err))
	}
	path := h.binaryPath()
	found, err := checksum(path)
	if errors.Is(err, fs.ErrNotExist) {
		item.State, item.Text, item.Hint = Missing, path+" is missing", "host:setup puts it there."
		return item
	}
	if err != nil {
		return failed(itemBinary, fmt.Errorf("read the deploy directory's program: %w", err))
	}
	stat, err := os.Stat(path)
	switch {
	case err != nil:
		return failed(itemBinary, err)
	case !bytes.Equal(found, wanted):
		item.State, item.Text = Missing, fmt.Sprintf("%s is another version: %.4x, this is %.4x", path, found, wanted)
		item.Hint = "host:setup replaces it."
	case stat.Mode().Perm() != 0o755:
		item.State, item.Text = Missing, fmt.Sprintf("%s has mode %#o", path, stat.Mode().Perm())
		item.Hint = "host:setup replaces it."
	default:
		item.Text = fmt.Sprintf("%s, %.4x", path, found)
	}
	return item
}

// copyBinary puts a copy in place. One that runs there goes on as it is.
func (h *host) copyBinary(ctx context.Context) (string, error) {
	owner, err := h.account(ctx)
	if err != nil {
		return "", err
	}
	file, err := os.Open(h.options.Binary)
	if err != nil {
		return "", fmt.Errorf("read this program: %w", err)
	}
	defer file.Close()
	if err := replace(h.binaryPath(), file, 0o755, owner.uid, owner.gid); err != nil {
		return "", fmt.Errorf("copy this program to the deploy directory: %w", err)
	}
	return "", nil
}

func checksum(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	return sum.Sum(nil), err
}
