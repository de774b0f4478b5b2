// Package source is what is deployed, as git knows it: a commit, what was
// changed since, and the tags that name releases.
package source

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// mostChanges is how many changed paths a Tree names.
const mostChanges = 100

// Tree is a folder's state in git.
type Tree struct {
	// Root is the folder that was asked for, absolute. In a repository of
	// several projects it is below git's own top.
	Root   string
	Commit string
	// Short is the commit's first 12 digits.
	Short string
	// Branch is empty when none is checked out. In GitHub Actions, which
	// checks out commits, it is the branch that the workflow runs for.
	Branch string
	// Time is when the commit was made.
	Time time.Time
	// Dirty are paths, changed or untracked: the first ones where they are many.
	Dirty []string
	// Changes counts all of them.
	Changes int
	// State is the hash of the work tree's content; empty when it is clean.
	State string
	// Remote is origin's web address, without credentials; empty when it has none.
	Remote string
}

// Read reads a folder's state. What git ignores does not count.
func Read(ctx context.Context, root string) (*Tree, error) {
	r, err := open(ctx, root)
	if err != nil {
		return nil, err
	}
	return r.read(ctx)
}

func (r *repository) read(ctx context.Context) (*Tree, error) {
	tree, err := r.head(ctx)
	if err != nil {
		return nil, err
	}
	if tree.Dirty, err = r.changes(ctx); err != nil {
		return nil, err
	}
	if tree.Changes = len(tree.Dirty); tree.Changes > 0 {
		tree.Dirty = tree.Dirty[:min(mostChanges, tree.Changes)]
		tree.State, err = r.content(ctx, ".")
	}
	return tree, err
}

// head reads everything but the work tree's changes.
func (r *repository) head(ctx context.Context) (*Tree, error) {
	commit, err := r.commit(ctx, "HEAD")
	if err != nil {
		return nil, err
	}
	if commit == "" {
		return nil, usage("Type `git add -A` and `git commit` first.", "%s has no commit yet", r.root)
	}
	tree := &Tree{Root: r.root, Commit: commit, Short: short(commit)}
	// show would add a signature's check where the user's settings say so.
	seconds, err := r.line(ctx, "show", "-s", "--no-show-signature", "--format=%ct", commit)
	if err != nil {
		return nil, err
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read the commit's time: %w", err)
	}
	tree.Time = time.Unix(unix, 0).UTC()
	if tree.Branch, err = r.branch(ctx); err != nil {
		return nil, err
	}
	address, err := r.origin(ctx)
	if err != nil {
		return nil, err
	}
	tree.Remote = webAddress(address)
	return tree, nil
}

func (r *repository) branch(ctx context.Context) (string, error) {
	reference, err := r.maybe(ctx, "symbolic-ref", "--quiet", "HEAD")
	if err != nil {
		return "", err
	}
	if branch, ok := strings.CutPrefix(reference, "refs/heads/"); ok {
		return branch, nil
	}
	// A workflow that runs for a tag has the tag's name in the same variable.
	if os.Getenv("GITHUB_ACTIONS") == "true" && os.Getenv("GITHUB_REF_TYPE") != "tag" {
		return os.Getenv("GITHUB_REF_NAME"), nil
	}
	return "", nil
}

// changes lists the paths, from git's top, that are changed or untracked.
func (r *repository) changes(ctx context.Context) ([]string, error) {
	out, err := r.run(ctx, "status", "--porcelain=v1", "-z", "--untracked-files=normal", "--", ":/", ":(exclude)"+mainfile)
	if err != nil {
		return nil, err
	}
	var paths []string
	entries := strings.Split(out, "\x00")
	for at := 0; at < len(entries); at++ {
		entry := entries[at]
		if len(entry) < 4 {
			continue
		}
		paths = append(paths, entry[3:])
		if strings.ContainsAny(entry[:2], "RC") {
			at++ // the name before a rename has an entry of its own
		}
	}
	return paths, nil
}

func short(commit string) string { return commit[:min(12, len(commit))] }
