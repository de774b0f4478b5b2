package deploy_test

import (
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestReplicasAreChosenByRelease(t *testing.T) {
	v1, v2 := release(t, shop, "v1"), release(t, shop, "v2")
	of := func(from *deploy.Release, service string, number int, change func(*deploy.Container)) deploy.Container {
		wanted, _ := from.Service(service)
		c := deploy.Container{
			Name: service + "-" + from.Version, Service: service, Number: number,
			ConfigHash: wanted.Hash, Status: deploy.StatusRunning,
		}
		if change != nil {
			change(&c)
		}
		return c
	}
	containers := []deploy.Container{
		of(v2, "backend", 4, func(c *deploy.Container) { c.Name = "second" }),
		of(v1, "backend", 1, nil), // warm, and the lowest number
		of(v2, "backend", 3, func(c *deploy.Container) { c.Name = "first" }),
		of(v2, "backend", 5, func(c *deploy.Container) { c.OneOff = true }),
		of(v2, "backend", 6, func(c *deploy.Container) { c.Status = deploy.StatusExited }),
		of(v2, "backend", 7, func(c *deploy.Container) { c.Stopping = true }),
		of(v1, "db", 1, nil), // the same in both
	}
	for _, test := range []struct {
		release *deploy.Release
		service string
		want    string
	}{
		{v2, "backend", "first second"},
		{v1, "backend", "backend-v1"},
		{v2, "db", "db-v1"},
		{v2, "frontend", ""},
		{v2, "nothing", ""},
	} {
		var names []string
		for _, c := range test.release.Replicas(test.service, containers) {
			names = append(names, c.Name)
		}
		if got := strings.Join(names, " "); got != test.want {
			t.Errorf("%s of %s: %q", test.service, test.release, got)
		}
	}
}
