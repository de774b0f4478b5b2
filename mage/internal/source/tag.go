package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Tagged gives the commit of a release's tag. The tag has to be at origin, and
// to name the same commit here: what production runs can then be found again
// by everybody. One that only this clone misses is fetched.
func Tagged(ctx context.Context, root, tag string) (string, error) {
	r, err := open(ctx, root)
	if err != nil {
		return "", err
	}
	if err := r.checkTagName(ctx, tag); err != nil {
		return "", err
	}
	there, err := r.advertised(ctx)
	if err != nil {
		return "", err
	}
	remote, pushed := there.tags[tag]
	reference := "refs/tags/" + tag
	present, err := r.maybe(ctx, "rev-parse", "--verify", "--quiet", reference)
	if err != nil {
		return "", err
	}
	switch {
	case present == "" && !pushed:
		return "", r.unknownTag(ctx, tag, there)
	case !pushed:
		return "", usage(fmt.Sprintf("Push it with `git push origin %s`.", reference),
			"tag %s exists only here: it was not pushed to origin", tag)
	case present == "":
		if err := r.fetchTag(ctx, tag, remote); err != nil {
			return "", err
		}
	}
	commit, err := r.commit(ctx, reference)
	if err != nil {
		return "", err
	}
	if commit == "" {
		return "", usage("Choose a tag that names a commit.", "tag %s does not name a commit", tag)
	}
	if commit != remote {
		return "", usage(fmt.Sprintf("If origin's is the right one, take it with `git fetch --force origin %s:%s`; otherwise release a new version.", reference, reference),
			"tag %s was moved: it names %s here and %s at origin", tag, short(commit), short(remote))
	}
	return commit, nil
}

func (r *repository) checkTagName(ctx context.Context, tag string) error {
	_, err := r.run(ctx, "check-ref-format", "refs/tags/"+tag)
	if _, failed := errors.AsType[*gitError](err); failed {
		return usage("A tag is named like v1.16.0.", "%q cannot be a tag's name", tag)
	}
	return err
}

// unknownTag names the nearest tags, or the newest ones.
func (r *repository) unknownTag(ctx context.Context, tag string, there *advertised) error {
	known, err := r.tags(ctx)
	if err != nil {
		return err
	}
	known = slices.Concat(known, slices.Sorted(maps.Keys(there.tags)))
	slices.Sort(known)
	known = slices.Compact(known)
	near := deploy.Nearest(tag, known, 3)
	if len(near) == 0 {
		near = newestFirst(known)
		near = near[:min(3, len(near))]
	}
	hint := fmt.Sprintf("Make it with `git tag -a %s` and `git push origin refs/tags/%s`.", quote(tag), quote(tag))
	if len(near) > 0 {
		hint = "Did you mean " + strings.Join(near, " or ") + "? Otherwise m" + hint[1:]
	}
	return usage(hint, "tag %s exists neither here nor at origin", tag)
}

// tags lists the tags that exist here.
func (r *repository) tags(ctx context.Context) ([]string, error) {
	out, err := r.run(ctx, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags")
	return strings.Fields(out), err
}

// fetchTag fetches a single tag. Only in a clone that is shallow already, as
// CI makes them, and that misses the commit too, is the history left out: a
// full clone would be cut off there.
func (r *repository) fetchTag(ctx context.Context, tag, commit string) error {
	args := []string{"fetch", "--quiet", "--no-tags"}
	shallow, err := r.line(ctx, "rev-parse", "--is-shallow-repository")
	if err != nil {
		return err
	}
	if shallow == "true" {
		present, err := r.commit(ctx, commit)
		if err != nil {
			return err
		}
		if present == "" {
			args = append(args, "--depth=1")
		}
	}
	reference := "refs/tags/" + tag
	if _, err := r.run(ctx, append(args, "origin", reference+":"+reference)...); err != nil {
		return unreachable(err)
	}
	return nil
}

// TagHere is the newest release tag that names the commit that is checked out;
// empty where none does, or where this is no repository.
func TagHere(ctx context.Context, root string) string {
	r, err := open(ctx, root)
	if err != nil {
		return ""
	}
	out, err := r.run(ctx, "tag", "--points-at", "HEAD")
	if err != nil {
		return ""
	}
	tags := newestFirst(strings.Fields(out))
	if len(tags) == 0 {
		return ""
	}
	return tags[0]
}
