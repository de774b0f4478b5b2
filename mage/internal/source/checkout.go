package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/freezedesign/webshop-deploy/mage/internal/flock"
)

// Copy is a clean checkout of a commit in a temporary folder.
type Copy struct {
	Tree
	common string
	// folder holds the checkout and nothing else.
	folder string
	// record says in the repository where the checkout is. It is locked as
	// long as this process lives.
	record *os.File
}

var fullHash = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// Checkout makes a clean checkout of a commit: filters and large files
// included, submodules initialised. What a killed process left of one is
// removed first. Other worktrees of the repository are left alone, also those
// that git holds for stale.
func Checkout(ctx context.Context, root, commit string) (*Copy, error) {
	r, err := open(ctx, root)
	if err != nil {
		return nil, err
	}
	if err := r.checkCommit(ctx, commit); err != nil {
		return nil, err
	}
	common, err := r.path(ctx, "--git-common-dir")
	if err != nil {
		return nil, err
	}
	if err := sweep(common); err != nil {
		return nil, err
	}
	c, err := reserve(common)
	if err != nil {
		return nil, err
	}
	if err := c.fill(ctx, r, commit); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (r *repository) checkCommit(ctx context.Context, commit string) error {
	if !fullHash.MatchString(commit) {
		return usage("Find it with `git rev-parse <name>`.", "%q is not the whole hash of a commit", commit)
	}
	found, err := r.commit(ctx, commit)
	if err != nil {
		return err
	}
	if found == "" {
		return usage("Fetch it with `git fetch origin "+commit+"`.", "commit %s is not in this clone", short(commit))
	}
	return r.checkLargeFiles(ctx, commit)
}

// checkLargeFiles refuses a commit whose large files git would leave out
// without a word, where git-lfs was never set up.
func (r *repository) checkLargeFiles(ctx context.Context, commit string) error {
	out, err := r.maybe(ctx, "grep", "-l", "-F", "-e", "filter=lfs", commit, "--", ":(top,glob)**/.gitattributes")
	if err != nil || out == "" {
		return err
	}
	filter, err := r.maybe(ctx, "config", "--get-regexp", `^filter\.lfs\.(process|smudge)$`)
	if err != nil || filter != "" {
		return err
	}
	return usage("Install git-lfs, then type `git lfs install` and `git lfs pull`.",
		"commit %s has large files in git-lfs, which is not set up here", short(commit))
}

// reserve makes the folder, and writes down where it is before anything is in it.
func reserve(common string) (*Copy, error) {
	made, err := os.MkdirTemp("", folderName)
	if err != nil {
		return nil, fmt.Errorf("make a checkout: %w", err)
	}
	c := &Copy{common: common, folder: made}
	if folder, err := filepath.EvalSymlinks(made); err == nil {
		c.folder = folder // as git writes it
	}
	records := recordsIn(common)
	err = os.MkdirAll(records, 0o700)
	if err == nil {
		c.record, err = flock.Try(filepath.Join(records, filepath.Base(made)))
	}
	if err == nil {
		_, err = c.record.WriteString(c.folder)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a checkout: %w", err), c.Close())
	}
	return c, nil
}

// fill checks the commit out. Hooks are for people who work in a checkout.
func (c *Copy) fill(ctx context.Context, r *repository, commit string) error {
	unhooked := []string{"-c", "core.hooksPath=" + filepath.Join(c.folder, ".no-hooks")}
	if _, err := r.run(ctx, append(unhooked, "worktree", "add", "--detach", c.folder, commit)...); err != nil {
		return explained(err)
	}
	top := &repository{root: c.folder}
	if _, err := os.Stat(filepath.Join(c.folder, ".gitmodules")); err == nil {
		if _, err := top.run(ctx, append(unhooked, "submodule", "--quiet", "update", "--init", "--recursive")...); err != nil {
			return explained(err)
		}
	}
	prefix, err := r.line(ctx, "rev-parse", "--show-prefix")
	if err != nil {
		return err
	}
	inner, err := open(ctx, filepath.Join(c.folder, filepath.FromSlash(prefix)))
	if err != nil {
		return err
	}
	tree, err := inner.head(ctx)
	if err != nil {
		return err
	}
	c.Tree = *tree
	// A checkout of what is checked out already is of the same branch.
	head, err := r.commit(ctx, "HEAD")
	if err == nil && head == commit {
		c.Branch, err = r.branch(ctx)
	}
	return err
}

// Close removes the checkout, and git's entry of it.
func (c *Copy) Close() error {
	err := remove(c.common, c.folder)
	if c.record == nil {
		return err
	}
	name := c.record.Name()
	if err != nil { // the next checkout tries again
		return errors.Join(err, c.record.Close())
	}
	err = c.record.Close()
	c.record = nil
	if gone := os.Remove(name); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	_ = os.Remove(recordsIn(c.common)) // stays while it holds others
	return err
}

func recordsIn(common string) string { return filepath.Join(common, "webshop-deploy") }

// sweep removes the checkouts whose process was killed.
func sweep(common string) error {
	records, err := os.ReadDir(recordsIn(common))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for old checkouts: %w", err)
	}
	for _, one := range records {
		if err := sweepOne(common, filepath.Join(recordsIn(common), one.Name())); err != nil {
			return err
		}
	}
	return nil
}

func sweepOne(common, path string) error {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil // closed meanwhile
	}
	record, err := flock.Try(path)
	if errors.Is(err, flock.ErrHeld) {
		return nil // its process lives
	}
	if err != nil {
		return err
	}
	folder, err := io.ReadAll(record)
	if err == nil {
		err = remove(common, string(folder))
	}
	if err := errors.Join(err, record.Close()); err != nil {
		return fmt.Errorf("remove an old checkout: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove an old checkout: %w", err)
	}
	return nil
}

// folderName begins the name of every checkout's folder.
const folderName = "webshop-deploy-checkout-"

// remove removes a checkout and git's entry of it, which has the folder's name.
// That is done by hand: git refuses to when a checkout is half made, and its
// prune takes the entries of others too.
func remove(common, folder string) error {
	name := filepath.Base(folder)
	if !filepath.IsAbs(folder) || !strings.HasPrefix(name, folderName) {
		return nil // killed before there was one
	}
	entries := filepath.Join(common, "worktrees")
	err := errors.Join(os.RemoveAll(folder), os.RemoveAll(filepath.Join(entries, name)))
	_ = os.Remove(entries) // stays while it holds others
	return err
}
