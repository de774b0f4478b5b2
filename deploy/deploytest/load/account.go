package load

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Outcome is how a request ended. Each ends in exactly one way.
type Outcome int

// The outcomes.
const (
	OK     Outcome = iota
	Failed         // answered, but not as wanted: another status, a malformed or a foreign answer
	Lost           // sent or begun to be, and not answered in full: refused, closed, reset, timed out
	Cut            // slow, stream or websocket: was open when the peer ended the connection
)

// String is the outcome's name in a report.
func (o Outcome) String() string {
	switch o {
	case OK:
		return "ok"
	case Failed:
		return "failed"
	case Lost:
		return "lost"
	case Cut:
		return "cut"
	default:
		return fmt.Sprintf("outcome %d", int(o))
	}
}

// Bounds of what is kept word for word; counts go on beyond them.
const (
	maxFailures = 50
	maxEndings  = 10_000
	maxReasons  = 40
	maxReleases = 100
	otherReason = "other"
	noRelease   = "-"
)

// result is one request's end. Times are since the start of the run.
type result struct {
	kind     Kind
	outcome  Outcome
	seq      uint32
	begin    time.Duration // when it was due to be sent; the schedule's word for Get and Post
	sent     time.Duration // when its first byte was written
	head     time.Duration // when the answer's head was read, or 0
	end      time.Duration
	status   int
	reuse    int
	wrote    bool
	open     bool // written in full (slow, stream) or upgraded (websocket)
	complete bool
	reason   string
	err      error
	release  []byte // valid until the link's next request
}

func (r *result) fail(o Outcome, reason string, err error) {
	r.outcome, r.reason, r.err, r.complete = o, reason, err, false
}

// account adds results up. It is what all connections share.
type account struct {
	mu       sync.Mutex
	began    time.Time
	tallies  [kinds]tally
	releases []*releaseTally
	failures []Failure
	endings  []Failure
	slip     histogram

	accepted, refused, unknown []uint32

	fastOnly    bool // the gap is that of Get and Post
	lastSuccess time.Duration
	gap         Gap

	dials, idle, announcedCloses, strayAnswers, unsent, late int
}

type tally struct {
	begun, ok, failed, lost, cut int
	upgraded                     int
	latency                      histogram
	reasons                      map[string]int
}

type releaseTally struct {
	name                         string
	count                        int
	first, last, fromSent, tSent time.Duration
}

func (a *account) begin(k Kind) {
	a.mu.Lock()
	a.tallies[k].begun++
	a.mu.Unlock()
}

// upgrade notes that a session's handshake was answered.
func (a *account) upgrade() {
	a.mu.Lock()
	a.tallies[WebSocket].upgraded++
	a.mu.Unlock()
}

func (a *account) finish(r result) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := &a.tallies[r.kind]
	switch r.outcome {
	case OK:
		t.ok++
		t.latency.add(r.end - r.begin)
	case Failed:
		t.failed++
	case Lost:
		t.lost++
	case Cut:
		t.cut++
	}
	if r.outcome == OK && (!a.fastOnly || !r.kind.long()) {
		a.success(r.end)
	}
	if !r.kind.long() {
		a.slip.add(r.sent - r.begin)
	}
	if r.head > 0 {
		a.answeredBy(r)
	}
	if r.kind == Post {
		a.settle(r)
	}
	if r.outcome != OK {
		a.note(t, r)
	}
}

// success closes the time since the last one.
func (a *account) success(at time.Duration) {
	if at <= a.lastSuccess {
		return
	}
	if at-a.lastSuccess > a.gap.Length {
		a.gap = Gap{From: a.began.Add(a.lastSuccess), Length: at - a.lastSuccess}
	}
	a.lastSuccess = at
}

func (a *account) answeredBy(r result) {
	var rel *releaseTally
	for _, have := range a.releases {
		if have.name == string(r.release) {
			rel = have
			break
		}
	}
	if rel == nil {
		if len(a.releases) == maxReleases {
			return
		}
		rel = &releaseTally{name: string(r.release), first: r.head, last: r.head, fromSent: r.sent, tSent: r.sent}
		a.releases = append(a.releases, rel)
	}
	rel.count++
	rel.first, rel.last = min(rel.first, r.head), max(rel.last, r.head)
	rel.fromSent, rel.tSent = min(rel.fromSent, r.sent), max(rel.tSent, r.sent)
}

// settle says what is known of a POST's effect. A 5xx may come from a proxy
// that delivered the request and lost the answer: nothing is known then.
func (a *account) settle(r result) {
	switch class := r.status / 100; {
	case r.complete && class == 2:
		a.accepted = append(a.accepted, r.seq)
	case !r.wrote, class == 3, class == 4:
		a.refused = append(a.refused, r.seq)
	default:
		a.unknown = append(a.unknown, r.seq)
	}
}

func (a *account) note(t *tally, r result) {
	if t.reasons == nil {
		t.reasons = make(map[string]int)
	}
	if _, known := t.reasons[r.reason]; !known && len(t.reasons) >= maxReasons {
		t.reasons[otherReason]++
	} else {
		t.reasons[r.reason]++
	}
	keepEnding := r.kind.long() && r.open && len(a.endings) < maxEndings
	if len(a.failures) >= maxFailures && !keepEnding {
		return
	}
	f := Failure{
		Kind: r.kind, Outcome: r.outcome, Seq: r.seq, Begin: a.began.Add(r.begin), End: a.began.Add(r.end),
		Reuse: r.reuse, Open: r.open, Status: r.status, Reason: r.reason, Release: string(r.release),
	}
	if r.err != nil {
		f.Error = r.err.Error()
	}
	if len(a.failures) < maxFailures {
		a.failures = append(a.failures, f)
	}
	if keepEnding {
		a.endings = append(a.endings, f)
	}
}

// unsolicited notes bytes on an idle connection: the answer before them was
// longer than it said, or answers have come apart from requests.
func (a *account) unsolicited(k Kind, reuse int, said []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.strayAnswers++
	if len(a.failures) < maxFailures {
		now := time.Now()
		a.failures = append(a.failures, Failure{
			Kind: k, Outcome: Failed, Begin: now, End: now, Reuse: reuse,
			Reason: "unsolicited bytes", Error: fmt.Sprintf("%.40q", said),
		})
	}
}

func (a *account) dialled()    { a.count(&a.dials) }
func (a *account) idleClosed() { a.count(&a.idle) }
func (a *account) announced()  { a.count(&a.announcedCloses) }
func (a *account) left()       { a.count(&a.unsent) }
func (a *account) withdrawn()  { a.count(&a.late) }

func (a *account) count(n *int) {
	a.mu.Lock()
	*n++
	a.mu.Unlock()
}

// report copies the account's state. until is where the open gap ends.
func (a *account) report(until time.Duration, prefix string) Report {
	a.mu.Lock()
	defer a.mu.Unlock()
	gap := a.gap
	if open := until - a.lastSuccess; open > gap.Length {
		gap = Gap{From: a.began.Add(a.lastSuccess), Length: open}
	}
	r := Report{
		Prefix: prefix, Started: a.began,
		Failures: slices.Clone(a.failures), Endings: slices.Clone(a.endings),
		LongestGap: gap, SlipP99: a.slip.quantile(0.99), SlipMax: a.slip.max,
		Dials: a.dials, IdleCloses: a.idle, AnnouncedCloses: a.announcedCloses,
		Unsolicited: a.strayAnswers, Unsent: a.unsent, Withdrawn: a.late,
	}
	for k := range a.tallies {
		r.Kinds = append(r.Kinds, a.tallies[k].summary(Kind(k)))
	}
	for _, rel := range a.releases {
		r.Releases = append(r.Releases, rel.summary(a.began))
	}
	slices.SortStableFunc(r.Releases, func(x, y Release) int { return x.First.Compare(y.First) })
	return r
}
