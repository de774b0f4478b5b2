package deploy

import (
	"context"
	"net"
	"strconv"
	"sync"
	"time"
)

// probePause is between two of the deployer's own requests to one route.
const probePause = 100 * time.Millisecond

// probeTimeout bounds one of them: a release that answers nobody any more is to
// be known within seconds.
const probeTimeout = 2 * time.Second

// ProbeStats is what came of the deployer's own requests through the proxy.
type ProbeStats struct {
	Sent    int           `json:"sent"`
	Failed  int           `json:"failed"`
	Slowest time.Duration `json:"slowest"`
	// Last is what was wrong with the last one that failed.
	Last string `json:"last,omitempty"`
}

// probeRun sends requests through the proxy for the whole of a command, so
// that the report can say what its users saw.
type probeRun struct {
	mu     sync.Mutex
	result ProbeStats
	cancel context.CancelFunc
	group  sync.WaitGroup
}

// startProbe begins with the routes that a health check is known for; each is
// asked every tenth of a second.
func startProbe(ctx context.Context, prober Prober, environment *Environment, maintenance *Maintenance) *probeRun {
	ctx, cancel := context.WithCancel(ctx)
	p := &probeRun{cancel: cancel}
	for _, check := range probeChecks(environment) {
		check = maintenance.with(check)
		p.group.Go(func() { p.loop(ctx, prober, check) })
	}
	return p
}

func (p *probeRun) loop(ctx context.Context, prober Prober, check HTTPCheck) {
	for sleep(ctx, probePause) == nil {
		began := time.Now()
		err := prober.Probe(ctx, check)
		if ctx.Err() != nil {
			return // cut short by the end of the command
		}
		p.mu.Lock()
		p.result.Sent++
		p.result.Slowest = max(p.result.Slowest, time.Since(began))
		if err != nil {
			p.result.Failed++
			p.result.Last = err.Error()
		}
		p.mu.Unlock()
	}
}

func (p *probeRun) stats() ProbeStats {
	if p == nil {
		return ProbeStats{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.result
}

func (p *probeRun) stop() ProbeStats {
	if p == nil {
		return ProbeStats{}
	}
	p.cancel()
	p.group.Wait()
	return p.stats()
}

// probeChecks are the requests that go through the proxy as a user's would:
// the health check's path of each route, at the address that the proxy
// publishes.
func probeChecks(environment *Environment) []HTTPCheck {
	var checks []HTTPCheck
	for _, service := range environment.Services {
		if service.Route == nil || service.Health == nil {
			continue
		}
		address, ok := environment.Published(service.Route.Listen)
		if !ok {
			continue
		}
		check := HTTPCheck{
			URL: "http://" + address + service.Health.Path, Host: service.Health.Host,
			Status: service.Health.Status, Timeout: min(service.Health.Timeout, probeTimeout),
		}
		if len(service.Route.Hosts) > 0 {
			check.Host = service.Route.Hosts[0]
		}
		checks = append(checks, check)
	}
	return checks
}

// Published is where the host reaches a port that the proxy listens on.
func (e *Environment) Published(listen int) (string, bool) {
	proxy := e.Proxy()
	if proxy == nil {
		return "", false
	}
	for _, port := range e.Project.Services[proxy.Name].Ports {
		if int(port.Target) != listen || port.Published == "" {
			continue
		}
		host := port.HostIP
		if host == "" || host == "0.0.0.0" || host == "::" {
			host = "127.0.0.1"
		}
		if _, err := strconv.Atoi(port.Published); err == nil {
			return net.JoinHostPort(host, port.Published), true
		}
	}
	return "", false
}
