package load

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// pauseAfterFailure keeps a loop from hammering a server that is gone.
const pauseAfterFailure = 100 * time.Millisecond

// Reasons why sending ended, other than Stop.
const (
	endedByRequests = "max requests reached"
	endedByDuration = "max duration reached"
	endedByContext  = "context ended"
)

// A Run is load being sent. Stop it, even after its context has ended, to get
// the report.
type Run struct {
	profile  Profile
	cycle    []int
	account  account
	arrivals chan arrival
	total    atomic.Int64  // requests begun
	seq      atomic.Uint32 // ids given
	workers  sync.WaitGroup

	halted   chan struct{} // closed when sending ends
	haltOnce sync.Once
	ended    chan struct{} // closed when everything has an outcome
	hard     context.Context
	abort    context.CancelFunc

	mu        sync.Mutex
	conns     map[net.Conn]struct{}
	stoppedAt time.Duration
	endedAt   time.Duration
	endedBy   string
}

// arrival is a request of the mix that is due.
type arrival struct {
	due     time.Duration
	request int
}

// Start begins to send and returns at once. It panics on a profile that
// Validate refuses: a test that sends nothing must not pass.
//
// When ctx ends, sending ends; what is in flight still has Drain to finish.
func Start(ctx context.Context, p Profile) *Run {
	if err := p.Validate(); err != nil {
		panic(fmt.Sprintf("load: invalid profile:\n%v", err))
	}
	p = p.withDefaults()
	r := &Run{
		profile: p,
		cycle:   p.cycle(),
		// Ten seconds of arrivals may wait for a connection before any is given up.
		arrivals: make(chan arrival, max(64, int(10*p.Rate))),
		halted:   make(chan struct{}),
		ended:    make(chan struct{}),
		conns:    make(map[net.Conn]struct{}),
	}
	r.hard, r.abort = context.WithCancel(context.WithoutCancel(ctx))
	r.account.began = time.Now()
	r.account.fastOnly = p.Rate > 0

	if p.Rate > 0 {
		for i := range p.Conns {
			r.workers.Go(func() { r.work(r.newLink(i)) })
		}
		r.workers.Go(r.schedule)
	}
	for i := range p.Slow.Count {
		r.workers.Go(func() { r.loop(r.newLink(i), Request{Kind: Slow, Path: p.Slow.Path}) })
	}
	for i := range p.Stream.Count {
		r.workers.Go(func() { r.loop(r.newLink(i), Request{Kind: Stream, Path: p.Stream.Path}) })
	}
	for i := range p.WebSocket.Count {
		r.workers.Go(func() { r.sessions(r.newLink(i)) })
	}
	go r.watch(ctx)
	return r
}

// Stop ends sending, lets what is in flight finish for at most the profile's
// Drain, and reports. Whatever has no outcome by then is lost. WebSockets are
// closed by us. Further calls return the same counts.
func (r *Run) Stop() Report {
	r.halt("")
	<-r.ended
	return r.Snapshot()
}

// Snapshot reports while the run goes on. The ids of POSTs are not in it before
// the run has ended: it is cheap enough to be polled.
func (r *Run) Snapshot() Report {
	r.mu.Lock()
	stopped, ended, by := r.stoppedAt, r.endedAt, r.endedBy
	r.mu.Unlock()
	until := r.now()
	if stopped > 0 {
		until = stopped
	}
	rep := r.account.report(until, r.profile.Prefix)
	rep.Rate, rep.Conns = r.profile.Rate, r.profile.Conns
	rep.EndedBy = by
	rep.Sending = until
	if ended > 0 {
		rep.Accepted, rep.Refused, rep.Unknown = r.account.posts(r.profile.Prefix)
		rep.Ended = r.account.began.Add(ended)
	}
	rep.expect(r.profile)
	return rep
}

// watch bounds the run in time and ends it.
func (r *Run) watch(ctx context.Context) {
	defer r.abort()
	longest := time.NewTimer(r.profile.MaxDuration)
	defer longest.Stop()
	select {
	case <-ctx.Done():
		r.halt(endedByContext)
	case <-longest.C:
		r.halt(endedByDuration)
	case <-r.halted:
	}
	force := time.AfterFunc(r.profile.Drain, r.force)
	r.workers.Wait()
	force.Stop()
	r.mu.Lock()
	r.endedAt = r.now()
	r.mu.Unlock()
	close(r.ended)
}

// halt ends sending; by says why if it was not Stop.
func (r *Run) halt(by string) {
	r.haltOnce.Do(func() {
		r.mu.Lock()
		r.stoppedAt, r.endedBy = r.now(), by
		r.mu.Unlock()
		close(r.halted)
	})
}

// force closes every connection, so that every request gets an outcome.
func (r *Run) force() {
	r.abort()
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		_ = c.Close()
	}
}

func (r *Run) forced() bool { return r.hard.Err() != nil }

func (r *Run) stopping() bool {
	select {
	case <-r.halted:
		return true
	default:
		return false
	}
}

func (r *Run) now() time.Duration { return time.Since(r.account.began) }

// open registers a connection for force; false if it is too late.
func (r *Run) open(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forced() {
		return false
	}
	r.conns[c] = struct{}{}
	return true
}

func (r *Run) closed(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
}

// schedule hands out the mix at the rate, whatever the answers do. When no
// worker is free it adds one for as long as there is something to catch up.
func (r *Run) schedule() {
	defer close(r.arrivals)
	var busy atomic.Int64 // surplus workers
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	interval := float64(time.Second) / r.profile.Rate
	links := r.profile.Conns
	for n := 0; ; n++ {
		due := time.Duration(float64(n) * interval)
		if wait := due - r.now(); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-r.halted:
				return
			}
		} else if r.stopping() {
			return
		}
		select {
		case r.arrivals <- arrival{due: due, request: r.cycle[n%len(r.cycle)]}:
		default:
			r.account.left()
			continue
		}
		if len(r.arrivals) > 0 && busy.Load() < int64(r.profile.MaxConns-r.profile.Conns) {
			busy.Add(1)
			links++
			l := r.newLink(links)
			r.workers.Go(func() {
				defer busy.Add(-1)
				r.relieve(l)
			})
		}
	}
}

// work is one kept connection's life.
func (r *Run) work(l *link) {
	defer l.close()
	for a := range r.arrivals {
		r.serve(l, a)
	}
}

// relieve is the life of a connection opened because all others were busy.
func (r *Run) relieve(l *link) {
	defer l.close()
	for {
		select {
		case a, ok := <-r.arrivals:
			if !ok {
				return
			}
			r.serve(l, a)
		default:
			return
		}
	}
}

func (r *Run) serve(l *link, a arrival) {
	req := r.profile.Mix[a.request]
	if !r.begin(req.Kind) {
		r.account.withdrawn()
		return
	}
	r.account.finish(l.exchange(req, r.seq.Add(1), a.due, r.profile.Timeout))
}

// loop asks for one path again and again.
func (r *Run) loop(l *link, req Request) {
	defer l.close()
	for r.begin(req.Kind) {
		res := l.exchange(req, r.seq.Add(1), r.now(), r.profile.Patience)
		r.account.finish(res)
		r.pauseAfter(res)
	}
}

// sessions holds one WebSocket after the other.
func (r *Run) sessions(l *link) {
	for r.begin(WebSocket) {
		res := l.session(r.profile.WebSocket.Path, r.seq.Add(1), r.now())
		r.account.finish(res)
		r.pauseAfter(res)
	}
}

// begin counts a request that is about to be sent, unless sending has ended.
func (r *Run) begin(k Kind) bool {
	if r.stopping() {
		return false
	}
	if r.total.Add(1) > int64(r.profile.MaxRequests) {
		r.halt(endedByRequests)
		return false
	}
	r.account.begin(k)
	return true
}

func (r *Run) pauseAfter(res result) {
	if res.outcome == OK {
		return
	}
	timer := time.NewTimer(pauseAfterFailure)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.halted:
	}
}
