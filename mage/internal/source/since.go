package source

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Background says what the tree was made of, with the commits since that one;
// without any where it is empty, not in this clone, or on no way to here.
func (t *Tree) Background(ctx context.Context, since string) (*deploy.Background, error) {
	background := &deploy.Background{Commit: t.Commit, Branch: t.Branch, Repository: t.Remote}
	if !fullHash.MatchString(since) {
		return background, nil
	}
	r, err := open(ctx, t.Root)
	if err != nil {
		return nil, err
	}
	found, err := r.commit(ctx, since)
	if err != nil || found == "" {
		return background, err
	}
	background.Commits, background.More, err = r.between(ctx, since, t.Commit)
	return background, err
}

// The separators of git's answer: no author and no subject has them.
const (
	fieldEnd  = "\x1f"
	commitEnd = "\x1e"
)

// between lists the commits that the second has and the first has not, the
// newest first, and counts those that are too many.
func (r *repository) between(ctx context.Context, from, to string) (commits []deploy.SourceCommit, more int, err error) {
	counted, err := r.line(ctx, "rev-list", "--count", from+".."+to)
	if err != nil {
		return nil, 0, err
	}
	count, err := strconv.Atoi(counted)
	if err != nil {
		return nil, 0, fmt.Errorf("count the commits since %s: %w", short(from), err)
	}
	out, err := r.run(ctx, "log", "--no-show-signature", "--no-color", "--max-count="+strconv.Itoa(deploy.MostCommits),
		"--format=%H%x1f%aN%x1f%ct%x1f%s%x1e", from+".."+to)
	if err != nil {
		return nil, 0, err
	}
	for entry := range strings.SplitSeq(out, commitEnd) {
		fields := strings.Split(strings.TrimSpace(entry), fieldEnd)
		if len(fields) != 4 {
			continue
		}
		seconds, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return nil, 0, fmt.Errorf("read the time of commit %s: %w", short(fields[0]), err)
		}
		commits = append(commits, deploy.SourceCommit{Hash: fields[0], Author: fields[1], Subject: fields[3], At: time.Unix(seconds, 0).UTC()})
	}
	return commits, count - len(commits), nil
}
