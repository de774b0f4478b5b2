package fake

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Traffic is what became of the requests through the proxy.
type Traffic struct {
	// Answered counts responses, Failed those with a 5xx of the container's.
	Answered, Failed int
	// Lost counts those that no container answered, or whose container was
	// stopped under them.
	Lost int
	// AtDeadline counts those that were open at the drain deadline.
	AtDeadline int
	// Interrupted counts those that a replaced proxy cut with consent.
	Interrupted int
	// TurnedAway counts those that got a maintenance's page.
	TurnedAway int
}

// Visitor is who sends a request; the zero value is anybody.
type Visitor struct {
	// Address is where the connection comes from, Forwarded the last address in
	// X-Forwarded-For.
	Address, Forwarded netip.Addr
	// Pass is the deployer's.
	Pass string
}

// ErrTurnedAway says that a request got a maintenance's page.
var ErrTurnedAway = errors.New("503: maintenance")

// Request is one request that is open.
type Request struct {
	// Container answers it.
	Container string

	host    *Host
	process *process
	server  *server
	target  *container
	began   time.Time
	cut     bool
}

// Traffic gives what became of all requests so far.
func (h *Host) Traffic() Traffic {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.traffic
}

// Open sends a request to a service and leaves it open.
func (h *Host) Open(service string) (*Request, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	return h.openRequest(service, Visitor{})
}

func (h *Host) openRequest(service string, from Visitor) (*Request, error) {
	if !h.Proxy.up() {
		return nil, h.lose("connection refused")
	}
	if h.Proxy.turnsAway(from) {
		h.traffic.TurnedAway++
		return nil, ErrTurnedAway
	}
	process := h.Proxy.running
	s, c := process.pick(h, service)
	if s == nil {
		return nil, h.lose("503: no server of " + service + " is available")
	}
	request := &Request{Container: c.Name, host: h, process: process, server: s, target: c, began: time.Now()}
	process.open = append(process.open, request)
	c.open++
	return request, nil
}

func (h *Host) lose(why string) error {
	if h.Consent {
		h.traffic.Interrupted++
	} else {
		h.traffic.Lost++
	}
	return fmt.Errorf("%s", why)
}

// Done ends the request: nil when it was answered well.
func (r *Request) Done() error {
	h := r.host
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	r.process.open = slices.DeleteFunc(r.process.open, func(one *Request) bool { return one == r })
	r.target.open--
	switch {
	case r.cut:
		return h.lose("the proxy ended")
	case !r.target.Running() && r.target.late:
		h.traffic.AtDeadline++
		return fmt.Errorf("%s ended at the drain deadline", r.Container)
	case !r.target.Running():
		return h.lose(r.Container + " ended")
	}
	return r.answer()
}

func (r *Request) answer() error {
	h := r.host
	h.traffic.Answered++
	failed := r.target.behaviour.FailEvery > 0 && h.traffic.Answered%r.target.behaviour.FailEvery == 0
	if failed {
		h.traffic.Failed++
	}
	if s := r.server; s.Container == r.Container {
		s.Requests++
		s.times += time.Since(r.began)
		s.ResponseTime = s.times / time.Duration(s.Requests)
		if failed {
			s.Failed++
		}
	}
	if failed {
		return fmt.Errorf("500 from %s", r.Container)
	}
	return nil
}

// Ask sends one request to a service and waits for its answer.
func (h *Host) Ask(ctx context.Context, service string) (container string, err error) {
	return h.AskAs(ctx, service, Visitor{})
}

// AskAs is Ask of somebody.
func (h *Host) AskAs(ctx context.Context, service string, from Visitor) (container string, err error) {
	h.mu.Lock()
	h.settle()
	request, err := h.openRequest(service, from)
	h.mu.Unlock()
	if err != nil {
		return "", err
	}
	if err := wait(ctx, request.target.behaviour.answers()); err != nil {
		_ = request.Done() // nobody waits for it
		return request.Container, err
	}
	return request.Container, request.Done()
}

// Load asks a service every pause until the context ends.
func (h *Host) Load(ctx context.Context, service string, pause time.Duration) {
	for wait(ctx, pause) == nil {
		_, _ = h.Ask(ctx, service) // it is counted
	}
}
