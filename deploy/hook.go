package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// hookLines is how many lines of a hook's output are kept, and hookWidth how
	// many characters of each.
	hookLines = 200
	hookWidth = 400
)

// errHookTimeout is what a hook is ended with.
var errHookTimeout = errors.New("it took too long")

// hook runs a hook to its end or its timeout. One that fails before the switch
// fails the command; of all others that is said, and changes nothing.
func (r *runner) hook(ctx context.Context, step Step) error {
	hook, ok := r.plan.To.Environment.Settings.Hooks.find(*step.Hook)
	if !ok {
		return fmt.Errorf("hook %s: not in the release", step.Hook.Name)
	}
	limited, cancel := context.WithTimeoutCause(ctx, hook.Timeout, errHookTimeout)
	defer cancel()
	out := &hookOutput{note: r.note, name: hook.Name}
	lines := out.writer()
	err := r.runHook(limited, hook, step.Hook.Moment, lines)
	lines.flush()
	out.end()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, errHookTimeout) || limited.Err() != nil {
		err = fmt.Errorf("not done within %s (its timeout), and ended", hook.Timeout)
	}
	err = fmt.Errorf("hook %s (%s.hooks.%s): %w", hook.Name, ExtensionKey, step.Hook.Moment, plainly(err))
	if step.Hook.Moment != HookBeforeSwitch {
		r.warn("%v", err)
		return nil
	}
	return &Failure{Err: err, Logs: lines.last}
}

func (r *runner) runHook(ctx context.Context, hook Hook, moment HookMoment, out *lineWriter) error {
	environment := r.hookEnvironment(moment)
	if !hook.Host {
		return r.Engine.Run(ctx, r.hookRelease(hook), OneOff{
			Service: hook.Service, Command: hook.Command, Environment: environment, Expendable: true,
		}, out)
	}
	if r.Commands == nil {
		return errors.New("this host runs no commands")
	}
	return r.Commands.Run(ctx, hook.Command, environment, out)
}

// endLeft ends what hooks on the host have left that nobody waits for any more.
func (h *Host) endLeft(ctx context.Context) error {
	if h.Commands == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), evidenceTimeout)
	defer cancel()
	return h.Commands.EndLeft(ctx)
}

// hookRelease is the release in whose image a hook runs: the one that the
// command leads to, and behind a failure the one that serves then, where that
// has the service.
func (r *runner) hookRelease(hook Hook) *Release {
	if r.ending == nil {
		return r.plan.To
	}
	if _, ok := r.ending.serves.Service(hook.Service); ok {
		return r.ending.serves
	}
	return r.plan.To
}

// hookEnvironment is what a hook is told.
func (r *runner) hookEnvironment(moment HookMoment) map[string]string {
	environment := map[string]string{
		"DEPLOY_ENVIRONMENT": r.plan.Environment,
		"DEPLOY_VERSION":     r.plan.To.Version,
		"DEPLOY_PREVIOUS":    "",
		"DEPLOY_COMMAND":     r.kind,
		"DEPLOY_WHO":         r.Who,
	}
	if r.plan.From != nil {
		environment["DEPLOY_PREVIOUS"] = r.plan.From.Version
	}
	if moment == HookAfterSuccess {
		environment["DEPLOY_OUTCOME"] = OutcomeDeployed.word()
	}
	if r.ending != nil {
		environment["DEPLOY_OUTCOME"] = r.ending.outcome.word()
	}
	return environment
}

// plainly leaves out what an engine's error repeats of the command: its
// arguments may hold a secret.
func plainly(err error) error {
	if exit, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err); ok {
		return exit
	}
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// hookOutput notes what a hook prints, up to a bound.
type hookOutput struct {
	note  func(format string, args ...any)
	name  string
	count int
}

func (o *hookOutput) writer() *lineWriter {
	return &lineWriter{limit: hookWidth, clean: func(line string) string { return clip(Visible(line), hookWidth) }, emit: func(line string) {
		if strings.TrimSpace(line) == "" {
			return
		}
		if o.count++; o.count <= hookLines {
			o.note("%s | %s", o.name, line)
		}
	}}
}

func (o *hookOutput) end() {
	if more := o.count - hookLines; more > 0 {
		o.note("%s | and %d lines more, which are not kept", o.name, more)
	}
}

// warn notes what a person should look at, and keeps it for the report.
func (r *runner) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.note("%s", text)
	r.mu.Lock()
	r.report.Warnings = append(r.report.Warnings, text)
	r.mu.Unlock()
}

// endingTimeout bounds all that is run once it is known how a command ended,
// also where it was interrupted.
const endingTimeout = 15 * time.Minute
