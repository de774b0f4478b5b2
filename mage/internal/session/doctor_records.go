package session

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/doctor"
)

// records reads what the deploy directory knows, and gives the environment that
// is to run; nil where none is known.
func (s *Session) records(ctx context.Context, e *doctor.Evidence, failed *deploy.LastFailure) *deploy.Environment {
	serving, err := s.Host.Serving(ctx)
	if err != nil && !mistaken(e, err) {
		e.State = err.Error()
	}
	if serving != nil {
		e.Serving = serving.Version
		if report, err := s.Host.Store.Report(serving.ID); err == nil {
			e.Before = report.Before
		}
	}
	if s.Model != nil {
		if _, err := s.load(ctx, "v0", s.Host.Variables); err != nil && !mistaken(e, err) {
			e.Mistakes = append(e.Mistakes, deploy.Mistake{Text: err.Error()})
		}
	}
	s.lastCommand(e, failed)
	return s.toRun(ctx, serving, e.Mistakes)
}

func (s *Session) load(ctx context.Context, version string, variables map[string]string) (*deploy.Environment, error) {
	return s.Model.Load(ctx, deploy.LoadOptions{
		Name: s.Name, Directory: s.Host.Store.Directory, Version: version, Variables: variables,
	})
}

// unsetVariable finds the name in a mistake about a variable without a value.
var unsetVariable = regexp.MustCompile(`^the variable (\S+) is not set`)

// toRun is the environment that the host is to run: the serving release's, or
// the Compose file's where none serves. Variables without a value are left
// empty, so that all else can be looked at.
func (s *Session) toRun(ctx context.Context, serving *deploy.Release, mistakes []deploy.Mistake) *deploy.Environment {
	if serving != nil && serving.Environment != nil {
		return serving.Environment
	}
	filled := map[string]string{}
	for name, value := range s.Host.Variables {
		filled[name] = value
	}
	for _, mistake := range mistakes {
		if found := unsetVariable.FindStringSubmatch(mistake.Text); found != nil {
			filled[found[1]] = ""
		}
	}
	if serving != nil {
		host := &deploy.Host{Store: s.Host.Store, Variables: filled, Hash: s.Host.Hash}
		if host.Decode(ctx, serving) == nil {
			return serving.Environment
		}
	}
	if s.Model == nil {
		return nil
	}
	environment, err := s.load(ctx, "v0", filled)
	if err != nil {
		return nil
	}
	return environment
}

// lastCommand notes how the last command failed, and what is kept of the
// containers that it started.
func (s *Session) lastCommand(e *doctor.Evidence, failed *deploy.LastFailure) {
	events, err := s.Host.Store.Events()
	if err != nil {
		e.Unseen = append(e.Unseen, "the journal: "+firstLine(err.Error()))
		return
	}
	own := failed != nil
	if !own {
		holder, err := s.Host.Store.Holder()
		e.Busy = err == nil && holder != nil
		e.Interrupted = deploy.Interrupted(events) && !e.Busy
		failed = deploy.FailureOf(events)
	} else if last := deploy.FailureOf(events); last != nil && !last.At.Before(failed.Began) {
		last.Text += "\n" + failed.Text
		failed = last
	}
	if failed == nil || time.Since(failed.At) > failureAge || e.Busy {
		return
	}
	command := &doctor.Command{Version: failed.Version, At: failed.At, Lines: linesOf(failed.Text)}
	if failed.Step != nil {
		command.Action, command.Service = failed.Step.Action, failed.Step.Service
	}
	e.Command = command
	release, err := s.Host.Store.Find(failed.Version)
	if err != nil {
		return
	}
	kept, err := s.Host.Store.Kept(release.ID, failed.Began)
	if err != nil {
		e.Unseen = append(e.Unseen, "what is kept of the release that failed: "+firstLine(err.Error()))
	}
	for _, one := range kept {
		container := inspected(one.Inspect)
		container.Name, container.Gone = one.Container, true
		container.Lines = tailOf(one.Logs)
		e.Containers = append(e.Containers, container)
	}
	e.Containers = onlyNamed(e.Containers, failed.Text)
}

// onlyNamed leaves of the containers that are gone those that an error names,
// where it names any: what the others said is not why.
func onlyNamed(containers []doctor.Container, text string) []doctor.Container {
	named := func(c doctor.Container) bool { return strings.Contains(text, c.Name) }
	if !slices.ContainsFunc(containers, named) {
		return containers
	}
	return slices.DeleteFunc(containers, func(c doctor.Container) bool { return !named(c) })
}

// shownLogLines is how much of a log is read for what is wrong.
const shownLogLines = 80

func tailOf(log []byte) []string {
	lines := linesOf(string(log))
	return lines[max(0, len(lines)-shownLogLines):]
}

// linesOf are the lines of a text for people, without what an error puts before
// those of a log.
func linesOf(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		line = deploy.Plain(strings.TrimPrefix(line, "  | "))
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return deploy.Plain(line)
}

// refused writes down that a command did not come to a plan: the doctor is asked
// why later.
func (s *Session) refused(version string, err error) {
	status := deploy.NewResult(nil, err).Status
	if s.journal == nil || status == deploy.ExitConsent || status == deploy.ExitInterrupted {
		return
	}
	if mistakes, ok := errors.AsType[*deploy.Mistakes](err); ok {
		err = fmt.Errorf("%s has mistakes", mistakes.File) // the file says which, and may be mended by then
	}
	_ = s.journal.Write(deploy.Event{Kind: deploy.EventRefused, At: time.Now(), Release: version, Text: err.Error()})
}
