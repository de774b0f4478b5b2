package deploy_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

// sequences is how many random histories a host goes through.
const sequences = 100

// history is a host on which one command follows another, at random.
type history struct {
	*site
	random  *rand.Rand
	version int
	// serving is what serves by all that was heard; empty where a command died.
	serving string
	done    []string
}

// TestRandomSequences deploys, breaks, rolls back, kills and scales at random,
// under load: in the end, and at every instant on the way, all promises hold.
// Each sequence follows from its number: -seed=17 -run TestRandomSequences/17.
func TestRandomSequences(t *testing.T) {
	every := uint64(4)
	if *everything {
		every = 1
	}
	for number := *seed; number < *seed+sequences; number += every {
		t.Run(fmt.Sprint(number), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &history{site: newSite(t), random: rand.New(rand.NewPCG(number, 1))} //nolint:gosec // no secrets
				h.Behaviours["backend"] = fake.Behaviour{Boot: 2 * time.Second}
				h.Behaviours["worker"] = fake.Behaviour{Boot: time.Second, Ending: 5 * time.Second}
				h.deployNext(0)
				stop := h.load("backend", "frontend")
				for range 4 + h.random.IntN(4) {
					commands[h.random.IntN(len(commands))](h)
				}
				h.end()
				stop()
				h.kept()
				if t.Failed() {
					t.Logf("the sequence:\n  %s\nthe calls:\n  %s", strings.Join(h.done, "\n  "), strings.Join(h.Calls(), "\n  "))
				}
			})
		})
	}
}

// commands are what a sequence is made of.
var commands = []func(h *history){
	func(h *history) { h.deployNext(0) },
	func(h *history) { h.deployBroken(0) },
	func(h *history) { h.goBack(0) },
	func(h *history) { h.restart(0) },
	func(h *history) { h.killed(h.deployNext) },
	func(h *history) { h.killed(h.deployBroken) },
	func(h *history) { h.killed(h.goBack) },
	func(h *history) { h.killed(h.restart) },
}

// compose is a Compose file of some size, with and without migrations.
func (h *history) compose() string {
	text := edit(h.t, shop+"  watch: {requests: 5}\n"+hooked,
		"replicas: 2", fmt.Sprintf("replicas: %d\n      update_config: {order: start-first, monitor: 2s, parallelism: %d}", 1+h.random.IntN(3), h.random.IntN(2)),
		"expose: [\"3000\"]", "expose: [\"3000\"]\n    deploy: {update_config: {order: start-first, monitor: 2s}}")
	order := []string{"", "before", "after"}[h.random.IntN(3)]
	if order != "" {
		text = edit(h.t, text, migrationsBelow, migrationsBelow+"      migrations: {apply: [manage, migrate], order: "+order+"}\n")
	}
	return text
}

func (h *history) options() deploy.Options {
	return deploy.Options{Overlap: []deploy.Overlap{"", deploy.OverlapBrief, deploy.OverlapSingle}[h.random.IntN(3)]}
}

// note says what is done, for whoever reads of a failure.
func (h *history) note(format string, args ...any) {
	h.done = append(h.done, fmt.Sprintf(format, args...))
}

// deployNext deploys a new version, perhaps of another size. at is the call at
// which the deployer dies; 0 for none.
func (h *history) deployNext(at int) {
	h.version++
	version, options := fmt.Sprintf("v%d", h.version), h.options()
	h.note("deploy %s %s, dies at %d", version, options.Overlap, at)
	made, err := h.make(h.compose(), version)
	if err != nil {
		h.t.Fatal(err)
	}
	_, err = h.deploy.Rollout(h.t.Context(), made, options)
	h.heard(version, err)
}

// deployBroken deploys a version that must never serve.
func (h *history) deployBroken(at int) {
	h.version++
	version := fmt.Sprintf("v%d", h.version)
	service := []string{"backend", "frontend", "worker"}[h.random.IntN(3)]
	breakages := []fake.Behaviour{
		{NeverHealthy: true},
		{Boot: time.Hour},
		{Boot: 5 * time.Second, Exits: time.Second, ExitCode: 1},
		{Boot: 5 * time.Second, Exits: time.Second, OOM: true},
		{Boot: 5 * time.Second, Exits: time.Second, ExitCode: 1, Restarts: true},
	}
	h.Behaviours[service+":"+version] = breakages[h.random.IntN(len(breakages))]
	h.note("deploy %s with a broken %s, dies at %d", version, service, at)
	made, err := h.make(h.compose(), version)
	if err != nil {
		h.t.Fatal(err)
	}
	_, err = h.deploy.Rollout(h.t.Context(), made, h.options())
	if err == nil {
		h.t.Errorf("%s serves, which is broken", version)
	}
	h.heard("", err)
}

// goBack returns to a version that has served, or to one that is not kept any
// more, which must be said.
func (h *history) goBack(at int) {
	version := fmt.Sprintf("v%d", 1+h.random.IntN(h.version))
	h.note("roll back to %s, dies at %d", version, at)
	release, err := h.deploy.Store.Find(version)
	if err != nil {
		if _, ok := errors.AsType[*deploy.UnknownRelease](err); !ok {
			h.t.Errorf("roll back to %s: %v", version, err)
		}
		return
	}
	if err := h.deploy.Decode(h.t.Context(), release); err != nil {
		h.t.Fatal(err)
	}
	_, err = h.deploy.Rollout(h.t.Context(), release, deploy.Options{Rollback: true})
	h.heard(version, err)
}

// restart replaces what serves by the same.
func (h *history) restart(at int) {
	h.note("restart, dies at %d", at)
	serving, err := h.deploy.Serving(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	_, err = h.deploy.Restart(h.t.Context(), deploy.Options{})
	h.heard(serving.Version, err)
}

// killed has the deployer die in the middle of a command. What comes next may
// be a recovery or any other command.
func (h *history) killed(command func(at int)) {
	h.KillAt = len(h.Calls()) + 1 + h.random.IntN(30)
	h.KillHalf = h.random.IntN(2) == 0
	command(h.KillAt - len(h.Calls()))
	h.Revive()
	h.serving = ""
	if h.random.IntN(2) == 0 {
		h.note("recover")
		h.recover()
	}
}

func (h *history) recover() {
	if _, err := h.deploy.Recover(h.t.Context(), deploy.Options{}); err != nil {
		h.t.Errorf("recover: %v", err)
	}
}

// heard compares what serves with what a command said.
func (h *history) heard(version string, err error) {
	if errors.Is(err, fake.ErrDead) {
		h.serving = ""
		return
	}
	id, storeErr := h.deploy.Store.Serving()
	if storeErr != nil {
		h.t.Fatal(storeErr)
	}
	release, storeErr := h.deploy.Store.Load(id)
	switch {
	case storeErr != nil:
		h.t.Fatal(storeErr)
	case err == nil && release.Version != version:
		h.t.Errorf("%s serves, and %s was to", release, version)
	case err != nil && h.serving != "" && release.Version != h.serving:
		h.t.Errorf("%s serves after a failure, and %s did before", release, h.serving)
	}
	h.serving = release.Version
}

// end recovers from what the last command left, and looks whether all is well.
func (h *history) end() {
	h.recover()
	serving, err := h.deploy.Serving(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	h.settled(serving)
	for _, image := range serving.Images {
		if !h.Images[image.Pinned()] {
			h.t.Errorf("%s serves, and its image %s is gone from the host", serving, image.Reference)
		}
	}
}
