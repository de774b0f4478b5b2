package doctor_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/doctor"
)

func itoa(number int) string { return strconv.Itoa(number) }

// causes are what is to be found first, by evidence as the real thing writes
// it: Postgres 17, Redis 8, Django 4.2, gunicorn 23, Node.js 20, HAProxy 3.0,
// Docker 20.10 and 26.1.
var causes = []struct {
	name string
	want doctor.Cause
	// says must stand in the finding: its title, its evidence or its fix.
	says string
	is   doctor.Evidence
}{
	{"the engine is stopped", doctor.CauseEngine, "systemctl start docker", with(func(e *doctor.Evidence) {
		e.Engine = "open the Docker engine: nothing answers on its socket /var/run/docker.sock"
		e.Containers, e.Answers, e.Proxy, e.Databases, e.Redis = nil, nil, nil, nil, nil
	})},
	{"no right to use the engine", doctor.CauseEngine, "usermod", with(func(e *doctor.Evidence) {
		e.Engine = "open the Docker engine: no permission for its socket /var/run/docker.sock"
	})},
	{"a mistake in the Compose file", doctor.CauseCompose, "drian: unknown key", with(func(e *doctor.Evidence) {
		e.Mistakes = []deploy.Mistake{{Path: "services.web.x-deploy.drian", Text: "unknown key (did you mean drain?); allowed here: …"}}
	})},
	{"a variable that .env lacks", doctor.CauseVariableUnset, "PAYMENT_KEY", with(func(e *doctor.Evidence) {
		e.Mistakes = []deploy.Mistake{{Path: "services.web.environment", Text: "the variable PAYMENT_KEY is not set: write PAYMENT_KEY=… into .env"}}
	})},
	{"a record that is damaged", doctor.CauseRecords, "record.json", with(func(e *doctor.Evidence) {
		e.State = "/opt/webshop/.deploy/releases/20260921T081502Z-v1/record.json is damaged: unexpected end of JSON input"
	})},
	{"a command that was killed", doctor.CauseInterrupted, "mage recover", with(func(e *doctor.Evidence) { e.Interrupted = true })},
	{"the proxy's port is taken", doctor.CausePortTaken, "8000", with(func(e *doctor.Evidence) { e.Taken = map[int]string{8000: "another program"} },
		of("proxy", ended(1)))},
	{"the host has no memory left", doctor.CauseHostMemory, "docker stats", with(func(e *doctor.Evidence) { e.Host.Memory.Available = 20 << 20 })},
	{"the disk is full", doctor.CauseDiskFull, "mage prune frees up to 2.1 GB", with(func(e *doctor.Evidence) {
		e.Host.Disks[0].Free, e.Host.Prune = 90<<20, 2_100_000_000
		e.Host.Takes = []doctor.Taker{{What: "images", Bytes: 9_000_000_000}}
	})},
	{"a volume is full", doctor.CauseDiskFull, "No space left", with(of("backend", ended(1, "OSError: [Errno 28] No space left on device: '/data/upload'")))},
	{"Postgres finds the disk full", doctor.CauseDiskFull, "No space left", with(of("postgres", ended(1,
		`2026-11-27 19:00:01.123 UTC [1] PANIC:  could not write to file "pg_wal/xlogtemp.31": No space left on device`)))},
	{"the file system has no more numbers", doctor.CauseDiskFiles, "more file", with(func(e *doctor.Evidence) { e.Host.Disks[0].FreeFiles = 12 })},
	{"the disk fills", doctor.CauseDiskTight, "docker builder prune", with(func(e *doctor.Evidence) {
		e.Host.Disks[0].Free = 1 << 30
		e.Host.Takes = []doctor.Taker{{What: "the cache of builds", Bytes: 4e9, Fix: "docker builder prune"}}
	})},

	{"the database was stopped", doctor.CauseDatabaseDown, "docker start shop-postgres-1", with(of("postgres", ended(0, "database system is shut down")),
		unwell(` answered 503 Service Unavailable instead of 2xx: {"status": "failed", "failed": {"postgres": "could not translate host name \"postgres\" to address: Temporary failure in name resolution"}}`))},
	{"the database has no container", doctor.CauseDatabaseDown, "no container", with(without("postgres"))},
	{"the database hangs", doctor.CauseDatabaseHangs, "docker restart shop-postgres-1", with(func(e *doctor.Evidence) {
		e.Databases[0] = doctor.Database{Service: "postgres", Container: "shop-postgres-1", Problem: "no answer within 3s"}
	})},
	{"the database's connections are used up", doctor.CauseDatabaseConnections, "max_connections", with(func(e *doctor.Evidence) {
		e.Databases[0] = doctor.Database{Service: "postgres", Container: "shop-postgres-1", Problem: `psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  sorry, too many clients already`}
	})},
	{"the database's connections are counted", doctor.CauseDatabaseConnections, "197 of 197 connections, 190 idle", with(func(e *doctor.Evidence) {
		e.Databases[0].Connections, e.Databases[0].States = 197, map[string]int{"idle": 190, "active": 7}
	})},
	{"the service hears of too many clients", doctor.CauseDatabaseConnections, "remaining connection slots", with(
		unwell(` answered 503 Service Unavailable instead of 2xx: {"failed": {"postgres": "connection to server at \"postgres\" (172.18.0.3), port 5432 failed: FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute"}}`))},
	{"another password in .env", doctor.CauseDatabasePassword, `\password`, with(
		unwell(` answered 503 Service Unavailable instead of 2xx: {"status": "failed", "failed": {"postgres": "connection to server at \"postgres\" (172.18.0.3), port 5432 failed: FATAL:  password authentication failed for user \"webshop\""}}`))},
	{"a Node.js release with another password", doctor.CauseDatabasePassword, "password authentication failed", with(crashed(1,
		"node:internal/process/promises:288", `error: password authentication failed for user "webshop"`, "    at Parser.parseErrorMessage (/app/node_modules/pg-protocol/dist/parser.js:287:98)"))},
	{"a database that is not there", doctor.CauseDatabaseMissing, `\l`, with(
		unwell(` answered 503 Service Unavailable instead of 2xx: {"failed": {"postgres": "connection to server at \"postgres\" (172.18.0.3), port 5432 failed: FATAL:  database \"shop\" does not exist"}}`))},
	{"the database is starting", doctor.CauseDatabaseStarting, "mage logs postgres", with(func(e *doctor.Evidence) {
		e.Databases[0] = doctor.Database{Service: "postgres", Container: "shop-postgres-1", Problem: `psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  the database system is starting up`}
	})},
	{"the database's name is wrong", doctor.CauseDatabaseName, "The name is the service's: postgres", with(crashed(1,
		`django.db.utils.OperationalError: could not translate host name "db" to address: Name or service not known`))},
	{"the database's port is wrong", doctor.CauseDatabaseUnreachable, "Compare host and port", with(
		unwell(` answered 503 Service Unavailable instead of 2xx: {"failed": {"postgres": "connection to server at \"postgres\" (172.18.0.3), port 5432 failed: Connection refused"}}`))},
	{"the database's port is wrong, and another's", doctor.CauseDatabaseUnreachable, "Compare host and port", with(migrated(
		`look at the migrations of v1: the database cannot be reached: connection to server at "postgres" (172.18.0.3), port 5431 failed: Connection refused`))},
	{"a Node.js release that does not reach it", doctor.CauseDatabaseUnreachable, "ECONNREFUSED", with(crashed(1,
		"Error: connect ECONNREFUSED 172.18.0.3:5432", "    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16)"))},

	{"Redis was stopped", doctor.CauseRedisDown, "docker start shop-redis-1", with(of("redis", ended(0)),
		unwell(` answered 503 Service Unavailable instead of 2xx: {"failed": {"redis": "Error -3 connecting to redis:6379. Temporary failure in name resolution."}}`))},
	{"Redis hangs", doctor.CauseRedisHangs, "SLOWLOG", with(func(e *doctor.Evidence) {
		e.Redis[0] = doctor.Redis{Service: "redis", Container: "shop-redis-1", Problem: "no answer within 3s"}
	})},
	{"Redis wants a password", doctor.CauseRedisPassword, "NOAUTH", with(
		unwell(` answered 503 Service Unavailable instead of 2xx: {"failed": {"redis": "NOAUTH Authentication required."}}`))},
	{"Redis refuses the password", doctor.CauseRedisPassword, "WRONGPASS", with(crashed(1,
		"ReplyError: WRONGPASS invalid username-password pair or user is disabled."))},
	{"Redis is full", doctor.CauseRedisMemory, "maxmemory", with(func(e *doctor.Evidence) { e.Redis[0].Max, e.Redis[0].Used = 100<<20, 100<<20 })},
	{"a worker hears that Redis is full", doctor.CauseRedisMemory, "OOM command", with(of("worker", ended(1,
		"redis.exceptions.OutOfMemoryError: OOM command not allowed when used memory > 'maxmemory'.")))},
	{"Redis cannot save", doctor.CauseRedisSave, "mage logs redis", with(func(e *doctor.Evidence) { e.Redis[0].Saving = false })},
	{"a worker hears that Redis cannot save", doctor.CauseRedisSave, "MISCONF", with(of("worker", ended(1,
		"redis.exceptions.ResponseError: MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.")))},
	{"Redis is a replica", doctor.CauseRedisReplica, "REPLICAOF NO ONE", with(of("worker", ended(1,
		"redis.exceptions.ReadOnlyError: READONLY You can't write against a read only replica.")))},
	{"Redis's name is wrong", doctor.CauseRedisName, "The name is the service's: redis", with(
		unwell(` answered 503 Service Unavailable instead of 2xx: {"failed": {"redis": "Error -2 connecting to cache:6379. Name or service not known."}}`))},
	{"Redis does not answer", doctor.CauseRedisUnreachable, "mage logs redis", with(of("worker", ended(1,
		"[2026-11-27 19:00:00,123: ERROR/MainProcess] consumer: Cannot connect to redis://redis:6379/0: Error 111 connecting to redis:6379. Connection refused..")))},

	{"the registry has no such tag", doctor.CauseImageTag, "nearest tags", with(pulled(doctor.ImageNoTag, "resolve image ghcr.io/shop/backend:v2.0.0: nearest tags: v1.0.0: no such image"))},
	{"nothing was ever pushed", doctor.CauseImageNotPushed, "mage push", with(pulled(doctor.ImageNoRepository, "the repository ghcr.io/shop/backend does not exist"))},
	{"the sign-in has expired", doctor.CauseRegistrySignIn, "docker login ghcr.io", with(pulled(doctor.ImageSignIn, "ghcr.io does not accept the login from ~/.docker/config.json"))},
	{"the registry is away", doctor.CauseRegistryAway, "https://ghcr.io/v2/", with(pulled(doctor.ImageUnreachable, "dial tcp: lookup ghcr.io: no such host"))},
	{"the registry has had enough", doctor.CauseRegistryLimit, "Wait", with(pulled(doctor.ImageLimited, "toomanyrequests: You have reached your pull rate limit."))},
	{"the registry's certificate", doctor.CauseRegistryCert, "ca.crt", with(pulled(doctor.ImageCertificate, "x509: certificate signed by unknown authority"))},
	{"another reason", doctor.CauseImageUnobtainable, "docker pull ghcr.io/shop/backend:v2.0.0", with(pulled(doctor.ImageOther, "unsupported media type"))},
	{"there is no way back", doctor.CauseImageLost, "docker pull ghcr.io", with(func(e *doctor.Evidence) { e.Lost = []string{"ghcr.io/shop/backend@sha256:00"} })},

	{"killed for memory", doctor.CauseOutOfMemory, "limit of 402 MB", with(of("worker", func(c *doctor.Container) {
		c.Status, c.ExitCode, c.OOMKilled, c.Restarts = deploy.StatusRestarting, 137, true, 4
	}))},
	{"killed for memory, and running again", doctor.CauseOutOfMemory, "killed for memory", with(of("worker", func(c *doctor.Container) {
		c.Restarts, c.Started = 3, time.Now().Add(-time.Second)
		c.Deaths = []doctor.Death{{ExitCode: 137, OOMKilled: true}, {ExitCode: 137, OOMKilled: true}, {ExitCode: 137, OOMKilled: true}}
	}))},
	{"the database was killed for memory", doctor.CauseOutOfMemory, "limits.memory of postgres", with(of("postgres", func(c *doctor.Container) {
		c.Status, c.ExitCode, c.OOMKilled = deploy.StatusExited, 137, true
	}), unwell(` answered 503 Service Unavailable instead of 2xx`))},
	{"Node.js runs out of memory", doctor.CauseOutOfMemory, "heap out of memory", with(crashed(134,
		"FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory"))},
	{"a syntax error in Python", doctor.CauseSyntax, "SyntaxError: ", with(crashed(1, "Traceback (most recent call last):",
		`  File "/app/shop/settings.py", line 12`, "    DEBUG = = True", "            ^", "SyntaxError: invalid syntax"))},
	{"a syntax error in JavaScript", doctor.CauseSyntax, "SyntaxError", with(crashed(1,
		"file:///app/server.mjs:3", "const port = ;", "             ^", "SyntaxError: Unexpected token ';'", "Node.js v20.19.2"))},
	{"a syntax error in a script", doctor.CauseSyntax, "Syntax error", with(crashed(2, `/entrypoint.sh: 7: Syntax error: "fi" unexpected`))},
	{"a missing module", doctor.CauseDependency, "lacks stripe", with(crashed(1, "Traceback (most recent call last):",
		`  File "/app/shop/payments.py", line 1, in <module>`, "    import stripe", "ModuleNotFoundError: No module named 'stripe'"))},
	{"a missing package of Node.js", doctor.CauseDependency, "lacks express", with(crashed(1, "node:internal/modules/cjs/loader:1215",
		"  throw err;", "Error: Cannot find module 'express'", "Require stack:", "- /app/server.js"))},
	{"a missing library", doctor.CauseDependency, "libpq.so.5", with(crashed(127,
		"/app/bin/shop: error while loading shared libraries: libpq.so.5: cannot open shared object file: No such file or directory"))},
	{"a missing variable", doctor.CauseVariable, "PAYMENT_API_KEY is missing", with(crashed(1, "PAYMENT_API_KEY is not set: the webshop needs it in its environment"))},
	{"a missing variable as a KeyError", doctor.CauseVariable, "CURRENCY is missing", with(crashed(3, "Traceback (most recent call last):",
		`  File "/app/shop/breakage.py", line 52, in before_boot`, `    raise KeyError("CURRENCY")`, "KeyError: 'CURRENCY'"))},
	{"a command that is not there", doctor.CauseCommand, "executable file not found", with(of("worker", func(c *doctor.Container) {
		c.Status, c.ExitCode = deploy.StatusCreated, 127
		c.Error = `failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "gunicron": executable file not found in $PATH: unknown`
	}))},
	{"a shell that does not find a command", doctor.CauseCommand, "status 127", with(crashed(127, "/bin/sh: 1: gunicron: not found"))},
	{"an image for another processor", doctor.CausePlatform, "docker build --platform", with(crashed(1, "exec /usr/local/bin/docker-entrypoint.sh: exec format error"))},
	{"no right to a file", doctor.CausePermission, "PermissionError", with(crashed(1, "Traceback (most recent call last):", `  File "/app/x.py", line 1`, "PermissionError: [Errno 13] Permission denied: '/data/orders.log'"))},
	{"a port that is taken in the container", doctor.CausePortInUse, "Connection in use", with(crashed(1,
		"[2026-11-27 19:00:00 +0000] [1] [ERROR] Connection in use: ('0.0.0.0', 8000)", "[2026-11-27 19:00:05 +0000] [1] [ERROR] Can't connect to ('0.0.0.0', 8000)"))},
	{"a port that Node.js finds taken", doctor.CausePortInUse, "EADDRINUSE", with(crashed(1, "Error: listen EADDRINUSE: address already in use :::3000"))},
	{"a port of the host that is taken", doctor.CausePortInUse, "ss -ltnp", with(failed(deploy.ActionStart, "postgres",
		"start shop-postgres-1: driver failed programming external connectivity on endpoint shop-postgres-1: Bind for 127.0.0.1:5432 failed: port is already allocated", nil))},
	{"a crash in native code", doctor.CauseSegmentation, "segmentation fault", with(of("worker", ended(139)))},
	{"a paused container", doctor.CausePaused, "docker unpause shop-worker-1", with(of("worker", func(c *doctor.Container) { c.Status = deploy.StatusPaused }))},
	{"a stopped container", doctor.CauseStopped, "docker start shop-worker-1", with(of("worker", ended(0, "worker: Warm shutdown (MainProcess)")))},
	{"a container that is gone", doctor.CauseMissing, "0 of 1 container", with(without("worker"))},
	{"an error of its own", doctor.CauseTraceback, "RuntimeError: the shop is closed", with(crashed(1, "Traceback (most recent call last):",
		`  File "/app/shop/wsgi.py", line 3, in <module>`, `    raise RuntimeError("the shop is closed")`, "RuntimeError: the shop is closed"))},
	{"a panic", doctor.CauseTraceback, "panic: ", with(crashed(2, "panic: runtime error: invalid memory address or nil pointer dereference", "goroutine 1 [running]:"))},
	{"killed from outside", doctor.CauseKilled, "dmesg", with(of("worker", func(c *doctor.Container) {
		c.Status, c.ExitCode, c.Restarts = deploy.StatusRestarting, 137, 3
	}))},
	{"a restart loop", doctor.CauseRestartLoop, "5 restarts", with(of("worker", func(c *doctor.Container) {
		c.Status, c.ExitCode, c.Restarts, c.Lines = deploy.StatusRestarting, 3, 5, []string{"bye"}
	}))},
	{"it ends at once", doctor.CauseExits, "exited with status 3", with(crashed(3, "crash as APP_EXIT_AFTER wants it"))},

	{"two migrations after one", doctor.CauseMigrationConflict, "--merge", with(migrated(
		"Conflicting migrations detected; multiple leaf nodes in the migration graph: (0017_a, 0017_b in products)."))},
	{"two migrations after one, before they are applied", doctor.CauseMigrationConflict, "--merge", with(migrated(
		"the migrations have several ends: 0017_a and 0017_b in products"))},
	{"a migration that is not in the image", doctor.CauseMigrationParent, "git status", with(migrated(
		"django.db.migrations.exceptions.NodeNotFoundError: Migration products.0018_more dependencies reference nonexistent parent node ('products', '0017_barcode')"))},
	{"a lock that is not let go", doctor.CauseMigrationLock, "pg_terminate_backend(99)", with(migrated(
		"migration products.0017_barcode: canceling statement due to lock timeout"), func(e *doctor.Evidence) {
		e.Databases[0].Idle = []doctor.Query{{PID: 99, Seconds: 40, State: "idle in transaction", Text: "LOCK TABLE products_product"}}
	})},
	{"a migration that the database refuses", doctor.CauseMigrationSQL, "products.0017_barcode", with(migrated(
		`migration products.0017_barcode: django.db.utils.ProgrammingError: column "barcode" of relation "products_product" already exists`))},
	{"a migration that fails of itself", doctor.CauseMigrationFailed, "products.0017_fails", with(migrated("migration products.0017_fails: this migration fails on purpose"))},
	{"a migration that does not reach the database", doctor.CauseDatabaseDown, "docker start", with(migrated(
		`could not translate host name "postgres" to address: Temporary failure in name resolution`), of("postgres", ended(0)))},
	{"a schema that is behind", doctor.CauseSchemaBehind, "mage migrate:apply", with(
		unwell(" answered 500 Internal Server Error instead of 2xx"), of("backend", func(c *doctor.Container) {
			c.Lines = append(c.Lines, `django.db.utils.ProgrammingError: column products_product.barcode does not exist`)
		}))},

	{"the proxy was stopped", doctor.CauseProxyDown, "docker start shop-proxy-1", with(of("proxy", ended(0)), func(e *doctor.Evidence) {
		e.Proxy = &deploy.ProxyState{}
		e.Answers[1].Problem = e.Answers[1].URL + ": connection refused"
	})},
	{"listens on 127.0.0.1 by its own word", doctor.CauseBindAddress, "0.0.0.0:8000", with(refused(
		"[2026-11-27 19:00:00 +0000] [1] [INFO] Listening at: http://127.0.0.1:8000 (1)"))},
	{"listens on 127.0.0.1 by the kernel's word", doctor.CauseBindAddress, "127.0.0.1:8000", with(
		unwell(": connection refused"), of("backend", func(c *doctor.Container) { c.Listened, c.Listens = true, []string{"127.0.0.1:8000"} }))},
	{"listens on another port", doctor.CauseWrongPort, "port 9000", with(refused(
		"[2026-11-27 19:00:00 +0000] [1] [INFO] Listening at: http://0.0.0.0:9000 (1)"))},
	{"ALLOWED_HOSTS by the log", doctor.CauseAllowedHosts, "x-deploy.health.host", with(
		unwell(" answered 400 Bad Request instead of 2xx"), of("backend", func(c *doctor.Container) {
			c.Lines = append(c.Lines, "Invalid HTTP_HOST header: 'shop.example'. You may need to add 'shop.example' to ALLOWED_HOSTS.")
		}))},
	{"ALLOWED_HOSTS without a log", doctor.CauseAllowedHosts, "ALLOWED_HOSTS", with(unwell(" answered 400 Bad Request instead of 2xx"))},
	{"a health check's path that is not there", doctor.CauseHealthPath, "x-deploy.health.path", with(unwell(" answered 404 Not Found instead of 2xx"))},
	{"a health check that is sent to HTTPS", doctor.CauseRedirected, "SECURE_REDIRECT_EXEMPT", with(unwell(" answered 301 Moved Permanently instead of 2xx, to https://localhost/api/health/"))},
	{"nothing listens", doctor.CauseNothingListens, "budget", with(refused("starting"))},
	{"no answer", doctor.CauseNoAnswer, "mage restart", with(unwell(": no answer within 2.5s"))},
	{"no server behind the proxy", doctor.CauseNoServer, "mage deploy:here v1.0.0", with(func(e *doctor.Evidence) { e.Proxy.Servers = nil })},
	{"many errors", doctor.CauseErrors, "rollback previous", with(func(e *doctor.Evidence) {
		e.Proxy.Servers[0].Failed, e.Failing = 400, map[string]int{e.Proxy.Servers[0].Service: 3}
	})},
	{"a public endpoint", doctor.CauseVerification, "curl -i", with(func(e *doctor.Evidence) {
		e.Answers = append(e.Answers, doctor.Answer{URL: "https://shop.example/", Problem: "https://shop.example/ answered 502 Bad Gateway instead of 2xx"})
	})},
	{"never healthy", doctor.CauseUnhealthy, "this release is never healthy", with(unwell(` answered 503 Service Unavailable instead of 2xx: {"status": "failed", "failed": {"self": "this release is never healthy"}}`))},
	{"its own health check fails", doctor.CauseUnhealthy, "pong", with(of("worker", func(c *doctor.Container) {
		c.Health, c.Checks = deploy.HealthUnhealthy, []string{"no pong"}
	}))},
	{"nobody knows", doctor.CauseUnexplained, "-bundle", with(failed(deploy.ActionQuiet, "worker", "quiet shop-worker-1: exit status 1", nil))},

	{"a query waits for a lock", doctor.CauseBlocked, "pg_terminate_backend(99)", with(func(e *doctor.Evidence) {
		e.Databases[0].Blocked = []doctor.Query{{PID: 80, Seconds: 9, State: "active", Text: "UPDATE products_product SET stock = '…'", By: []int{99}}}
		e.Databases[0].Idle = []doctor.Query{{PID: 99, Seconds: 300, State: "idle in transaction", Text: "SELECT 1"}}
	})},
	{"a forgotten transaction", doctor.CauseIdle, "pg_terminate_backend(99)", with(func(e *doctor.Evidence) {
		e.Databases[0].Idle = []doctor.Query{{PID: 99, Seconds: 300, State: "idle in transaction", Text: "SELECT 1"}}
	})},
	{"a slow query", doctor.CauseSlowQuery, "EXPLAIN", with(func(e *doctor.Evidence) {
		e.Databases[0].Longest = []doctor.Query{{PID: 99, Seconds: 45, State: "active", Text: "SELECT count(*) FROM orders_order"}}
	})},
	{"a missing index", doctor.CauseIndex, "orders_order", with(func(e *doctor.Evidence) {
		e.Databases[0].Scanned = []doctor.Table{{Name: "orders_order", Rows: 200_000, Scans: 900, Read: 180_000_000, IndexScans: 12}}
	})},
	{"an unfinished index", doctor.CauseInvalidIndex, "REINDEX", with(func(e *doctor.Evidence) { e.Databases[0].Invalid = []string{"product_price"} })},
	{"few connections are left", doctor.CauseConnectionsMany, "180 of 197", with(func(e *doctor.Evidence) { e.Databases[0].Connections = 180 })},
	{"all of the processor", doctor.CauseCPU, "limits.cpus of worker", with(of("worker", func(c *doctor.Container) { c.Usage.CPU, c.Usage.CPULimit = 0.5, 0.5 }))},
	{"near the memory limit", doctor.CauseMemoryNear, "limits.memory of worker", with(of("worker", func(c *doctor.Container) { c.MemoryBytes = 380 << 20 }))},
	{"Redis is nearly full", doctor.CauseRedisTight, "--bigkeys", with(func(e *doctor.Evidence) { e.Redis[0].Max, e.Redis[0].Used = 100<<20, 94<<20 })},
	{"Redis lets keys go", doctor.CauseRedisEvicts, "evicted", with(func(e *doctor.Evidence) {
		e.Redis[0].Max, e.Redis[0].Used, e.Redis[0].Policy, e.Redis[0].Evicted = 100<<20, 99<<20, "allkeys-lru", 5000
	})},
	{"the cache misses", doctor.CauseRedisMisses, "4 %", with(func(e *doctor.Evidence) { e.Redis[0].Expiring = 800 })},
	{"slower than before", doctor.CauseSlower, "rollback previous", with(func(e *doctor.Evidence) { e.Proxy.Servers[0].ResponseTime = 700 * time.Millisecond })},

	{"the host is away", doctor.CauseSSHUnreachable, "sshd", away(doctor.RemoteUnreachable, "nothing listens on port 22", "see whether sshd runs there")},
	{"the host's key has changed", doctor.CauseSSHHostKey, "ssh-keygen -R", away(doctor.RemoteHostKey, "THE HOST KEY HAS CHANGED", "ssh-keygen -R shop.example")},
	{"the host refuses the keys", doctor.CauseSSHLogin, "ssh-copy-id", away(doctor.RemoteLogin, "the host refused every key", "ssh-copy-id deploy@shop.example")},
	{"the host is not prepared", doctor.CauseUnprepared, "host:setup", away(doctor.RemoteUnprepared, "./mage: No such file or directory", "mage host:setup production")},
	{"a tag that was not pushed", doctor.CauseTagNotPushed, "git push origin", away(doctor.RemoteTag, "tag v2.0.0 exists only here", "git push origin refs/tags/v2.0.0")},
}

func pulled(kind doctor.ImageReason, text string) func(*doctor.Evidence) {
	return func(e *doctor.Evidence) {
		e.Image = &doctor.ImageTrouble{Reference: "ghcr.io/shop/backend:v2.0.0", Kind: kind, Text: text}
		e.Command = &doctor.Command{Version: "v2.0.0", Lines: []string{text}, At: time.Now()}
	}
}

func away(kind doctor.RemoteReason, problem, fix string) doctor.Evidence {
	return doctor.Evidence{Environment: "production", Remote: &doctor.Remote{Host: "shop.example", Kind: kind, Problem: problem, Fix: fix}}
}

func TestEachCauseIsNamedFirst(t *testing.T) {
	for _, test := range causes {
		t.Run(test.name, func(t *testing.T) {
			findings := doctor.Diagnose(test.is)
			if len(findings) == 0 {
				t.Fatal("nothing was found")
			}
			first := findings[0]
			if first.Cause != test.want {
				t.Errorf("found %q first, wanted %q\n%s", first.Cause, test.want, text(findings))
			}
			whole := strings.Join(append([]string{first.Title, first.Fix}, first.Evidence...), "\n")
			if !strings.Contains(whole, test.says) {
				t.Errorf("it does not say %q:\n%s", test.says, text(findings))
			}
			if first.Title == "" || first.Fix == "" {
				t.Errorf("it lacks a title or a fix: %+v", first)
			}
		})
	}
}

func text(findings []doctor.Finding) string {
	var out strings.Builder
	for _, finding := range findings {
		out.WriteString(string(finding.Cause) + " " + string(finding.Severity) + ": " + finding.Title + " (follows " + string(finding.Follows) + ")\n  " +
			strings.Join(finding.Evidence, "\n  ") + "\n  -> " + finding.Fix + "\n")
	}
	return out.String()
}

// TestEveryCauseHasEvidence holds the table above to the rules: a cause that
// nothing shows is none.
func TestEveryCauseHasEvidence(t *testing.T) {
	known := doctor.Causes()
	if len(known) < 25 {
		t.Errorf("%d causes", len(known))
	}
	shown := map[doctor.Cause]bool{}
	for _, test := range causes {
		shown[test.want] = true
		if known[test.want] == "" {
			t.Errorf("%s is no cause of a rule", test.want)
		}
	}
	for cause, symptom := range known {
		if !shown[cause] {
			t.Errorf("no evidence shows %s (%s)", cause, symptom)
		}
	}
}

func TestAHealthyShopHasNoFindings(t *testing.T) {
	if findings := doctor.Diagnose(shop()); len(findings) > 0 {
		t.Errorf("found:\n%s", text(findings))
	}
	// What a container that is well has said long ago is of no interest.
	old := with(of("backend", func(c *doctor.Container) {
		c.Lines = append([]string{`django.db.utils.OperationalError: connection to server at "postgres" (172.18.0.3), port 5432 failed: Connection refused`}, c.Lines...)
	}))
	if findings := doctor.Diagnose(old); len(findings) > 0 {
		t.Errorf("found:\n%s", text(findings))
	}
	once := with(of("proxy", func(c *doctor.Container) {
		c.Restarts, c.Started, c.Deaths = 1, time.Now().Add(-5*time.Minute), []doctor.Death{{ExitCode: 137}}
	}))
	if findings := doctor.Diagnose(once); len(findings) > 0 {
		t.Errorf("of a restart that is over was found:\n%s", text(findings))
	}
	over := with(func(e *doctor.Evidence) { e.Proxy.Servers[0].Failed = 400 })
	if findings := doctor.Diagnose(over); len(findings) > 0 {
		t.Errorf("of errors that are over was found:\n%s", text(findings))
	}
	if findings := doctor.Diagnose(doctor.Evidence{Environment: "staging"}); len(findings) > 0 {
		t.Errorf("of nothing was found:\n%s", text(findings))
	}
}

// TestTheRootCauseLeads stops the database under a shop in which everything that
// follows from that is seen.
func TestTheRootCauseLeads(t *testing.T) {
	evidence := with(of("postgres", ended(0)),
		unwell(` answered 503 Service Unavailable instead of 2xx: {"failed": {"postgres": "connection to server at \"postgres\" (172.18.0.3), port 5432 failed: Connection refused"}}`),
		func(e *doctor.Evidence) {
			e.Answers[1].Problem = e.Answers[1].URL + " answered 503 Service Unavailable instead of 2xx"
			e.Proxy.Servers[0].Up, e.Proxy.Servers[0].Failed, e.Failing = false, 500, map[string]int{e.Proxy.Servers[0].Service: 9}
		},
		of("worker", func(c *doctor.Container) {
			c.Status, c.ExitCode, c.Restarts = deploy.StatusRestarting, 1, 7
			c.Lines = []string{"Traceback (most recent call last):", "  File x", "django.db.utils.OperationalError: server closed the connection unexpectedly"}
		}))
	findings := doctor.Diagnose(evidence)
	if findings[0].Cause != doctor.CauseDatabaseDown || findings[0].Follows != "" {
		t.Fatalf("first:\n%s", text(findings))
	}
	for _, finding := range findings[1:] {
		if finding.Follows != doctor.CauseDatabaseDown {
			t.Errorf("%s is said to stand for itself:\n%s", finding.Cause, text(findings))
		}
	}
}

// TestLeadExplainsTheCommand leads an error with what made the command fail, and
// not with what else is wrong.
func TestLeadExplainsTheCommand(t *testing.T) {
	findings := doctor.Diagnose(with(crashed(1, "ModuleNotFoundError: No module named 'stripe'"), of("worker", ended(0)), func(e *doctor.Evidence) {
		e.Databases[0].Invalid = []string{"product_price"}
	}))
	lead := doctor.Lead(findings)
	if lead == nil || lead.Cause != doctor.CauseDependency {
		t.Errorf("leads: %+v\n%s", lead, text(findings))
	}
	if lead := doctor.Lead(doctor.Diagnose(with(of("worker", ended(0))))); lead != nil {
		t.Errorf("a stopped worker explains a command: %+v", lead)
	}
	if !slices.ContainsFunc(findings, func(f doctor.Finding) bool { return f.Cause == doctor.CauseStopped && !f.Past }) {
		t.Errorf("the stopped worker is not found:\n%s", text(findings))
	}
}
