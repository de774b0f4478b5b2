package load

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Report is what became of every request.
type Report struct {
	Prefix  string
	Rate    float64
	Conns   int
	Started time.Time
	Sending time.Duration // how long requests were sent
	Ended   time.Time     // when the last request had its outcome; zero while it has not
	EndedBy string        // why sending ended if not by Stop

	Kinds    []Tally   // one per Kind, in order
	Failures []Failure // the first 50 requests that did not end well
	Endings  []Failure // every slow request, stream and session that was open when it ended badly
	Releases []Release // in the order of their first answer

	LongestGap Gap // between two successes of Get and Post; of all kinds if there is no rate
	SlipP99    time.Duration
	SlipMax    time.Duration // how late a request of the mix was sent, against its schedule

	Dials           int
	IdleCloses      int // kept connections closed by the peer before we wrote: no loss
	AnnouncedCloses int // answers that ended their connection: no loss
	Unsolicited     int // kept connections on which the peer spoke unasked: a fault
	Unsent          int // due, but without a connection to send them: the load was less than promised
	Withdrawn       int // due, and still waiting for a connection when sending ended

	Accepted []string // ids of POSTs answered 2xx: each must have exactly one row
	Refused  []string // ids of POSTs never written, or answered 3xx or 4xx: none may have a row
	Unknown  []string // ids of all other POSTs: at most one row

	silent []Kind // asked for, and without a single success
}

// Tally counts one kind. Sent = OK + Failed + Lost + Cut + InFlight.
type Tally struct {
	Kind     Kind
	Sent     int
	OK       int
	Failed   int
	Lost     int
	Cut      int
	InFlight int
	Upgraded int            // WebSocket: sessions whose handshake was answered
	Latency  Latency        // of those that are OK; for Get and Post from the moment they were due
	Reasons  map[string]int // why the others were not
}

// Latency sums up a distribution; p50 and p99 are exact to about 3 %.
type Latency struct{ P50, P99, Max time.Duration }

// Failure is one request that did not end well.
type Failure struct {
	Kind    Kind
	Outcome Outcome
	Seq     uint32
	Begin   time.Time
	End     time.Time
	Reuse   int  // answers its connection had carried before
	Open    bool // slow, stream: written in full; websocket: upgraded
	Status  int  // 0: no answer's head came
	Reason  string
	Error   string
	Release string
}

// Release is what one release answered. An old release's LastSent lies before
// the end of the switch if no new request reached it afterwards.
type Release struct {
	Name      string
	Count     int
	First     time.Time // arrival of its first answer's head
	Last      time.Time
	FirstSent time.Time // when the first request that it answered was sent
	LastSent  time.Time
}

// Gap is a time without success.
type Gap struct {
	From   time.Time
	Length time.Duration
}

// Window is a time in which open slow requests, streams and sessions may be
// ended: from a drain deadline to when its effect must have passed.
type Window struct{ From, To time.Time }

// Sent is how many requests were begun.
func (r Report) Sent() int { return r.sum(func(t Tally) int { return t.Sent }) }

// OK is how many ended well.
func (r Report) OK() int { return r.sum(func(t Tally) int { return t.OK }) }

// Lost is everything that did not end well: failed, lost and cut requests and
// connections on which the peer spoke unasked.
func (r Report) Lost() int {
	return r.Unsolicited + r.sum(func(t Tally) int { return t.Failed + t.Lost + t.Cut })
}

// EndedAtDeadline is how many slow requests, streams and sessions were open
// when a window began and were ended within it: cut, or answered with an error
// instead. One that timed out was not ended by anybody and stays lost.
func (r Report) EndedAtDeadline(windows ...Window) int {
	n := 0
	for _, f := range r.Endings {
		if slices.ContainsFunc(windows, func(w Window) bool {
			return f.Outcome != Lost && f.Begin.Before(w.From) && !f.End.Before(w.From) && !f.End.After(w.To)
		}) {
			n++
		}
	}
	return n
}

// Of is one kind's tally.
func (r Report) Of(k Kind) Tally {
	for _, t := range r.Kinds {
		if t.Kind == k {
			return t
		}
	}
	return Tally{Kind: k}
}

// mostUnsent: of so many requests that were due, one may not have been sent.
// That the machine had no time for a while says nothing of a rollout, and is in
// the report; with more than that it is another load.
const mostUnsent = 5

// Check is the verdict of a test: nil if the load was sent and all of it ended
// well, but for what the windows permit. An empty run is no success.
func (r Report) Check(windows ...Window) error {
	var wrong []error
	if n := r.Lost() - r.EndedAtDeadline(windows...); n > 0 {
		wrong = append(wrong, fmt.Errorf("%d of %d requests lost", n, r.Sent()))
	}
	if due := r.Sent() + r.Unsent; r.Unsent*mostUnsent > due {
		wrong = append(wrong, fmt.Errorf("%d of %d requests that were due were never sent: that was not the load that was asked for", r.Unsent, due))
	}
	if r.EndedBy != "" && r.EndedBy != endedByContext {
		wrong = append(wrong, fmt.Errorf("sending ended before Stop: %s", r.EndedBy))
	}
	for _, k := range r.silent {
		wrong = append(wrong, fmt.Errorf("no %v succeeded", k))
	}
	for _, t := range r.Kinds {
		if t.InFlight != 0 {
			wrong = append(wrong, fmt.Errorf("%d of kind %v have no outcome", t.InFlight, t.Kind))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("check load:\n%w\n%s", errors.Join(wrong...), r)
}

// expect notes which kinds were asked for and have no success.
func (r *Report) expect(p Profile) {
	asked := [kinds]bool{Slow: p.Slow.Count > 0, Stream: p.Stream.Count > 0, WebSocket: p.WebSocket.Count > 0}
	for _, m := range p.Mix {
		asked[m.Kind] = true
	}
	for k, yes := range asked {
		if yes && r.Kinds[k].OK == 0 {
			r.silent = append(r.silent, Kind(k))
		}
	}
}

func (r Report) sum(of func(Tally) int) int {
	n := 0
	for _, t := range r.Kinds {
		n += of(t)
	}
	return n
}

func (t *tally) summary(k Kind) Tally {
	return Tally{
		Kind: k, Sent: t.begun, OK: t.ok, Failed: t.failed, Lost: t.lost, Cut: t.cut,
		InFlight: t.begun - t.ok - t.failed - t.lost - t.cut, Upgraded: t.upgraded,
		Latency: t.latency.latency(), Reasons: maps.Clone(t.reasons),
	}
}

func (t *releaseTally) summary(began time.Time) Release {
	name := t.name
	if name == "" {
		name = noRelease
	}
	return Release{
		Name: name, Count: t.count, First: began.Add(t.first), Last: began.Add(t.last),
		FirstSent: began.Add(t.fromSent), LastSent: began.Add(t.tSent),
	}
}

// posts writes out the ids of POSTs by what is known of them.
func (a *account) posts(prefix string) (accepted, refused, unknown []string) {
	a.mu.Lock()
	lists := [3][]uint32{slices.Clone(a.accepted), slices.Clone(a.refused), slices.Clone(a.unknown)}
	a.mu.Unlock()
	var out [3][]string
	for i, seqs := range lists {
		for _, seq := range seqs {
			out[i] = append(out[i], prefix+"-"+strconv.FormatUint(uint64(seq), 10))
		}
	}
	return out[0], out[1], out[2]
}

// Ledger compares the server's rows with what its clients were told.
type Ledger struct {
	Rows    int      // rows of this run
	Missing []string // answered 2xx and without a row
	Doubled []string // with more than one row
	Unasked []string // a row although the POST was refused, never written or never made
}

// Ledger sets the run's POSTs against rows of the form "id anything". Rows of
// other runs are passed over. Rows of requests still in flight look unasked:
// call it on the report of Stop.
func (r Report) Ledger(rows []string) Ledger {
	var l Ledger
	seen := make(map[string]int)
	for _, row := range rows {
		id, _, _ := strings.Cut(strings.TrimSpace(row), " ")
		if !strings.HasPrefix(id, r.Prefix+"-") {
			continue
		}
		l.Rows++
		if seen[id]++; seen[id] == 2 {
			l.Doubled = append(l.Doubled, id)
		}
	}
	for _, id := range r.Accepted {
		if seen[id] == 0 {
			l.Missing = append(l.Missing, id)
		}
		delete(seen, id)
	}
	for _, id := range r.Unknown {
		delete(seen, id)
	}
	l.Unasked = slices.Sorted(maps.Keys(seen))
	return l
}

// Err is nil if every POST answered 2xx has exactly one row and nothing else has any.
func (l Ledger) Err() error {
	if len(l.Missing)+len(l.Doubled)+len(l.Unasked) == 0 {
		return nil
	}
	few := func(ids []string) []string { return ids[:min(len(ids), 3)] }
	return fmt.Errorf("check rows: of %d, %d missing %v, %d doubled %v, %d unasked %v", l.Rows,
		len(l.Missing), few(l.Missing), len(l.Doubled), few(l.Doubled), len(l.Unasked), few(l.Unasked))
}
