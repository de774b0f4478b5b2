package fake

import (
	"fmt"
	"slices"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// container is one container's life: what it is now follows from when it was
// started and signalled.
type container struct {
	deploy.Container
	project   string
	version   string
	behaviour Behaviour
	service   *deploy.Service
	// signalled is when its stop signal came, ends when it ends of it.
	signalled, ends time.Time
	// late says that it was stopped behind its drain deadline.
	late bool
	// quiet says that it takes no new work.
	quiet bool
	open  int
}

func (c *container) start() {
	c.Status, c.Started = deploy.StatusRunning, time.Now()
}

// settle brings the container to what it is at a moment.
func (c *container) settle(now time.Time) {
	if c.Status != deploy.StatusRunning {
		return
	}
	c.MemoryBytes = c.behaviour.Memory
	exits := c.behaviour.Exits
	switch {
	case !c.ends.IsZero() && !now.Before(c.ends):
		c.end(0)
	case exits > 0 && now.Sub(c.Started) >= exits && c.behaviour.Restarts:
		c.Restarts = int(now.Sub(c.Started) / exits)
		c.ExitCode = c.behaviour.ExitCode
	case exits > 0 && now.Sub(c.Started) >= exits:
		c.OOMKilled = c.behaviour.OOM
		c.end(c.behaviour.ExitCode)
		if c.OOMKilled {
			c.ExitCode = 137
		}
	}
	c.Health = c.health(now)
}

func (c *container) end(code int) {
	c.Status, c.ExitCode, c.MemoryBytes, c.Address = deploy.StatusExited, code, 0, ""
}

// listens says whether its port is open.
func (c *container) listens(now time.Time) bool {
	return c.Running() && now.Sub(c.Started) >= c.behaviour.boot()
}

// healthy says whether it would pass its check.
func (c *container) healthy(now time.Time) bool {
	return c.listens(now) && !c.behaviour.NeverHealthy
}

// engineInterval is how often the engine runs a container's health check.
const engineInterval = 5 * time.Second

func (c *container) health(now time.Time) deploy.HealthStatus {
	if c.service == nil || len(c.service.HealthCommand) == 0 || !c.Running() {
		return deploy.HealthNone
	}
	up := now.Sub(c.Started).Truncate(engineInterval)
	switch {
	case up >= c.behaviour.boot() && !c.behaviour.NeverHealthy:
		return deploy.HealthHealthy
	case up >= 6*engineInterval:
		return deploy.HealthUnhealthy
	default:
		return deploy.HealthStarting
	}
}

// make adds a container that is not started yet.
func (h *Host) make(release *deploy.Release, service *deploy.Service, name string, number int) *container {
	h.created++
	project := release.Environment.Project.Name
	c := &container{
		Container: deploy.Container{
			ID: fmt.Sprintf("c%04d", h.created), Name: name, Service: service.Name, Number: number,
			ConfigHash: service.Hash, Image: release.Images[service.Name].Pinned(),
			Status: deploy.StatusCreated, Created: time.Now(),
			Address: fmt.Sprintf("172.18.%d.%d", h.created/250, h.created%250+2),
		},
		project: project, version: release.Version,
		behaviour: h.behaviour(service.Name, release.Version), service: service,
	}
	h.belongings(c, release.Environment.Project)
	h.containers = append(h.containers, c)
	if !slices.Contains(h.versions, release.Version) {
		h.versions = append(h.versions, release.Version)
	}
	return c
}
