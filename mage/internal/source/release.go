package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// ReleaseOptions change what a release is made of.
type ReleaseOptions struct {
	// Branch is the branch to release from; origin's default branch where empty.
	Branch string
	// Older allows a version below the newest tag: a fix of an old release.
	Older bool
	// Message is the tag's; the version where empty.
	Message string
}

// Release makes an annotated tag of HEAD and pushes it. Everything is checked
// first, and all that stands against it is said at once.
func Release(ctx context.Context, root, version string, options ReleaseOptions) error {
	r, err := open(ctx, root)
	if err != nil {
		return err
	}
	tree, err := r.read(ctx)
	if err != nil {
		return err
	}
	there, err := r.advertised(ctx)
	if err != nil {
		return err
	}
	c := &candidate{repository: r, tree: tree, there: there, version: version, options: options}
	if err := c.check(ctx); err != nil {
		return err
	}
	return c.publish(ctx)
}

// candidate is a release that is not made yet.
type candidate struct {
	*repository
	tree    *Tree
	there   *advertised
	version string
	options ReleaseOptions
	// against is what stands against it.
	against []string
}

func (c *candidate) refuse(format string, args ...any) {
	c.against = append(c.against, fmt.Sprintf(format, args...))
}

func (c *candidate) check(ctx context.Context) error {
	if err := c.checkVersion(ctx); err != nil {
		return err
	}
	if len(c.tree.Dirty) > 0 {
		c.refuse("%s: commit them, or put them aside with `git stash -u`", c.tree.uncommitted())
	}
	if err := c.checkBranch(ctx); err != nil {
		return err
	}
	if _, err := c.line(ctx, "var", "GIT_COMMITTER_IDENT"); err != nil {
		if ctx.Err() != nil {
			return err
		}
		c.refuse("git does not know who tags: type `git config user.name <name>` and `git config user.email <address>`")
	}
	if len(c.against) == 0 {
		return nil
	}
	return usage("Nothing was tagged.", "release %s is refused:\n  %s", c.version, strings.Join(c.against, "\n  "))
}

// checkVersion compares the version with the tags, here and at origin.
func (c *candidate) checkVersion(ctx context.Context) error {
	if !isRelease(c.version) {
		c.refuse("%q is not a version: write v<major>.<minor>.<patch>, as v1.16.0, or with a suffix, as v1.16.0-rc.1", c.version)
		return nil
	}
	here, err := c.tags(ctx)
	if err != nil {
		return err
	}
	_, pushed := c.there.tags[c.version]
	switch local := slices.Contains(here, c.version); {
	case pushed:
		c.refuse("tag %s exists at origin already: choose a newer version", c.version)
		return nil
	case local:
		c.refuse("tag %s exists here already, not at origin: push it with `git push origin refs/tags/%s`, or remove it with `git tag -d %s`", c.version, c.version, c.version)
		return nil
	}
	versions := newestFirst(slices.Concat(here, slices.Collect(maps.Keys(c.there.tags))))
	if len(versions) > 0 && semver.Compare(c.version, versions[0]) < 0 && !c.options.Older {
		c.refuse("%s is older than the newest tag, %s: choose a newer version, or add -older for a fix of an old release", c.version, versions[0])
	}
	return nil
}

// checkBranch checks that HEAD is the tip of the branch that is released from.
func (c *candidate) checkBranch(ctx context.Context) error {
	branch := c.options.Branch
	if branch == "" {
		branch = c.there.main
	}
	if branch == "" {
		c.refuse("origin does not say what its default branch is: name the branch with -branch=<name>")
		return nil
	}
	if c.tree.Branch != branch {
		on := "no branch is"
		if c.tree.Branch != "" {
			on = "branch " + c.tree.Branch + " is"
		}
		c.refuse("%s checked out, and releases are made of %s: type `git switch %s`, or choose another one with -branch=<name>", on, branch, quote(branch))
		return nil
	}
	if _, ok := c.there.branches[branch]; !ok {
		c.refuse("branch %s is not at origin: push it with `git push -u origin %s`", branch, quote(branch))
		return nil
	}
	ahead, behind, err := c.apart(ctx, branch)
	if err != nil {
		return err
	}
	switch {
	case ahead > 0 && behind > 0:
		c.refuse("%s is %d ahead of origin/%s and %d behind: type `git pull --rebase`, then `git push`", branch, ahead, branch, behind)
	case ahead > 0:
		c.refuse("%s is %d ahead of origin/%s: type `git push`", branch, ahead, branch)
	case behind > 0:
		c.refuse("%s is %d behind origin/%s: type `git pull`", branch, behind, branch)
	}
	return nil
}

// apart fetches a branch and counts the commits that only one side has.
func (c *candidate) apart(ctx context.Context, branch string) (ahead, behind int, err error) {
	tracking := "refs/remotes/origin/" + branch
	if _, err := c.run(ctx, "fetch", "--quiet", "--no-tags", "origin", "+refs/heads/"+branch+":"+tracking); err != nil {
		return 0, 0, unreachable(err)
	}
	counts, err := c.line(ctx, "rev-list", "--left-right", "--count", c.tree.Commit+"..."+tracking)
	if err != nil {
		return 0, 0, err
	}
	if _, err := fmt.Sscan(counts, &ahead, &behind); err != nil {
		return 0, 0, fmt.Errorf("compare with origin/%s: %w", branch, err)
	}
	return ahead, behind, nil
}

// untagTime is how long the way back may take when the command is being ended.
const untagTime = 10 * time.Second

// publish tags and pushes. Where the push fails the tag is taken back, so that
// the command can be given again.
func (c *candidate) publish(ctx context.Context) error {
	message := c.options.Message
	if message == "" {
		message = c.version
	}
	if _, err := c.run(ctx, "tag", "--annotate", "--cleanup=whitespace", "--message="+message, c.version, c.tree.Commit); err != nil {
		return explained(err)
	}
	reference := "refs/tags/" + c.version
	_, err := c.run(ctx, "push", "--quiet", "--no-follow-tags", "origin", reference+":"+reference)
	if err == nil {
		return nil
	}
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), untagTime)
	defer cancel()
	said := "The tag was removed here again; try again when origin takes it."
	if _, undo := c.run(clean, "tag", "--delete", c.version); undo != nil {
		said = fmt.Sprintf("Remove the tag with `git tag -d %s` before you try again.", c.version)
	}
	failure, ok := errors.AsType[*deploy.Failure](explained(err))
	if !ok {
		failure = &deploy.Failure{Status: deploy.ExitFailed, Err: err}
	}
	failure.Err, failure.Hint = fmt.Errorf("push tag %s: %w", c.version, failure.Err), said
	return failure
}
