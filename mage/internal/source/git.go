package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// mainfile is what mage itself writes beside the magefile for the moment of a
// compilation. It is no change of anybody's.
const mainfile = "mage_output_file.go"

// misleading are variables that point git to another repository than the
// folder's. A git hook sets them for everything that it starts.
var misleading = []string{
	"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY",
	"GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE",
	"GIT_LFS_SKIP_SMUDGE", // a checkout without its large files is none
}

// repository runs the git command in a folder.
type repository struct {
	root string
	// environment is added to the process's own.
	environment []string
}

// open checks that a folder is in a work tree of git's.
func open(ctx context.Context, root string) (*repository, error) {
	absolute, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", root, err)
	}
	if found, err := os.Stat(absolute); err != nil {
		return nil, fmt.Errorf("read the source: %w", err)
	} else if !found.IsDir() {
		return nil, usage("", "%s is no folder", absolute)
	}
	r := &repository{root: absolute}
	inside, err := r.line(ctx, "rev-parse", "--is-inside-work-tree")
	if failed, ok := errors.AsType[*gitError](err); ok {
		switch {
		case strings.Contains(failed.output, "dubious ownership"):
			return nil, usage("If you trust it, type `git config --global --add safe.directory "+quote(absolute)+"`.",
				"git does not read %s because it belongs to another user", absolute)
		case strings.Contains(failed.output, "not a git repository"):
			return nil, usage("Versions are named by commits: work in a clone, or type `git init` and commit.",
				"%s is not a git repository", absolute)
		}
	}
	if err != nil {
		return nil, err
	}
	if inside != "true" {
		return nil, usage("Work in a clone that has files.", "%s is a git repository without a work tree", absolute)
	}
	return r, nil
}

// with gives the repository with variables added to its environment.
func (r *repository) with(environment ...string) *repository {
	return &repository{root: r.root, environment: append(slices.Clone(r.environment), environment...)}
}

// gitError is a git command that failed.
type gitError struct {
	command string
	output  string
	err     error
}

func (g *gitError) Error() string {
	text := "git " + g.command + ": " + g.err.Error()
	if lines := g.lines(); len(lines) > 0 {
		text += ": " + lines[len(lines)-1]
	}
	return text
}

func (g *gitError) Unwrap() error { return g.err }

// lines are the last of what git said.
func (g *gitError) lines() []string {
	if g.output == "" {
		return nil
	}
	lines := strings.Split(g.output, "\n")
	return lines[max(0, len(lines)-10):]
}

// credentials stand before the host of an address.
var credentials = regexp.MustCompile(`://[^/@\s'"]+@`)

// run runs git and gives its output. Only the subcommand is named in an error:
// arguments may be addresses with a token.
func (r *repository) run(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", append(jobLogin(), args...)...)
	command.Dir = r.root
	command.WaitDelay = 5 * time.Second // for what git started itself
	command.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(misleading, strings.ToUpper(name))
	})
	command.Env = append(command.Env, "GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0")
	command.Env = append(command.Env, r.environment...)
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	err := command.Run()
	switch {
	case err == nil:
		return out.String(), nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return "", usage("Install it: `apt-get install git` on Debian and Ubuntu, `brew install git` on macOS.", "git is missing")
	}
	output := credentials.ReplaceAllString(strings.TrimSpace(complaint.String()), "://")
	return "", &gitError{command: subcommand(args), output: output, err: err}
}

// jobLogin has git ask in a job of GitHub Actions for the job's token, where the
// repository is private and the checkout has kept no login. The token itself is
// in no argument, and goes to GitHub alone.
func jobLogin() []string {
	server := os.Getenv("GITHUB_SERVER_URL")
	if os.Getenv("GITHUB_ACTIONS") != "true" || os.Getenv("GITHUB_TOKEN") == "" || server == "" {
		return nil
	}
	const helper = `!f() { if [ "$1" = get ]; then printf 'username=x-access-token\npassword=%s\n' "$GITHUB_TOKEN"; fi; }; f`
	return []string{"-c", "credential." + server + ".helper=" + helper}
}

// line runs git for a single line of output.
func (r *repository) line(ctx context.Context, args ...string) (string, error) {
	out, err := r.run(ctx, args...)
	return strings.TrimRight(out, "\r\n"), err
}

// maybe runs git where its exit status 1 means that there is nothing to give.
func (r *repository) maybe(ctx context.Context, args ...string) (string, error) {
	out, err := r.line(ctx, args...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		return "", nil
	}
	return out, err
}

// commit gives the commit that a name stands for; empty when there is none.
func (r *repository) commit(ctx context.Context, name string) (string, error) {
	return r.maybe(ctx, "rev-parse", "--verify", "--quiet", name+"^{commit}")
}

// path gives the absolute path of something that git keeps.
func (r *repository) path(ctx context.Context, args ...string) (string, error) {
	path, err := r.line(ctx, append([]string{"rev-parse"}, args...)...)
	if err != nil || filepath.IsAbs(path) {
		return filepath.FromSlash(path), err
	}
	return filepath.Join(r.root, filepath.FromSlash(path)), nil
}

func subcommand(args []string) string {
	for len(args) > 2 && args[0] == "-c" {
		args = args[2:]
	}
	return args[0]
}

// usage is a failure that the user mends by typing something.
func usage(hint, format string, args ...any) error {
	return &deploy.Failure{Status: deploy.ExitUsage, Err: fmt.Errorf(format, args...), Hint: hint}
}

// plain is what a shell takes as one word without quotes.
var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// quote makes a text one word of a command that is shown to be typed.
func quote(word string) string {
	if plain.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
