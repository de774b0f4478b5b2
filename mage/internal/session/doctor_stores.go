package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/backup"
	"github.com/freezedesign/webshop-deploy/deploy/doctor"
)

// askStores asks each Postgres and each Redis that runs how it is.
func (s *Session) askStores(ctx context.Context, all *looks, environment *deploy.Environment) {
	for _, container := range all.evidence.Containers {
		if container.Gone || container.OneOff || !container.Running() {
			continue
		}
		at := slices.IndexFunc(all.evidence.Services, func(one doctor.Service) bool { return one.Name == container.Service })
		if at < 0 {
			continue
		}
		switch all.evidence.Services[at].Role {
		case doctor.RoleDatabase:
			user, name := "", ""
			if backups := environment.Settings.Backups; backups != nil && backups.Service == container.Service {
				user, name = backups.User, backups.Database
			}
			all.look(ctx, "the database", func(ctx context.Context) (func(*doctor.Evidence), error) {
				database := s.askDatabase(ctx, container, user, name)
				return func(e *doctor.Evidence) { e.Databases = append(e.Databases, database) }, nil
			})
		case doctor.RoleRedis:
			password := requirePass(environment.Project.Services[container.Service].Command)
			all.look(ctx, "Redis", func(ctx context.Context) (func(*doctor.Evidence), error) {
				redis := s.askRedis(ctx, container, password)
				return func(e *doctor.Evidence) { e.Redis = append(e.Redis, redis) }, nil
			})
		}
	}
}

// pipe runs a command in a container with an input, and gives what it prints.
// What hangs is not waited for longer than ctx: it is ended by and by.
func (s *Session) pipe(ctx context.Context, container string, command []string, input string) (string, error) {
	type answer struct {
		out string
		err error
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit-lookLimit/6)
	defer cancel()
	answered := make(chan answer, 1)
	go func() {
		var out bytes.Buffer
		err := s.Engine.Pipe(ctx, container, command, strings.NewReader(input), &out)
		answered <- answer{out.String(), err}
	}()
	select {
	case got := <-answered:
		if got.err != nil && ctx.Err() != nil {
			break
		}
		return got.out, got.err
	case <-ctx.Done():
	}
	return "", fmt.Errorf("no answer within %s", lookLimit)
}

// problemOf says what a command in a container failed of, in its own words.
func problemOf(err error) string {
	if ended, ok := errors.AsType[interface {
		error
		LastLines() []string
	}](err); ok && len(ended.LastLines()) > 0 {
		return strings.Join(linesOf(strings.Join(ended.LastLines(), "\n")), "\n")
	}
	return firstLine(err.Error())
}

// applicationName is what Postgres shows of the doctor's own connection.
const applicationName = "mage-doctor"

// databaseFacts asks Postgres for all at once. Tables count whose rows are read
// whole, and queries of others than this one.
const databaseFacts = `SET statement_timeout = '2s'; SET lock_timeout = '500ms';
WITH others AS (
  SELECT pid, coalesce(state, 'none') AS state, left(query, 2000) AS query,
    round(extract(epoch FROM clock_timestamp() - CASE WHEN state LIKE 'idle in%' THEN state_change ELSE query_start END)::numeric, 1)::float8 AS seconds,
    CASE WHEN wait_event_type = 'Lock' THEN pg_blocking_pids(pid) ELSE '{}' END AS blockers
  FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name <> 'mage-doctor'
), shown AS (
  SELECT seconds, state, blockers, json_build_object('pid', pid, 'seconds', coalesce(seconds, 0), 'state', state, 'query', query, 'by', blockers) AS one FROM others
)
SELECT json_build_object(
  'connections', (SELECT count(*) FROM others),
  'max_connections', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
  'states', (SELECT json_object_agg(state, n) FROM (SELECT state, count(*) AS n FROM others GROUP BY 1) AS counted),
  'longest', (SELECT json_agg(one) FROM (SELECT one FROM shown WHERE state = 'active' AND blockers = '{}' ORDER BY seconds DESC LIMIT 5) AS l),
  'blocked', (SELECT json_agg(one) FROM (SELECT one FROM shown WHERE blockers <> '{}' ORDER BY seconds DESC LIMIT 5) AS b),
  'idle', (SELECT json_agg(one) FROM (SELECT one FROM shown WHERE state LIKE 'idle in transaction%' ORDER BY seconds DESC LIMIT 5) AS i),
  'scanned', (SELECT json_agg(json_build_object('name', relname, 'rows', n_live_tup, 'scans', seq_scan, 'read', seq_tup_read, 'index_scans', coalesce(idx_scan, 0)))
    FROM (SELECT * FROM pg_stat_user_tables WHERE n_live_tup >= 10000 AND seq_scan >= 50 ORDER BY seq_tup_read DESC LIMIT 5) AS t),
  'invalid', (SELECT json_agg(indexrelid::regclass::text) FROM pg_index WHERE NOT indisvalid
    AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index AS p WHERE p.index_relid = indexrelid))
);
`

// askDatabase asks a Postgres.
func (s *Session) askDatabase(ctx context.Context, container doctor.Container, user, name string) doctor.Database {
	database := doctor.Database{Service: container.Service, Container: container.Name}
	out, err := s.pipe(ctx, container.Name, backup.Psql(user, name, applicationName), databaseFacts)
	if err != nil {
		database.Problem = problemOf(err)
		return database
	}
	if err := json.Unmarshal([]byte(out), &database); err != nil {
		database.Problem = "its answer cannot be read: " + err.Error()
	}
	for _, list := range [][]doctor.Query{database.Longest, database.Blocked, database.Idle} {
		for at := range list {
			list[at].Text = withoutValues(list[at].Text)
		}
	}
	return database
}

// values are the texts in a statement, which may be anybody's.
var values = regexp.MustCompile(`(?s)'(?:[^']|'')*('|$)|\$(\w*)\$.*?\$(\w*)\$`)

// longestQuery is how much of a statement is shown.
const longestQuery = 120

// withoutValues is a statement on one line, with none of the texts in it.
func withoutValues(statement string) string {
	text := strings.Join(strings.Fields(values.ReplaceAllString(statement, "'…'")), " ")
	if runes := []rune(text); len(runes) > longestQuery {
		return string(runes[:longestQuery-1]) + "…"
	}
	return text
}

// askRedis asks a Redis. Its password, where it wants one, goes over the input.
func (s *Session) askRedis(ctx context.Context, container doctor.Container, password string) doctor.Redis {
	redis := doctor.Redis{Service: container.Service, Container: container.Name, Saving: true}
	input := "INFO\n"
	if password != "" {
		input = "AUTH " + strconv.Quote(password) + "\n" + input
	}
	out, err := s.pipe(ctx, container.Name, []string{"redis-cli"}, input)
	if err != nil {
		redis.Problem = problemOf(err)
		return redis
	}
	facts := map[string]string{}
	for line := range strings.Lines(out) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			facts[key] = value
		}
	}
	if len(facts) < 10 { //nolint:mnd // a refusal, not the hundred lines of INFO
		redis.Problem = firstLine(strings.TrimSpace(out))
		return redis
	}
	number := func(key string) int64 { count, _ := strconv.ParseInt(facts[key], 10, 64); return count }
	redis.Used, redis.Max, redis.Policy = number("used_memory"), number("maxmemory"), facts["maxmemory_policy"]
	redis.Hits, redis.Misses, redis.Evicted = number("keyspace_hits"), number("keyspace_misses"), number("evicted_keys")
	redis.Clients, redis.MaxClients = number("connected_clients"), number("maxclients")
	redis.Saving = facts["rdb_last_bgsave_status"] != "err" && facts["aof_last_write_status"] != "err"
	for key, value := range facts {
		if strings.HasPrefix(key, "db") {
			_, expires, _ := strings.Cut(value, "expires=")
			count, _, _ := strings.Cut(expires, ",")
			expiring, _ := strconv.ParseInt(count, 10, 64)
			redis.Expiring += expiring
		}
	}
	return redis
}

// requirePass is the password that a Redis was started with; empty for none.
func requirePass(command []string) string {
	if at := slices.Index(command, "--requirepass"); at >= 0 && at+1 < len(command) {
		return command[at+1]
	}
	return ""
}
