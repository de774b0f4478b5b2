package session

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/engine"
)

// Look is one look at what an environment carries, over a short while.
type Look struct {
	At          time.Time `json:"at"`
	Environment string    `json:"environment"`
	Release     string    `json:"release"`
	// Seconds is how long the while was that rates are over.
	Seconds float64 `json:"seconds"`
	// ProxyUp says whether the proxy answers; where not, nothing is known of
	// requests. Maintenance says whether it shows the page of one.
	ProxyUp     bool          `json:"proxy_up"`
	Maintenance bool          `json:"maintenance"`
	Services    []ServiceLook `json:"services"`
	// Memory of the host, in bytes; 0 for unknown.
	HostMemoryBytes          uint64 `json:"host_memory_bytes"`
	HostMemoryAvailableBytes uint64 `json:"host_memory_available_bytes"`
}

// ServiceLook is one service: what all its servers carry together, and each of
// its containers.
type ServiceLook struct {
	Service string `json:"service"`
	// Traffic is nil for a service without a route.
	Traffic    *Traffic        `json:"traffic,omitempty"`
	Containers []ContainerLook `json:"containers"`
}

// ContainerLook is one container.
type ContainerLook struct {
	Container string `json:"container"`
	// Serving says whether it is of the release that serves.
	Serving bool `json:"serving"`
	// State is the proxy's word, or the engine's for what gets no requests.
	State   string   `json:"state"`
	Traffic *Traffic `json:"traffic,omitempty"`
	// CPUPercent is of one core.
	CPUPercent       float64 `json:"cpu_percent"`
	MemoryBytes      uint64  `json:"memory_bytes"`
	MemoryLimitBytes uint64  `json:"memory_limit_bytes"`
}

// Traffic is what the proxy sends somewhere.
type Traffic struct {
	RequestsPerSecond float64 `json:"requests_per_second"`
	// ErrorsPerSecond counts answers with 5xx.
	ErrorsPerSecond float64 `json:"errors_per_second"`
	// ResponseMilliseconds is the mean over the last 1,024 requests.
	ResponseMilliseconds float64 `json:"response_ms"`
	InFlight             int     `json:"in_flight"`
}

// Stats looks again and again, each look over the interval, and hands each on
// until ctx ends or once says that one is enough.
func (s *Session) Stats(ctx context.Context, interval time.Duration, once bool, each func(*Look) error) error {
	var before *reading
	for {
		serving, err := s.deployed(ctx) // a deploy may commit meanwhile
		if err != nil {
			return err
		}
		if before == nil {
			if before, err = s.read(ctx, serving); err != nil {
				return err
			}
		}
		usages, now, err := s.measure(ctx, serving, before, interval)
		if err != nil {
			return err
		}
		if err := each(s.look(serving, before, now, usages)); err != nil || once {
			return err
		}
		before = now
	}
}

// reading is what the proxy and the engine say at one moment.
type reading struct {
	at         time.Time
	proxy      deploy.ProxyState
	containers []deploy.Container
	memory     deploy.Memory
}

func (s *Session) read(ctx context.Context, serving *deploy.Release) (*reading, error) {
	r := &reading{}
	var err error
	if r.containers, r.memory, err = s.Engine.Observe(ctx, serving.Environment.Project.Name); err != nil {
		return nil, err
	}
	if serving.Environment.Proxy() != nil {
		r.proxy, err = s.Proxy.Observe(ctx, serving.Environment.Routes())
	}
	r.at = time.Now()
	return r, err
}

// measure lets the interval pass since the reading before, measures the
// containers meanwhile, and reads again.
func (s *Session) measure(ctx context.Context, serving *deploy.Release, before *reading, interval time.Duration) (map[string]engine.Usage, *reading, error) {
	usages := map[string]engine.Usage{}
	var failed error
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, container := range before.containers {
		if !container.Running() || container.OneOff {
			continue
		}
		group.Go(func() {
			used, err := s.Engine.Usage(ctx, container.Name)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				usages[container.Name] = used
			case errors.Is(err, deploy.ErrNoContainer), errors.Is(err, engine.ErrNotRunning): // it ended meanwhile
			default:
				failed = cmp.Or(failed, err)
			}
		})
	}
	timer := time.NewTimer(time.Until(before.at.Add(interval)))
	defer timer.Stop()
	group.Wait()
	if failed != nil {
		return nil, nil, failed
	}
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	now, err := s.read(ctx, serving)
	return usages, now, err
}

// look puts two readings together.
func (s *Session) look(serving *deploy.Release, before, now *reading, usages map[string]engine.Usage) *Look {
	look := &Look{
		At: now.at, Environment: s.Name, Release: serving.Version, Seconds: now.at.Sub(before.at).Seconds(),
		ProxyUp: now.proxy.Up, Maintenance: now.proxy.Maintained,
		HostMemoryBytes: now.memory.Total, HostMemoryAvailableBytes: now.memory.Available,
	}
	state := deploy.State{Containers: now.containers}
	for _, service := range serving.Environment.Services {
		one := ServiceLook{Service: service.Name, Containers: []ContainerLook{}}
		if service.Route != nil && now.proxy.Up {
			one.Traffic = &Traffic{}
		}
		var weighed float64
		for _, container := range state.Of(service.Name) {
			used := usages[container.Name]
			c := ContainerLook{
				Container: container.Name, Serving: container.ConfigHash == service.Hash, State: string(container.Status),
				CPUPercent: used.CPU * 100, MemoryBytes: cmp.Or(used.Memory, container.MemoryBytes), MemoryLimitBytes: used.Limit,
			}
			if one.Traffic != nil {
				c.State, c.Traffic = traffic(before.proxy, now.proxy, service.Name, container.Name, look.Seconds)
			}
			if c.Traffic != nil {
				one.Traffic.RequestsPerSecond += c.Traffic.RequestsPerSecond
				one.Traffic.ErrorsPerSecond += c.Traffic.ErrorsPerSecond
				one.Traffic.InFlight += c.Traffic.InFlight
				weighed += c.Traffic.ResponseMilliseconds * c.Traffic.RequestsPerSecond
			}
			one.Containers = append(one.Containers, c)
		}
		if one.Traffic != nil && one.Traffic.RequestsPerSecond > 0 {
			one.Traffic.ResponseMilliseconds = weighed / one.Traffic.RequestsPerSecond
		}
		look.Services = append(look.Services, one)
	}
	return look
}

// traffic is what one container got between two looks at the proxy; nil for one
// that has no place in it.
func traffic(before, now deploy.ProxyState, service, container string, seconds float64) (string, *Traffic) {
	at := func(state deploy.ProxyState) *deploy.Server {
		at := slices.IndexFunc(state.Servers, func(one deploy.Server) bool {
			return one.Service == service && one.Container == container
		})
		if at < 0 {
			return nil
		}
		return &state.Servers[at]
	}
	server, older := at(now), at(before)
	if server == nil {
		return "unrouted", nil
	}
	word := string(server.State)
	if server.State == deploy.ServerReady && !server.Up {
		word = "down"
	}
	counted := &Traffic{
		InFlight:             server.InFlight,
		ResponseMilliseconds: float64(server.ResponseTime) / float64(time.Millisecond),
	}
	if older != nil && seconds > 0 { // counters may begin anew: with the proxy, or a place
		counted.RequestsPerSecond = float64(max(server.Requests-older.Requests, 0)) / seconds
		counted.ErrorsPerSecond = float64(max(server.Failed-older.Failed, 0)) / seconds
	}
	return word, counted
}
