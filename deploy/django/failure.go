package django

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// refusal is what the program says of its failure.
type refusal struct {
	Text string `json:"text"`
	// Hint says what to type.
	Hint string `json:"hint"`
	// Asked, Apps and Names are those of a *deploy.UnknownMigration.
	Asked *deploy.MigrationID `json:"asked"`
	Apps  []string            `json:"apps"`
	Names []string            `json:"names"`
	// Usage says that what was asked for is wrong.
	Usage bool `json:"usage"`
	// Migration is the one that it is about, where that had not begun.
	Migration deploy.MigrationID `json:"migration"`
	// Waited says that a lock was waited for in vain.
	Waited bool `json:"waited"`
}

// err is the refusal as an error.
func (r *refusal) err() error {
	if r.Asked != nil {
		unknown := &deploy.UnknownMigration{Asked: *r.Asked, Apps: r.Apps, Names: r.Names}
		if unknown.Apps == nil && unknown.Names == nil {
			unknown.Names = []string{}
		}
		return unknown
	}
	err := errors.New(conceal(r.Text))
	if r.Hint == "" && !r.Usage {
		return err
	}
	failure := &deploy.Failure{Err: err, Hint: r.Hint}
	if r.Usage {
		failure.Status = deploy.ExitUsage
	}
	return failure
}

// ran is one run of the program.
type ran struct {
	report *report
	// err says why there is no answer.
	err error
}

// run runs the program.
func (m *Migrator) run(ctx context.Context, release *deploy.Release, asked request, out io.Writer) ran {
	asked, said, err := m.settings(release, asked)
	if err != nil {
		return ran{newReport("", nil), err}
	}
	command, err := asked.command(said.Manage)
	if err != nil {
		return ran{newReport("", nil), err}
	}
	report := newReport(asked.Marker, out)
	err = m.engine.Run(ctx, release, deploy.OneOff{Service: said.Service, Command: command}, report)
	report.Close()
	if err != nil {
		err = shorten(err, command)
	}
	return ran{report, report.outcome(ctx, err)}
}

// outcome is why a run gave no answer; err is what the engine says of it.
func (r *report) outcome(ctx context.Context, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil && err != nil {
		return err
	}
	if r.refused != nil {
		return r.refused.err()
	}
	if err == nil && !r.answered {
		err = errors.New("the image's program ended without an answer")
	}
	if err == nil {
		return nil
	}
	if ended, ok := errors.AsType[exitCoder](err); ok {
		// Settings that cannot be read, and the like, are said in one line. A
		// killed process has said nothing.
		if r.last != "" && ended.ExitCode() < 126 {
			return errors.New(r.last)
		}
	}
	return err
}

// exitCoder is the engine's error for a command that ended with a status other
// than 0.
type exitCoder interface {
	error
	ExitCode() int
}

// failure is a run's as a *deploy.MigrationFailure; what is unknown is none,
// since nothing was tried.
func (r ran) failure() error {
	if unknown, ok := errors.AsType[*deploy.UnknownMigration](r.err); ok {
		return unknown
	}
	failed := &deploy.MigrationFailure{Applied: r.report.done, Err: r.err}
	if running := r.report.running; running != nil {
		failed.Migration = running.Migration
		failed.Half = !running.Atomic
	}
	if refused := r.report.refused; refused != nil {
		failed.Waited = refused.Waited
		failed.Migration = cmp.Or(failed.Migration, refused.Migration)
	}
	return failed
}

// shorten takes the program out of an error's text, which names the command.
func shorten(err error, command []string) error {
	long := strings.Join(command, " ")
	text := err.Error()
	if !strings.Contains(text, long) {
		return err
	}
	program := command[len(command)-1]
	return &shortened{conceal(strings.ReplaceAll(text, program, "…")), err}
}

// shortened is an error with another text.
type shortened struct {
	text string
	err  error
}

func (s *shortened) Error() string { return s.text }
func (s *shortened) Unwrap() error { return s.err }
