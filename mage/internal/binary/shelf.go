package binary

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/mage/internal/flock"
)

// shelf is the place in the user's cache for one project and platform.
type shelf struct {
	root   string
	folder string
	// name begins the names of its files.
	name string
}

// label says what stands on a shelf, and what it was made of.
type label struct {
	Root    string    `json:"root"`
	Made    time.Time `json:"made"`
	Sources sources   `json:"sources"`
	// Digest is of the recipe and the sources.
	Digest string `json:"digest"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	// File is the compiled magefile; Former the one before, which somebody
	// may still be uploading.
	File   string `json:"file"`
	Former string `json:"former,omitempty"`
}

// building begins the names of folders that are compiled in.
const building = "building-"

func openShelf(root string, goal target) (*shelf, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("find the cache: %w", err)
	}
	hash := sha256.Sum256([]byte(root))
	s := &shelf{root: root, name: "mage-" + goal.system + "-" + goal.machine}
	s.folder = filepath.Join(cache, "webshop-deploy", fmt.Sprintf("%x", hash[:8]))
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the cache: %w", err)
	}
	return s, nil
}

func (s *shelf) labelFile() string { return filepath.Join(s.folder, s.name+".json") }

// label reads the label; an empty one when there is none that can be read,
// which only means that it is compiled again.
func (s *shelf) label() label {
	var l label
	content, err := os.ReadFile(s.labelFile())
	if err != nil || json.Unmarshal(content, &l) != nil {
		return label{}
	}
	return l
}

// current gives the compiled magefile if it is there, whole, and of these very
// sources; nothing otherwise. It needs no lock: files are named by their
// content and labels are replaced in one go.
func (s *shelf) current(ctx context.Context, tools toolchain) (Compiled, error) {
	l := s.label()
	if l.File == "" {
		return Compiled{}, nil
	}
	recipe, err := tools.recipe(ctx)
	if err != nil {
		return Compiled{}, err
	}
	path := filepath.Join(s.folder, l.File)
	// Where either cannot be read it is compiled, which says what is wrong.
	digest, unread := l.Sources.digest(s.root, recipe, nil)
	if unread == nil && digest == l.Digest {
		hash, size, unread := weigh(path)
		if unread == nil && hash == l.SHA256 {
			return Compiled{Path: path, SHA256: hash, Size: size}, nil
		}
	}
	return Compiled{}, nil
}

// put moves a compiled magefile to its place and writes the label.
func (s *shelf) put(made string, l label) (Compiled, error) {
	hash, size, err := weigh(made)
	if err != nil {
		return Compiled{}, fmt.Errorf("read the compiled magefile: %w", err)
	}
	former := s.label()
	l.Root, l.Made, l.SHA256, l.Size = s.root, time.Now().UTC(), hash, size
	l.File, l.Former = s.name+"-"+hash[:16], former.File
	if l.File == former.File {
		l.Former = former.Former
	}
	path := filepath.Join(s.folder, l.File)
	if err := os.Rename(made, path); err != nil {
		return Compiled{}, fmt.Errorf("keep the compiled magefile: %w", err)
	}
	content, err := json.MarshalIndent(l, "", "  ")
	if err == nil {
		err = replace(s.labelFile(), content)
	}
	if err != nil {
		return Compiled{}, fmt.Errorf("keep the compiled magefile: %w", err)
	}
	s.clear(l.File, l.Former)
	return Compiled{Path: path, SHA256: hash, Size: size, Built: true}, nil
}

// clear removes this platform's files but these. What cannot be removed is in
// nobody's way.
func (s *shelf) clear(keep ...string) {
	files, _ := filepath.Glob(filepath.Join(s.folder, s.name+"-*"))
	for _, file := range files {
		if !slices.Contains(keep, filepath.Base(file)) {
			_ = os.Remove(file)
		}
	}
}

// workshop makes a folder to compile in. The lock is held: what others left
// there is of killed processes.
func (s *shelf) workshop() (string, error) {
	left, err := filepath.Glob(filepath.Join(s.folder, building+"*"))
	for _, one := range left {
		err = errors.Join(err, os.RemoveAll(one))
	}
	if err != nil {
		return "", fmt.Errorf("clear the cache: %w", err)
	}
	made, err := os.MkdirTemp(s.folder, building)
	if err != nil {
		return "", fmt.Errorf("make the cache: %w", err)
	}
	return made, nil
}

// orphanAge is how long the shelf of a vanished project is kept.
const orphanAge = 24 * time.Hour

// sweep removes the shelves of projects that are gone, such as temporary
// clones. It tries, no more: a cache that stays costs only room.
func (s *shelf) sweep() {
	labels, _ := filepath.Glob(filepath.Join(filepath.Dir(s.folder), "*", "mage-*.json"))
	for _, file := range labels {
		other := &shelf{folder: filepath.Dir(file), name: strings.TrimSuffix(filepath.Base(file), ".json")}
		l := other.label()
		if other.folder == s.folder || l.Root == "" || time.Since(l.Made) < orphanAge {
			continue
		}
		if _, err := os.Stat(l.Root); !errors.Is(err, os.ErrNotExist) {
			continue
		}
		if lock, err := flock.Try(filepath.Join(other.folder, "lock")); err == nil {
			_ = os.RemoveAll(other.folder)
			lock.Close()
		}
	}
}

// replace writes a file in one go.
func replace(path string, content []byte) error {
	temporary := path + ".new" // one writer: the lock is held
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
