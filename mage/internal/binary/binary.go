// Package binary compiles the magefile for a host: the very program that runs
// here, static, to run there.
package binary

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/flock"
)

// Compiled is a magefile compiled for a platform.
type Compiled struct {
	// Path is named by the content: what stands there never changes.
	Path   string
	SHA256 string
	Size   int64
	// Built says that it was compiled just now.
	Built bool
}

// For gives the magefile of a project compiled for a platform, as
// "linux/arm64". It is compiled only when what it is made of has changed, and
// the same sources always give the same file, so that its hash says whether a
// host has it already. Without Go, or without sources, the running executable
// is given, if it is fit for that.
func For(ctx context.Context, root, platform string) (Compiled, error) {
	goal, err := parseTarget(platform)
	if err != nil {
		return Compiled{}, err
	}
	root, err = filepath.Abs(root)
	if err == nil {
		root, err = filepath.EvalSymlinks(root) // as the go command names it
	}
	if err != nil {
		return Compiled{}, fmt.Errorf("find the magefile: %w", err)
	}
	missing, err := lacking(root)
	if err != nil {
		return Compiled{}, err
	}
	if missing != "" {
		return running(goal, missing)
	}
	shelf, err := openShelf(root, goal)
	if err != nil {
		return Compiled{}, err
	}
	tools := toolchain{root: root, goal: goal}
	if compiled, err := shelf.current(ctx, tools); err != nil || compiled.Path != "" {
		return compiled, err
	}
	lock, err := flock.Take(ctx, filepath.Join(shelf.folder, "lock"))
	if err != nil {
		return Compiled{}, err
	}
	defer lock.Close()
	// Another process may have compiled it while this one waited.
	if compiled, err := shelf.current(ctx, tools); err != nil || compiled.Path != "" {
		return compiled, err
	}
	return compile(ctx, shelf, tools)
}

// lacking says what keeps the magefile from being compiled here.
func lacking(root string) (string, error) {
	if _, err := exec.LookPath("go"); errors.Is(err, exec.ErrNotFound) {
		return "Go is missing", nil
	} else if err != nil {
		return "", fmt.Errorf("find Go: %w", err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); errors.Is(err, os.ErrNotExist) {
		return root + " has no Go sources", nil
	} else if err != nil {
		return "", fmt.Errorf("find the magefile's sources: %w", err)
	}
	return "", nil
}

// target is a platform.
type target struct{ system, machine string }

func (t target) String() string { return t.system + "/" + t.machine }

var platformForm = regexp.MustCompile(`^([a-z0-9]+)/([a-z0-9]+)(/v8)?$`)

// parseTarget reads a platform as Docker writes it: linux/arm64/v8 is Go's linux/arm64.
func parseTarget(platform string) (target, error) {
	parts := platformForm.FindStringSubmatch(strings.ToLower(platform))
	if parts == nil || parts[3] != "" && parts[2] != "arm64" {
		return target{}, &deploy.Failure{
			Status: deploy.ExitUsage,
			Err:    fmt.Errorf("%q is no platform that the magefile can be compiled for", platform),
			Hint:   "Write it as linux/amd64 or linux/arm64.",
		}
	}
	return target{system: parts[1], machine: parts[2]}, nil
}

// weigh gives a file's hash and size.
func weigh(path string) (string, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer file.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	return fmt.Sprintf("%x", hash.Sum(nil)), size, err
}
