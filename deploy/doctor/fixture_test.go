package doctor_test

import (
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/doctor"
)

// shop is a webshop that is well.
func shop() doctor.Evidence {
	return doctor.Evidence{
		Environment: "production", Serving: "v1.0.0", File: "docker-compose.production.yml",
		Watch: deploy.Watch{ErrorRatio: 0.05, Slowdown: 3, Requests: 20},
		Services: []doctor.Service{
			{Name: "proxy", Kind: deploy.KindProxy, Replicas: 1},
			{Name: "postgres", Kind: deploy.KindKept, Role: doctor.RoleDatabase, Replicas: 1},
			{Name: "redis", Kind: deploy.KindKept, Role: doctor.RoleRedis, Replicas: 1},
			{Name: "backend", Kind: deploy.KindRolled, Replicas: 1, Port: 8000, Health: "/api/health/"},
			{Name: "worker", Kind: deploy.KindRolled, Replicas: 1},
		},
		Containers: []doctor.Container{
			runs("proxy", "listening"), runs("postgres", "database system is ready to accept connections"), runs("redis", "Ready to accept connections tcp"),
			runs("backend", "[INFO] Listening at: http://0.0.0.0:8000 (1)"), runs("worker", "celery@worker ready."),
		},
		Answers: []doctor.Answer{
			{Service: "backend", Container: "shop-backend-1", URL: "http://172.18.0.5:8000/api/health/"},
			{Service: "backend", URL: "http://127.0.0.1:8000/api/health/"},
		},
		Proxy: &deploy.ProxyState{Up: true, Current: true, Servers: []deploy.Server{{
			Service: "backend", Slot: "s1", Container: "shop-backend-1", State: deploy.ServerReady, Up: true,
			ServerCounters: deploy.ServerCounters{Requests: 1000, Failed: 2, ResponseTime: 30 * time.Millisecond},
		}}},
		Before: map[string]time.Duration{"backend": 28 * time.Millisecond},
		Host: doctor.Host{
			CPUs: 2, Memory: deploy.Memory{Total: 2 << 30, Available: 600 << 20},
			Disks: []doctor.Disk{{Folder: "/opt/webshop", Total: 40 << 30, Free: 20 << 30, Files: 2_000_000, FreeFiles: 1_500_000}},
		},
		Databases: []doctor.Database{{
			Service: "postgres", Container: "shop-postgres-1", Connections: 12, MaxConnections: 197, States: map[string]int{"idle": 11, "active": 1},
			Longest: []doctor.Query{{PID: 71, Seconds: 0.2, State: "active", Text: "SELECT 1"}},
			Idle:    []doctor.Query{{PID: 72, Seconds: 0.1, State: "idle in transaction", Text: "UPDATE orders_order"}},
			Scanned: []doctor.Table{{Name: "products_category", Rows: 20_000, Scans: 60, Read: 60_000, IndexScans: 9_000}},
		}},
		Redis: []doctor.Redis{{Service: "redis", Container: "shop-redis-1", Used: 3 << 20, Policy: "noeviction", Hits: 4_000, Misses: 90_000, Saving: true, Clients: 9, MaxClients: 10_000}},
	}
}

// runs is a container that has run for an hour.
func runs(service string, lines ...string) doctor.Container {
	return doctor.Container{
		Container: deploy.Container{
			ID: service + "-id", Name: "shop-" + service + "-1", Service: service, Number: 1, Status: deploy.StatusRunning,
			Started: time.Now().Add(-time.Hour), MemoryBytes: 80 << 20,
		},
		Lines: lines, Usage: doctor.Usage{CPU: 0.1, MemoryLimit: 384 << 20},
	}
}

// with is the shop with something changed.
func with(changes ...func(*doctor.Evidence)) doctor.Evidence {
	evidence := shop()
	for _, change := range changes {
		change(&evidence)
	}
	return evidence
}

// of changes the container of a service.
func of(service string, change func(*doctor.Container)) func(*doctor.Evidence) {
	return func(e *doctor.Evidence) {
		for at := range e.Containers {
			if e.Containers[at].Service == service {
				change(&e.Containers[at])
			}
		}
	}
}

// without takes the container of a service away.
func without(service string) func(*doctor.Evidence) {
	return func(e *doctor.Evidence) {
		var left []doctor.Container
		for _, one := range e.Containers {
			if one.Service != service {
				left = append(left, one)
			}
		}
		e.Containers = left
	}
}

// ended is a container that has exited with a status.
func ended(status int, lines ...string) func(*doctor.Container) {
	return func(c *doctor.Container) {
		c.Status, c.ExitCode, c.Lines = deploy.StatusExited, status, lines
	}
}

// unwell has the backend's health check answered with something wrong.
func unwell(problem string) func(*doctor.Evidence) {
	return func(e *doctor.Evidence) { e.Answers[0].Problem = e.Answers[0].URL + problem }
}

// failed is a deploy that was taken back, and what is kept of its container.
func failed(action deploy.Action, service, text string, change func(*doctor.Container), lines ...string) func(*doctor.Evidence) {
	return func(e *doctor.Evidence) {
		e.Command = &doctor.Command{Version: "v2.0.0", Action: action, Service: service, Lines: append([]string{text}, lines...), At: time.Now()}
		gone := doctor.Container{Gone: true, Lines: lines, Container: deploy.Container{Name: "shop-backend-2", Service: "backend", Status: deploy.StatusExited}}
		if change != nil {
			change(&gone)
			e.Containers = append(e.Containers, gone)
		}
	}
}

// crashed is a deploy whose new backend ended with these lines.
func crashed(status int, lines ...string) func(*doctor.Evidence) {
	return failed(deploy.ActionAwait, "backend", "shop-backend-2 of release v2.0.0: exited with status "+itoa(status),
		func(c *doctor.Container) { c.ExitCode = status }, lines...)
}

// refused is a deploy on whose new backend nothing listened where it was asked.
func refused(lines ...string) func(*doctor.Evidence) {
	return failed(deploy.ActionAwait, "backend",
		"shop-backend-2 of release v2.0.0: not healthy within 2m30s: http://172.18.0.9:8000/api/health/: connection refused",
		func(c *doctor.Container) { c.ExitCode = 0 }, lines...)
}

// migrated is a deploy that failed in its migration.
func migrated(lines ...string) func(*doctor.Evidence) {
	return failed(deploy.ActionMigrate, "backend", "migrate in the image of backend v2.0.0: "+lines[0], nil, lines[1:]...)
}
