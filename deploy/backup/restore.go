package backup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Restored is what a restore or a swap did.
type Restored struct {
	// Backup is the one that serves now; zero after a swap back.
	Backup deploy.Backup
	// Database serves; Kept is what served before under that name, and is there
	// until it is forgotten. It is empty where nothing served.
	Database, Kept string
	// Tables and Rows are what came back.
	Tables int
	Rows   int64
	// Gap is for how long nobody could connect, Took how long all took.
	Gap, Took time.Duration
}

// Next says what can be typed next.
func (r Restored) Next() string {
	if r.Kept == "" {
		return ""
	}
	return fmt.Sprintf("What served before is kept as database %s.\nTo return to it: mage backup:swapBack %s\nTo drop it:      mage backup:forget %s", r.Kept, r.Kept, r.Kept)
}

// Restore brings a backup, the newest for an empty name, back: into a new
// database beside the one that serves, where it is checked, and then in its
// place in one transaction. What served is kept.
//
// Whatever fails or is killed before that transaction leaves the old database
// serving, and after it the new one; what a killed restore has left beside is
// dropped by the next.
func (v *Vault) Restore(ctx context.Context, name string) (Restored, error) {
	began := time.Now()
	backup, err := v.find(ctx, name)
	if err != nil {
		return Restored{}, err
	}
	s, err := v.server(ctx)
	if err != nil {
		return Restored{}, err
	}
	restored, err := v.restore(ctx, s, backup)
	restored.Took = time.Since(began)
	if err != nil {
		return restored, v.notRestored(s, backup, err)
	}
	return restored, nil
}

// notRestored says that the old database serves.
func (v *Vault) notRestored(s *server, backup deploy.Backup, err error) error {
	failure := &deploy.Failure{Err: fmt.Errorf("restore backup %s: %w", backup.Name, plain(err))}
	if inner, ok := errors.AsType[*deploy.Failure](err); ok {
		failure.Hint, failure.Logs = inner.Hint, inner.Logs
	}
	if ended, ok := errors.AsType[exit](err); ok && failure.Logs == nil {
		failure.Logs = ended.LastLines()
	}
	if errors.Is(err, context.Canceled) {
		failure.Status = deploy.ExitInterrupted
	}
	if _, ok := errors.AsType[*wrongBackup](err); ok {
		failure.Hint = "Choose another one: mage backup:list"
	}
	failure.Hint = strings.TrimSpace(failure.Hint + "\nDatabase " + s.database + " was not touched and serves as before.")
	return failure
}

func (v *Vault) restore(ctx context.Context, s *server, backup deploy.Backup) (restored Restored, err error) {
	connections := "restore " + rand.Text()
	held := s.open(ctx, s.maintenance(), applicationName, connections)
	defer held.close()
	if err := s.alone(held); err != nil {
		return restored, err
	}
	databases, err := s.databases(ctx)
	if err != nil {
		return restored, err
	}
	current, err := s.clear(ctx, databases)
	if err != nil {
		return restored, err
	}
	if err := s.room(ctx, current, backup); err != nil {
		return restored, err
	}
	now := v.now()
	filled, aside := s.beside(unfinishedMark, now), s.aside(databases, now)
	v.reached("before")
	defer func() {
		if err != nil { // nothing of that name is there any more once it is in place
			clearing, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
			defer cancel()
			if left := s.drop(clearing, filled); left != nil {
				err = errors.Join(err, fmt.Errorf("database %s is left, and dropped by the next restore: %w", filled, left))
			}
		}
	}()
	if _, err := s.query(ctx, s.maintenance(), connections, s.create(current, filled)); err != nil {
		return restored, said(fmt.Errorf("make database %s: %w", filled, err), "")
	}
	v.reached("created")
	rows, err := v.fill(ctx, s, connections, filled, backup)
	if err != nil {
		return restored, err
	}
	// A dump has no statistics, and the first requests would be slow without.
	if _, err := s.query(ctx, filled, connections, "ANALYZE;"); err != nil {
		return restored, said(fmt.Errorf("analyze database %s: %w", filled, err), "")
	}
	v.reached("checked")
	restored = Restored{Backup: backup, Database: s.database, Tables: len(rows), Rows: sum(rows)}
	if current.Name != "" {
		restored.Kept = aside
	}
	restored.Gap, err = v.swap(ctx, s, current.Name, filled, aside)
	if err != nil && !s.swapped(ctx, filled) {
		return restored, fmt.Errorf("put database %s in place: %w", filled, err)
	}
	v.reached("swapped")
	return restored, nil //nolint:nilerr // it was done
}

// swapped says, after a swap that failed, whether it was done all the same: an
// interruption may come between the transaction's end and its news.
func (s *server) swapped(ctx context.Context, incoming string) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	databases, err := s.databases(ctx)
	return err == nil && !slices.ContainsFunc(databases, func(f found) bool { return f.Name == incoming })
}

// alone takes the lock that only one restore of a database has, for as long as
// the session is there.
func (s *server) alone(held *session) error {
	answer, err := held.ask("SELECT pg_try_advisory_lock(hashtext(" + literal("restore "+s.database) + "));")
	if err != nil {
		return said(fmt.Errorf("look for other restores: %w", err), "")
	}
	if len(answer) != 1 || answer[0] != "t" {
		return &deploy.Failure{
			Status: deploy.ExitLocked, Err: errors.New("another restore of this database is on its way"),
			Hint: "Wait for it, or look at what it does: SELECT * FROM pg_stat_activity.",
		}
	}
	return nil
}

// clear drops what killed restores have left, and gives the database that
// serves. That there is none, and one was put aside, is nothing that a restore
// leaves; a person has renamed it.
func (s *server) clear(ctx context.Context, databases []found) (found, error) {
	var current found
	var kept []string
	for _, one := range databases {
		switch {
		case one.Name == s.database:
			current = one
		case s.marked(one.Name, keptMark):
			kept = append(kept, one.Name)
		case s.marked(one.Name, unfinishedMark):
			if err := s.drop(ctx, one.Name); err != nil {
				return found{}, said(fmt.Errorf("drop database %s, which an interrupted restore has left: %w", one.Name, err), "")
			}
		}
	}
	if current.Name == "" && len(kept) > 0 {
		last := kept[len(kept)-1]
		return found{}, &deploy.Failure{
			Status: deploy.ExitNeedsPerson,
			Err:    fmt.Errorf("database %s is not there, and %s is, which served before", s.database, last),
			Hint:   "Put it back first: mage backup:swapBack " + last,
		}
	}
	return current, nil
}

// create makes the database that is restored into.
func (s *server) create(current found, name string) string {
	if current.Name == "" {
		return "CREATE DATABASE " + identifier(name) + " TEMPLATE template0;"
	}
	return s.sameShape(name) + s.sameRights(name)
}

// room refuses a restore that would fill the disk: Postgres stops serving when
// it cannot write. What is needed is not known before; it is taken to be what
// the database has now, or three times the compressed backup.
func (s *server) room(ctx context.Context, current found, backup deploy.Backup) error {
	needed := max(current.Size, 3*backup.Size)
	answer, err := s.query(ctx, s.maintenance(), applicationName, "SHOW data_directory;")
	if err != nil || len(answer) != 1 {
		return nil //nolint:nilerr // only a superuser may ask; the disk is then not looked at
	}
	var out strings.Builder
	if err := s.engine.Pipe(ctx, s.container, []string{"df", "-Pk", answer[0]}, nil, &out); err != nil {
		return nil //nolint:nilerr // the image has no df
	}
	fields := strings.Fields(out.String()[strings.LastIndex(strings.TrimRight(out.String(), "\n"), "\n")+1:])
	if len(fields) < 4 {
		return nil
	}
	free, err := strconv.ParseInt(fields[3], 10, 64)
	if err != nil || free*1024 >= needed+needed/10 {
		return nil //nolint:nilerr // as above
	}
	return &deploy.Failure{
		Err:  fmt.Errorf("the disk has %d MB free, and a second database needs about %d MB", free/1024, needed/1_000_000),
		Hint: "Make room: mage backup:forget for what earlier restores have kept, mage prune for old releases.",
	}
}

// SwapBack puts a database that a restore has put aside in its place again;
// what served until now is kept in its turn.
func (v *Vault) SwapBack(ctx context.Context, database string) (Restored, error) {
	began := time.Now()
	s, err := v.server(ctx)
	if err != nil {
		return Restored{}, err
	}
	if err := v.isKept(ctx, database, "swap back"); err != nil {
		return Restored{}, err
	}
	held := s.open(ctx, s.maintenance(), applicationName, "")
	defer held.close()
	if err := s.alone(held); err != nil {
		return Restored{}, err
	}
	databases, err := s.databases(ctx)
	if err != nil {
		return Restored{}, err
	}
	restored := Restored{Database: s.database}
	current := ""
	for _, one := range databases {
		if one.Name == s.database {
			current, restored.Kept = s.database, s.aside(databases, v.now())
		}
	}
	restored.Gap, err = v.swap(ctx, s, current, database, restored.Kept)
	restored.Took = time.Since(began)
	if err != nil && !s.swapped(ctx, database) {
		return restored, said(fmt.Errorf("put database %s in place: %w", database, err), "Nothing was changed; look which there are: mage backup:list")
	}
	return restored, nil
}
