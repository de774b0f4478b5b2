// Package fleet is the hosts of one environment as a laptop or a CI job sees
// them: it ships to them over SSH, asks the same binary there to work, and
// follows what it says.
package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/remote"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// The variables of the process from which a CI job, which has neither an agent
// nor files, takes what SSH needs.
const (
	KeyVariable        = "DEPLOY_SSH_KEY"
	PassphraseVariable = "DEPLOY_SSH_PASSPHRASE"
	KnownHostsVariable = "DEPLOY_SSH_KNOWN_HOSTS"
)

// Options say which environment's hosts are reached.
type Options struct {
	// Root is the project's folder.
	Root string
	// Env is the environment's name.
	Env string
	// Compose is another folder that the environment's Compose file is read
	// from: the clean checkout of a tag. Root where empty.
	Compose string
	// Emit is shown what the hosts say.
	Emit func(deploy.Event)
	// Say is told what happens here.
	Say func(format string, args ...any)
	// Section is told what the next part of a command is; empty at its end.
	Section func(title string)
	// Report is shown what came of each host's rollout.
	Report func(*deploy.Report)
}

// Fleet is the hosts of one environment.
type Fleet struct {
	Name string
	// Root is the project's folder, File the environment's Compose file.
	Root, File string
	Model      *deploy.Model
	Settings   deploy.Settings
	// Directory is the deploy directory on the hosts.
	Directory string
	// Variables are those of whoever builds: of this process, and of
	// .env.<environment> in the project's folder.
	Variables map[string]string
	Hosts     []*Host

	emit    func(deploy.Event)
	say     func(format string, args ...any)
	section func(title string)
	report  func(*deploy.Report)
}

// Open reads an environment. Nothing is reached by it.
func Open(ctx context.Context, options Options) (*Fleet, error) {
	name, file, err := session.Find(cmp.Or(options.Compose, options.Root), options.Env)
	if err != nil {
		return nil, err
	}
	f := &Fleet{Name: name, Root: options.Root, File: file, emit: options.Emit, say: options.Say, section: options.Section, report: options.Report}
	if f.Model, err = deploy.ReadModel(ctx, file); err != nil {
		return nil, err
	}
	if f.Variables, err = localVariables(options.Root, name, file); err != nil {
		return nil, err
	}
	if f.Settings, err = f.Model.Settings(f.Variables); err != nil {
		return nil, err
	}
	f.Directory = cmp.Or(f.Settings.Directory, "/opt/"+f.Project())
	for _, address := range f.Settings.Hosts {
		f.Hosts = append(f.Hosts, &Host{Address: address, fleet: f})
	}
	if len(f.Hosts) > 0 && !path.IsAbs(f.Directory) {
		return nil, usage("x-deploy.directory in %s is %q: on a host it starts with /, such as /opt/%s", file, f.Directory, f.Project())
	}
	return f, nil
}

// Project is the Compose project's name.
func (f *Fleet) Project() string { return f.Model.ProjectName(f.Directory, f.Variables) }

// Remote says whether the environment runs on other machines.
func (f *Fleet) Remote() bool { return len(f.Hosts) > 0 }

// NoHosts is the error of a command that needs hosts where there are none.
func (f *Fleet) NoHosts() error {
	return usage("%s has no hosts: add x-deploy: {hosts: [deploy@shop.example]} to %s, or deploy on this machine with `mage deploy:here`", f.Name, f.File)
}

// EnvFile is the file with an environment's variables on a laptop.
func EnvFile(root, name string) string { return filepath.Join(root, ".env."+name) }

// localVariables are what a build knows: of the process, so that a CI job
// needs no file, else of .env.<environment>, else, where the environment runs
// on this machine, of its deploy directory.
func localVariables(root, name, file string) (map[string]string, error) {
	variables := map[string]string{}
	directory, err := deploy.DirectoryOf(file)
	if err != nil {
		return nil, err
	}
	if !filepath.IsAbs(directory) {
		directory = filepath.Join(root, directory)
	}
	for _, path := range []string{filepath.Join(directory, ".env"), EnvFile(root, name)} {
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the variables of %s: %w", name, err)
		}
		found, err := session.ParseEnv(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		maps.Copy(variables, found)
	}
	for _, pair := range os.Environ() {
		key, value, _ := strings.Cut(pair, "=")
		variables[key] = value
	}
	return variables, nil
}

// Dial connects to all hosts, side by side.
func (f *Fleet) Dial(ctx context.Context) error {
	if !f.Remote() {
		return f.NoHosts()
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, host := range f.Hosts {
		group.Go(func() error { return host.dial(ctx) })
	}
	return group.Wait()
}

// Channels says how many SSH channels were opened to each host that was
// reached, over its one connection.
func (f *Fleet) Channels() map[string]int {
	channels := map[string]int{}
	for _, host := range f.Hosts {
		if host.client != nil {
			channels[host.Address] = host.client.Channels()
		}
	}
	return channels
}

// Close ends the connections.
func (f *Fleet) Close() {
	for _, host := range f.Hosts {
		if host.client != nil {
			_ = host.client.Close() // nothing is left to be said over it
		}
	}
}

// sshOptions are what SSH needs to know, from the environment where it is
// there.
func sshOptions(address string) remote.Options {
	options := remote.Options{Host: address, Passphrase: askPassphrase}
	if key := os.Getenv(KeyVariable); key != "" {
		options.Key = []byte(strings.TrimRight(key, "\n") + "\n")
	}
	if lines := os.Getenv(KnownHostsVariable); lines != "" {
		options.KnownHosts = []byte(lines)
	}
	return options
}

// askPassphrase asks on the terminal, which is not where a CI job is.
func askPassphrase(file string) ([]byte, error) {
	if passphrase := os.Getenv(PassphraseVariable); passphrase != "" {
		return []byte(passphrase), nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, fmt.Errorf("it has a passphrase and nobody can be asked: add it to the agent with `ssh-add %s`, or set %s", file, PassphraseVariable)
	}
	fmt.Fprintf(os.Stderr, "Passphrase of %s: ", file)
	passphrase, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	return passphrase, nil
}

func usage(format string, args ...any) error {
	return &deploy.Failure{Status: deploy.ExitUsage, Err: fmt.Errorf(format, args...)}
}
