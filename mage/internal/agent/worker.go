package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// death says that a worker ended without a word.
type death struct {
	what string
	pid  int
	how  error
	// lines are the first that it wrote to its standard error: of a panic.
	lines []string
}

func (d *death) Error() string {
	return fmt.Sprintf("the process %d that did %s died: %v", d.pid, d.what, d.how)
}

// answer is a person's answer to a worker's question.
type answer struct {
	Login deploy.Login `json:"login"`
}

// work starts a worker, hands on what it says, and waits for its end. The
// worker has the lock too.
func (s *Supervisor) work(ctx context.Context, request Request, lock *deploy.Lock) (*deploy.Result, error) {
	// The kernel ends the worker when the thread ends that started it, so this
	// one must stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	request.Do, request.Asks = Work, s.Ask != nil
	program, err := self()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	worker := exec.Command(program, Target) //nolint:noctx // it is asked to end, and goes back then
	worker.ExtraFiles = []*os.File{lock.File()}
	worker.SysProcAttr = withParent()
	stderr := &head{}
	worker.Stderr = stderr
	in, err := worker.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	out, err := worker.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	if err := worker.Start(); err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	defer context.AfterFunc(ctx, func() {
		s.sayWhoAsked()
		_ = worker.Process.Signal(syscall.SIGTERM) // it may have ended by now
	})()
	toWorker := json.NewEncoder(in)
	_ = toWorker.Encode(request) // one that cannot read it has died, which is seen below
	var result *deploy.Result
	began := false
	_ = ReadLines(out, func(line Line, _ int) {
		began = true
		switch {
		case line.Event != nil:
			s.event(*line.Event)
		case line.Result != nil:
			result = line.Result
		case line.Tells:
			s.tells = true
		case line.Ask != "":
			login, _ := s.Ask(line.Ask) // an empty login is no login
			_ = toWorker.Encode(answer{Login: login})
		}
	})
	err = worker.Wait()
	if result == nil && !began && ctx.Err() != nil {
		// It was asked before it could hear that.
		return nil, &deploy.Failure{Status: deploy.ExitInterrupted, Err: fmt.Errorf("%w: nothing was touched", context.Cause(ctx))}
	}
	if result == nil {
		if err == nil {
			err = errors.New("it said nothing")
		}
		return nil, &death{what: s.Request.Rollout.What, pid: worker.Process.Pid, how: err, lines: stderr.lines()}
	}
	return result, nil
}

// work is the command itself, in a process of its own.
func (s *server) work(ctx context.Context) error {
	if s.Rollout == nil {
		return errors.New("work on what?")
	}
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	lock, err := deploy.InheritLock(os.NewFile(inherited, "deploy lock"))
	if err != nil {
		return err
	}
	command := s.command()
	command.Lock = lock
	if s.Asks {
		command.Ask = s.askPerson
	}
	command.Tells = func() { _ = s.say(Line{Tells: true}) }
	report, err := session.Carry(ctx, command, func(event deploy.Event) { _ = s.say(Line{TranscriptLine: deploy.TranscriptLine{Event: &event}}) })
	return s.say(Line{TranscriptLine: deploy.TranscriptLine{Result: deploy.NewResult(report, err)}})
}

// askPerson has the supervisor ask. Only one question is open at a time.
func (s *server) askPerson(registry string) (deploy.Login, error) {
	if err := s.say(Line{Ask: registry}); err != nil {
		return deploy.Login{}, err
	}
	var answer answer
	if err := s.in.Decode(&answer); err != nil {
		return deploy.Login{}, errors.New("no answer") // what could not be read may be a password
	}
	return answer.Login, nil
}

// head keeps the beginning of what is written to it: a panic says first what it
// is.
type head struct {
	mu    sync.Mutex
	begin []byte
}

const (
	headBytes = 4 << 10
	headLines = 12
)

func (h *head) Write(content []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begin = append(h.begin, content[:min(len(content), headBytes-len(h.begin))]...)
	return len(content), nil
}

func (h *head) lines() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := strings.TrimSpace(string(h.begin))
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	return lines[:min(len(lines), headLines)]
}
