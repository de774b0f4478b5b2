package fake

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Prober asks containers at their own addresses, and everything else through
// the proxy.
type Prober struct{ host *Host }

var _ deploy.Prober = (*Prober)(nil)

// Probe sends one request.
func (p *Prober) Probe(ctx context.Context, check deploy.HTTPCheck) error {
	address, err := url.Parse(check.URL)
	if err != nil {
		return err
	}
	h := p.host
	if err := h.look(ctx); err != nil {
		h.mu.Unlock()
		return err
	}
	for _, c := range h.containers {
		if c.Running() && c.Address == address.Hostname() {
			defer h.mu.Unlock()
			return answer(c, address.Scheme)
		}
	}
	if strings.HasPrefix(address.Hostname(), "172.18.") {
		h.mu.Unlock()
		return fmt.Errorf("dial %s: no route to host", address.Host)
	}
	service := ""
	if h.Proxy.up() {
		host := check.Host
		if host == "" {
			host = address.Hostname()
		}
		service = h.Proxy.running.match(h.published[address.Host], host, max(address.Path, "/"))
	}
	h.mu.Unlock()
	_, err = h.AskAs(ctx, service, Visitor{Pass: check.Pass})
	return err
}

// Walk sends a flow's requests.
func (p *Prober) Walk(ctx context.Context, flow deploy.HTTPFlow) error {
	for _, step := range flow.Steps {
		if err := p.Probe(ctx, step.HTTPCheck); err != nil {
			return err
		}
	}
	return nil
}

func answer(c *container, scheme string) error {
	switch now := time.Now(); {
	case !c.listens(now):
		return fmt.Errorf("dial %s: connection refused", c.Address)
	case scheme != "tcp" && !c.healthy(now):
		return fmt.Errorf("status 500, wanted 2xx")
	}
	return nil
}
