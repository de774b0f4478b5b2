package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/doctor"
	"github.com/freezedesign/webshop-deploy/deploy/engine"
	"github.com/freezedesign/webshop-deploy/deploy/image"
)

// Diagnosis is what the doctor found.
type Diagnosis struct {
	Environment string `json:"environment"`
	// Host is the one that was looked at, where a laptop asked.
	Host    string `json:"host,omitempty"`
	Serving string `json:"serving,omitempty"`
	// Findings are empty where nothing is wrong; the first is the root cause.
	Findings []doctor.Finding `json:"findings"`
	// Unseen are the looks that gave nothing, and why.
	Unseen []string `json:"unseen,omitempty"`
	// Milliseconds is how long it took.
	Milliseconds int64 `json:"elapsed_ms"`

	evidence doctor.Evidence
}

// Err is nil where nothing was found, and else what a command ends with.
func (d *Diagnosis) Err() error {
	if len(d.Findings) == 0 {
		return nil
	}
	return &deploy.Failure{Status: deploy.ExitFailed, Err: fmt.Errorf("%s in %s; nothing was changed", deploy.Plural(len(d.Findings), "finding"), d.Environment)}
}

const (
	// lookLimit bounds each look of a stage; those of one are side by side.
	lookLimit = 4 * time.Second
	// examineLimit bounds all of it, whoever hangs.
	examineLimit = 9 * time.Second
	// failureAge is how long a command that failed is news.
	failureAge = 24 * time.Hour
)

// Examine looks at an environment and says what is wrong with it. It changes
// nothing, and works also where a command would not open: without an engine, or
// with mistakes in the Compose file. With a path it writes a bundle there; only
// where not even the deploy directory is known there is none.
func Examine(ctx context.Context, options Options, bundle string) (*Diagnosis, error) {
	began := time.Now()
	root, err := rootOr(options.Root)
	if err != nil {
		return nil, err
	}
	chosen, store, err := locate(root, options.Env)
	evidence := &doctor.Evidence{Environment: chosen.name, File: filepath.Base(chosen.file)}
	if mistaken(evidence, err) {
		if bundle != "" {
			return nil, usage("no bundle is written: %s cannot be read, and says where the environment is", chosen.file)
		}
		return diagnose(began, evidence), nil
	}
	if err == nil {
		err = checkDirectory(store.Directory, chosen.name, false)
	}
	if err != nil {
		return nil, err
	}
	s := &Session{
		signIn: &signIn{keychain: options.Keychain}, Name: chosen.name, File: chosen.file, who: cmp.Or(options.Who, Who()),
	}
	if err := s.openFor(ctx, store, evidence); err != nil {
		return nil, err
	}
	defer s.closeEngine()
	bounded, cancel := context.WithTimeout(ctx, examineLimit)
	defer cancel()
	s.examine(bounded, evidence, nil)
	diagnosis := diagnose(began, evidence)
	if bundle == "" {
		return diagnosis, nil
	}
	return diagnosis, s.WriteBundle(ctx, bundle, diagnosis)
}

// openFor opens what can be opened, and notes what cannot.
func (s *Session) openFor(ctx context.Context, store *deploy.Store, evidence *doctor.Evidence) error {
	var err error
	if s.Model, err = deploy.ReadModel(ctx, s.File); err != nil && !mistaken(evidence, err) {
		return err
	}
	variables, err := readVariables(store.EnvPath())
	if err != nil {
		evidence.Mistakes = append(evidence.Mistakes, deploy.Mistake{Path: ".env", Text: err.Error()})
		variables = map[string]string{}
	}
	options := engine.Options{Login: image.LoginFor(s.signIn)}
	if s.Model != nil {
		options.ProxyService = s.Model.ProxyService()
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	if s.Engine, err = engine.Open(ctx, options); err != nil {
		evidence.Engine = err.Error()
		s.Host = &deploy.Host{Store: store, Variables: variables, Hash: engine.ConfigHash}
		return nil
	}
	s.assemble(store, variables)
	return nil
}

func (s *Session) closeEngine() {
	if s.Engine != nil {
		_ = s.Engine.Close() // nothing is left to be said to it
	}
}

// mistaken notes the mistakes of a Compose file, and says whether err is such.
func mistaken(evidence *doctor.Evidence, err error) bool {
	mistakes, ok := errors.AsType[*deploy.Mistakes](err)
	if !ok {
		return false
	}
	evidence.File = filepath.Base(mistakes.File)
	for _, mistake := range mistakes.List {
		if !containsMistake(evidence.Mistakes, mistake) {
			evidence.Mistakes = append(evidence.Mistakes, mistake)
		}
	}
	return true
}

func containsMistake(list []deploy.Mistake, one deploy.Mistake) bool {
	for _, other := range list {
		if other.String() == one.String() {
			return true
		}
	}
	return false
}

func diagnose(began time.Time, evidence *doctor.Evidence) *Diagnosis {
	findings := doctor.Diagnose(*evidence)
	if findings == nil {
		findings = []doctor.Finding{} // as JSON a list
	}
	return &Diagnosis{
		Environment: evidence.Environment, Serving: evidence.Serving, Unseen: evidence.Unseen,
		Findings: findings, Milliseconds: time.Since(began).Milliseconds(), evidence: *evidence,
	}
}

// Mistaken is the diagnosis of an environment whose Compose file cannot be
// read; false for any other error.
func Mistaken(env string, err error) (*Diagnosis, bool) {
	evidence := &doctor.Evidence{Environment: env}
	if !mistaken(evidence, err) {
		return nil, false
	}
	return diagnose(time.Now(), evidence), true
}

// examine gathers the evidence. failed is a command that has just failed, whose
// error the journal may not have; nil takes the journal's last.
func (s *Session) examine(ctx context.Context, e *doctor.Evidence, failed *deploy.LastFailure) {
	environment := s.records(ctx, e, failed)
	if environment == nil || s.Engine == nil {
		return
	}
	s.services(e, environment)
	first := &looks{evidence: e}
	first.look(ctx, "the containers", func(ctx context.Context) (func(*doctor.Evidence), error) {
		return s.lookAtContainers(ctx, environment.Project.Name)
	})
	first.look(ctx, "the proxy", func(ctx context.Context) (func(*doctor.Evidence), error) { return s.lookAtProxy(ctx, environment) })
	first.look(ctx, "the proxy's log", func(ctx context.Context) (func(*doctor.Evidence), error) { return s.lookAtFailing(ctx, environment) })
	first.look(ctx, "the host", s.lookAtHost)
	first.wait()
	second := &looks{evidence: e}
	s.askAll(ctx, second, environment)
	s.askStores(ctx, second, environment)
	if failed == nil { // what a container takes explains no command, and is slow to measure
		second.look(ctx, "the containers' usage", s.usageOf(e.Containers))
	}
	second.look(ctx, "the images", s.lookAtImages)
	if command := e.Command; command != nil {
		second.look(ctx, "the registry", func(ctx context.Context) (func(*doctor.Evidence), error) { return s.lookAtWanted(ctx, command) })
	}
	second.look(ctx, "the ports", s.lookAtPorts)
	if e.Host.Tight() {
		second.look(ctx, "what takes the disk", s.lookAtTakers)
	}
	second.wait()
	s.lookWhoListens(ctx, e)
}

// looks are several that are made side by side. Each says what it saw through a
// function that is called here: one that hangs writes nothing later.
type looks struct {
	evidence *doctor.Evidence
	pending  []*pendingLook
}

type pendingLook struct {
	what string
	done chan struct{}
	saw  func(*doctor.Evidence)
	err  error
	late <-chan struct{}
	stop context.CancelFunc
}

func (l *looks) look(ctx context.Context, what string, f func(context.Context) (func(*doctor.Evidence), error)) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	one := &pendingLook{what: what, done: make(chan struct{}), late: ctx.Done(), stop: cancel}
	l.pending = append(l.pending, one)
	go func() {
		defer close(one.done)
		defer func() {
			if panicked := recover(); panicked != nil {
				one.err = fmt.Errorf("it went wrong: %v", panicked)
			}
		}()
		one.saw, one.err = f(ctx)
	}()
}

// wait takes what was seen, each in its time.
func (l *looks) wait() {
	for _, one := range l.pending {
		select {
		case <-one.done:
		case <-one.late:
			select { // what ends with its context says more than that it is late
			case <-one.done:
			case <-time.After(lookLimit / 10):
				l.unseen(one.what, fmt.Errorf("no answer within %s", lookLimit))
				one.stop()
				continue
			}
		}
		one.stop()
		if one.saw != nil {
			one.saw(l.evidence)
		}
		if one.err != nil {
			l.unseen(one.what, one.err)
		}
	}
}

func (l *looks) unseen(what string, err error) {
	l.evidence.Unseen = append(l.evidence.Unseen, what+": "+firstLine(err.Error()))
}
