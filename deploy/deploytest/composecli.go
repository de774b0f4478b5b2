package deploytest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// ComposeVersions are the Compose commands that a file on a host must suit:
// Debian 13's, run in a container as its package, and the one whose code
// creates the containers, built from a module of its own in composecli.
var ComposeVersions = map[string]string{"v2": "2.26 of Debian 13", "v5": "v5.6.0"}

// Compose runs `docker compose -f docker-compose.test.yml …` in the deploy
// directory, as people do by hand, and gives what it prints.
func (p *Project) Compose(major string, args ...string) string {
	p.T.Helper()
	args = append([]string{"-f", "docker-compose.test.yml"}, args...)
	command := p.composeCommand(p.T.Context(), major, args)
	command.Dir = p.Directory
	var complaints bytes.Buffer
	command.Stderr = &complaints
	output, err := command.Output()
	if err != nil {
		p.T.Fatalf("docker compose %v (%s): %v\n%s", args, ComposeVersions[major], err, &complaints)
	}
	return string(output)
}

func (p *Project) composeCommand(ctx context.Context, major string, args []string) *exec.Cmd {
	p.T.Helper()
	if major == "v5" {
		return exec.CommandContext(ctx, composeBinary(p.T), args...)
	}
	// The folder has the same path inside: Compose resolves relative ones.
	return exec.CommandContext(ctx, "docker", append([]string{
		"run", "--rm", "--label", Label + "=" + p.Name, "--network", "none",
		"-v", "/var/run/docker.sock:/var/run/docker.sock", "-v", p.Directory + ":" + p.Directory, "-w", p.Directory,
		composeImage(p.T),
	}, args...)...)
}

// composeImage builds the image with Debian's Compose and gives its name.
func composeImage(t testing.TB) string {
	t.Helper()
	reference := Registry(t) + "/compose:debian"
	once(t, "Debian's compose", func() error {
		Build(t, Engine(t), reference, "deploy/deploytest/composecli/debian", nil)
		return nil
	})
	return reference
}

// composeBinary builds Compose 5 once on a machine and gives its path.
func composeBinary(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "webshop-deploy-test", "docker-compose-"+ComposeVersions["v5"])
	once(t, "compose v5", func() error {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		unfinished := fmt.Sprintf("%s.%d", path, os.Getpid())
		build := exec.CommandContext(context.WithoutCancel(t.Context()), "go", "build", "-ldflags=-s -w", "-o", unfinished, "github.com/docker/compose/v5/cmd")
		build.Dir = filepath.Join(Root(t), "deploy", "deploytest", "composecli", "v5")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if output, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		return os.Rename(unfinished, path)
	})
	return path
}
