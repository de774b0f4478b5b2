package source

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// origin gives the address of the remote repository; empty when there is none.
func (r *repository) origin(ctx context.Context) (string, error) {
	names, err := r.run(ctx, "remote")
	if err != nil || !slices.Contains(strings.Fields(names), "origin") {
		return "", err
	}
	addresses, err := r.line(ctx, "remote", "get-url", "origin")
	first, _, _ := strings.Cut(addresses, "\n")
	return first, err
}

// ssh's short form, "git@github.com:shop/web.git". A single letter before the
// colon is a drive of Windows'.
var shortForm = regexp.MustCompile(`^(?:[^@/\\:]+@)?([A-Za-z0-9][A-Za-z0-9.-]+):([^/].*)$`)

// webAddress makes a remote's address one for a browser, without credentials.
// What is no place on the web gives nothing: a folder's path is nobody's business.
func webAddress(remote string) string {
	if !strings.Contains(remote, "://") {
		parts := shortForm.FindStringSubmatch(remote)
		if parts == nil {
			return ""
		}
		remote = "ssh://" + parts[1] + "/" + parts[2]
	}
	parsed, err := url.Parse(remote)
	if err != nil || parsed.Hostname() == "" {
		return ""
	}
	address := url.URL{Scheme: "https", Host: parsed.Hostname()}
	switch parsed.Scheme {
	case "http", "https":
		address.Scheme, address.Host = parsed.Scheme, parsed.Host
	case "ssh", "git", "git+ssh", "ssh+git": // their port is not the web's
	default:
		return ""
	}
	address.Path = strings.TrimSuffix(strings.TrimRight(parsed.Path, "/"), ".git")
	return address.String()
}

// advertised is what origin has.
type advertised struct {
	// main is the default branch; empty when origin does not say.
	main     string
	branches map[string]string
	// tags are the commits that they name.
	tags map[string]string
}

// advertised asks origin, which works in shallow clones as well.
func (r *repository) advertised(ctx context.Context) (*advertised, error) {
	address, err := r.origin(ctx)
	if err != nil {
		return nil, err
	}
	if address == "" {
		return nil, usage("Add it with `git remote add origin <address>`.", "the repository has no remote named origin")
	}
	out, err := r.run(ctx, "ls-remote", "--symref", "origin", "HEAD", "refs/heads/*", "refs/tags/*")
	if err != nil {
		return nil, unreachable(err)
	}
	found := &advertised{branches: map[string]string{}, tags: map[string]string{}}
	for line := range strings.Lines(out) {
		value, name, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok {
			continue
		}
		if main, ok := strings.CutPrefix(value, "ref: refs/heads/"); ok && name == "HEAD" {
			found.main = main
		} else if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			found.branches[branch] = value
		} else if tag, ok := strings.CutPrefix(name, "refs/tags/"); ok {
			// An annotated tag is listed twice, the second time with its commit.
			found.tags[strings.TrimSuffix(tag, "^{}")] = value
		}
	}
	return found, nil
}

// unreachable explains that origin did not answer as it should.
func unreachable(err error) error {
	err = explained(err)
	if failure, ok := errors.AsType[*deploy.Failure](err); ok && failure.Hint == "" {
		failure.Hint = "See whether `git ls-remote origin` works, and try again."
	}
	return err
}

// explained makes a git command's failure one with git's own last lines.
func explained(err error) error {
	failed, ok := errors.AsType[*gitError](err)
	if !ok {
		return err
	}
	return &deploy.Failure{Status: deploy.ExitFailed, Err: fmt.Errorf("git %s: %w", failed.command, failed.err), Logs: failed.lines()}
}
