//go:build integration

package mage_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// demonstration is a copy of the project's tree whose demonstration disturbs
// no other on this machine: it has a project name and ports of its own.
type demonstration struct {
	t                       *testing.T
	docker                  *client.Client
	root, project, registry string
	backend, frontend       int
	mage                    string
	environment             []string
}

func newDemonstration(t *testing.T) *demonstration {
	t.Helper()
	ports := deploytest.FreePorts(t, 3)
	d := &demonstration{
		t: t, docker: deploytest.Engine(t), root: t.TempDir(), mage: deploytest.Binary(t),
		project:  fmt.Sprintf("wdtdemo%d", os.Getpid()),
		registry: fmt.Sprintf("127.0.0.1:%d", ports[0]), backend: ports[1], frontend: ports[2],
	}
	copyTree(t, deploytest.Root(t), d.root)
	d.label()
	d.environment = append(os.Environ(), "CI=true", "NO_COLOR=1",
		"DEMO_PROJECT="+d.project, "DEMO_REGISTRY="+d.registry,
		"BACKEND_PORT="+strconv.Itoa(d.backend), "FRONTEND_PORT="+strconv.Itoa(d.frontend))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		down := exec.CommandContext(ctx, d.mage, "demo", "-down")
		down.Dir, down.Env = d.root, d.environment
		if output, err := down.CombinedOutput(); err != nil {
			t.Errorf("take the demonstration down: %v\n%s", err, output)
			if err := deploytest.Sweep(ctx, d.docker, d.project); err != nil {
				t.Error(err)
			}
		}
	})
	return d
}

// label gives the tests' label to all that the copy makes in the engine but
// its images, which are known by their registry. The webshop's own limit of 2 s
// for the database is short where tests share two cores.
func (d *demonstration) label() {
	d.t.Helper()
	path, labels := filepath.Join(d.root, "compose", "docker-compose.demo.yml"), fmt.Sprintf("{%s: %s}", deploytest.Label, d.project)
	content, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	labelled := regexp.MustCompile(`(?m)^    extends: .*$`).ReplaceAllString(string(content), "$0\n    labels: "+labels)
	labelled = regexp.MustCompile(`(?m)^  (\w+): \{\}$`).ReplaceAllString(labelled, "  $1: {labels: "+labels+"}")
	labelled = regexp.MustCompile(`(?m)^    extends: .* service: backend}$`).ReplaceAllString(labelled,
		"$0\n    environment: {DATABASE_URL: \"postgres://webshop:$${POSTGRES_PASSWORD}@postgres:5432/webshop?connect_timeout=20\"}")
	labelled += "\nnetworks:\n  default: {labels: " + labels + "}\n"
	if err := os.WriteFile(path, []byte(labelled), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// copyTree copies what is in the repository, and what would be after a commit.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "sh", "-c",
		`git ls-files --cached --others --exclude-standard -z | xargs -0 sh -c 'for f; do [ -e "$f" ] && echo "$f"; done' sh | tar -cf - -T - | tar -xf - -C "$0"`, to)
	command.Dir = from
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("copy the tree: %v\n%s", err, output)
	}
}

// story is a demonstration on its way.
type story struct {
	d       *demonstration
	command *exec.Cmd
	began   time.Time

	mu     sync.Mutex
	output strings.Builder
}

// Write takes the output, which is looked at while it grows.
func (s *story) Write(content []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.Write(content)
}

func (s *story) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

func (d *demonstration) start(name string, args ...string) *story {
	d.t.Helper()
	s := &story{d: d, began: time.Now()}
	s.command = exec.CommandContext(context.WithoutCancel(d.t.Context()), name, args...)
	s.command.Dir, s.command.Env = d.root, d.environment
	s.command.Stdout, s.command.Stderr = s, s
	if err := s.command.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = s.command.Process.Kill() })
	return s
}

// wait gives the exit status.
func (s *story) wait() int {
	_ = s.command.Wait() // the status says it
	s.d.t.Logf("%s: exit status %d after %s", strings.Join(s.command.Args[1:], " "), s.command.ProcessState.ExitCode(), time.Since(s.began).Round(time.Millisecond))
	return s.command.ProcessState.ExitCode()
}

// tells runs the whole story, which has to go well.
func (d *demonstration) tells(name string, args ...string) {
	d.t.Helper()
	s := d.start(name, args...)
	if status := s.wait(); status != 0 {
		d.t.Fatalf("exit status %d\n%s", status, s.text())
	}
	text := s.text()
	if at := strings.Index(text, "STEP"); at >= 0 {
		d.t.Logf("%s", text[at:])
	} else {
		d.t.Errorf("no table:\n%s", text)
	}
	d.checkTable(text)
	for _, address := range []string{d.url(d.frontend, "/"), d.url(d.backend, "/api/health/")} {
		if err := d.answers(address); err != nil || !strings.Contains(text, address) {
			d.t.Errorf("%s: %v; it must answer and stand in the output", address, err)
		}
	}
}

// checkTable reads the table's column of lost requests.
func (d *demonstration) checkTable(text string) {
	d.t.Helper()
	rows := 0
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		// A step under load: …, seconds, requests, lost, slowest, "ms", and perhaps the switch, "ms".
		at := -1
		for i, field := range fields {
			if field == "ms" && at < 0 {
				at = i
			}
		}
		if at < 4 || !strings.HasPrefix(fields[0], "deploy") && fields[0] != "rollback" {
			continue
		}
		rows++
		if sent, lost := fields[at-3], fields[at-2]; lost != "0" || sent == "0" {
			d.t.Errorf("%s of %s requests lost: %s", lost, sent, line)
		}
	}
	if rows != 3 {
		d.t.Errorf("%d steps under load in the table, want 3:\n%s", rows, text)
	}
}

// interrupt runs the story until the output says something behind something,
// and presses Ctrl-C.
func (d *demonstration) interrupt(behind, when string) string {
	d.t.Helper()
	s := d.start(d.mage, "demo")
	ended := make(chan struct{})
	go func() { _ = s.command.Wait(); close(ended) }()
	await(d.t, 5*time.Minute, "“"+when+"” in the output", func() bool {
		_, rest, found := strings.Cut(s.text(), behind)
		if found && strings.Contains(rest, when) {
			return true
		}
		select {
		case <-ended:
			d.t.Fatalf("it ended before “%s” was to be seen\n%s", when, s.text())
		default:
		}
		return false
	})
	if err := s.command.Process.Signal(syscall.SIGINT); err != nil {
		d.t.Fatal(err)
	}
	pressed := time.Now()
	<-ended
	status := s.command.ProcessState.ExitCode()
	text := s.text()
	d.t.Logf("Ctrl-C behind “%s” at %q: exit status %d after %s more", behind, when, status, time.Since(pressed).Round(time.Millisecond))
	if status != deploy.ExitInterrupted {
		d.t.Errorf("exit status %d, want %d\n%s", status, deploy.ExitInterrupted, text)
	}
	return text
}

// leavesNothing checks that an interrupted story said so and left nothing that
// runs.
func (d *demonstration) leavesNothing(text string) {
	d.t.Helper()
	if !strings.Contains(text, "nothing is left running") {
		d.t.Errorf("the output does not say that nothing is left:\n%s", text)
	}
	if left := d.left(); len(left) > 0 {
		d.t.Errorf("left behind: %v\n%s", left, text)
	}
}

// leavesServing checks that an interrupted story said which release serves,
// and that it does.
func (d *demonstration) leavesServing(text string) {
	d.t.Helper()
	_, serving, found := strings.Cut(text, "interrupted: the webshop serves ")
	if !found {
		d.t.Fatalf("the output does not say what serves:\n%s", text)
	}
	version, _, _ := strings.Cut(serving, "\n")
	for _, address := range []string{d.url(d.frontend, "/"), d.url(d.backend, "/api/products/")} {
		response, err := http.Get(address)
		if err != nil {
			d.t.Errorf("%v\n%s", err, text)
			continue
		}
		_ = response.Body.Close()
		if release := response.Header.Get("X-Release"); response.StatusCode != http.StatusOK || !strings.HasPrefix(version, release) {
			d.t.Errorf("%s: %s by %s, said to serve is %s\n%s", address, response.Status, release, version, text)
		}
	}
}

func (d *demonstration) url(port int, path string) string {
	return fmt.Sprintf("http://localhost:%d%s", port, path)
}

func (d *demonstration) answers(address string) error {
	response, err := http.Get(address)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", response.Status)
	}
	return nil
}

// left are the demonstration's containers, networks and volumes.
func (d *demonstration) left() []string {
	d.t.Helper()
	return d.leftBy("com.docker.compose.project=" + d.project)
}

// leftBy are the containers, networks and volumes with a label.
func (d *demonstration) leftBy(label string) []string {
	d.t.Helper()
	ctx, ours := d.t.Context(), filters.NewArgs(filters.Arg("label", label))
	var left []string
	containers, err := d.docker.ContainerList(ctx, container.ListOptions{All: true, Filters: ours})
	for _, one := range containers {
		left = append(left, "container "+one.Names[0])
	}
	networks, networkErr := d.docker.NetworkList(ctx, network.ListOptions{Filters: ours})
	for _, one := range networks {
		left = append(left, "network "+one.Name)
	}
	volumes, volumeErr := d.docker.VolumeList(ctx, volume.ListOptions{Filters: ours})
	for _, one := range volumes.Volumes {
		left = append(left, "volume "+one.Name)
	}
	if err != nil || networkErr != nil || volumeErr != nil {
		d.t.Fatal(err, networkErr, volumeErr)
	}
	slices.Sort(left)
	return left
}

// isLabelled checks that a sweep would find all of it.
func (d *demonstration) isLabelled() {
	d.t.Helper()
	ours := d.leftBy("com.docker.compose.project=" + d.project)
	if labelled := d.leftBy(deploytest.Label + "=" + d.project); len(ours) == 0 || !slices.Equal(ours, labelled) {
		d.t.Errorf("there are %v, and of them labelled are %v", ours, labelled)
	}
}

// isGone checks that no trace is left.
func (d *demonstration) isGone() {
	d.t.Helper()
	left := d.left()
	images, err := d.docker.ImageList(d.t.Context(), image.ListOptions{})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, one := range images {
		for _, reference := range append(one.RepoTags, one.RepoDigests...) {
			if strings.HasPrefix(reference, d.registry+"/") || strings.Contains(reference, d.project) {
				left = append(left, "image "+reference)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(d.root, ".demo")); err == nil {
		left = append(left, ".demo")
	}
	if len(left) > 0 {
		d.t.Errorf("left after `demo -down`: %v", left)
	}
}

// TestTheDemonstration tells the whole story as the README says, interrupts it
// wherever something is half done, and takes it away. It is in no lane: it is a
// whole webshop and what builds it.
func TestTheDemonstration(t *testing.T) {
	d := newDemonstration(t)
	d.leavesNothing(d.interrupt("building v1.0.0", "\n"))
	d.leavesNothing(d.interrupt("== deploy v1.0.0", "✓ start"))
	d.tells("go", "tool", "mage", "demo")
	d.isLabelled()
	d.leavesServing(d.interrupt("== deploy v1.1.0", "✓ switch"))
	d.leavesServing(d.interrupt("== rollback v1.0.0", "✓ start"))
	down := d.start(d.mage, "demo", "-down")
	if status := down.wait(); status != 0 {
		t.Fatalf("demo -down: exit status %d\n%s", status, down.text())
	}
	d.isGone()
}
