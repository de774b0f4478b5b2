// Package session opens what a command works with: one environment on this
// machine, its engine, proxy and records, and a context that ends with the
// signals that ask for it.
package session

import (
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

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/engine"
	"github.com/freezedesign/webshop-deploy/deploy/image"
	"github.com/freezedesign/webshop-deploy/deploy/probe"
	"github.com/freezedesign/webshop-deploy/deploy/proxy"
)

// Options say which environment is opened.
type Options struct {
	// Env is its name; empty takes the only one that is deployed here.
	Env string
	// Root is where the project is; empty takes the working directory.
	Root string
	// Create makes the deploy directory where it is missing.
	Create bool
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

	journal *deploy.Journal
	lock    *deploy.Lock
	emit    func(deploy.Event)
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
	root := options.Root
	if root == "" {
		var err error
		if root, err = os.Getwd(); err != nil {
			return nil, fmt.Errorf("find the project: %w", err)
		}
	}
	chosen, err := choose(root, options.Env)
	if err != nil {
		return nil, err
	}
	model, err := deploy.ReadModel(ctx, chosen.file)
	if err != nil {
		return nil, err
	}
	directory, err := directoryOf(root, chosen)
	if err != nil {
		return nil, err
	}
	if err := checkDirectory(directory, chosen.name, options.Create); err != nil {
		return nil, err
	}
	s := &Session{Name: chosen.name, File: chosen.file, Model: model, emit: options.Emit}
	store := &deploy.Store{Directory: directory, Environment: chosen.name}
	variables, err := readVariables(store.EnvPath())
	if err != nil {
		return nil, err
	}
	if s.Engine, err = engine.Open(ctx, engine.Options{ProxyService: model.ProxyService()}); err != nil {
		return nil, err
	}
	s.Proxy = proxy.New(proxy.Options{Dir: store.ProxyDir()})
	s.Images = &image.Registries{Docker: s.Engine.Docker()}
	s.Host = &deploy.Host{
		Engine: s.Engine, Proxy: s.Proxy, Prober: probe.New(), Store: store,
		Variables: variables, Hash: engine.ConfigHash, Emit: s.record,
	}
	return s, nil
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
// something. It waits for a running one at most that long.
func (s *Session) Lock(ctx context.Context, what string, wait time.Duration) error {
	deadline := time.Now().Add(wait)
	for {
		lock, err := s.Host.Store.Lock(Who(), what)
		if err == nil {
			s.lock = lock
			break
		}
		if held, ok := errors.AsType[*deploy.Locked](err); !ok || held == nil || !time.Now().Before(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lockPause):
		}
	}
	var err error
	s.journal, err = s.Host.Store.OpenJournal()
	return err
}

const lockPause = 100 * time.Millisecond

// record writes an event to the journal and shows it. A journal that cannot
// be written does not end a rollout that is on its way.
func (s *Session) record(event deploy.Event) {
	if s.journal != nil {
		if err := s.journal.Write(event); err != nil && s.emit != nil {
			s.emit(deploy.Event{Kind: deploy.EventNote, At: event.At, Text: err.Error()})
		}
	}
	if s.emit != nil {
		s.emit(event)
	}
}

// Release makes the release of a version from the environment's Compose file.
func (s *Session) Release(ctx context.Context, version string) (*deploy.Release, error) {
	release, err := s.Host.NewRelease(ctx, s.Model, deploy.MakeOptions{
		Version: version, By: Who(), Resolve: s.resolve,
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
	release, err := s.Host.Store.Find(version)
	if err == nil {
		return release, s.Host.Decode(ctx, release)
	}
	unknown, ok := errors.AsType[*deploy.UnknownRelease](err)
	if !ok {
		return nil, err
	}
	made, makeErr := s.Release(ctx, version)
	if makeErr == nil {
		return made, nil
	}
	return nil, &deploy.Failure{Status: deploy.ExitUsage, Err: errors.Join(unknown, makeErr)}
}

// resolve asks the registry, and where that does not answer, the engine, which
// remembers under which digest it got an image.
func (s *Session) resolve(ctx context.Context, reference string) (deploy.Image, error) {
	found, err := s.Images.Resolve(ctx, reference)
	if errors.Is(err, image.ErrUnreachable) {
		if local, localErr := s.Images.ResolveLocal(ctx, reference); localErr == nil {
			return local, nil
		}
	}
	return found, err
}

// Close frees what the session holds.
func (s *Session) Close() error {
	var errs []error
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
