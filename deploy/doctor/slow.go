package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Why it is slow.
const (
	CauseBlocked         Cause = "query-blocked"
	CauseIdle            Cause = "idle-in-transaction"
	CauseSlowQuery       Cause = "query-slow"
	CauseIndex           Cause = "index-missing"
	CauseInvalidIndex    Cause = "index-invalid"
	CauseConnectionsMany Cause = "database-connections-many"
	CauseCPU             Cause = "cpu-limit"
	CauseMemoryNear      Cause = "memory-near-limit"
	CauseRedisTight      Cause = "redis-memory-tight"
	CauseRedisEvicts     Cause = "redis-evicts"
	CauseRedisMisses     Cause = "redis-hit-rate"
	CauseSlower          Cause = "release-slower"
)

// slowRules are about what still works.
var slowRules = []rule{
	{CauseBlocked, "slow or stuck: queries wait for a lock", supply, blocked},
	{CauseIdle, "slow or stuck: a transaction is open and does nothing", supply, idle},
	{CauseSlowQuery, "slow: a query runs long", supply, slowQuery},
	{CauseIndex, "slow: a large table is read from end to end", supply, indexMissing},
	{CauseInvalidIndex, "slow: an index was not finished and is not used", supply, indexInvalid},
	{CauseConnectionsMany, "slow, soon errors: few connections of the database are left", supply, connectionsLeft},
	{CauseCPU, "slow: a container uses all of the processor that it may have", program, cpuLimit},
	{CauseMemoryNear, "slow, soon killed: a container is near its memory limit", program, memoryNear},
	{CauseRedisTight, "slow, soon errors: Redis's memory is nearly full", supply, redisTight},
	{CauseRedisEvicts, "slow: Redis throws keys away that are wanted", supply, redisEvicts},
	{CauseRedisMisses, "slow: most lookups in the cache miss", supply, redisMisses},
	{CauseSlower, "slower since the deploy", surface, slower},
}

const (
	// longWait, longIdle and longQuery are from where on a query is worth a word.
	longWait  = 2 * time.Second
	longIdle  = time.Minute
	longQuery = 10 * time.Second
)

func blocked(e *Evidence) []Finding {
	var findings []Finding
	for _, database := range e.Databases {
		waiting := slices.DeleteFunc(slices.Clone(database.Blocked), func(q Query) bool { return q.Age() < longWait })
		if len(waiting) == 0 {
			continue
		}
		var holders []int
		var evidence []string
		for _, query := range waiting {
			holders = union2(holders, query.By)
			evidence = append(evidence, query.String())
		}
		for _, query := range slices.Concat(database.Idle, database.Longest) {
			if slices.Contains(holders, query.PID) {
				evidence = slices.Insert(evidence, 0, "held by "+query.String())
			}
		}
		findings = append(findings, Finding{
			Severity: Warning, Title: fmt.Sprintf("%s in the database for a lock", waits(len(waiting))), Evidence: evidence,
			Fix: "End who holds it, if it is forgotten: " + e.terminate(holders[:min(3, len(holders))]...),
		})
	}
	return findings
}

func waits(count int) string {
	if count == 1 {
		return "a query waits"
	}
	return strconv.Itoa(count) + " queries wait"
}

func union2(a, b []int) []int {
	for _, one := range b {
		if !slices.Contains(a, one) {
			a = append(a, one)
		}
	}
	return a
}

// String is the query on one line.
func (q Query) String() string {
	return fmt.Sprintf("PID %d, %s for %s: %s", q.PID, q.State, age(q.Age()), q.Text)
}

func idle(e *Evidence) []Finding {
	return queries(e, func(d Database) []Query { return d.Idle }, longIdle, func(q Query) Finding {
		return Finding{Title: fmt.Sprintf("a transaction of the database has done nothing for %s, and holds its locks", age(q.Age())),
			Fix: "Close it where it was opened, or end it: " + e.terminate(q.PID)}
	})
}

func slowQuery(e *Evidence) []Finding {
	return queries(e, func(d Database) []Query { return d.Longest }, longQuery, func(q Query) Finding {
		return Finding{Title: fmt.Sprintf("a query of the database has run for %s", age(q.Age())),
			Fix: "See why: EXPLAIN (ANALYZE, BUFFERS) of it; end it: " + e.terminate(q.PID)}
	})
}

func queries(e *Evidence, of func(Database) []Query, limit time.Duration, finding func(Query) Finding) []Finding {
	var findings []Finding
	for _, database := range e.Databases {
		for _, query := range of(database) {
			if query.Age() >= limit {
				made := finding(query)
				made.Severity, made.Evidence = Warning, []string{query.String()}
				findings = append(findings, made)
				break // the longest tells it
			}
		}
	}
	return findings
}

const (
	// largeTable is how many rows make reading all of them slow, and manyScans
	// how often that must have happened to be no chance.
	largeTable = 10_000
	manyScans  = 50
)

func indexMissing(e *Evidence) []Finding {
	var findings []Finding
	for _, database := range e.Databases {
		for _, table := range database.Scanned {
			if table.Rows < largeTable || table.Scans < manyScans || table.Read < table.Scans*table.Rows/2 {
				continue
			}
			findings = append(findings, Finding{
				Severity: Warning, Title: "the table " + table.Name + " is read from end to end again and again: an index is missing",
				Evidence: []string{fmt.Sprintf("%s: %d rows, read whole %d times, by an index %d times", table.Name, table.Rows, table.Scans, table.IndexScans)},
				Fix:      "Find the query (EXPLAIN shows Seq Scan on " + table.Name + "), and add the index in a migration: db_index, or AddIndexConcurrently",
			})
		}
	}
	return findings
}

func indexInvalid(e *Evidence) []Finding {
	var findings []Finding
	for _, database := range e.Databases {
		for _, index := range database.Invalid {
			findings = append(findings, Finding{
				Severity: Warning, Title: "the index " + index + " was not finished, and no query uses it",
				Fix: "Make it anew: " + e.psql("-c 'REINDEX INDEX CONCURRENTLY "+index+"'"),
			})
		}
	}
	return findings
}

func connectionsLeft(e *Evidence) []Finding {
	var findings []Finding
	for _, database := range e.Databases {
		share := float64(database.Connections) / float64(max(database.MaxConnections, 1))
		if share < connectionsMany || share >= connectionsFull {
			continue
		}
		findings = append(findings, Finding{
			Severity: Warning, Title: "few connections of the database are left", Evidence: []string{database.connections()},
			Fix: "Lower the services' pools (CONN_MAX_AGE, threads), or raise max_connections",
		})
	}
	return findings
}

func sortedByCount(counts map[string]int) []string {
	names := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	return names
}

const (
	// fullCPU and nearMemory are shares of a limit.
	fullCPU    = 0.95
	nearMemory = 0.95
)

func cpuLimit(e *Evidence) []Finding {
	var findings []Finding
	for _, container := range e.Containers {
		usage := container.Usage
		limit, of := usage.CPULimit, "its limit"
		if limit == 0 {
			limit, of = float64(e.Host.CPUs), "the host's"
		}
		if !container.Running() || limit == 0 || usage.CPU < fullCPU*limit {
			continue
		}
		findings = append(findings, e.about(container, Finding{
			Severity: Warning, Title: fmt.Sprintf("%s uses all of the processor that it may have", container.called()),
			Evidence: []string{fmt.Sprintf("%s: %.2f processors of %.2f, %s", container.Name, usage.CPU, limit, of)},
			Fix:      "Raise deploy.resources.limits.cpus of " + container.Service + ", run more replicas, or see what it does: docker top " + container.Name,
		}))
	}
	return findings
}

func memoryNear(e *Evidence) []Finding {
	var findings []Finding
	for _, container := range e.Containers {
		used, limit := container.memory(), container.Usage.MemoryLimit
		if !container.Running() || limit == 0 || float64(used) < nearMemory*float64(limit) {
			continue
		}
		findings = append(findings, e.about(container, Finding{
			Severity: Warning, Title: container.called() + " is near its memory limit",
			Evidence: []string{fmt.Sprintf("%s: %s of %s", container.Name, bytes(used), bytes(limit))},
			Fix:      "Raise deploy.resources.limits.memory of " + container.Service + ", or find what grows: docker stats " + container.Name,
		}))
	}
	return findings
}

// redisNear is the share of maxmemory from where on it is said.
const redisNear = 0.9

func redisTight(e *Evidence) []Finding {
	var findings []Finding
	for _, redis := range e.Redis {
		if redis.Max > 0 && float64(redis.Used) >= redisNear*float64(redis.Max) && float64(redis.Used) < redisFull*float64(redis.Max) && redis.Policy == "noeviction" {
			findings = append(findings, Finding{
				Severity: Warning, Title: "Redis's memory is nearly full, and then it refuses to write", Evidence: []string{redis.memory()},
				Fix: "Raise maxmemory, or see what is large: docker exec " + redis.Container + " redis-cli --bigkeys",
			})
		}
	}
	return findings
}

func redisEvicts(e *Evidence) []Finding {
	var findings []Finding
	for _, redis := range e.Redis {
		if redis.Evicted > 0 && redis.Max > 0 && redis.Evicted > redis.Hits/10 {
			findings = append(findings, Finding{
				Severity: Warning, Title: "Redis throws keys away to make room",
				Evidence: []string{fmt.Sprintf("%d keys evicted, %d lookups hit, %d missed; %s", redis.Evicted, redis.Hits, redis.Misses, redis.memory())},
				Fix:      "Raise maxmemory. Where it is a broker, its policy must be noeviction: tasks go as well",
			})
		}
	}
	return findings
}

const (
	// fewLookups are too few to judge, and hitRate is what a cache should have.
	fewLookups = 1000
	hitRate    = 0.5
)

func redisMisses(e *Evidence) []Finding {
	var findings []Finding
	for _, redis := range e.Redis {
		lookups := redis.Hits + redis.Misses
		if redis.Expiring == 0 || lookups < fewLookups || float64(redis.Hits) >= hitRate*float64(lookups) {
			continue
		}
		findings = append(findings, Finding{
			Severity: Warning, Title: "most lookups in Redis miss: the cache does not help",
			Evidence: []string{fmt.Sprintf("%d of %d lookups hit (%s)", redis.Hits, lookups, percent(float64(redis.Hits)/float64(lookups)))},
			Fix:      "Look at key prefixes and timeouts of the cache: a release that changed them begins with an empty one",
		})
	}
	return findings
}

const (
	// slowerTimes and slowerFloor: below that nobody feels it.
	slowerTimes = 2
	slowerFloor = 200 * time.Millisecond
)

func slower(e *Evidence) []Finding {
	if e.Proxy == nil {
		return nil
	}
	var findings []Finding
	for _, service := range slices.Sorted(maps.Keys(e.Before)) {
		before := e.Before[service]
		for _, server := range e.Proxy.Servers {
			if server.Service != service || server.State != deploy.ServerReady || server.Requests < deploy.DefaultWatchRequests ||
				server.ResponseTime < slowerFloor || server.ResponseTime < slowerTimes*before || before == 0 {
				continue
			}
			findings = append(findings, Finding{
				Severity: Warning, Title: fmt.Sprintf("%s answers %.1f times slower than the release before", service, float64(server.ResponseTime)/float64(before)),
				Services: []string{service},
				Evidence: []string{fmt.Sprintf("%s: %s on average, %s before %s", server.Container, age(server.ResponseTime), age(before), strings.TrimSpace(e.Serving))},
				Fix:      "See what is slow in it: mage logs " + service + "; back to what served before: mage rollback previous",
			})
			break
		}
	}
	return findings
}
