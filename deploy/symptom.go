package deploy

import (
	"regexp"
	"slices"
	"strings"
)

// Symptom names one thing that programs say of their own failure, in words
// that can be known again. It is also the name of the cause that it shows.
type Symptom string

// The symptoms. What each looks like stands in the table below.
const (
	SymptomDatabasePassword    Symptom = "database-password"
	SymptomDatabaseMissing     Symptom = "database-missing"
	SymptomDatabaseConnections Symptom = "database-connections-used-up"
	SymptomDatabaseStarting    Symptom = "database-starting"
	SymptomDatabaseName        Symptom = "database-name-unknown"
	SymptomDatabaseUnreachable Symptom = "database-unreachable"

	SymptomRedisPassword    Symptom = "redis-password"
	SymptomRedisMemory      Symptom = "redis-memory-full"
	SymptomRedisSave        Symptom = "redis-cannot-save"
	SymptomRedisReplica     Symptom = "redis-read-only"
	SymptomRedisName        Symptom = "redis-name-unknown"
	SymptomRedisUnreachable Symptom = "redis-unreachable"

	SymptomDiskFull          Symptom = "disk-full"
	SymptomHosts             Symptom = "allowed-hosts"
	SymptomDependency        Symptom = "dependency-missing"
	SymptomSyntax            Symptom = "syntax-error"
	SymptomVariable          Symptom = "variable-missing"
	SymptomPort              Symptom = "port-in-use"
	SymptomCommand           Symptom = "command-missing"
	SymptomPlatform          Symptom = "wrong-platform"
	SymptomPermission        Symptom = "permission-denied"
	SymptomMigrationConflict Symptom = "migration-conflict"
	SymptomMigrationParent   Symptom = "migration-dependency-missing"
	SymptomMigrationLock     Symptom = "migration-lock"
	SymptomSchemaBehind      Symptom = "schema-behind"
	SymptomSQL               Symptom = "migration-sql-error"
	SymptomMemory            Symptom = "out-of-memory"
	SymptomTraceback         Symptom = "traceback-at-start"
)

// pattern is what a symptom looks like, and what is done about it, where
// {service} stands for the one that said it.
type pattern struct {
	symptom Symptom
	match   *regexp.Regexp
	hint    string
}

// patterns in the order in which they are tried on a line: the first that fits
// names it. The words are those of Postgres 17 and psycopg2, Redis 8 and
// redis-py, Django 4.2, Node.js 20, Go, HAProxy 3.0 and Docker.
var patterns = []pattern{
	{SymptomDatabasePassword, regexp.MustCompile(`password authentication failed for user|no password supplied|pg_hba\.conf entry for host`),
		"The database refused the password: compare .env with the database's."},
	{SymptomDatabaseMissing, regexp.MustCompile(`FATAL:\s+(database|role) "[^"]*" does not exist`),
		"The database has no such database or user: compare its name in .env with what the database was made with."},
	{SymptomDatabaseConnections, regexp.MustCompile(`too many clients already|remaining connection slots are reserved`),
		"The database has no connection left: look who has them (pg_stat_activity), or raise max_connections."},
	{SymptomDatabaseStarting, regexp.MustCompile(`the database system is (starting up|shutting down|in recovery mode|not yet accepting connections)`),
		"The database is not ready: look at its log."},
	{SymptomDatabaseName, regexp.MustCompile(`could not translate host name "[^"]*" to address|(ENOTFOUND|EAI_AGAIN) (postgres|db|database)\b|lookup (postgres|db|database)\b.*(no such host|server misbehaving)`),
		"No container of the project has the database's host name: compare the address in .env with the service's name."},
	{SymptomDatabaseUnreachable, regexp.MustCompile(`, port \d+ failed: |ECONNREFUSED [0-9a-f.:]+:5432|(dial tcp|connect to) [^ ]+:5432: |is the server running on that host|server closed the connection unexpectedly|terminating connection due to administrator command`),
		"The database does not answer: look at its container and its log."},
	{SymptomRedisPassword, regexp.MustCompile(`NOAUTH |WRONGPASS |invalid username-password pair|Authentication required\.$`),
		"Redis refused the password: compare .env with Redis's."},
	{SymptomRedisMemory, regexp.MustCompile(`OOM command not allowed when used memory`),
		"Redis has as much as its maxmemory lets it have: raise that, or choose a maxmemory-policy that lets old keys go."},
	{SymptomRedisSave, regexp.MustCompile(`MISCONF |Can't save in background|Background saving error|Failed opening the temp RDB file`),
		"Redis cannot write to its disk, and takes nothing more: look at the space and the rights of its volume."},
	{SymptomRedisReplica, regexp.MustCompile(`READONLY You can't write against a read only replica`),
		"That Redis is a replica: name the one that is written to."},
	{SymptomRedisName, regexp.MustCompile(`Error -\d+ connecting to [^ ]+:6379|(ENOTFOUND|EAI_AGAIN) (redis|cache|broker)\b|lookup (redis|cache|broker)\b.*(no such host|server misbehaving)`),
		"No container of the project has Redis's host name: compare the address in .env with the service's name."},
	{SymptomRedisUnreachable, regexp.MustCompile(`Error \d+ connecting to [^ ]+:6379|Cannot connect to redis://|ECONNREFUSED [0-9a-f.:]+:6379|dial tcp [^ ]+:6379: |Timeout connecting to server|Timeout reading from socket|Timeout reading from [^ ]+:6379`),
		"Redis does not answer: look at its container and its log."},

	{SymptomDiskFull, regexp.MustCompile(`(?i)no space left on device|ENOSPC|disk quota exceeded`), "The disk is full."},
	{SymptomHosts, regexp.MustCompile(`DisallowedHost|Invalid HTTP_HOST header|to ALLOWED_HOSTS`),
		"Django refused the Host header of the check: add it to ALLOWED_HOSTS, or set x-deploy.health.host of {service}."},
	{SymptomDependency, regexp.MustCompile(`ModuleNotFoundError|ImportError: |Cannot find (module|package) '|ERR_MODULE_NOT_FOUND|error while loading shared libraries|no such gem|LoadError: cannot load such file`),
		"A dependency is missing from the image of {service}."},
	{SymptomSyntax, regexp.MustCompile(`^\s*(Syntax|Indentation|Tab)Error: |\bSyntaxError: |syntax error near unexpected|: Syntax error: `),
		"A file in the image of {service} is not valid code: mend it, build and deploy again."},
	{SymptomVariable, regexp.MustCompile(`KeyError: '[A-Z][A-Z0-9_]+'|(?i:environment variable)|\b[A-Z][A-Z0-9_]{2,} (is|was) (not set|missing|required)|\b[A-Z][A-Z0-9]*_[A-Z0-9_]*: (not set|missing|required)`),
		"A variable is missing: compare .env with what this release needs."},
	{SymptomPort, regexp.MustCompile(`(?i)address already in use|EADDRINUSE|Connection in use: \(|port is already allocated|ports are not available`),
		"Another process has the port: find it, or give one of them another port."},
	{SymptomCommand, regexp.MustCompile(`executable file not found in \$PATH|exec: "[^"]*": (stat [^ ]*: )?no such file or directory|exec:? [^ ]+: no such file or directory|: (command )?not found$`),
		"The image of {service} has no such command: compare command and entrypoint with what the image has."},
	{SymptomPlatform, regexp.MustCompile(`(?i)exec format error|does not match the (detected )?host platform`),
		"The image of {service} is for another processor: build it for the host's platform."},
	{SymptomPermission, regexp.MustCompile(`PermissionError: |EACCES: permission denied|exec: "[^"]*": permission denied|[Pp]ermission denied$|open [^ ]+: permission denied`),
		"The user of {service}'s image may not use a file or a folder: look at their owner and mode."},

	{SymptomMigrationConflict, regexp.MustCompile(`Conflicting migrations detected|the migrations have several ends|InconsistentMigrationHistory|is applied before its dependency`),
		"Two migrations follow the same one: merge them with `manage.py makemigrations --merge`, and deploy that."},
	{SymptomMigrationParent, regexp.MustCompile(`NodeNotFoundError|dependencies reference nonexistent parent node`),
		"A migration names one that the image does not have: add its file to the image, or mend its dependencies."},
	{SymptomMigrationLock, regexp.MustCompile(`canceling statement due to lock timeout|LockNotAvailable|deadlock detected`),
		"Somebody else holds a lock that it needs: look for long transactions (pg_stat_activity), and deploy again."},
	{SymptomSchemaBehind, regexp.MustCompile(`(relation|column) "?[^ "]+"?( of relation "[^"]+")? does not exist`),
		"The code asks for what the database does not have: look what is pending with mage migrate:plan."},
	{SymptomSQL, regexp.MustCompile(`(Programming|Integrity|Operational|Data|Internal|NotSupported)Error: |(relation|column) "[^"]+"( of relation "[^"]+")? already exists|^(psql:.*)?ERROR:\s+`),
		"The database refused a statement: mend the migration, and deploy again."},

	{SymptomMemory, regexp.MustCompile(`^MemoryError$|JavaScript heap out of memory|runtime: out of memory|Cannot allocate memory`),
		"{service} asked for more memory than there is: raise deploy.resources.limits.memory, or find what grew in this release."},
	{SymptomTraceback, regexp.MustCompile(`^Traceback \(most recent call last\)|^panic: |^fatal error: |^(Uncaught )?[A-Z]\w*(Error|Exception)(: |$)|^node:internal/`),
		"The program of {service} ended with an error of its own: read the lines above."},
}

// Sign is one line in which a symptom shows.
type Sign struct {
	Symptom Symptom
	// Line is the one that says it, without time stamp and control characters.
	Line string
}

// Signs finds the symptoms in what a program has said, each once with the last
// line that shows it, in the order of the table: what tells most comes first.
func Signs(text string) []Sign {
	found := map[Symptom]string{}
	lines := strings.Split(text, "\n")
	for at, line := range lines {
		line = Plain(line)
		for _, one := range patterns {
			if !one.match.MatchString(line) {
				continue
			}
			if strings.HasPrefix(line, "Traceback (most recent call last)") {
				line = endOfTraceback(lines[at+1:], line)
			}
			found[one.symptom] = line
			break
		}
	}
	var signs []Sign
	for _, one := range patterns {
		if line, ok := found[one.symptom]; ok {
			signs = append(signs, Sign{Symptom: one.symptom, Line: line})
		}
	}
	return signs
}

// endOfTraceback is its last line, which says what happened.
func endOfTraceback(lines []string, otherwise string) string {
	at := slices.IndexFunc(lines, func(line string) bool {
		line = Plain(line)
		return line != "" && !strings.HasPrefix(line, " ")
	})
	if at < 0 {
		return otherwise
	}
	return Plain(lines[at])
}

// Hint says what is usually done about a symptom of a service.
func (s Symptom) Hint(service string) string {
	at := slices.IndexFunc(patterns, func(one pattern) bool { return one.symptom == s })
	if at < 0 {
		return ""
	}
	return strings.ReplaceAll(patterns[at].hint, "{service}", service)
}
