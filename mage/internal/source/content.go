package source

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Hash gives git's hash of a folder, or of a single file: of the commit's, or,
// where the tree has changes, of what stands in the work tree. A folder without
// changes has the same hash either way. A relative path starts at the root.
func (t *Tree) Hash(ctx context.Context, folder string) (string, error) {
	inside := folder
	if filepath.IsAbs(folder) {
		relative, err := filepath.Rel(t.Root, folder)
		if err != nil {
			return "", fmt.Errorf("hash %s: %w", folder, err)
		}
		inside = relative
	}
	inside = path.Clean(filepath.ToSlash(inside))
	r := &repository{root: t.Root}
	if len(t.Dirty) > 0 {
		return r.content(ctx, inside)
	}
	return r.object(ctx, t.Commit, inside)
}

// object gives the hash of a path in a commit or tree.
func (r *repository) object(ctx context.Context, tree, folder string) (string, error) {
	name := tree + ":./"
	if folder != "." {
		name += folder
	}
	found, err := r.maybe(ctx, "rev-parse", "--verify", "--quiet", name)
	if failed, ok := errors.AsType[*gitError](err); ok && strings.Contains(failed.output, "outside repository") {
		found, err = "", nil
	}
	if err == nil && found == "" {
		return "", usage("Only what git tracks can be deployed: look with `git status --ignored`.", "git has no %s", folder)
	}
	return found, err
}

// content gives the hash of a folder of the work tree, as a commit of all of
// it would have it. That is asked of git itself, with an index and a store of
// objects that are thrown away: filters, modes and ignored files count as they
// do in a commit, and the repository is not written to.
func (r *repository) content(ctx context.Context, folder string) (string, error) {
	scratch, err := os.MkdirTemp("", "webshop-deploy-index-")
	if err != nil {
		return "", fmt.Errorf("hash the work tree: %w", err)
	}
	defer os.RemoveAll(scratch)
	tree, err := r.writeTree(ctx, scratch)
	if err != nil {
		return "", err
	}
	scratched, err := r.scratch(ctx, scratch)
	if err != nil {
		return "", err
	}
	hash, err := scratched.object(ctx, tree, folder)
	if err != nil {
		return "", err
	}
	return r.nested(ctx, hash, folder)
}

// scratch gives the repository with an index and a store of its own.
func (r *repository) scratch(ctx context.Context, folder string) (*repository, error) {
	objects, err := r.path(ctx, "--git-path", "objects")
	if err != nil {
		return nil, err
	}
	return r.with(
		"GIT_INDEX_FILE="+filepath.Join(folder, "index"),
		"GIT_OBJECT_DIRECTORY="+filepath.Join(folder, "objects"),
		"GIT_ALTERNATE_OBJECT_DIRECTORIES="+strconv.Quote(filepath.ToSlash(objects)), // colons separate
	), nil
}

func (r *repository) writeTree(ctx context.Context, scratch string) (string, error) {
	// A copy of the index knows which files are as they were, so that only
	// changed ones are read. Its time is part of that knowledge: git reads a
	// file that is not older than the index, for it may have changed since
	// within the clock's last tick.
	index, err := r.path(ctx, "--git-path", "index")
	if err != nil {
		return "", err
	}
	if err := copyFile(filepath.Join(scratch, "index"), index); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("hash the work tree: %w", err)
	}
	if err := os.Mkdir(filepath.Join(scratch, "objects"), 0o700); err != nil {
		return "", fmt.Errorf("hash the work tree: %w", err)
	}
	scratched, err := r.scratch(ctx, scratch)
	if err != nil {
		return "", err
	}
	if _, err := scratched.run(ctx, "add", "--all", "--", ":/", ":(exclude)"+mainfile); err != nil {
		return "", err
	}
	// A partial clone has not all objects; what is not here was not changed.
	return scratched.line(ctx, "write-tree", "--missing-ok")
}

// nested adds what is changed in repositories inside this one, submodules for
// the most part: of them a tree knows the commit only.
func (r *repository) nested(ctx context.Context, hash, folder string) (string, error) {
	changed, err := r.changes(ctx)
	if err != nil {
		return "", err
	}
	top, err := r.path(ctx, "--show-toplevel")
	if err != nil {
		return "", err
	}
	below, err := filepath.EvalSymlinks(filepath.Join(r.root, filepath.FromSlash(folder)))
	if err != nil {
		return "", fmt.Errorf("hash the work tree: %w", err)
	}
	whole := sha256.New()
	fmt.Fprint(whole, hash)
	found := false
	for _, one := range changed {
		inner := filepath.Join(top, filepath.FromSlash(one))
		relative, err := filepath.Rel(below, inner)
		if err != nil || relative == ".." || strings.HasPrefix(relative, ".."+string(filepath.Separator)) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(inner, ".git")); err != nil {
			continue
		}
		content, err := (&repository{root: inner}).content(ctx, ".")
		if err != nil {
			return "", err
		}
		fmt.Fprintf(whole, "\x00%s\x00%s", one, content)
		found = true
	}
	if !found {
		return hash, nil
	}
	return fmt.Sprintf("%x", whole.Sum(nil)), nil
}

// copyFile copies a file with its time.
func copyFile(to, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	if err := errors.Join(err, target.Close()); err != nil {
		return err
	}
	found, err := source.Stat()
	if err != nil {
		return err
	}
	return os.Chtimes(to, found.ModTime(), found.ModTime())
}
