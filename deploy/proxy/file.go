package proxy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// endMark stands at the start of the last line, before the checksum of all
// that is above it.
const endMark = "# end sha256:"

// seal puts the end mark under a file.
func seal(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return []byte(text + endMark + hex.EncodeToString(sum[:]) + "\n")
}

// whole says whether a file is as it was sealed.
func whole(config []byte) bool {
	at := bytes.LastIndex(config, []byte(endMark))
	return at >= 0 && bytes.Equal(seal(string(config[:at])), config)
}

// writeConfig puts the file in place, in one step and on the disk, unless it
// is there already.
func (p *Proxy) writeConfig(config []byte) error {
	if err := p.ensureTables(); err != nil {
		return err
	}
	return p.write(configFile, config)
}

// keepLastGood keeps a file that HAProxy runs with, to return to.
func (p *Proxy) keepLastGood(config []byte) error {
	return p.write(lastGoodFile, config)
}

// restoreLastGood puts the last file that HAProxy accepted back in place; it
// says false where there is none.
func (p *Proxy) restoreLastGood() (bool, error) {
	config, err := os.ReadFile(filepath.Join(p.dir, lastGoodFile))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !whole(config) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the last good proxy file: %w", err)
	}
	err = p.writeConfig(config)
	return err == nil, err
}

// Repair puts the last good file in place of one that is missing or damaged,
// so that the proxy can start before anything else is known. It says whether
// it did. Writes are whole or not at all, so only a hand or a disk makes this
// needed; Configure repairs too, by writing anew.
func (p *Proxy) Repair() (bool, error) {
	config, err := os.ReadFile(filepath.Join(p.dir, configFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("read the proxy's file: %w", err)
	}
	if err == nil && whole(config) {
		return false, p.ensureTables()
	}
	return p.restoreLastGood()
}

// write replaces a file of the folder: a new file beside it, on the disk, then
// renamed over it, then the folder's own entry on the disk. Whoever reads, and
// whatever is interrupted, finds the old file or the new.
func (p *Proxy) write(name string, content []byte) error {
	path := filepath.Join(p.dir, name)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return nil
	}
	if err := p.replace(path, content); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func (p *Proxy) replace(path string, content []byte) (err error) {
	temp, err := os.CreateTemp(p.dir, ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = temp.Close()
			_ = os.Remove(temp.Name())
		}
	}()
	if _, err = temp.Write(content); err != nil {
		return err
	}
	// The folder's group, which is the container's too, reads it.
	if err = temp.Chmod(0o640); err != nil {
		return err
	}
	if err = temp.Sync(); err != nil {
		return err
	}
	if err = temp.Close(); err != nil {
		return err
	}
	if err = os.Rename(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(p.dir)
}

// syncDir brings a folder's entries to the disk.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
