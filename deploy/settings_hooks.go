package deploy

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// DefaultHookTimeout is what a hook may take that does not say it.
const DefaultHookTimeout = time.Minute

// Hooks is x-deploy.hooks: commands of your own at four moments. Those of one
// moment run one after another.
type Hooks struct {
	// BeforeSwitch run when the new containers are healthy and nothing of what
	// serves was touched yet; one that fails stops the deploy.
	BeforeSwitch []Hook `mapstructure:"before_switch"`
	// AfterSuccess run when the release serves.
	AfterSuccess []Hook `mapstructure:"after_success"`
	// OnFailure run when a command failed and the way back is done.
	OnFailure []Hook `mapstructure:"on_failure"`
	// OnRollback run when a release that had requests was taken back, and
	// behind a rollback that somebody asked for.
	OnRollback []Hook `mapstructure:"on_rollback"`
}

// Hook is one command, in a container or on the host.
type Hook struct {
	// Name is how plans, journals and reports call it: one of its own within its
	// list.
	Name string `mapstructure:"name"`
	// Service is the one in whose image it runs; none with host.
	Service string `mapstructure:"service"`
	// Host runs it on the host, in the deploy directory, instead of in a
	// container.
	Host bool `mapstructure:"host"`
	// Command is what is run: a program and its arguments, or one text for
	// /bin/sh, with $$ for $.
	Command CommandLine `mapstructure:"command"`
	// Timeout is when it is ended, with all that it has started.
	Timeout time.Duration `mapstructure:"timeout"`
}

// CommandLine is a program and its arguments. In a Compose file it may be one
// text, which is a shell's.
type CommandLine []string

// HookMoment is when a hook runs: its list's key in x-deploy.hooks.
type HookMoment string

// The moments.
const (
	HookBeforeSwitch HookMoment = "before_switch"
	HookAfterSuccess HookMoment = "after_success"
	HookOnFailure    HookMoment = "on_failure"
	HookOnRollback   HookMoment = "on_rollback"
)

// words says the moment to people.
func (m HookMoment) words() string {
	if m == HookBeforeSwitch {
		return "before the switch"
	}
	return strings.ReplaceAll(string(m), "_", " ")
}

// at gives the hooks of a moment.
func (h *Hooks) at(moment HookMoment) []Hook {
	switch moment {
	case HookBeforeSwitch:
		return h.BeforeSwitch
	case HookAfterSuccess:
		return h.AfterSuccess
	case HookOnFailure:
		return h.OnFailure
	default:
		return h.OnRollback
	}
}

// find gives the hook of a step.
func (h *Hooks) find(step StepHook) (Hook, bool) {
	hooks := h.at(step.Moment)
	at := slices.IndexFunc(hooks, func(one Hook) bool { return one.Name == step.Name })
	if at < 0 {
		return Hook{}, false
	}
	return hooks[at], true
}

// StepHook says which hook a step runs.
type StepHook struct {
	Moment HookMoment `json:"moment"`
	Name   string     `json:"name"`
	// Program is the name of what is run, without its arguments: they may hold
	// what is nobody's business.
	Program string `json:"program"`
}

// step is the hook as a step of a plan.
func (h Hook) step(moment HookMoment) Step {
	return Step{
		Action: ActionHook, Service: h.Service, Hook: &StepHook{Moment: moment, Name: h.Name, Program: h.program()},
		Cause: moment.words() + ", at most " + h.Timeout.String(),
	}
}

// program names what is run: of a shell's text the first word that sets no
// variable.
func (h Hook) program() string {
	if len(h.Command) == 3 && h.Command[0] == shell && h.Command[1] == "-c" {
		for word := range strings.FieldsSeq(h.Command[2]) {
			word = strings.TrimRight(word, ";&|")
			if word != "" && !strings.ContainsAny(word, "=$\"'`(){}<>|&;") {
				return Visible(filepath.Base(word))
			}
		}
		return "sh"
	}
	return Visible(filepath.Base(h.Command[0]))
}

// shell runs a command that is one text.
const shell = "/bin/sh"

func (h *Hooks) setDefaults() {
	for _, list := range [][]Hook{h.BeforeSwitch, h.AfterSuccess, h.OnFailure, h.OnRollback} {
		for at := range list {
			if list[at].Timeout == 0 {
				list[at].Timeout = DefaultHookTimeout
			}
		}
	}
}

func checkHooks(environment *Environment, mistakes *Mistakes) {
	for _, moment := range []HookMoment{HookBeforeSwitch, HookAfterSuccess, HookOnFailure, HookOnRollback} {
		names := map[string]bool{}
		for at, hook := range environment.Settings.Hooks.at(moment) {
			path := fmt.Sprintf("%s.hooks.%s[%d]", ExtensionKey, moment, at)
			if hook.Name == "" {
				mistakes.add(path+".name", "is missing: plans and journals call the hook by it")
			} else if names[hook.Name] {
				mistakes.add(path+".name", "is %q, as another one's of the list", hook.Name)
			}
			names[hook.Name] = true
			hook.check(environment, path, mistakes)
		}
	}
}

func (h Hook) check(environment *Environment, path string, mistakes *Mistakes) {
	switch {
	case h.Host && h.Service != "":
		mistakes.add(path+".service", "is %q, and host is true: a hook runs in one of the two", h.Service)
	case h.Service == "" && !h.Host:
		mistakes.add(path+".service", "is missing: say in whose image the hook runs, one of %s, or host: true", strings.Join(serviceNames(environment), ", "))
	case h.Service != "":
		if _, ok := environment.Service(h.Service); !ok {
			mistakes.add(path+".service", "is %q; allowed: %s", h.Service, strings.Join(serviceNames(environment), ", "))
		}
	}
	if len(h.Command) == 0 || h.Command[0] == "" || len(h.Command) == 3 && h.Command[0] == shell && strings.TrimSpace(h.Command[2]) == "" {
		mistakes.add(path+".command", "is missing: a list such as [bin/warm, --all], or one text for /bin/sh")
	}
}
