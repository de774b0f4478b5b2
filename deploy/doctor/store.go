package doctor

import "time"

// Database is what a Postgres says of itself.
type Database struct {
	Service   string `json:"service"`
	Container string `json:"container"`
	// Problem is why it did not answer; empty where it did.
	Problem string `json:"problem,omitempty"`
	// Connections is how many clients have one, of MaxConnections.
	Connections    int `json:"connections,omitempty"`
	MaxConnections int `json:"max_connections,omitempty"`
	// States counts them by what they do: "active", "idle in transaction".
	States map[string]int `json:"states,omitempty"`
	// Longest are the queries that run longest, Blocked those that wait for a
	// lock, and Idle the transactions in which nothing happens.
	Longest []Query `json:"longest,omitempty"`
	Blocked []Query `json:"blocked,omitempty"`
	Idle    []Query `json:"idle,omitempty"`
	// Scanned are large tables that are read from end to end again and again.
	Scanned []Table `json:"scanned,omitempty"`
	// Invalid are indexes whose making was not finished.
	Invalid []string `json:"invalid,omitempty"`
}

// Query is what one connection does.
type Query struct {
	PID     int     `json:"pid"`
	Seconds float64 `json:"seconds"`
	State   string  `json:"state"`
	// Text is without the values in it.
	Text string `json:"query"`
	// By are the connections that hold what it waits for.
	By []int `json:"by,omitempty"`
}

// Age is how long it has been at it.
func (q Query) Age() time.Duration { return time.Duration(q.Seconds * float64(time.Second)) }

// Table is one of pg_stat_user_tables.
type Table struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
	// Scans counts the readings from end to end since the counters began, Read
	// the rows that they passed, and IndexScans the others.
	Scans      int64 `json:"scans"`
	Read       int64 `json:"read"`
	IndexScans int64 `json:"index_scans"`
}

// Redis is what a Redis says of itself.
type Redis struct {
	Service   string `json:"service"`
	Container string `json:"container"`
	// Problem is why it did not answer; empty where it did.
	Problem string `json:"problem,omitempty"`
	// Used and Max are bytes of memory; Max is 0 where it has no bound.
	Used   int64  `json:"used,omitempty"`
	Max    int64  `json:"max,omitempty"`
	Policy string `json:"policy,omitempty"`
	// Hits and Misses count lookups, Evicted the keys that had to go, and
	// Expiring those that have an end: a cache has such keys, a queue has none.
	Hits     int64 `json:"hits,omitempty"`
	Misses   int64 `json:"misses,omitempty"`
	Evicted  int64 `json:"evicted,omitempty"`
	Expiring int64 `json:"expiring,omitempty"`
	// Saving is false where the last writing to the disk failed.
	Saving bool `json:"saving"`
	// Clients is how many are connected, of MaxClients.
	Clients    int64 `json:"clients,omitempty"`
	MaxClients int64 `json:"max_clients,omitempty"`
}
