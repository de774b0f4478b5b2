// Package backup keeps backups of an environment's Postgres database in an S3
// bucket: it takes, lists, checks, tries and restores them.
//
// A backup is what pg_dump makes, streamed from the container to the bucket
// and never on the host's disk, and a record beside it, which is written last.
// Postgres's own programs are run in its container, on its local socket, so
// that their version fits and no password is needed.
package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Engine is what is needed of the container engine.
type Engine interface {
	// Pipe runs one command in a running container, with its input and output
	// streamed. A status other than 0 has the methods ExitCode and LastLines.
	// When ctx ends, so does the command.
	Pipe(ctx context.Context, container string, command []string, stdin io.Reader, stdout io.Writer) error
	// Throwaway starts a container of the release's service that nothing else
	// can notice and that has no data; remove takes it away.
	Throwaway(ctx context.Context, release *deploy.Release, service string) (name string, remove func() error, err error)
	// Evidence gives a container's last log lines.
	Evidence(ctx context.Context, container string, lines int) (deploy.Evidence, error)
}

// Defaults of the options.
const (
	// DefaultPatience is how long the S3 server may say nothing.
	DefaultPatience = 30 * time.Second
	// DefaultFile is where the login is looked for, as messages say it.
	DefaultFile = ".env"
)

// Options say which backups, of which database.
type Options struct {
	Settings deploy.Backups
	// Variables are the host's, from File: the login is in them.
	Variables map[string]string
	File      string
	Engine    Engine
	// Release is the one that serves; it names the backups, and its Postgres
	// image is what they are tried in.
	Release *deploy.Release
	// Container is the one that Postgres runs in; empty where none does. Only
	// List works without it in full.
	Container string
	// By says who asks: "anna@laptop".
	By string
	// Patience bounds the silence of the S3 server, DefaultPatience where 0. A
	// request is tried three times.
	Patience time.Duration
	// Progress is told how many bytes have gone to or come from the bucket, and
	// of how many; 0 where that is not known.
	Progress func(done, total int64)
}

// Vault is the backups of one environment: a bucket, and the database that
// they are of. One command at a time may change them; see deploy.Lock.
type Vault struct {
	options Options
	bucket  *bucket
	now     func() time.Time
	// reached is called at each step; tests interrupt there.
	reached func(step string)
}

// Open makes the client; it asks nobody yet. A login that is missing is a
// *deploy.Failure that names the variables and the file.
func Open(options Options) (*Vault, error) {
	options.File = cmp.Or(options.File, DefaultFile)
	options.Patience = cmp.Or(options.Patience, DefaultPatience)
	if options.Progress == nil {
		options.Progress = func(int64, int64) {}
	}
	bucket, err := openBucket(options)
	if err != nil {
		return nil, err
	}
	return &Vault{options: options, bucket: bucket, now: time.Now, reached: func(string) {}}, nil
}

// version is that of the release that serves.
func (v *Vault) version() string {
	if v.options.Release == nil {
		return "none"
	}
	return cmp.Or(v.options.Release.Version, "none")
}

// server is the Postgres that serves.
func (v *Vault) server(ctx context.Context) (*server, error) {
	if v.options.Container == "" {
		return nil, &deploy.Failure{
			Err:  fmt.Errorf("find the database: no container of service %s runs", v.options.Settings.Service),
			Hint: "Look at it: mage status",
		}
	}
	return openServer(ctx, v.options.Engine, v.options.Container, v.options.Settings)
}

// find gives the backup of that name, the newest for an empty one.
func (v *Vault) find(ctx context.Context, name string) (deploy.Backup, error) {
	backups, err := v.List(ctx)
	if err != nil {
		return deploy.Backup{}, err
	}
	if name == "" {
		if newest, ok := deploy.NewestBackup(backups); ok {
			return newest, nil
		}
		return deploy.Backup{}, &deploy.Failure{
			Err: fmt.Errorf("find the newest backup: there is none in %s", v.bucket.where()), Hint: "Take one: mage backup:take",
		}
	}
	var names []string
	for _, one := range backups {
		if one.Name == name {
			return one, nil
		}
		names = append(names, one.Name)
	}
	hint := "See which there are: mage backup:list"
	if near := deploy.Nearest(name, names, 1); len(near) > 0 {
		hint = "Did you mean " + near[0] + "? " + hint
	}
	return deploy.Backup{}, &deploy.Failure{
		Status: deploy.ExitUsage, Err: fmt.Errorf("find backup %s: it is not in %s", name, v.bucket.where()), Hint: hint,
	}
}

// exit is how a command in a container failed.
type exit interface {
	error
	ExitCode() int
	LastLines() []string
}

// said wraps what a command failed of, with its last lines.
func said(err error, hint string) error {
	failure := &deploy.Failure{Err: err, Hint: hint}
	if ended, ok := errors.AsType[exit](err); ok {
		failure.Logs = ended.LastLines()
	}
	return failure
}
