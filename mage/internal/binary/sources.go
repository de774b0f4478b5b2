package binary

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// mainfile is what mage writes beside the magefile when it compiles.
const mainfile = "mage_output_file.go"

// folder is a package's folder within the project.
type folder struct {
	// Path is relative to the root, with slashes.
	Path string `json:"path"`
	// Embeds are the patterns of its go:embed lines.
	Embeds []string `json:"embeds,omitempty"`
}

// sources are the project's own files that a magefile is made of. Which
// folders these are, only the go command can say, and it takes its time. But
// another folder can only come to them by an import in a file, or a line in
// go.mod, that they hold already: so the answer stays true for as long as
// nothing in these folders changes, and a list of them is all that has to be
// kept. Files are compared by their content: reading all of them takes a few
// milliseconds, and times and sizes can lie. What comes from other modules is
// held by go.sum.
type sources struct {
	// Modules are go.mod and its like: files that count also when missing.
	Modules []string `json:"modules"`
	Folders []folder `json:"folders"`
}

// digest hashes all that counts. Each file is handed on as it was hashed; keep
// may be nil.
func (s sources) digest(root, recipe string, keep func(name string, content []byte) error) (string, error) {
	names, err := s.list(root)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%q\n", recipe)
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if errors.Is(err, os.ErrNotExist) && slices.Contains(s.Modules, name) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("read the magefile's sources: %w", err)
		}
		fmt.Fprintf(hash, "%q %x\n", name, sha256.Sum256(content))
		if keep == nil {
			continue
		}
		if err := keep(name, content); err != nil {
			return "", fmt.Errorf("copy the magefile's sources: %w", err)
		}
	}
	return fmt.Sprintf("%x", hash.Sum(nil)), nil
}

// list names the files, sorted.
func (s sources) list(root string) ([]string, error) {
	names := slices.Clone(s.Modules)
	for _, one := range s.Folders {
		files, err := one.files(root)
		if err != nil {
			return nil, fmt.Errorf("list the magefile's sources: %w", err)
		}
		names = append(names, files...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func (f folder) files(root string) ([]string, error) {
	place := filepath.Join(root, filepath.FromSlash(f.Path))
	entries, err := os.ReadDir(place)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if !entry.IsDir() && isSource(entry.Name()) {
			names = append(names, path.Join(f.Path, entry.Name()))
		}
	}
	for _, pattern := range f.Embeds {
		embedded, err := embedded(os.DirFS(place), strings.TrimPrefix(pattern, "all:"))
		if err != nil {
			return nil, err
		}
		for _, name := range embedded {
			names = append(names, path.Join(f.Path, name))
		}
	}
	return names, nil
}

// isSource says whether the go command looks at a file when cgo is off.
func isSource(name string) bool {
	switch path.Ext(name) {
	case ".go", ".s", ".h", ".syso":
		return name != mainfile && !strings.HasSuffix(name, "_test.go")
	}
	return false
}

// embedded lists what a pattern of go:embed matches, and all that is below:
// rather more than is embedded, so that it is nowhere less.
func embedded(place fs.FS, pattern string) ([]string, error) {
	matches, err := fs.Glob(place, pattern)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, match := range matches {
		err := fs.WalkDir(place, match, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				names = append(names, name)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}

// moduleFiles names the files that say which modules there are. A module that
// is replaced by a folder outside the project is refused: what ran then would
// be in nobody's commit.
func moduleFiles(root string) ([]string, error) {
	names := []string{"go.mod", "go.sum", "vendor/modules.txt"}
	content, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("read go.mod: %w", err)
	}
	module, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		return nil, fmt.Errorf("read go.mod: %w", err)
	}
	for _, replace := range module.Replace {
		if replace.New.Version != "" {
			continue
		}
		inside := filepath.FromSlash(replace.New.Path)
		if filepath.IsAbs(inside) || !filepath.IsLocal(inside) {
			return nil, &deploy.Failure{
				Status: deploy.ExitUsage,
				Err:    fmt.Errorf("compile the magefile: go.mod replaces %s by %s, which is outside the project", replace.Old.Path, replace.New.Path),
				Hint:   fmt.Sprintf("Type `go mod edit -dropreplace=%s`, or have the folder inside the project.", replace.Old.Path),
			}
		}
		names = append(names, path.Join(filepath.ToSlash(inside), "go.mod"))
	}
	return names, nil
}

// write copies a file into a folder.
func write(into string) func(name string, content []byte) error {
	return func(name string, content []byte) error {
		file := filepath.Join(into, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		return os.WriteFile(file, content, 0o600)
	}
}
