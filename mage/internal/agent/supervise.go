package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// Supervisor has a command carried out by a worker, a process of its own, and
// does nothing but live as long as that. A worker that dies without a word is
// followed by another one at once, which recovers. When the supervisor itself
// is killed, the kernel kills the worker with it; when both are dead, the
// deploy lock is free.
type Supervisor struct {
	Request Request
	Store   *deploy.Store
	// Transcript is one that was begun for this command; without, one begins
	// with its first step: a refused command leaves nothing behind.
	Transcript *deploy.Transcript
	// Emit is shown every event.
	Emit func(deploy.Event)
	// Ask asks a person for a registry's login; nil where there is nobody.
	Ask func(registry string) (deploy.Login, error)

	mu     sync.Mutex
	early  []deploy.Event // before the transcript begins
	silent bool           // without a transcript, since that could not be written
	began  bool           // its first step has begun

	// tells says that somebody wants to be told what comes of the command, before
	// what served when it began, and died that a worker died on the way.
	tells  bool
	before string
	died   bool
}

// Supervise carries a rollout out on this machine. The report is nil where it
// did not come to one.
func Supervise(ctx context.Context, env string, rollout Rollout, emit func(deploy.Event), ask func(string) (deploy.Login, error)) (*deploy.Report, error) {
	store, err := session.StoreOf("", env)
	if err != nil {
		return nil, err
	}
	s := &Supervisor{Request: Request{Env: store.Environment, Who: session.Who(), Rollout: &rollout}, Store: store, Emit: emit, Ask: ask}
	return s.Run(ctx)
}

// recoveries is how often a worker is started that recovers, and recoveryPause
// what lies between the later ones: what kills them all is not in their hands.
const (
	recoveries    = 5
	recoveryPause = 2 * time.Second
)

// Run runs the command to its end. A context that ends asks the worker to go
// back.
func (s *Supervisor) Run(ctx context.Context) (*deploy.Report, error) {
	// Neither the end of a terminal nor that of a pipe ends what goes on.
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	began := time.Now()
	report, err := s.run(ctx)
	result := deploy.NewResult(report, err)
	s.tellPeople(ctx, session.Over{Result: result, Before: s.before, Died: s.died, Began: began})
	if s.Transcript != nil {
		_ = s.Transcript.End(result) // what was done counts, not what was written of it
	}
	return report, err
}

func (s *Supervisor) run(ctx context.Context) (*deploy.Report, error) {
	if s.Request.Rollout.PlanOnly {
		return session.Carry(ctx, s.Request.command(), s.event)
	}
	lock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer lock.Unlock() //nolint:errcheck // only read from
	if s.before, err = s.Store.Serving(); err != nil {
		return nil, err
	}
	result, err := s.work(ctx, s.Request, lock)
	if died, ok := errors.AsType[*death](err); ok {
		s.died = true
		return s.recover(ctx, died, lock)
	}
	if err != nil {
		return nil, err
	}
	return result.Report, result.Err()
}

// recover starts workers that recover until one lives to say what came of it.
func (s *Supervisor) recover(ctx context.Context, died *death, lock *deploy.Lock) (*deploy.Report, error) {
	first := died
	for attempt := range recoveries {
		s.note("%v: recovering", died)
		if attempt > 0 {
			<-time.After(recoveryPause)
		}
		result, err := s.work(context.WithoutCancel(ctx), s.afterDeath(), lock)
		if again, ok := errors.AsType[*death](err); ok {
			died = again
			continue
		}
		if err != nil {
			return nil, err
		}
		if result.Report != nil {
			result.Report.Recovered = true
		}
		return result.Report, s.survived(first, result)
	}
	return nil, &deploy.Failure{
		Status: deploy.ExitNeedsPerson, Logs: died.lines,
		Err:  fmt.Errorf("%w\n%d more that were started to recover died too", first, recoveries),
		Hint: "Find out what kills them (memory? `dmesg`), then type: mage recover -env=" + s.Request.Env,
	}
}

// afterDeath is what a worker is asked after another's death. An adoption knows
// its own way on from wherever it was; all else recovers.
func (s *Supervisor) afterDeath() Request {
	request := s.Request
	if request.Rollout.Adopt || request.Rollout.Undo {
		return request
	}
	request.Rollout = &Rollout{What: request.Rollout.What, Recover: true, AcceptDowntime: request.Rollout.AcceptDowntime}
	return request
}

// survived says how a command ended whose worker died and whose next worker
// recovered: well where it had committed, or only had to recover.
func (s *Supervisor) survived(first *death, result *deploy.Result) error {
	if err := result.Err(); err != nil {
		failure := &deploy.Failure{Status: result.Status, Err: fmt.Errorf("%w\nrecovering from that: %w", first, err)}
		return failure
	}
	after, err := s.Store.Serving()
	if err != nil {
		return err
	}
	r := s.Request.Rollout
	if r.Recover || r.Adopt || r.Undo || after != s.before {
		return nil
	}
	failure := &deploy.Failure{Status: deploy.ExitFailed, Logs: first.lines, Err: fmt.Errorf("%w\nnothing serves, as before, and what it started was removed", first)}
	if serving, err := s.Store.Load(after); err == nil {
		failure.Err = fmt.Errorf("%w\nrecovered: %s serves", first, serving)
	}
	if result.Report != nil && result.Report.Switched {
		failure.Status = deploy.ExitRolledBack
	}
	failure.Hint = "Type the command again when it is known what killed it."
	return failure
}

// event shows an event and keeps it for whoever follows.
func (s *Supervisor) event(event deploy.Event) {
	s.transcribe(event)
	if s.Emit != nil {
		s.Emit(event)
	}
}

func (s *Supervisor) note(format string, args ...any) {
	s.event(deploy.Event{Kind: deploy.EventNote, At: time.Now(), Text: fmt.Sprintf(format, args...)})
}

// transcribe writes an event to the transcript. One that cannot be written
// takes nothing from what is done.
func (s *Supervisor) transcribe(event deploy.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began = s.began || event.Kind == deploy.EventStart
	if s.silent {
		return
	}
	if s.Transcript != nil {
		_ = s.Transcript.Event(event)
		return
	}
	s.early = append(s.early, event)
	if event.Kind != deploy.EventStart {
		return
	}
	transcript, err := s.Store.NewTranscript(s.Request.Rollout.What, s.Request.Who, "")
	if err != nil || transcript.Begin() != nil {
		s.silent = true
		return
	}
	s.Transcript = transcript
	for _, earlier := range s.early {
		_ = transcript.Event(earlier)
	}
	s.early = nil
}

// supervise is the supervisor of a command that came over a connection, as a
// process that outlives it.
func (s *server) supervise(ctx context.Context) error {
	if s.Run == nil || s.Rollout == nil {
		return errors.New("supervise what?")
	}
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	transcript := deploy.InheritTranscript(*s.Run, os.NewFile(inherited, "transcript"))
	if err := transcript.Begin(); err != nil {
		return err
	}
	supervisor := &Supervisor{Request: *s.Request, Store: s.store, Transcript: transcript}
	_, _ = supervisor.Run(ctx) // the transcript has both
	return nil
}
