//go:build integration

package system_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/system"
)

func TestMain(m *testing.M) {
	status := m.Run()
	if err := deploytest.CleanUp(); err != nil {
		fmt.Fprintln(os.Stderr, "clean up:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}

// probeBinary compiles the probe once for all tests; the caller removes it.
var probeBinary = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "probe")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "probe")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, "./testdata/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, output)
	}
	return os.ReadFile(path)
})

// probeFile is the probe in a folder of the test's own.
func probeFile(t *testing.T) string {
	t.Helper()
	content, err := probeBinary()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "probe")
	if err := os.WriteFile(path, content, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

const probePath = "/root/probe"

// server is a virtual server with a user that is to deploy.
type server struct {
	*deploytest.VPS
	options system.Options
	image   string
}

func newServer(t *testing.T) *server {
	t.Helper()
	docker := deploytest.Engine(t)
	image := deploytest.Registry(t) + "/app:system"
	deploytest.AppImage(t, docker, image, "APP_RELEASE=system")
	deploytest.Push(t, docker, image)
	s := &server{
		VPS:   deploytest.NewVPS(t, deploytest.VPSOptions{}),
		image: image,
		options: system.Options{
			Directory: "/opt/shop", Environment: "test", Owner: "deployer", Binary: probePath, Ports: []int{80, 443}, Project: "shop",
		},
	}
	s.Upload(probeFile(t), probePath, 0o755)
	s.must("useradd", "--create-home", "--shell", "/bin/bash", "deployer")
	return s
}

func (s *server) must(command ...string) string {
	s.T.Helper()
	return strings.TrimSpace(s.MustRunIn("/", command...).Output)
}

func (s *server) shell(script string) string {
	s.T.Helper()
	return s.must("sh", "-c", script)
}

// container starts the test application and gives the container's process.
func (s *server) container(name string, args ...string) string {
	s.T.Helper()
	s.must(append(append([]string{"docker", "run", "--detach", "--name", name}, args...), s.image)...)
	return s.process(name)
}

func (s *server) process(name string) string {
	s.T.Helper()
	return s.must("docker", "inspect", "--format", "{{.State.Running}} {{.State.Pid}}", name)
}

// outcome is what came of a Setup or Check.
type outcome struct {
	t      testing.TB
	items  map[string]system.Item
	order  []string
	failed bool
	said   string
}

func (s *server) probe(what string) outcome {
	s.T.Helper()
	options, err := json.Marshal(s.options)
	if err != nil {
		s.T.Fatal(err)
	}
	result := s.Run(probePath, what, string(options))
	s.T.Logf("%s:\n%s", what, result.Output)
	return readOutcome(s.T, result.Output, result.Status)
}

func readOutcome(t testing.TB, output string, status int) outcome {
	o := outcome{t: t, items: map[string]system.Item{}, failed: status != 0}
	lines := bufio.NewScanner(strings.NewReader(output))
	for lines.Scan() {
		var item system.Item
		if json.Unmarshal(lines.Bytes(), &item) != nil {
			o.said += lines.Text() + "\n"
			continue
		}
		o.items[item.Name] = item
		o.order = append(o.order, item.Name)
	}
	return o
}

// want compares the states of some items.
func (o outcome) want(want map[string]system.State) {
	o.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got := o.items[name]; got.State != want[name] {
			o.t.Errorf("%s is %s (%s), want %s", name, got.State, got.Text, want[name])
		}
	}
}

// says checks an item's text and hint.
func (o outcome) says(name string, parts ...string) {
	o.t.Helper()
	text := o.items[name].Text + "\n" + o.items[name].Hint
	for _, part := range parts {
		if !strings.Contains(text, part) {
			o.t.Errorf("%s does not say %q: %s", name, part, text)
		}
	}
}

// files lists what Setup may write, with inode and time of change.
func (s *server) files() string {
	s.T.Helper()
	return s.shell("find /etc/docker /etc/systemd/system /usr/local/bin /opt /etc/group /etc/gshadow -printf '%p %i %T@ %C@ %u:%g %m\\n' | sort")
}
