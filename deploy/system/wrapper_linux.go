package system

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func (h *host) lookWrapper(context.Context) Item {
	item := Item{Name: itemWrapper, State: Already, Text: wrapperPath + " runs " + h.options.Directory + "/mage"}
	path := h.path(wrapperPath)
	stat, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		item.State, item.Text, item.Hint = Missing, wrapperPath+" is missing", "host:setup writes it."
		return item
	}
	if err != nil {
		return failed(itemWrapper, err)
	}
	var text []byte
	if stat.Mode().IsRegular() && stat.Size() < 1<<16 { // a program of that name is megabytes
		if text, err = os.ReadFile(path); err != nil {
			return failed(itemWrapper, err)
		}
	}
	other := wrapperDirectory(string(text))
	switch {
	case other == "":
		item.State, item.Text = Warning, wrapperPath+" is another program, and stays"
		item.Hint = fmt.Sprintf("Type %s/mage, or remove %s and run host:setup.", h.options.Directory, wrapperPath)
	case other != h.options.Directory && h.deployDirectory(other):
		item.State, item.Text = Warning, wrapperPath+" runs "+other+"/mage, another deploy directory of this host"
		item.Hint = fmt.Sprintf("In %s it runs the one there; elsewhere type %[1]s/mage.", h.options.Directory)
	case string(text) != wrapper(h.options.Directory) || stat.Mode().Perm() != 0o755:
		item.State, item.Text, item.Hint = Missing, wrapperPath+" is an old or changed one", "host:setup replaces it."
	}
	return item
}

// deployDirectory says whether a folder is one that is deployed to.
func (h *host) deployDirectory(folder string) bool {
	_, noBinary := os.Stat(filepath.Join(h.path(folder), "mage"))
	_, noRecords := os.Stat(filepath.Join(h.path(folder), ".deploy"))
	return noBinary == nil && noRecords == nil
}

func (h *host) writeWrapper(context.Context) (string, error) {
	return "", h.writeOurs(wrapperPath, wrapper(h.options.Directory), 0o755)
}

// writeOurs writes a file outside the deploy directory, root's.
func (h *host) writeOurs(name, text string, mode os.FileMode) error {
	path := h.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := replace(path, strings.NewReader(text), mode, -1, -1); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
