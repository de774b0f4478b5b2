package backup

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Take backs the database up while it serves. The dump goes from the container
// to the bucket as it is made; meanwhile the rows of all tables are counted in
// the very snapshot that the dump sees. A take that fails or is interrupted
// leaves no object, and says so.
func (v *Vault) Take(ctx context.Context) (deploy.Backup, error) {
	backup, err := v.take(ctx)
	if err != nil {
		return deploy.Backup{}, v.taken(err)
	}
	return backup, nil
}

// taken says what a failure left.
func (v *Vault) taken(err error) error {
	failure := &deploy.Failure{Err: fmt.Errorf("take a backup: %w", err)}
	if inner, ok := errors.AsType[*deploy.Failure](err); ok {
		failure.Hint, failure.Logs = inner.Hint, inner.Logs
		failure.Err = fmt.Errorf("take a backup: %w", plain(err))
	}
	if ended, ok := errors.AsType[exit](err); ok && failure.Logs == nil {
		failure.Logs = ended.LastLines()
	}
	if errors.Is(err, context.Canceled) {
		failure.Status = deploy.ExitInterrupted
	}
	what := "Nothing was left in " + v.bucket.where() + "."
	if left, ok := errors.AsType[*leftError](err); ok {
		what = "What was uploaded could not be removed: remove " + left.name + dumpEnding + " from " + v.bucket.where() + ". It is no backup."
	}
	failure.Hint = strings.TrimSpace(failure.Hint + "\n" + what)
	return failure
}

// leftError says that something could not be taken back.
type leftError struct {
	name string
	err  error
}

func (l *leftError) Error() string {
	return "what was uploaded could not be taken back: " + plain(l.err).Error()
}
func (l *leftError) Unwrap() error { return l.err }

// plain is an error without the hint of the failure that it is.
func plain(err error) error {
	if failure, ok := err.(*deploy.Failure); ok { //nolint:errorlint // what is in it keeps its place
		return failure.Err
	}
	return err
}

// snapshot is what a dump sees.
type snapshot struct {
	ID       string    `json:"id"`
	Database string    `json:"database"`
	Postgres string    `json:"postgres"`
	At       time.Time `json:"at"`
}

func (v *Vault) take(ctx context.Context) (deploy.Backup, error) {
	s, err := v.server(ctx)
	if err != nil {
		return deploy.Backup{}, err
	}
	if err := v.bucket.abortAbandoned(ctx, v.now()); err != nil {
		return deploy.Backup{}, err
	}
	connections := "backup " + rand.Text()
	held := s.open(ctx, s.database, applicationName, connections)
	defer held.close()
	answer, err := held.ask(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT json_build_object('id', pg_export_snapshot(), 'database', current_database(), 'postgres', current_setting('server_version'), 'at', now());`)
	if err != nil {
		return deploy.Backup{}, said(fmt.Errorf("look at database %s: %w", s.database, err), "Look at the database: mage logs "+v.options.Settings.Service)
	}
	seen, err := one[snapshot](answer)
	if err != nil {
		return deploy.Backup{}, err
	}
	now := v.now()
	name := newName(now, v.version())
	record := deploy.BackupRecord{
		Release: v.version(), Database: seen.Database, Postgres: seen.Postgres, Taken: now.UTC().Truncate(time.Second), By: v.options.By,
	}
	if err := v.dump(ctx, s, held, connections, seen, name, &record); err != nil {
		return deploy.Backup{}, err
	}
	v.reached("uploaded")
	if err := v.bucket.write(ctx, name+recordEnding, record); err != nil {
		return deploy.Backup{}, v.withdraw(ctx, name, err)
	}
	return deploy.Backup{Name: name, Origin: deploy.BackupRecorded, Taken: record.Taken, Size: record.Size, Record: &record}, nil
}

// withdraw takes an object back that no record could be written for. The
// record goes too: that it could not be written may have been said too early.
func (v *Vault) withdraw(ctx context.Context, name string, cause error) error {
	if err := errors.Join(v.bucket.remove(ctx, name+recordEnding), v.bucket.remove(ctx, name+dumpEnding)); err != nil {
		return errors.Join(cause, &leftError{name, err})
	}
	return cause
}

// dump uploads the dump, while the rows are counted, and completes the record.
func (v *Vault) dump(ctx context.Context, s *server, held *session, connections string, seen snapshot, name string, record *deploy.BackupRecord) error {
	group, ctx := errgroup.WithContext(ctx)
	context.AfterFunc(ctx, held.cancel) // a count does not notice by itself
	var first cause
	content, out := io.Pipe()
	counted := make(chan struct{})
	group.Go(func() error {
		answer, err := held.ask(countRows)
		if err == nil {
			record.Rows, err = tableRows(answer)
		}
		if err != nil {
			return first.is(fmt.Errorf("count the rows of database %s: %w", s.database, err))
		}
		close(counted)
		return nil
	})
	group.Go(func() error {
		command := s.as(s.database, connections, "pg_dump", "--format=custom", "--no-password", "--snapshot="+seen.ID)
		err := s.engine.Pipe(ctx, s.container, command, nil, out)
		if err != nil {
			err = first.is(fmt.Errorf("dump database %s: %w", s.database, err))
		} else {
			select {
			case <-counted: // the object appears when its content ends, and not before
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		}
		_ = out.CloseWithError(err)
		return err
	})
	group.Go(func() error {
		measured := &measure{sum: sha256.New()}
		err := v.bucket.upload(ctx, name+dumpEnding, map[string]string{"Release": record.Release},
			io.TeeReader(content, measured), func(done int64) { v.options.Progress(done, 0) })
		if err == nil && measured.size == 0 {
			err = v.withdraw(ctx, name, errors.New("pg_dump said nothing"))
		}
		err = first.is(err)
		_ = content.CloseWithError(err) // ends a dump that is not wanted any more
		record.Size, record.SHA256 = measured.size, hex.EncodeToString(measured.sum.Sum(nil))
		return err
	})
	if err := group.Wait(); err != nil {
		return first.of(err)
	}
	return nil
}

// cause keeps which of several parts failed first: that the others end with it
// is a consequence. What could not be taken back is not lost with them.
type cause struct {
	mu    sync.Mutex
	first error
	left  *leftError
}

func (c *cause) is(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if left, ok := errors.AsType[*leftError](err); ok {
		c.left = left
	}
	if c.first == nil {
		c.first = err
	}
	return err
}

func (c *cause) of(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first != nil {
		err = c.first
	}
	if _, known := errors.AsType[*leftError](err); c.left != nil && !known {
		return errors.Join(err, c.left)
	}
	return err
}

// measure counts and sums what passes.
type measure struct {
	size int64
	sum  hash.Hash
}

func (m *measure) Write(content []byte) (int, error) {
	m.size += int64(len(content))
	return m.sum.Write(content)
}
