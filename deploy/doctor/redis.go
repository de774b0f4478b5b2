package doctor

import (
	"fmt"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// What Redis does to the services.
const (
	CauseRedisDown        Cause = "redis-down"
	CauseRedisHangs       Cause = "redis-hangs"
	CauseRedisPassword          = Cause(deploy.SymptomRedisPassword)
	CauseRedisMemory            = Cause(deploy.SymptomRedisMemory)
	CauseRedisSave              = Cause(deploy.SymptomRedisSave)
	CauseRedisReplica           = Cause(deploy.SymptomRedisReplica)
	CauseRedisName              = Cause(deploy.SymptomRedisName)
	CauseRedisUnreachable       = Cause(deploy.SymptomRedisUnreachable)
)

// redisRules are about Redis, which is a cache, a broker, or both.
var redisRules = []rule{
	{CauseRedisDown, "health checks fail, tasks wait: Redis's container does not run", supply, storeDown(RoleRedis, "Redis")},
	{CauseRedisHangs, "health checks time out: Redis takes connections and says nothing", supply, redisHangs},
	{CauseRedisPassword, "health checks fail: NOAUTH or WRONGPASS", supply, saying(deploy.SymptomRedisPassword, func(e *Evidence, h heard) Finding {
		return Finding{
			Title: "Redis refuses the password of " + h.who(),
			Fix:   "Compare the password in REDIS_URL with Redis's requirepass, and push what is right: mage env:push " + e.Environment,
		}
	})},
	{CauseRedisMemory, "writing fails: OOM command not allowed", supply, redisMemory},
	{CauseRedisSave, "writing fails: MISCONF, the snapshot cannot be written", supply, redisSave},
	{CauseRedisReplica, "writing fails: READONLY", supply, saying(deploy.SymptomRedisReplica, func(e *Evidence, _ heard) Finding {
		return Finding{
			Title: "the Redis that is written to is a replica",
			Fix:   "Name the primary in REDIS_URL, or make this one it: docker exec " + e.containerOf(RoleRedis, "REDIS") + " redis-cli REPLICAOF NO ONE",
		}
	})},
	{CauseRedisName, "health checks fail: Redis's host name is not known", supply, saying(deploy.SymptomRedisName, func(e *Evidence, h heard) Finding {
		if e.down(RoleRedis) {
			return Finding{}
		}
		return Finding{
			Title: "Redis's host name, as " + h.who() + " has it, is not known in the project's network",
			Fix:   "The name is the service's: " + e.nameOf(RoleRedis, "redis") + ". Correct REDIS_URL in .env: mage env:push " + e.Environment,
		}
	})},
	{CauseRedisUnreachable, "health checks fail: connection to Redis refused, or no answer", supply, saying(deploy.SymptomRedisUnreachable, func(e *Evidence, h heard) Finding {
		if e.down(RoleRedis) {
			return Finding{}
		}
		return Finding{
			Title: h.who() + " does not reach Redis",
			Fix:   "Compare host and port in REDIS_URL with the service; its own log: mage logs " + e.nameOf(RoleRedis, "redis"),
		}
	})},
}

func redisHangs(e *Evidence) []Finding {
	var findings []Finding
	for _, redis := range e.Redis {
		if !strings.Contains(redis.Problem, "no answer within") || e.down(RoleRedis) {
			continue
		}
		findings = append(findings, Finding{
			Title: redis.Service + " runs and does not answer", Evidence: lines(redis.Problem),
			Fix: "Look what keeps it: docker exec " + redis.Container + " redis-cli SLOWLOG GET 5; then: docker restart " + redis.Container,
		})
	}
	return findings
}

// redisFull is the share of maxmemory from where on it is full.
const redisFull = 0.99

func redisMemory(e *Evidence) []Finding {
	var findings []Finding
	fix := "Raise maxmemory, or let old keys go: docker exec " + e.containerOf(RoleRedis, "REDIS") + " redis-cli CONFIG SET maxmemory-policy allkeys-lru (not where it is a broker)"
	for _, redis := range e.Redis {
		if redis.Max > 0 && float64(redis.Used) >= redisFull*float64(redis.Max) && (redis.Policy == "noeviction" || redis.Policy == "") {
			findings = append(findings, Finding{Title: "Redis's memory is full", Evidence: []string{redis.memory()}, Fix: fix})
		}
	}
	return append(findings, saying(deploy.SymptomRedisMemory, func(*Evidence, heard) Finding {
		return Finding{Title: "Redis's memory is full", Fix: fix}
	})(e)...)
}

func (r Redis) memory() string {
	return fmt.Sprintf("%s of %s (maxmemory), policy %s", bytes(r.Used), bytes(r.Max), r.Policy)
}

func redisSave(e *Evidence) []Finding {
	var findings []Finding
	fix := "Look why: mage logs " + e.nameOf(RoleRedis, "redis") + "; make room on the disk, or mend the rights of its volume"
	for _, redis := range e.Redis {
		if redis.Problem == "" && !redis.Saving {
			findings = append(findings, Finding{Title: "Redis cannot write to its disk", Evidence: []string{"rdb_last_bgsave_status or aof_last_write_status is err"}, Fix: fix})
		}
	}
	return append(findings, saying(deploy.SymptomRedisSave, func(*Evidence, heard) Finding {
		return Finding{Title: "Redis cannot write to its disk", Fix: fix}
	})(e)...)
}
