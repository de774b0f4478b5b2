package deploytest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// ComposeVersions are the Compose commands that a file on a host must suit:
// the one whose code creates the containers, and the one that Debian ships.
// Each is built from a module of its own in composecli.
var ComposeVersions = map[string]string{"v5": "v5.6.0", "v2": "v2.26.1"}

// ComposeCommand is the Compose command of a major version, as its users have
// it. It is built once on a machine.
func ComposeCommand(t testing.TB, major string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "webshop-deploy-test", "docker-compose-"+ComposeVersions[major])
	once(t, "compose "+major, func() error {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		unfinished := fmt.Sprintf("%s.%d", path, os.Getpid())
		build := exec.Command("go", "build", "-ldflags=-s -w", "-o", unfinished, "github.com/docker/compose/"+major+"/cmd")
		build.Dir = filepath.Join(Root(t), "deploy", "deploytest", "composecli", major)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if output, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		return os.Rename(unfinished, path)
	})
	return path
}

// Compose runs `docker compose -f docker-compose.test.yml …` in the deploy
// directory, as people do by hand, and gives what it prints.
func (p *Project) Compose(major string, args ...string) string {
	p.T.Helper()
	command := exec.CommandContext(p.T.Context(), ComposeCommand(p.T, major), append([]string{"-f", "docker-compose.test.yml"}, args...)...)
	command.Dir = p.Directory
	var complaints bytes.Buffer
	command.Stderr = &complaints
	output, err := command.Output()
	if err != nil {
		p.T.Fatalf("docker compose %v (%s): %v\n%s", args, ComposeVersions[major], err, &complaints)
	}
	return string(output)
}
