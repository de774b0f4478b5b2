package binary

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/build"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// How it is compiled: without paths and commits of this machine in it, so that
// the same sources give the same bytes everywhere, and with go.mod alone to
// say what belongs to it.
const (
	goFlags = "-trimpath -buildvcs=false"
	ldFlags = "-s -w"
)

// settings are what else decides about the compiled code. They are asked of go
// itself, which knows about toolchain lines, `go env -w` and wrappers; it
// answers within 10 ms.
var settings = []string{"GOVERSION", "GOEXPERIMENT", "GOFIPS140", "GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64"}

// toolchain runs the go command.
type toolchain struct {
	root string
	goal target
}

// recipe describes how the sources are compiled.
func (t toolchain) recipe(ctx context.Context) (string, error) {
	values, err := t.run(ctx, t.root, t.cross(), append([]string{"env"}, settings...)...)
	if err != nil {
		return "", err
	}
	return strings.Join([]string{t.goal.String(), goFlags, ldFlags, values}, "\n"), nil
}

// sources asks what the magefile is made of.
func (t toolchain) sources(ctx context.Context) (sources, error) {
	modules, err := moduleFiles(t.root)
	if err != nil {
		return sources{}, err
	}
	magefiles, err := t.magefiles()
	if err != nil {
		return sources{}, err
	}
	args := append([]string{"list", "-deps", "-json=Dir,EmbedPatterns,Standard,Module"}, magefiles...)
	out, err := t.run(ctx, t.root, t.cross(), args...)
	if err != nil {
		return sources{}, err
	}
	found := sources{Modules: modules}
	decoder := json.NewDecoder(strings.NewReader(out))
	for {
		var one listed
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return sources{}, fmt.Errorf("list the magefile's packages: %w", err)
		}
		if inside, ok := one.within(t.root); ok {
			found.Folders = append(found.Folders, folder{Path: inside, Embeds: one.EmbedPatterns})
		}
	}
}

// listed is a package as the go command describes it.
type listed struct {
	Dir           string
	EmbedPatterns []string
	Standard      bool
	Module        *struct {
		Main    bool
		Replace *struct{ Version string }
	}
}

// within gives the folder of a package that is the project's own, or vendored.
func (l listed) within(root string) (string, bool) {
	inside, err := filepath.Rel(root, l.Dir)
	if err != nil || !filepath.IsLocal(inside) || l.Standard {
		return "", false
	}
	inside = filepath.ToSlash(inside)
	own := l.Module == nil || l.Module.Main || l.Module.Replace != nil && l.Module.Replace.Version == ""
	return inside, own || strings.HasPrefix(inside, "vendor/") // a cache of modules may be in the project too
}

// magefiles are the files that only the build tag mage lets in: mage's own rule.
func (t toolchain) magefiles() ([]string, error) {
	entries, err := os.ReadDir(t.root)
	if err != nil {
		return nil, fmt.Errorf("find the magefile: %w", err)
	}
	plain := build.Default
	plain.GOOS, plain.GOARCH, plain.CgoEnabled, plain.BuildTags = t.goal.system, t.goal.machine, false, nil
	tagged := plain
	tagged.BuildTags = []string{"mage"}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || !isSource(name) {
			continue
		}
		with, err := tagged.MatchFile(t.root, name)
		if err != nil {
			return nil, fmt.Errorf("find the magefile: %w", err)
		}
		without, err := plain.MatchFile(t.root, name)
		if err != nil {
			return nil, fmt.Errorf("find the magefile: %w", err)
		}
		if with && !without {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, &deploy.Failure{
			Status: deploy.ExitUsage,
			Err:    fmt.Errorf("%s has no magefile", t.root),
			Hint:   "Type the command in the project's folder, where magefile.go is.",
		}
	}
	return names, nil
}

// compile has mage compile what stands in a folder. Mage puts the name of the
// file that it makes into the help texts: it is "mage" always, as on a host.
func (t toolchain) compile(ctx context.Context, from, path string) error {
	_, err := t.run(ctx, from, nil, "tool", "mage",
		"-compile", path, "-goos", t.goal.system, "-goarch", t.goal.machine, "-ldflags", ldFlags)
	return err
}

// cross are variables for the target. Mage itself, which runs here, is told
// by its flags.
func (t toolchain) cross() []string {
	return []string{"GOOS=" + t.goal.system, "GOARCH=" + t.goal.machine}
}

// run runs go and gives its output. An interrupted one is asked to end first,
// which it passes on to mage.
func (t toolchain) run(ctx context.Context, in string, environment []string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = in
	command.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return name == "GOOS" || name == "GOARCH" || strings.HasPrefix(name, "MAGEFILE_")
	})
	command.Env = append(command.Env, "CGO_ENABLED=0", "GOFLAGS="+goFlags, "GOWORK=off", "GO111MODULE=on")
	command.Env = append(command.Env, environment...)
	command.Cancel = func() error {
		if err := command.Process.Signal(os.Interrupt); err != nil {
			return command.Process.Kill() // Windows has no such signal
		}
		return nil
	}
	command.WaitDelay = 5 * time.Second
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	err := command.Run()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err == nil {
		return out.String(), nil
	}
	lines := strings.Split(strings.TrimSpace(complaint.String()), "\n")
	return "", &deploy.Failure{
		Status: deploy.ExitFailed,
		Err:    fmt.Errorf("compile the magefile for %s: go %s: %w", t.goal, args[0], err),
		Hint:   "Nothing was changed on any host.",
		Logs:   lines[max(0, len(lines)-20):],
	}
}
