package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// server is a Postgres in a container.
type server struct {
	engine    Engine
	container string
	// user and database are those of the settings; empty for the container's
	// own, as the official image has them.
	user string
	// database is the one that is backed up.
	database string
}

// login becomes one of Postgres's programs, with the login of the container's
// own environment, also where that is in files. A password is needed only where
// an image asks for one on its local socket too; it is never an argument.
const login = `
if [ -z "${POSTGRES_USER:-}" ] && [ -r "${POSTGRES_USER_FILE:-}" ]; then IFS= read -r POSTGRES_USER <"$POSTGRES_USER_FILE" || :; fi
if [ -z "${POSTGRES_DB:-}" ] && [ -r "${POSTGRES_DB_FILE:-}" ]; then IFS= read -r POSTGRES_DB <"$POSTGRES_DB_FILE" || :; fi
if [ -z "${POSTGRES_PASSWORD:-}" ] && [ -r "${POSTGRES_PASSWORD_FILE:-}" ]; then IFS= read -r POSTGRES_PASSWORD <"$POSTGRES_PASSWORD_FILE" || :; fi
export PGUSER="${1:-${POSTGRES_USER:-postgres}}"
export PGDATABASE="${2:-${POSTGRES_DB:-$PGUSER}}"
export PGAPPNAME="$3" PGCONNECT_TIMEOUT=10
if [ -z "${PGPASSWORD:-}" ] && [ -n "${POSTGRES_PASSWORD:-}" ]; then export PGPASSWORD="$POSTGRES_PASSWORD"; fi
shift 3
exec "$@"`

// as is a command of Postgres's on one database, under a name by which its
// connections can be told; an empty database is the container's own.
func (s *server) as(database, name string, command ...string) []string {
	return append([]string{"sh", "-c", login, "sh", s.user, database, name}, command...)
}

// openServer finds out which database is meant. It does not need to be there.
func openServer(ctx context.Context, engine Engine, container string, settings deploy.Backups) (*server, error) {
	s := &server{engine: engine, container: container, user: settings.User}
	var out bytes.Buffer
	if err := engine.Pipe(ctx, container, s.as(settings.Database, applicationName, "sh", "-c", `printf %s "$PGDATABASE"`), nil, &out); err != nil {
		return nil, said(fmt.Errorf("find the database: %w", err), "")
	}
	s.database = out.String()
	return s, nil
}

// applicationName is what Postgres shows of connections that do nothing long.
const applicationName = "backup"

// maintenance is a database that is not the one that is backed up, from which
// that can be renamed.
func (s *server) maintenance() string {
	if s.database == "postgres" {
		return "template1"
	}
	return "postgres"
}

// psql is the command of a session: no start file, one value a line, and the
// end at the first error.
var psql = []string{"psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password", "--set=ON_ERROR_STOP=1", "--file=-"}

// Psql is the command of a psql in a database's container that reads statements
// from its input and prints one value a line, under a name that Postgres shows.
// Empty, user and database are the container's own.
func Psql(user, database, name string) []string {
	return (&server{user: user}).as(database, name, psql...)
}

// speakUTF8 is what a session speaks, whatever the database is stored in.
const speakUTF8 = "SET client_encoding = 'UTF8';\n"

// query runs statements and gives the lines of what they answer. They are
// never arguments: the names in them may be anybody's.
func (s *server) query(ctx context.Context, database, name, statements string) ([]string, error) {
	var out bytes.Buffer
	err := s.engine.Pipe(ctx, s.container, s.as(database, name, psql...), strings.NewReader(speakUTF8+statements+"\n"), &out)
	if err != nil {
		return nil, err
	}
	return lines(out.String()), nil
}

func lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}

// one reads the one line of an answer.
func one[T any](answer []string) (T, error) {
	var value T
	if len(answer) != 1 {
		return value, fmt.Errorf("postgres answered %d lines, and 1 was expected", len(answer))
	}
	return value, json.Unmarshal([]byte(answer[0]), &value)
}

// identifier quotes a name for SQL.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal quotes a text for SQL.
func literal(text string) string {
	quoted := `'` + strings.ReplaceAll(text, `'`, `''`) + `'`
	if strings.Contains(text, `\`) {
		return ` E` + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// connection names a database for pg_restore, which takes a name with a "="
// in it for more than a name.
func connection(database string) string {
	return `dbname='` + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(database) + `'`
}

const (
	// readyLimit is how long a new Postgres may take to make its files.
	readyLimit = 2 * time.Minute
	// readyLines is how much of its log a failure shows.
	readyLines = 20
)

// ready waits until a new Postgres takes connections. It is asked over the
// container's loopback: while the official image makes its files, a server is
// there that listens on the local socket only, and that goes again.
func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyLimit, fmt.Errorf("it takes no connections after %s", readyLimit))
	defer cancel()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		err := s.engine.Pipe(ctx, s.container, []string{"pg_isready", "--quiet", "--host=127.0.0.1"}, nil, nil)
		if err == nil {
			return nil
		}
		// 1 is "starting", 2 "no answer"; anything else does not pass.
		if ended, ok := errors.AsType[exit](err); !ok || ended.ExitCode() > 2 {
			return s.withLog(ctx, fmt.Errorf("wait for the throw-away Postgres: %w", err))
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return s.withLog(ctx, fmt.Errorf("wait for the throw-away Postgres: %w", context.Cause(ctx)))
		}
	}
}

func (s *server) withLog(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	evidence, failed := s.engine.Evidence(ctx, s.container, readyLines)
	if failed != nil {
		return err
	}
	return &deploy.Failure{Err: err, Logs: lines(string(evidence.Logs))}
}

// restore feeds a backup to pg_restore, which stops at its first error.
func (s *server) restore(ctx context.Context, name, database string, content io.Reader, options ...string) error {
	command := append([]string{"pg_restore", "--exit-on-error", "--no-password", "--dbname=" + connection(database)}, options...)
	return s.engine.Pipe(ctx, s.container, s.as("", name, command...), content, nil)
}
