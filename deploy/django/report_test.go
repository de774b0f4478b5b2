package django

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestReportTakesEventsAndLinesApart(t *testing.T) {
	const said = "applying a.0001\nM {\"event\":\"begun\",\"migration\":{\"app\":\"a\",\"name\":\"0001\"},\"atomic\":true}\n" +
		"M {\"event\":\"done\",\"migration\":{\"app\":\"a\",\"name\":\"0001\"}}\r\nhalf a lineM {\"event\":\"begun\",\"migration\":{\"app\":\"a\",\"name\":\"0002\"}}\n" +
		"at postgres://webshop:hunter2@db/shop\nM {\"event\":\"answer\",\"answer\":[1]}\nM {\"event\":\"ans"
	// However it comes in.
	for size := 1; size <= len(said); size++ {
		var out strings.Builder
		r := newReport("M ", &out)
		for rest := said; rest != ""; rest = rest[min(size, len(rest)):] {
			if _, err := r.Write([]byte(rest[:min(size, len(rest))])); err != nil {
				t.Fatal(err)
			}
		}
		r.Close()
		if got, want := out.String(), "applying a.0001\nhalf a line\nat postgres://…@db/shop\n"; got != want {
			t.Fatalf("in pieces of %d for people: %q, want %q", size, got, want)
		}
		if len(r.done) != 1 || r.running == nil || r.running.Migration.Name != "0002" || r.running.Atomic || string(r.answer) != "[1]" {
			t.Fatalf("in pieces of %d: %+v", size, r)
		}
	}
}

func TestReportKeepsATracebacksLastLine(t *testing.T) {
	var out strings.Builder
	r := newReport("M ", &out)
	_, _ = io.WriteString(r, `starting
Traceback (most recent call last):
  File "manage.py", line 9, in <module>
    main()
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "manage.py", line 10, in <module>
django.core.exceptions.ImproperlyConfigured: no https://user:secret@host/
`)
	r.Close()
	if out.String() != "starting\n" || r.last != "django.core.exceptions.ImproperlyConfigured: no https://…@host/" {
		t.Errorf("for people: %q, last: %q", out.String(), r.last)
	}
}

// exit is the engine's error for a status other than 0.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }
func (e exit) ExitCode() int { return int(e) }

// printing is an engine whose containers print the same each time; MARKER in it
// stands for the request's.
type printing struct {
	text    string
	err     error
	command []string
}

func (p *printing) Run(_ context.Context, _ *deploy.Release, wanted deploy.OneOff, out io.Writer) error {
	command, service := wanted.Command, wanted.Service
	p.command = command
	_, rest, _ := strings.Cut(command[len(command)-1], `marker\":\"`)
	marker, _, _ := strings.Cut(rest, `\"`)
	_, _ = io.WriteString(out, strings.ReplaceAll(p.text, "MARKER", marker))
	if p.err != nil {
		return fmt.Errorf("run %s in %s: %w", strings.Join(command, " "), service, p.err)
	}
	return nil
}

func release() *deploy.Release {
	return &deploy.Release{Version: "v1", Environment: &deploy.Environment{Migrations: &deploy.Migrations{Service: "backend"}}}
}

func TestApplyFailures(t *testing.T) {
	const begun = `MARKER{"event":"begun","migration":{"app":"a","name":"0001"},"atomic":true}` + "\n" +
		`MARKER{"event":"done","migration":{"app":"a","name":"0001"}}` + "\n" +
		`MARKER{"event":"begun","migration":{"app":"a","name":"0002"},"atomic":false}` + "\n"
	for _, test := range []struct {
		name, text string
		err        error
		want       string
		half       bool
		applied    int
	}{
		{"killed", begun, exit(137), "migration a.0002: run manage shell --verbosity 0 -c … in backend: exit status 137", true, 1},
		{"says why", begun + `MARKER{"event":"failure","failure":{"text":"no way"}}`, exit(1), "migration a.0002: no way", true, 1},
		{"waited", `MARKER{"event":"failure","failure":{"text":"busy","waited":true}}`, exit(1), "busy", false, 0},
		{"one that had not begun", `MARKER{"event":"failure","failure":{"text":"no","migration":{"app":"a","name":"0003"}}}`, exit(1), "migration a.0003: no", false, 0},
		{"settings", "SECRET_KEY is not set\n", exit(1), "SECRET_KEY is not set", false, 0},
		{"no program", "", exit(127), "run manage shell --verbosity 0 -c … in backend: exit status 127", false, 0},
		{"no answer", "hello\n", nil, "the image's program ended without an answer", false, 0},
		{"a hint", `MARKER{"event":"failure","failure":{"text":"two ends","hint":"merge","usage":true}}`, exit(1), "two ends\nmerge", false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := release()
			r.Environment.Migrations.Manage = []string{"manage"}
			err := New(&printing{text: test.text, err: test.err}).Apply(t.Context(), r, []deploy.MigrationID{{App: "a", Name: "0001"}}, nil)
			failed, ok := errors.AsType[*deploy.MigrationFailure](err)
			if !ok || err.Error() != test.want || failed.Half != test.half || len(failed.Applied) != test.applied || failed.Waited != (test.name == "waited") {
				t.Errorf("got %q %+v, want %q", err, failed, test.want)
			}
			if test.err != nil && test.name == "killed" && !errors.Is(err, test.err) {
				t.Error("the cause is lost")
			}
		})
	}
}

func TestInterruptedApplyKeepsItsCause(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	engine := &printing{text: `MARKER{"event":"failure","failure":{"text":"stopped by a signal"}}`, err: context.Canceled}
	if err := New(engine).Apply(ctx, release(), []deploy.MigrationID{{App: "a", Name: "0001"}}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestUnknownMigrations(t *testing.T) {
	engine := &printing{text: `MARKER{"event":"failure","failure":{"text":"unknown","asked":{"app":"prodcts","name":"1"},"apps":["products"]}}`, err: exit(1)}
	asked := []deploy.MigrationID{{App: "prodcts", Name: "1"}}
	_, backwards := New(engine).Backwards(t.Context(), release(), asked)
	for _, err := range []error{backwards, New(engine).Revert(t.Context(), release(), asked, nil), New(engine).Fake(t.Context(), release(), asked[0], nil)} {
		unknown, ok := errors.AsType[*deploy.UnknownMigration](err)
		if !ok || unknown.Names != nil || !strings.Contains(err.Error(), "did you mean products?") {
			t.Errorf("got %v", err)
		}
	}
	engine.text = `MARKER{"event":"failure","failure":{"text":"unknown","asked":{"app":"a","name":"1"},"names":[]}}`
	_, err := New(engine).Backwards(t.Context(), release(), asked)
	if unknown, ok := errors.AsType[*deploy.UnknownMigration](err); !ok || unknown.Names == nil {
		t.Errorf("got %v", err)
	}
}
