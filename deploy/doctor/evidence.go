// Package doctor says from what was observed what is wrong and what mends it.
// It looks at nothing itself: evidence in, findings out.
package doctor

import (
	"slices"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Evidence is what was observed of one environment within a few seconds. Texts
// in it are without secrets.
type Evidence struct {
	Environment string `json:"environment"`
	// Serving is the version that serves; empty for none.
	Serving string `json:"serving,omitempty"`
	// Engine is why the engine does not answer; empty where it does.
	Engine string `json:"engine,omitempty"`
	// Mistakes are those of the Compose file with today's .env, and File is its
	// name.
	File     string           `json:"file,omitempty"`
	Mistakes []deploy.Mistake `json:"mistakes,omitempty"`
	// State is what is wrong with the deploy directory's own files.
	State string `json:"state,omitempty"`
	// Interrupted says that a command was killed and nobody has recovered yet.
	Interrupted bool `json:"interrupted,omitempty"`
	// Command is the last command, where it failed; nil otherwise.
	Command *Command `json:"command,omitempty"`
	// Busy says that a command runs: what starts and stops is its doing.
	Busy bool `json:"busy,omitempty"`

	Services   []Service   `json:"services,omitempty"`
	Containers []Container `json:"containers,omitempty"`
	Answers    []Answer    `json:"answers,omitempty"`
	// Proxy is what its socket says; nil where nothing is routed.
	Proxy *deploy.ProxyState `json:"proxy,omitempty"`
	// Failing are the requests that were answered with 5xx in the last minute, by
	// service.
	Failing map[string]int `json:"failing,omitempty"`
	// Watch has the lines that a release must not cross.
	Watch deploy.Watch `json:"watch"`
	// Before are the response times of the release before, by service.
	Before map[string]time.Duration `json:"before,omitempty"`
	// Taken are ports that the proxy is to publish and somebody else has.
	Taken map[int]string `json:"taken,omitempty"`
	// Lost are images of the release that serves that are not on the host.
	Lost []string `json:"lost,omitempty"`
	// Image is why an image of the wanted version cannot be had; nil where it
	// can, or where nobody wants one.
	Image *ImageTrouble `json:"image,omitempty"`

	Host      Host       `json:"host"`
	Databases []Database `json:"databases,omitempty"`
	Redis     []Redis    `json:"redis,omitempty"`
	// Remote is what a laptop sees of its way to the host; nil on the host.
	Remote *Remote `json:"remote,omitempty"`
	// Unseen are the looks that gave nothing, and why.
	Unseen []string `json:"unseen,omitempty"`
}

// Command is a command that failed.
type Command struct {
	// Version is what it was to bring.
	Version string `json:"version,omitempty"`
	// Action is the step that failed; empty where it was refused before any.
	Action  deploy.Action `json:"action,omitempty"`
	Service string        `json:"service,omitempty"`
	// Lines are the error's, with the last lines of what failed.
	Lines []string  `json:"lines,omitempty"`
	At    time.Time `json:"at"`
}

// Service is one of the environment's.
type Service struct {
	Name string      `json:"name"`
	Kind deploy.Kind `json:"kind"`
	Role Role        `json:"role,omitempty"`
	// Replicas is how many are to run.
	Replicas int `json:"replicas"`
	// Port is the one that requests go to; 0 for none.
	Port int `json:"port,omitempty"`
	// Health is the path that is asked; empty for none.
	Health string `json:"health,omitempty"`
	// Waits are the services that it needs.
	Waits []string `json:"waits,omitempty"`
}

// Container is one of the project's, or one of a failed release that is gone.
type Container struct {
	deploy.Container
	// Gone marks one that was taken away with the release that failed.
	Gone bool `json:"gone,omitempty"`
	// Error is the engine's own word on why it does not run.
	Error string `json:"error,omitempty"`
	// Lines are its last ones.
	Lines []string `json:"lines,omitempty"`
	// Checks are what its own health check said last.
	Checks []string `json:"checks,omitempty"`
	// Listens are the addresses that it listens on: "127.0.0.1:8000". Listened
	// says that they are known.
	Listens  []string `json:"listens,omitempty"`
	Listened bool     `json:"listened,omitempty"`
	// Deaths are its ends in the last quarter of an hour.
	Deaths []Death `json:"deaths,omitempty"`
	Usage  Usage   `json:"usage"`
}

// Death is one end of a container that is restarted.
type Death struct {
	At        time.Time `json:"at"`
	ExitCode  int       `json:"exit_code"`
	OOMKilled bool      `json:"oom_killed,omitempty"`
}

// Usage is what a container takes; 0 where it is not known or not limited.
type Usage struct {
	// CPU counts processors: 0.5 is half of one.
	CPU      float64 `json:"cpu,omitempty"`
	CPULimit float64 `json:"cpu_limit,omitempty"`
	// Memory is in bytes, without the page cache.
	Memory      uint64 `json:"memory,omitempty"`
	MemoryLimit uint64 `json:"memory_limit,omitempty"`
}

// Answer is what came of one request that a user's or the deployer's would be.
type Answer struct {
	Service string `json:"service,omitempty"`
	// Container is empty for one through the proxy.
	Container string `json:"container,omitempty"`
	URL       string `json:"url"`
	// Host is the Host header of the request.
	Host string `json:"host,omitempty"`
	// Problem is what was wrong; empty for nothing.
	Problem string `json:"problem,omitempty"`
}

// ImageTrouble is why a registry did not give an image.
type ImageTrouble struct {
	Reference string      `json:"reference"`
	Kind      ImageReason `json:"kind"`
	Text      string      `json:"text"`
}

// ImageReason is the kind of an image's trouble.
type ImageReason string

// The reasons.
const (
	ImageNoTag        ImageReason = "no tag"
	ImageNoRepository ImageReason = "no repository"
	ImageSignIn       ImageReason = "sign in"
	ImageUnreachable  ImageReason = "unreachable"
	ImageLimited      ImageReason = "limited"
	ImageCertificate  ImageReason = "certificate"
	ImageOther        ImageReason = "other"
)

// Host is the machine.
type Host struct {
	CPUs   int           `json:"cpus,omitempty"`
	Memory deploy.Memory `json:"memory"`
	Disks  []Disk        `json:"disks,omitempty"`
	// Takes says what takes the disk, the most first, and Prune what `mage
	// prune` would free, in bytes. They are looked at where it is tight.
	Takes []Taker `json:"takes,omitempty"`
	Prune int64   `json:"prune,omitempty"`
}

// Disk is the one that a folder is on, in bytes and files.
type Disk struct {
	Folder string `json:"folder"`
	Total  uint64 `json:"total"`
	Free   uint64 `json:"free"`
	// Files and FreeFiles count what the file system has numbers for; 0 where
	// it has no bound.
	Files     uint64 `json:"files,omitempty"`
	FreeFiles uint64 `json:"free_files,omitempty"`
}

// Taker is what takes a part of the disk.
type Taker struct {
	What  string `json:"what"`
	Bytes int64  `json:"bytes"`
	// Fix is what frees it; empty where nothing but a person does.
	Fix string `json:"fix,omitempty"`
}

// Remote is a laptop's way to a host.
type Remote struct {
	Host string `json:"host"`
	// Problem is why it cannot be reached, with what to type; empty where it can.
	Problem string       `json:"problem,omitempty"`
	Fix     string       `json:"fix,omitempty"`
	Kind    RemoteReason `json:"kind,omitempty"`
}

// RemoteReason is the kind of what is in the way.
type RemoteReason string

// The reasons.
const (
	RemoteUnreachable RemoteReason = "unreachable"
	RemoteHostKey     RemoteReason = "host key"
	RemoteLogin       RemoteReason = "login"
	RemoteUnprepared  RemoteReason = "unprepared"
	RemoteTag         RemoteReason = "tag"
)

// service finds one by its name.
func (e *Evidence) service(name string) (Service, bool) {
	at := slices.IndexFunc(e.Services, func(s Service) bool { return s.Name == name })
	if at < 0 {
		return Service{}, false
	}
	return e.Services[at], true
}

// role gives the role of a service; none for one that is not known.
func (e *Evidence) role(name string) Role {
	service, _ := e.service(name)
	return service.Role
}

// named are the services of a role.
func (e *Evidence) named(role Role) []Service {
	var found []Service
	for _, service := range e.Services {
		if service.Role == role {
			found = append(found, service)
		}
	}
	return found
}

// of gives a service's containers that are there.
func (e *Evidence) of(service string) []Container {
	var found []Container
	for _, container := range e.Containers {
		if container.Service == service && !container.OneOff && !container.Gone {
			found = append(found, container)
		}
	}
	return found
}

// observed says whether the engine told what runs: a look that took too long is
// no sign that nothing is there.
func (e *Evidence) observed() bool {
	return slices.ContainsFunc(e.Containers, func(c Container) bool { return !c.Gone && !c.OneOff })
}

// troubled says whether a container's own words count: those of one that is
// well tell of what is long over.
func (e *Evidence) troubled(container Container) bool {
	if container.Gone || !container.Running() || container.Health == deploy.HealthUnhealthy || container.restarting() {
		return true
	}
	return slices.ContainsFunc(e.Answers, func(a Answer) bool {
		return a.Problem != "" && (a.Container == container.Name || a.Container == "" && a.Service == container.Service)
	}) || e.failing(container)
}

// failing says whether the requests that a container gets fail.
func (e *Evidence) failing(container Container) bool {
	if e.Proxy == nil {
		return false
	}
	return slices.ContainsFunc(e.Proxy.Servers, func(s deploy.Server) bool {
		return s.Container == container.Name && s.State == deploy.ServerReady && e.tooManyErrors(s)
	})
}

const (
	// freshRestart is how long a single restart is news, and manyDeaths how many
	// within the time that the engine was asked for are.
	freshRestart = 2 * time.Minute
	manyDeaths   = 3
)

// restarting says whether a container ends again and again. One that ended once,
// as a worker does that lost its broker, and runs is well.
func (c Container) restarting() bool {
	return c.Status == deploy.StatusRestarting || len(c.Deaths) >= manyDeaths ||
		c.Restarts > 1 && time.Since(c.Started) < freshRestart
}

// voice is somebody who said something: a container, a health check, a step.
type voice struct {
	service, container string
	// past says that it is of the command that failed, and not of what runs.
	past bool
	text string
}

// voices are all whose words count.
func (e *Evidence) voices() []voice {
	var found []voice
	for _, container := range e.Containers {
		if !e.troubled(container) {
			continue
		}
		found = append(found, voice{
			service: container.Service, container: container.Name, past: container.Gone,
			text: strings.Join(slices.Concat(container.Lines, container.Checks, []string{container.Error}), "\n"),
		})
	}
	for _, answer := range e.Answers {
		if answer.Problem != "" {
			found = append(found, voice{service: answer.Service, container: answer.Container, text: unquoted(answer.Problem)})
		}
	}
	if e.Command != nil {
		found = append(found, voice{service: e.Command.Service, past: true, text: unquoted(strings.Join(e.Command.Lines, "\n"))})
	}
	return found
}

// unquoted takes the signs out of a text that was a value of JSON.
func unquoted(text string) string {
	return strings.NewReplacer(`\"`, `"`, `\n`, "\n").Replace(text)
}
