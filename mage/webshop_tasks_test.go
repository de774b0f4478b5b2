//go:build integration

package mage_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// longInterval is BEAT_LONG_SECONDS of the fixture.
const longInterval = 20 * time.Second

// TestNoTaskIsLostAndTheScheduleGoesOn queues more tasks than one release can
// work off, and deploys three more over them. The second of these brings a
// kind of task that the workers before it would throw away.
func TestNoTaskIsLostAndTheScheduleGoesOn(t *testing.T) {
	alongside(t, webshops)
	gift := map[string]string{"FEATURE_GIFT_WRAP": "1"}
	w := newWebshop(t,
		deploytest.WebshopVersion{Name: "v1.0.0"},
		deploytest.WebshopVersion{Name: "v1.1.0"},
		deploytest.WebshopVersion{Name: "gift-v1", Arguments: gift},
		deploytest.WebshopVersion{Name: "gift-v2", Arguments: gift},
	)
	w.enqueue("old", "orders.process", 1000, 0.1)
	w.deploys("v1.1.0")
	t.Logf("after v1.1.0: %+v", w.summary("old-"))

	command := w.Start("deploy:here", "gift-v1", "-env=test")
	await(t, 3*time.Minute, "an answer of gift-v1", func() bool {
		release, _ := w.ask(http.MethodGet, "/api/health/", nil)
		return release == "gift-v1"
	})
	w.enqueue("gift", "orders.gift_wrap", 200, 0)
	result := command.Wait()
	w.log(result)
	if result.Status != 0 {
		t.Fatalf("gift-v1: exit status %d\n%s", result.Status, result.Output)
	}
	t.Logf("after gift-v1: %+v, %+v", w.summary("old-"), w.summary("gift-"))

	w.deploys("gift-v2")
	w.processed("old-", 1000)
	w.processed("gift-", 200)
	w.checkBeats(4)
}

func (w *webshop) enqueue(prefix, kind string, count int, seconds float64) {
	w.T.Helper()
	release, _ := w.ask(http.MethodPost, "/api/tasks/", map[string]any{"count": count, "prefix": prefix, "kind": kind, "seconds": seconds})
	w.T.Logf("%d tasks %s queued by %s", count, kind, release)
}

// beat is one task that a beat process sent.
type beat struct {
	Tick     int64     `json:"tick"`
	Identity string    `json:"identity"`
	At       time.Time `json:"at"`
}

func (w *webshop) beats(schedule string) []beat {
	w.T.Helper()
	var beats []beat
	for _, line := range w.lines("/api/beats/?schedule=" + schedule) {
		var one beat
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			w.T.Fatal(err)
		}
		beats = append(beats, one)
	}
	return beats
}

// life is when a beat process sent its first and its last tick.
type life struct{ first, last time.Time }

// lives gives the life of each beat process.
func lives(ticks []beat) map[string]life {
	found := map[string]life{}
	for _, tick := range ticks {
		one, ok := found[tick.Identity]
		if !ok || tick.At.Before(one.first) {
			one.first = tick.At
		}
		if tick.At.After(one.last) {
			one.last = tick.At
		}
		found[tick.Identity] = one
	}
	return found
}

// checkBeats checks that each release had a beat of its own, that no two lived
// at once, and that the long interval outlived them.
func (w *webshop) checkBeats(releases int) {
	w.T.Helper()
	await(w.T, time.Minute, "a tick of the last release", func() bool { return len(lives(w.beats("tick"))) >= releases })
	ticks := w.beats("tick")
	found := lives(ticks)
	if len(found) != releases {
		w.T.Errorf("%d beat processes sent ticks, want %d, one for each release: %v", len(found), releases, found)
	}
	sender := map[int64]string{}
	for _, tick := range ticks {
		if other, ok := sender[tick.Tick]; ok && other != tick.Identity {
			w.T.Errorf("tick %d was sent by two: %s and %s", tick.Tick, other, tick.Identity)
		}
		sender[tick.Tick] = tick.Identity
	}
	for name, one := range found {
		for otherName, other := range found {
			if name < otherName && one.first.Before(other.last) && other.first.Before(one.last) {
				w.T.Errorf("two beats at once: %s %v and %s %v", name, one, otherName, other)
			}
		}
	}
	w.awaitInherited()
	w.T.Logf("%d ticks of %d beats, %d of the long interval", len(ticks), len(found), len(w.beats("long")))
}

// awaitInherited waits until a beat sends the task of the long interval while
// it is itself younger than the interval: it can only know that it is due from
// the schedule of the one before it.
func (w *webshop) awaitInherited() {
	w.T.Helper()
	await(w.T, 3*longInterval, "a task of the long interval, sent by a beat that is younger", func() bool {
		found := lives(w.beats("tick"))
		for _, long := range w.beats("long") {
			if one, ok := found[long.Identity]; ok && long.At.Sub(one.first) < longInterval-time.Second {
				w.T.Logf("a beat sent the task of the %s interval at the age of %s", longInterval, long.At.Sub(one.first).Round(time.Millisecond))
				return true
			}
		}
		return false
	})
}
