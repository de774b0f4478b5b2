package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// EngineSetup is an engine and a release that it can run. The release's images
// are on the host and have the commands true, false, echo and sleep; its
// project has no containers yet, and the test that made it removes them.
type EngineSetup struct {
	Engine interface {
		deploy.Engine
		deploy.Images
	}
	Release *deploy.Release
	// Web is a service that stays up, soon prints the line "ready", and from
	// then on ends within a second of its stop signal.
	Web string
	// Stubborn is a service that does not end at its stop signal.
	Stubborn string
	// Crash is a service that prints "boom" and exits with status 3 at once.
	Crash string
	// Changed is the same project with another configuration of Web.
	Changed *deploy.Release
	// Pullable is an image that a registry has and the host has not; the zero
	// Image leaves the test of pulling out.
	Pullable deploy.Image
	// Unknown is an image that no registry has.
	Unknown deploy.Image
}

// Engine runs the expectations of a deploy.Engine.
func Engine(t *testing.T, bubble Bubble, setup func(t *testing.T) EngineSetup) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(s EngineSetup, t *testing.T)
	}{
		{"an empty project must have no containers", EngineSetup.empty},
		{"created containers must run and be numbered upwards", EngineSetup.create},
		{"what runs must not be touched by a create", EngineSetup.beside},
		{"numbers must go on from the highest", EngineSetup.numbers},
		{"a container that is gone must be said to be", EngineSetup.gone},
		{"a stop must end within the grace period", EngineSetup.stop},
		{"a container that does not stop must be killed", EngineSetup.kill},
		{"stopping what has stopped must do nothing", EngineSetup.stopTwice},
		{"a running container must not be removed", EngineSetup.removeRunning},
		{"an exit must be seen with its status and its last lines", EngineSetup.crash},
		{"evidence must hold the last lines and the inspection", EngineSetup.evidence},
		{"a one-off command must print, fail and leave nothing behind", EngineSetup.run},
		{"a one-off command must have its own variables", EngineSetup.runWithVariables},
		{"a one-off command must be seen as what it is", EngineSetup.runSeen},
		{"an interrupted command must leave nothing behind", EngineSetup.runInterrupted},
		{"a command in a container must print and fail", EngineSetup.exec},
		{"images must be said to be there or not", EngineSetup.present},
		{"a pull must bring the image", EngineSetup.pull},
		{"a pull of nothing must fail", EngineSetup.pullUnknown},
		{"images must be forgotten unless they are kept or used", EngineSetup.forget},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) { test.run(setup(t), t) })
		})
	}
}

func (s EngineSetup) project() string { return s.Release.Environment.Project.Name }

func (s EngineSetup) observe(t *testing.T) []deploy.Container {
	t.Helper()
	containers, _, err := s.Engine.Observe(t.Context(), s.project())
	must(t, err)
	return containers
}

func (s EngineSetup) made(t *testing.T, service string, count int) []deploy.Container {
	t.Helper()
	made, err := s.Engine.Create(t.Context(), s.Release, service, count)
	must(t, err)
	if len(made) != count {
		t.Fatalf("%d containers were made, not %d", len(made), count)
	}
	return made
}

// ready waits until a container of Web says that it is.
func (s EngineSetup) ready(t *testing.T, c deploy.Container) deploy.Evidence {
	t.Helper()
	var evidence deploy.Evidence
	eventually(t, "the first line", func() bool {
		var err error
		evidence, err = s.Engine.Evidence(t.Context(), c.Name, 10)
		must(t, err)
		return strings.Contains(string(evidence.Logs), "ready")
	})
	return evidence
}

func (s EngineSetup) empty(t *testing.T) {
	if found := s.observe(t); len(found) > 0 {
		t.Errorf("found %v", found)
	}
}

func (s EngineSetup) create(t *testing.T) {
	s.made(t, s.Web, 2)
	service, _ := s.Release.Service(s.Web)
	found := s.observe(t)
	if len(found) != 2 {
		t.Fatalf("%d containers are observed, not 2", len(found))
	}
	for _, c := range found {
		name := s.project() + "-" + s.Web + "-" + map[int]string{1: "1", 2: "2"}[c.Number]
		if c.Name != name || c.Service != s.Web || c.OneOff || c.ID == "" {
			t.Errorf("container %+v, not named %s", c, name)
		}
		if !c.Running() || c.Address == "" || c.Started.IsZero() || c.Created.IsZero() {
			t.Errorf("%s is not up: %+v", name, c)
		}
		if c.ConfigHash == "" || service.Hash != "" && c.ConfigHash != service.Hash {
			t.Errorf("%s has hash %q, the release %q", name, c.ConfigHash, service.Hash)
		}
		if looked, err := s.Engine.Inspect(t.Context(), c.Name); err != nil || looked.ID != c.ID {
			t.Errorf("inspect %s: %+v, %v", c.Name, looked, err)
		}
	}
}

func (s EngineSetup) beside(t *testing.T) {
	before := s.made(t, s.Web, 1)[0]
	after, err := s.Engine.Create(t.Context(), s.Changed, s.Web, 1)
	must(t, err)
	if after[0].ConfigHash == before.ConfigHash {
		t.Errorf("the changed configuration has the hash %s of the old one", before.ConfigHash)
	}
	same, err := s.Engine.Inspect(t.Context(), before.Name)
	if err != nil || same.ID != before.ID || !same.Running() || !same.Started.Equal(before.Started) {
		t.Errorf("%s was touched: %+v, before %+v (%v)", before.Name, same, before, err)
	}
}

func (s EngineSetup) numbers(t *testing.T) {
	made := s.made(t, s.Web, 2)
	first := made[slices.IndexFunc(made, func(c deploy.Container) bool { return c.Number == 1 })]
	_, err := s.Engine.Stop(t.Context(), first.Name, 5*time.Second)
	must(t, err)
	must(t, s.Engine.Remove(t.Context(), first.Name))
	if next := s.made(t, s.Web, 1)[0]; next.Number != 3 {
		t.Errorf("the next one is %s", next.Name)
	}
}

func (s EngineSetup) gone(t *testing.T) {
	name := s.project() + "-" + s.Web + "-1"
	if _, err := s.Engine.Inspect(t.Context(), name); !errors.Is(err, deploy.ErrNoContainer) {
		t.Errorf("inspect: %v", err)
	}
	if _, err := s.Engine.Evidence(t.Context(), name, 10); !errors.Is(err, deploy.ErrNoContainer) {
		t.Errorf("evidence: %v", err)
	}
	if err := s.Engine.Exec(t.Context(), name, []string{"true"}, &bytes.Buffer{}); !errors.Is(err, deploy.ErrNoContainer) {
		t.Errorf("exec: %v", err)
	}
	if err := s.Engine.Remove(t.Context(), name); err != nil && !errors.Is(err, deploy.ErrNoContainer) {
		t.Errorf("remove: %v", err)
	}
}

func (s EngineSetup) stop(t *testing.T) {
	c := s.made(t, s.Web, 1)[0]
	s.ready(t, c) // before that, a process without a handler yet misses the signal
	killed, err := s.Engine.Stop(t.Context(), c.Name, 10*time.Second)
	if err != nil || killed {
		t.Fatalf("stop: killed %t, %v", killed, err)
	}
	stopped, err := s.Engine.Inspect(t.Context(), c.Name)
	if err != nil || stopped.Status != deploy.StatusExited {
		t.Errorf("it is %q behind the stop (%v)", stopped.Status, err)
	}
	must(t, s.Engine.Remove(t.Context(), c.Name))
	s.empty(t)
}

func (s EngineSetup) kill(t *testing.T) {
	c := s.made(t, s.Stubborn, 1)[0]
	began := time.Now()
	killed, err := s.Engine.Stop(t.Context(), c.Name, time.Second)
	if err != nil || !killed {
		t.Fatalf("stop: killed %t, %v", killed, err)
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("it was killed after %s of a grace period of 1s", took)
	}
	stopped, err := s.Engine.Inspect(t.Context(), c.Name)
	if err != nil || stopped.Running() || stopped.ExitCode != 137 {
		t.Errorf("it is %q with exit status %d (%v)", stopped.Status, stopped.ExitCode, err)
	}
}

func (s EngineSetup) stopTwice(t *testing.T) {
	c := s.made(t, s.Web, 1)[0]
	s.ready(t, c)
	for range 2 {
		if killed, err := s.Engine.Stop(t.Context(), c.Name, 10*time.Second); err != nil || killed {
			t.Fatalf("stop: killed %t, %v", killed, err)
		}
	}
}

func (s EngineSetup) removeRunning(t *testing.T) {
	c := s.made(t, s.Web, 1)[0]
	if err := s.Engine.Remove(t.Context(), c.Name); err == nil {
		t.Error("it was removed")
	}
	if c, err := s.Engine.Inspect(t.Context(), c.Name); err != nil || !c.Running() {
		t.Errorf("it is %q (%v)", c.Status, err)
	}
}

func (s EngineSetup) crash(t *testing.T) {
	made, err := s.Engine.Create(t.Context(), s.Release, s.Crash, 1)
	must(t, err) // it was created and started; that it ends is seen later
	var c deploy.Container
	eventually(t, "the exit", func() bool {
		c, err = s.Engine.Inspect(t.Context(), made[0].Name)
		return err == nil && c.Status == deploy.StatusExited
	})
	if c.ExitCode != 3 || c.OOMKilled {
		t.Errorf("it ended as %+v", c)
	}
	evidence, err := s.Engine.Evidence(t.Context(), c.Name, 10)
	if err != nil || !strings.Contains(string(evidence.Logs), "boom") {
		t.Errorf("its last lines are %q (%v)", evidence.Logs, err)
	}
}

func (s EngineSetup) evidence(t *testing.T) {
	evidence := s.ready(t, s.made(t, s.Web, 1)[0])
	if !json.Valid(evidence.Inspect) {
		t.Errorf("the inspection is no JSON: %q", evidence.Inspect)
	}
}

func (s EngineSetup) run(t *testing.T) {
	var out bytes.Buffer
	must(t, s.Engine.Run(t.Context(), s.Release, deploy.OneOff{Service: s.Web, Command: []string{"echo", "applied"}}, &out))
	if strings.TrimSpace(out.String()) != "applied" {
		t.Errorf("it printed %q", out.String())
	}
	if err := s.Engine.Run(t.Context(), s.Release, deploy.OneOff{Service: s.Web, Command: []string{"false"}}, &out); err == nil {
		t.Error("a failing command did not fail")
	}
	s.empty(t)
}

func (s EngineSetup) runWithVariables(t *testing.T) {
	var out bytes.Buffer
	command := deploy.OneOff{
		Service: s.Web, Command: []string{"printenv", "DEPLOY_VERSION"}, Expendable: true,
		Environment: map[string]string{"DEPLOY_VERSION": "v2 = $new"},
	}
	must(t, s.Engine.Run(t.Context(), s.Release, command, &out))
	if strings.TrimSpace(out.String()) != "v2 = $new" {
		t.Errorf("it printed %q", out.String())
	}
	command.Environment = nil
	if err := s.Engine.Run(t.Context(), s.Release, command, &out); err == nil {
		t.Error("the variable of one command is another's too")
	}
}

// runSeen asserts that what runs can be told from what a person runs, and what
// may be stopped from what may not.
func (s EngineSetup) runSeen(t *testing.T) {
	for _, expendable := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- s.Engine.Run(ctx, s.Release, deploy.OneOff{Service: s.Web, Command: []string{"sleep", "60"}, Expendable: expendable}, &bytes.Buffer{})
		}()
		var found []deploy.Container
		eventually(t, "the one-off container", func() bool {
			found = s.observe(t)
			return len(found) == 1 && found[0].Running()
		})
		if c := found[0]; !c.OneOff || !c.Ours || c.Expendable != expendable {
			t.Errorf("of an expendable (%t) command: %+v", expendable, c)
		}
		cancel()
		if err := <-done; err == nil {
			t.Error("it was not interrupted")
		}
		s.empty(t)
	}
}

func (s EngineSetup) runInterrupted(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := s.Engine.Run(ctx, s.Release, deploy.OneOff{Service: s.Web, Command: []string{"sleep", "60"}}, &bytes.Buffer{}); err == nil {
		t.Error("it was not interrupted")
	}
	s.empty(t)
}

func (s EngineSetup) exec(t *testing.T) {
	c := s.made(t, s.Web, 1)[0]
	var out bytes.Buffer
	must(t, s.Engine.Exec(t.Context(), c.Name, []string{"echo", "quiet"}, &out))
	if strings.TrimSpace(out.String()) != "quiet" {
		t.Errorf("it printed %q", out.String())
	}
	if err := s.Engine.Exec(t.Context(), c.Name, []string{"false"}, &out); err == nil {
		t.Error("a failing command did not fail")
	}
}

func (s EngineSetup) present(t *testing.T) {
	here := s.Release.Images[s.Web]
	present, err := s.Engine.Present(t.Context(), []deploy.Image{here, s.Unknown})
	must(t, err)
	if !present[here.Pinned()] || present[s.Unknown.Pinned()] {
		t.Errorf("present are %v", present)
	}
}

func (s EngineSetup) pull(t *testing.T) {
	if s.Pullable == (deploy.Image{}) {
		t.Skip("no registry")
	}
	for range 2 {
		must(t, s.Engine.Pull(t.Context(), s.Pullable, func(int64, int64) {}))
	}
	present, err := s.Engine.Present(t.Context(), []deploy.Image{s.Pullable})
	if err != nil || !present[s.Pullable.Pinned()] {
		t.Errorf("present are %v (%v)", present, err)
	}
}

func (s EngineSetup) forget(t *testing.T) {
	s.made(t, s.Web, 1)
	used := s.Release.Images[s.Web]
	pruned, err := s.Engine.Forget(t.Context(), []deploy.Image{used, s.Unknown}, nil)
	must(t, err)
	if pruned.Images > 0 || len(pruned.Held) == 0 || !s.has(t, used) {
		t.Errorf("of a used image and an unknown one: %+v", pruned)
	}
	if s.Pullable == (deploy.Image{}) {
		return // the real engine has its own test of this, with a registry
	}
	must(t, s.Engine.Pull(t.Context(), s.Pullable, func(int64, int64) {}))
	pruned, err = s.Engine.Forget(t.Context(), []deploy.Image{s.Pullable}, []deploy.Image{s.Pullable})
	must(t, err)
	if pruned.Images > 0 || !s.has(t, s.Pullable) {
		t.Errorf("of a kept image: %+v", pruned)
	}
	pruned, err = s.Engine.Forget(t.Context(), []deploy.Image{s.Pullable}, []deploy.Image{used})
	must(t, err)
	if pruned.Images == 0 || len(pruned.Held) > 0 || s.has(t, s.Pullable) {
		t.Errorf("of an image that nobody needs: %+v", pruned)
	}
}

func (s EngineSetup) has(t *testing.T, image deploy.Image) bool {
	t.Helper()
	present, err := s.Engine.Present(t.Context(), []deploy.Image{image})
	must(t, err)
	return present[image.Pinned()]
}

func (s EngineSetup) pullUnknown(t *testing.T) {
	if err := s.Engine.Pull(t.Context(), s.Unknown, func(int64, int64) {}); err == nil {
		t.Error("it was pulled")
	}
}
