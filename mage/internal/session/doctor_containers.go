package session

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/doctor"
	"github.com/freezedesign/webshop-deploy/deploy/engine"
	"github.com/freezedesign/webshop-deploy/deploy/proxy"
)

// services says what the environment's services are to the doctor.
func (s *Session) services(e *doctor.Evidence, environment *deploy.Environment) {
	e.Watch = environment.Settings.Watch
	for _, service := range environment.Services {
		configured := environment.Project.Services[service.Name]
		one := doctor.Service{
			Name: service.Name, Kind: service.Kind, Replicas: max(service.Replicas, 1), Waits: service.DependsOn,
			Role: doctor.RoleOf(configured.Image, configured.Command, configured.Expose),
		}
		if backups := environment.Settings.Backups; backups != nil && backups.Service == service.Name {
			one.Role = doctor.RoleDatabase
		}
		if service.Route != nil {
			one.Port = service.Route.Port
		}
		if service.Health != nil {
			one.Port, one.Health = service.Health.Port, service.Health.Path
		}
		e.Services = append(e.Services, one)
	}
}

// deathsSince is how far back the engine is asked for ends of containers.
const deathsSince = 15 * time.Minute

// lookAtContainers looks at all containers of the project.
func (s *Session) lookAtContainers(ctx context.Context, project string) (func(*doctor.Evidence), error) {
	found, memory, err := s.Engine.Observe(ctx, project)
	if err != nil {
		return nil, err
	}
	containers := make([]doctor.Container, len(found))
	var group errgroup.Group
	for at, one := range found {
		group.Go(func() error {
			evidence, err := s.Engine.Evidence(ctx, one.Name, shownLogLines)
			if errors.Is(err, deploy.ErrNoContainer) {
				return nil
			}
			containers[at] = inspected(evidence.Inspect)
			containers[at].Container = one
			containers[at].Lines = tailOf(evidence.Logs)
			return err
		})
	}
	err = group.Wait()
	s.addDeaths(ctx, project, containers)
	return func(e *doctor.Evidence) {
		e.Host.Memory = memory
		for _, one := range containers {
			if one.ID != "" && !s.Host.Store.Stopping(one.Container) {
				e.Containers = append(e.Containers, one)
			}
		}
	}, err
}

// addDeaths notes the ends of those that the engine has started again.
func (s *Session) addDeaths(ctx context.Context, project string, containers []doctor.Container) {
	restarted := func(c doctor.Container) bool { return c.Restarts > 0 || c.Status == deploy.StatusRestarting }
	if !slices.ContainsFunc(containers, restarted) {
		return
	}
	deaths, _ := s.Engine.Deaths(ctx, project, time.Now().Add(-deathsSince)) // what is there counts
	for _, death := range deaths {
		for at, one := range containers {
			if one.ID == death.ID && restarted(one) {
				containers[at].Deaths = append(containers[at].Deaths, doctor.Death{At: death.At, ExitCode: death.ExitCode, OOMKilled: death.OOMKilled})
			}
		}
	}
}

// inspection is what the doctor reads in one.
type inspection struct {
	State struct {
		Status, Error string
		ExitCode      int
		OOMKilled     bool
		Health        *struct {
			Log []struct{ Output string }
		}
	}
	RestartCount int
	HostConfig   struct {
		Memory   uint64
		NanoCpus int64
	}
	Config struct {
		Image  string
		Labels map[string]string
	}
}

// inspected reads an inspection, as the engine gave it or as it was kept.
func inspected(raw []byte) doctor.Container {
	var read inspection
	var container doctor.Container
	if json.Unmarshal(raw, &read) != nil {
		return container
	}
	container.Service = read.Config.Labels["com.docker.compose.service"]
	container.Image, container.Status = read.Config.Image, deploy.ContainerStatus(read.State.Status)
	container.ExitCode, container.OOMKilled, container.Error = read.State.ExitCode, read.State.OOMKilled, read.State.Error
	container.Restarts = read.RestartCount
	container.Usage.MemoryLimit = read.HostConfig.Memory
	container.Usage.CPULimit = float64(read.HostConfig.NanoCpus) / 1e9
	if health := read.State.Health; health != nil {
		for _, one := range health.Log[max(0, len(health.Log)-2):] {
			container.Checks = append(container.Checks, linesOf(one.Output)...)
		}
	}
	return container
}

func (s *Session) lookAtProxy(ctx context.Context, environment *deploy.Environment) (func(*doctor.Evidence), error) {
	if environment.Proxy() == nil {
		return nil, nil
	}
	state, err := s.Proxy.Observe(ctx, environment.Routes())
	if err != nil {
		return nil, err
	}
	return func(e *doctor.Evidence) { e.Proxy = &state }, nil
}

// failingSince is how far back requests count that were answered with 5xx.
const failingSince = time.Minute

// lookAtFailing reads in the proxy's log what it answered with 5xx of late.
func (s *Session) lookAtFailing(ctx context.Context, environment *deploy.Environment) (func(*doctor.Evidence), error) {
	if environment.Proxy() == nil {
		return nil, nil
	}
	var log strings.Builder
	err := s.Engine.Logs(ctx, environment.Project.Name, environment.Proxy().Name, engine.LogOptions{Since: time.Now().Add(-failingSince), Match: "retries="}, &log)
	if err != nil {
		return nil, err
	}
	return func(e *doctor.Evidence) { e.Failing = proxy.FailedIn(log.String()) }, nil
}

// askAll asks every container as its health check would, and the public
// endpoints as users would.
func (s *Session) askAll(ctx context.Context, all *looks, environment *deploy.Environment) {
	if all.evidence.Busy {
		return // what is starting does not answer yet
	}
	for _, container := range all.evidence.Containers {
		service, ok := environment.Service(container.Service)
		if !ok || container.Gone || container.OneOff || !container.Running() || container.Address == "" || service.Kind == deploy.KindProxy {
			continue
		}
		if check, ok := checkOf(service, container.Address); ok {
			all.ask(ctx, s.Host.Prober, doctor.Answer{Service: service.Name, Container: container.Name}, check)
		}
	}
	if all.evidence.Serving == "" {
		return
	}
	if on, err := s.Host.Store.Maintenance(); err != nil || on != nil {
		return // what the proxy answers then says nothing of the containers
	}
	for _, service := range environment.Services {
		if service.Route == nil || service.Health == nil {
			continue
		}
		address, ok := environment.Published(service.Route.Listen)
		if !ok {
			continue
		}
		check := deploy.HTTPCheck{URL: "http://" + address + service.Health.Path, Host: service.Health.Host, Status: service.Health.Status}
		if len(service.Route.Hosts) > 0 {
			check.Host = service.Route.Hosts[0]
		}
		all.ask(ctx, s.Host.Prober, doctor.Answer{Service: service.Name}, check)
	}
	for _, verification := range environment.Settings.Verify {
		if verification.OnlyReads() {
			all.ask(ctx, s.Host.Prober, doctor.Answer{}, verification.Flow().Steps[0].HTTPCheck)
		}
	}
}

// checkOf is how a container is asked whether it is well.
func checkOf(service *deploy.Service, address string) (deploy.HTTPCheck, bool) {
	switch {
	case service.Health != nil:
		return deploy.HTTPCheck{
			URL:  "http://" + net.JoinHostPort(address, strconv.Itoa(service.Health.Port)) + service.Health.Path,
			Host: service.Health.Host, Status: service.Health.Status,
		}, true
	case service.Route != nil:
		return deploy.HTTPCheck{URL: "tcp://" + net.JoinHostPort(address, strconv.Itoa(service.Route.Port))}, true
	}
	return deploy.HTTPCheck{}, false
}

// askTimeout bounds one request, of which there may be two.
const askTimeout = 2500 * time.Millisecond

// ask asks once, and where that fails soon once more.
func (l *looks) ask(ctx context.Context, prober deploy.Prober, answer doctor.Answer, check deploy.HTTPCheck) {
	check.Timeout = askTimeout
	answer.URL, answer.Host = check.URL, check.Host
	l.look(ctx, "the answer of "+check.URL, func(ctx context.Context) (func(*doctor.Evidence), error) {
		began := time.Now()
		err := prober.Probe(ctx, check)
		if left := askTimeout - time.Since(began); err != nil && left > askTimeout/2 {
			check.Timeout = left
			err = prober.Probe(ctx, check)
		}
		if err != nil {
			answer.Problem = err.Error()
		}
		return func(e *doctor.Evidence) { e.Answers = append(e.Answers, answer) }, nil
	})
}

// lookWhoListens looks where the processes listen on whose ports nobody did.
func (s *Session) lookWhoListens(ctx context.Context, e *doctor.Evidence) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit/2)
	defer cancel()
	var group sync.WaitGroup
	for at, container := range e.Containers {
		if container.Gone || !slices.ContainsFunc(e.Answers, func(a doctor.Answer) bool {
			return a.Container == container.Name && strings.Contains(a.Problem, "connection refused")
		}) {
			continue
		}
		group.Go(func() {
			if listens, err := s.Engine.Listeners(ctx, container.Name); err == nil {
				e.Containers[at].Listens, e.Containers[at].Listened = listens, true
			}
		})
	}
	group.Wait()
}

// usageOf measures what each container takes; one that cannot be measured in
// time is left out.
func (s *Session) usageOf(containers []doctor.Container) func(context.Context) (func(*doctor.Evidence), error) {
	type measured struct {
		name        string
		cpu         float64
		memory      uint64
		measurement error
	}
	return func(ctx context.Context) (func(*doctor.Evidence), error) {
		all := make([]measured, len(containers))
		var group sync.WaitGroup
		for at, one := range containers {
			if one.Gone || !one.Running() {
				continue
			}
			group.Go(func() {
				usage, err := s.Engine.Usage(ctx, one.Name)
				all[at] = measured{one.Name, usage.CPU, usage.Memory, err}
			})
		}
		group.Wait()
		return func(e *doctor.Evidence) {
			for _, one := range all {
				at := slices.IndexFunc(e.Containers, func(c doctor.Container) bool { return c.Name == one.name && !c.Gone })
				if at < 0 || one.name == "" || one.measurement != nil {
					continue
				}
				e.Containers[at].Usage.CPU, e.Containers[at].Usage.Memory = one.cpu, one.memory
			}
		}, nil
	}
}
