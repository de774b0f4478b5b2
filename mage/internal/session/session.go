// Package session opens what a command works with: one environment on this
// machine, its engine, proxy and records, and a context that ends with the
// signals that ask for it.
package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/django"
	"github.com/freezedesign/webshop-deploy/deploy/engine"
	"github.com/freezedesign/webshop-deploy/deploy/image"
	"github.com/freezedesign/webshop-deploy/deploy/probe"
	"github.com/freezedesign/webshop-deploy/deploy/proxy"
	"github.com/freezedesign/webshop-deploy/deploy/sentry"
	"github.com/freezedesign/webshop-deploy/deploy/system"
)

// Options say which environment is opened.
type Options struct {
	// Env is its name; empty takes the only one that is deployed here.
	Env string
	// Root is where the project is; empty takes the working directory.
	Root string
	// Create makes the deploy directory where it is missing.
	Create bool
	// Who gives the command; whoever runs this process where empty.
	Who string
	// Keychain has the registries' logins; nil takes this machine's own.
	Keychain authn.Keychain
	// Ask asks a person for a registry's login; nil where there is nobody.
	Ask func(registry string) (deploy.Login, error)
	// Emit is shown every event.
	Emit func(deploy.Event)
}

// Session is one environment, opened.
type Session struct {
	Name string
	// File is the environment's Compose file.
	File   string
	Model  *deploy.Model
	Host   *deploy.Host
	Engine *engine.Engine
	Proxy  *proxy.Proxy
	Images *image.Registries

	who     string
	signIn  *signIn
	journal *deploy.Journal
	lock    *deploy.Lock
	emit    func(deploy.Event)
	// transcript is of a command that takes the lock itself.
	transcript *deploy.Transcript
}

// Signals gives a context that ends with Ctrl-C and SIGTERM. Mage leaves five
// seconds after Ctrl-C and none after SIGTERM, so its own handling is replaced.
func Signals(ctx context.Context) (context.Context, context.CancelFunc) {
	signal.Reset(os.Interrupt)
	return signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
}

// memoryGoal is what the garbage collector aims at: a deployer on a 2 GB host
// must not be what the shop runs out of memory for.
const memoryGoal = 24 << 20

// Open opens an environment. Nothing is changed by it.
func Open(ctx context.Context, options Options) (*Session, error) {
	debug.SetMemoryLimit(memoryGoal)
	root, err := rootOr(options.Root)
	if err != nil {
		return nil, err
	}
	chosen, store, err := locate(root, options.Env)
	if err != nil {
		return nil, err
	}
	model, err := deploy.ReadModel(ctx, chosen.file)
	if err != nil {
		return nil, err
	}
	if err := checkDirectory(store.Directory, chosen.name, options.Create); err != nil {
		return nil, err
	}
	signIn := &signIn{keychain: options.Keychain, ask: options.Ask}
	s := &Session{signIn: signIn, Name: chosen.name, File: chosen.file, Model: model, who: cmp.Or(options.Who, Who()), emit: options.Emit}
	variables, err := readVariables(store.EnvPath())
	if err != nil {
		return nil, err
	}
	if s.Engine, err = engine.Open(ctx, engine.Options{
		ProxyService: model.ProxyService(), Login: image.LoginFor(signIn),
	}); err != nil {
		return nil, err
	}
	s.assemble(store, variables)
	return s, nil
}

// assemble makes what works on the engine that was opened.
func (s *Session) assemble(store *deploy.Store, variables map[string]string) {
	s.Proxy = proxy.New(proxy.Options{Dir: store.ProxyDir()})
	s.Images = &image.Registries{Docker: s.Engine.Docker(), Keychain: s.signIn}
	s.Host = &deploy.Host{
		Engine: s.Engine, Images: s.Engine, Proxy: s.Proxy, Prober: probe.New(), Parking: s.Engine, Store: store,
		Django: django.New(s.Engine), Backups: s.safe,
		Commands: system.Commands{Directory: store.Directory}, Who: s.who,
		Tracker:   func(settings deploy.Sentry) deploy.ErrorTracker { return sentry.New(settings) },
		Variables: variables, Hash: engine.ConfigHash, Emit: s.record,
	}
}

// StoreOf finds the deploy directory of an environment on this machine, as Open
// does, and opens nothing.
func StoreOf(root, env string) (*deploy.Store, error) {
	root, err := rootOr(root)
	if err != nil {
		return nil, err
	}
	chosen, store, err := locate(root, env)
	if err != nil {
		return nil, err
	}
	return store, checkDirectory(store.Directory, chosen.name, false)
}

func locate(root, env string) (candidate, *deploy.Store, error) {
	chosen, err := choose(root, env)
	if err != nil {
		return chosen, nil, err
	}
	directory, err := directoryOf(root, chosen)
	return chosen, &deploy.Store{Directory: directory, Environment: chosen.name}, err
}

// rootOr is the working directory where no root is given.
func rootOr(root string) (string, error) {
	if root != "" {
		return root, nil
	}
	root, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the project: %w", err)
	}
	return root, nil
}

func checkDirectory(directory, name string, create bool) error {
	if create {
		if err := os.MkdirAll(directory, 0o750); err != nil {
			return fmt.Errorf("make the deploy directory of %s: %w", name, err)
		}
	}
	if _, err := os.Stat(directory); err != nil {
		return &deploy.Failure{
			Status: deploy.ExitUsage,
			Err:    fmt.Errorf("%s is not on this machine: its deploy directory %s does not exist", name, directory),
		}
	}
	return nil
}

func readVariables(path string) (map[string]string, error) {
	// The parser's own error for a file that is not there cannot be told apart.
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	variables, err := dotenv.GetEnvFromFile(map[string]string{}, []string{path})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err) // the parser names the line, not the value
	}
	return variables, nil
}

// Lock takes the deploy lock and opens the journal for a command that changes
// something. What an interrupted command has left is repaired first.
func (s *Session) Lock(ctx context.Context, what string) error {
	lock, err := s.Host.Store.Lock(s.who, what)
	if err != nil {
		return err
	}
	if err := s.hold(lock); err != nil {
		return err
	}
	s.transcribe(what, true)
	events, err := s.Host.Store.Events()
	if err != nil || !deploy.Interrupted(events) {
		return err
	}
	s.record(deploy.Event{Kind: deploy.EventNote, At: time.Now(), Text: "the command before this one was interrupted: recovering from that first"})
	if _, err := s.Host.Recover(ctx, deploy.Options{}); err != nil {
		return fmt.Errorf("recover before %s: %w", what, err)
	}
	return nil
}

// hold opens the journal for whoever has the lock, and frees it at the end.
func (s *Session) hold(lock *deploy.Lock) error {
	s.lock = lock
	var err error
	s.journal, err = s.Host.Store.OpenJournal()
	return err
}

// record keeps an event and shows it. A journal that cannot be written does not
// end a rollout that is on its way.
func (s *Session) record(event deploy.Event) {
	if err := s.keep(event); err != nil && s.emit != nil {
		s.emit(deploy.Event{Kind: deploy.EventNote, At: event.At, Text: err.Error()})
	}
	if s.emit != nil {
		s.emit(event)
	}
}

// Release makes the release of a version from the environment's Compose file;
// background may be nil.
func (s *Session) Release(ctx context.Context, version string, background *deploy.Background) (*deploy.Release, error) {
	release, err := s.Host.NewRelease(ctx, s.Model, deploy.MakeOptions{
		Version: version, By: s.who, Background: background, Resolve: s.resolve,
		Proxy: deploy.ProxyContainer{Group: strconv.Itoa(proxy.Group()), DNSOptions: proxy.DNSOptions(), Alias: proxy.UnusedName},
	})
	if errors.Is(err, image.ErrNotFound) {
		return nil, usage("%w", err)
	}
	return release, err
}

// Recorded finds the recorded release of a version, the newest of them, or
// makes it from the registry where this host never had it.
func (s *Session) Recorded(ctx context.Context, version string) (*deploy.Release, error) {
	find := s.Host.Store.Find
	if version == deploy.Previous {
		find = func(string) (*deploy.Release, error) { return s.Host.Store.FindPrevious() }
	}
	release, err := find(version)
	if err == nil {
		return release, s.Host.Decode(ctx, release)
	}
	unknown, ok := errors.AsType[*deploy.UnknownRelease](err)
	if !ok {
		return nil, err
	}
	made, makeErr := s.Release(ctx, version, nil)
	if makeErr == nil {
		return made, nil
	}
	return nil, &deploy.Failure{Status: deploy.ExitUsage, Err: errors.Join(unknown, makeErr)}
}

// Close frees what the session holds.
func (s *Session) Close() error {
	var errs []error
	if s.transcript != nil {
		errs = append(errs, s.transcript.File().Close())
	}
	if s.journal != nil {
		errs = append(errs, s.journal.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Unlock())
	}
	return errors.Join(append(errs, s.Engine.Close())...)
}

// Who names the person or job that gives the command: "anna@laptop".
func Who() string {
	name := os.Getenv("GITHUB_ACTOR")
	if name == "" {
		name = os.Getenv("SUDO_USER")
	}
	if current, err := user.Current(); name == "" && err == nil {
		name = current.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + filepath.Base(host)
}
