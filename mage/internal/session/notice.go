package session

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/notify"
)

// Over is a command that has ended, as whoever supervised it knows.
type Over struct {
	Result *deploy.Result `json:"result"`
	// Before is the identifier of the release that served when it began.
	Before string `json:"before,omitempty"`
	// Died says that its process died and another one recovered.
	Died  bool      `json:"died,omitempty"`
	Began time.Time `json:"began"`
}

// Tell tells people what came of a command. It reads the environment's settings
// and records, and opens nothing else. emit is shown what went wrong.
func Tell(ctx context.Context, c Command, over Over, emit func(deploy.Event)) error {
	root, err := rootOr("")
	if err != nil {
		return err
	}
	chosen, store, err := locate(root, c.Env)
	if err != nil {
		return err
	}
	settings, err := notifySettings(ctx, chosen, store)
	if err != nil {
		return err
	}
	course := c.course(store, settings)
	course.Before, course.Died, course.Result = loaded(store, over.Before), over.Died, over.Result
	course.Elapsed = course.At.Sub(over.Began)
	tell(ctx, course, emit)
	return nil
}

// notifySettings reads who is told, with the host's variables of now.
func notifySettings(ctx context.Context, chosen candidate, store *deploy.Store) (deploy.Notify, error) {
	model, err := deploy.ReadModel(ctx, chosen.file)
	if err != nil {
		return deploy.Notify{}, err
	}
	variables, err := readVariables(store.EnvPath())
	if err != nil {
		return deploy.Notify{}, err
	}
	return model.Notify(variables)
}

// course is what is known of a command whatever comes of it.
func (c Command) course(store *deploy.Store, settings deploy.Notify) deploy.Course {
	return deploy.Course{
		Environment: store.Environment, Host: hostname(), Command: c.What, Who: cmp.Or(c.Who, Who()),
		Rollback: c.Options.Rollback, Recover: c.Recover, Undo: c.Undo, Version: c.Version, Background: c.Background,
		Serving: serving(store), At: time.Now(), Notify: settings,
	}
}

// serving is the record of what serves; nil for nothing, and for one that cannot
// be read: a notice without it is better than none.
func serving(store *deploy.Store) *deploy.Release {
	id, err := store.Serving()
	if err != nil {
		return nil
	}
	return loaded(store, id)
}

func loaded(store *deploy.Store, id string) *deploy.Release {
	if id == "" {
		return nil
	}
	release, err := store.Load(id)
	if err != nil {
		return nil
	}
	return release
}

// tell sends a notice to all who want it, and notes what went wrong.
func tell(ctx context.Context, course deploy.Course, emit func(deploy.Event)) {
	notice := course.Notice()
	if !course.Notify.Wants(notice) {
		return
	}
	for _, err := range notify.Tell(ctx, notify.Webhooks(course.Environment, course.Notify), notice) {
		if err != nil {
			emit(note(err.Error()))
		}
	}
}

// note is a note of a text, on one line.
func note(text string) deploy.Event {
	return deploy.Event{Kind: deploy.EventNote, At: time.Now(), Text: strings.ReplaceAll(text, "\n", "; ")}
}

// announcement is the notice that a command has begun, sent side by side with
// what it does.
type announcement struct {
	cancel context.CancelFunc
	group  sync.WaitGroup
}

// announce has a command's start told with its first step. A recovery is told
// of at its end only.
func (s *Session) announce(ctx context.Context, c Command) *announcement {
	a := &announcement{}
	ctx, a.cancel = context.WithCancel(context.WithoutCancel(ctx))
	settings, err := s.Model.Notify(s.Host.Variables)
	if err != nil {
		// A rollback reads a recorded release, and this file for nothing else.
		s.record(note("nobody is told of this: " + err.Error()))
		return a
	}
	if !settings.Any() {
		return a
	}
	if c.Tells != nil {
		c.Tells()
	}
	if c.Recover || c.Options.PlanOnly {
		return a
	}
	var once sync.Once
	emit := s.emit
	s.emit = func(event deploy.Event) {
		if event.Kind == deploy.EventStart {
			once.Do(func() {
				c.Version = cmp.Or(event.Release, c.Version)
				course := c.course(s.Host.Store, settings) // what serves now, before the command changes that
				course.Before = course.Serving
				a.group.Go(func() { tell(ctx, course, s.record) })
			})
		}
		if emit != nil {
			emit(event)
		}
	}
	return a
}

// lateStart is how long a start notice may still take once the command is over.
const lateStart = 2 * time.Second

// end waits for the notice, for a moment only: that of the end comes next.
func (a *announcement) end() {
	timer := time.AfterFunc(lateStart, a.cancel)
	defer timer.Stop()
	a.group.Wait()
	a.cancel()
}

// NotifyTest is what came of a test notice.
type NotifyTest struct {
	// Service is Discord or Slack, Variable the one that holds its address.
	Service, Variable string
	Err               error
}

// TryNotify sends a test notice to every webhook of an environment on this
// machine; it gives none where none is there.
func TryNotify(ctx context.Context, env string) ([]NotifyTest, error) {
	root, err := rootOr("")
	if err != nil {
		return nil, err
	}
	chosen, store, err := locate(root, env)
	if err != nil {
		return nil, err
	}
	settings, err := notifySettings(ctx, chosen, store)
	if err != nil {
		return nil, err
	}
	c := Command{What: "notify:test " + store.Environment}
	notice := deploy.NewTestNotice(c.course(store, settings))
	hooks := notify.Webhooks(store.Environment, settings)
	var tests []NotifyTest
	for at, err := range notify.Tell(ctx, hooks, notice) {
		tests = append(tests, NotifyTest{Service: hooks[at].Service, Variable: hooks[at].Variable, Err: err})
	}
	return tests, nil
}
