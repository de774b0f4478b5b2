package conformance

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// ParkingSetup is an engine that can park, with what EngineSetup says.
type ParkingSetup struct {
	EngineSetup
	Parking deploy.Parking
	// Keeper is a service that publishes a port, has a volume without a name
	// and one with, and a health check.
	Keeper string
}

// Parking runs the expectations of a deploy.Parking.
func Parking(t *testing.T, bubble Bubble, setup func(t *testing.T) ParkingSetup) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(s ParkingSetup, t *testing.T)
	}{
		{"a parked container must be gone and its volumes must stay", ParkingSetup.park},
		{"a restored container must be as it was", ParkingSetup.restore},
		{"restoring again must change nothing", ParkingSetup.restoreTwice},
		{"what did not run must not be started", ParkingSetup.stopped},
		{"what was only stopped must be started", ParkingSetup.halfway},
		{"a name that another container has must not be taken", ParkingSetup.taken},
		{"neighbours must be of other projects", ParkingSetup.neighbours},
		{"a snapshot must not print what it holds", ParkingSetup.silent},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) { test.run(setup(t), t) })
		})
	}
}

// parked creates the keeper and parks it.
func (s ParkingSetup) parked(t *testing.T) deploy.Snapshot {
	t.Helper()
	c := s.made(t, s.Keeper, 1)[0]
	snapshot, err := s.Parking.Snapshot(t.Context(), c.Name)
	must(t, err)
	_, err = s.Parking.Park(t.Context(), c.Name, time.Second)
	must(t, err)
	return snapshot
}

func (s ParkingSetup) park(t *testing.T) {
	snapshot := s.parked(t)
	if _, err := s.Engine.Inspect(t.Context(), snapshot.Container.Name); !errors.Is(err, deploy.ErrNoContainer) {
		t.Errorf("it is still there (%v)", err)
	}
	if _, err := s.Parking.Park(t.Context(), snapshot.Container.Name, time.Second); err != nil && !errors.Is(err, deploy.ErrNoContainer) {
		t.Errorf("parking it again: %v", err)
	}
	missing, err := s.Parking.Missing(t.Context(), snapshot)
	if err != nil || len(missing) > 0 {
		t.Errorf("missing are %v (%v)", missing, err)
	}
}

// lasting is what of a container must be as it was.
func lasting(c deploy.Container) deploy.Container {
	mounts := slices.SortedFunc(slices.Values(c.Mounts), func(a, b deploy.Mount) int {
		if a.Target < b.Target {
			return -1
		}
		return 1
	})
	return deploy.Container{
		Name: c.Name, Service: c.Service, Number: c.Number, ConfigHash: c.ConfigHash, Image: c.Image, Status: c.Status,
		Published: c.Published, Mounts: mounts, StopGrace: c.StopGrace, HealthCommand: c.HealthCommand,
	}
}

func (s ParkingSetup) restore(t *testing.T) {
	snapshot := s.parked(t)
	made, err := s.Parking.Restore(t.Context(), snapshot)
	must(t, err)
	if got, want := lasting(made), lasting(snapshot.Container); !reflect.DeepEqual(got, want) {
		t.Errorf("it is\n%+v\nand was\n%+v", got, want)
	}
	anonymous := slices.ContainsFunc(made.Mounts, func(m deploy.Mount) bool { return m.Anonymous })
	if len(made.Published) == 0 || len(made.Mounts) < 2 || !anonymous {
		t.Errorf("the keeper has ports %v and mounts %v", made.Published, made.Mounts)
	}
	if found := s.observe(t); len(found) != 1 || found[0].ID != made.ID || found[0].Address == "" {
		t.Errorf("observed are %+v", found)
	}
}

func (s ParkingSetup) restoreTwice(t *testing.T) {
	snapshot := s.parked(t)
	first, err := s.Parking.Restore(t.Context(), snapshot)
	must(t, err)
	second, err := s.Parking.Restore(t.Context(), snapshot)
	must(t, err)
	if first.ID != second.ID || !first.Started.Equal(second.Started) {
		t.Errorf("it was made or started again: %+v, %+v", first, second)
	}
}

func (s ParkingSetup) stopped(t *testing.T) {
	c := s.made(t, s.Keeper, 1)[0]
	_, err := s.Engine.Stop(t.Context(), c.Name, time.Second)
	must(t, err)
	snapshot, err := s.Parking.Snapshot(t.Context(), c.Name)
	must(t, err)
	_, err = s.Parking.Park(t.Context(), c.Name, time.Second)
	must(t, err)
	if made, err := s.Parking.Restore(t.Context(), snapshot); err != nil || made.Running() {
		t.Errorf("it is %q (%v)", made.Status, err)
	}
}

func (s ParkingSetup) halfway(t *testing.T) {
	c := s.made(t, s.Keeper, 1)[0]
	snapshot, err := s.Parking.Snapshot(t.Context(), c.Name)
	must(t, err)
	_, err = s.Engine.Stop(t.Context(), c.Name, time.Second)
	must(t, err)
	if made, err := s.Parking.Restore(t.Context(), snapshot); err != nil || !made.Running() || made.ID != c.ID {
		t.Errorf("it is %+v (%v)", made, err)
	}
}

func (s ParkingSetup) taken(t *testing.T) {
	c := s.made(t, s.Web, 1)[0]
	snapshot, err := s.Parking.Snapshot(t.Context(), c.Name)
	must(t, err)
	_, err = s.Parking.Park(t.Context(), c.Name, time.Second)
	must(t, err)
	other, err := s.Engine.Create(t.Context(), s.Changed, s.Web, 1)
	must(t, err)
	if other[0].Name != c.Name {
		t.Fatalf("the other one is %s, not %s", other[0].Name, c.Name)
	}
	if _, err := s.Parking.Restore(t.Context(), snapshot); err == nil {
		t.Error("it was not refused")
	}
	if left, err := s.Engine.Inspect(t.Context(), c.Name); err != nil || left.ID != other[0].ID || !left.Running() {
		t.Errorf("the other one is %+v (%v)", left, err)
	}
}

func (s ParkingSetup) neighbours(t *testing.T) {
	c := s.made(t, s.Keeper, 1)[0]
	beside := func(project string) int {
		t.Helper()
		all, err := s.Parking.Neighbours(t.Context(), project)
		must(t, err)
		return slices.IndexFunc(all, func(n deploy.Neighbour) bool {
			return n.Name == c.Name && n.Project == s.project() && slices.Equal(n.Published, c.Published)
		})
	}
	if beside(s.project()) >= 0 {
		t.Error("it is its own neighbour")
	}
	if beside("elsewhere") < 0 {
		t.Error("another project does not see it")
	}
}

func (s ParkingSetup) silent(t *testing.T) {
	snapshot := s.parked(t)
	if text := snapshot.String(); text != snapshot.Container.Name {
		t.Errorf("it prints as %q", text)
	}
}
