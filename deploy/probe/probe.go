// Package probe asks HTTP endpoints: new containers at their own addresses,
// and the public ones through the proxy.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// bodyLimit is how much of a body is read: enough for every text to look for,
// little enough that a large page costs nothing.
const bodyLimit = 1 << 20

// HTTP is a deploy.Prober. Every probe is a connection of its own, so that it
// sees what a new visitor sees, and nothing is retried.
type HTTP struct{ client *http.Client }

// New makes a prober.
func New() *HTTP {
	return &HTTP{client: &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true, Proxy: nil},
		// A redirect is an answer like any other: a health check that is
		// redirected has not been answered.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

var _ deploy.Prober = (*HTTP)(nil)

// Probe sends one request. A tcp:// address is only connected to.
func (p *HTTP) Probe(ctx context.Context, check deploy.HTTPCheck) error {
	if check.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, check.Timeout)
		defer cancel()
	}
	if address, ok := strings.CutPrefix(check.URL, "tcp://"); ok {
		return connect(ctx, address, check.Timeout)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, check.URL, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", check.URL, err)
	}
	request.Host = check.Host
	request.Header.Set("User-Agent", "webshop-deploy")
	if check.Pass != "" {
		request.Header.Set(deploy.PassHeader, check.Pass)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return explain(err, check)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, bodyLimit))
	if err != nil {
		return explain(err, check)
	}
	return judge(response, body, check)
}

func connect(ctx context.Context, address string, timeout time.Duration) error {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return explain(err, deploy.HTTPCheck{URL: "tcp://" + address, Timeout: timeout})
	}
	return connection.Close()
}

func judge(response *http.Response, body []byte, check deploy.HTTPCheck) error {
	right := response.StatusCode >= 200 && response.StatusCode < 300
	wanted := "2xx"
	if check.Status != 0 {
		right = response.StatusCode == check.Status
		wanted = fmt.Sprint(check.Status)
	}
	if !right {
		text := fmt.Sprintf("%s answered %s instead of %s", check.URL, response.Status, wanted)
		if location := response.Header.Get("Location"); location != "" {
			text += ", to " + location
		}
		if line := firstLine(body); line != "" {
			text += ": " + line
		}
		return errors.New(text)
	}
	if check.Contains != "" && !strings.Contains(string(body), check.Contains) {
		return fmt.Errorf("%s answered %s, but its body does not contain %q", check.URL, response.Status, check.Contains)
	}
	return nil
}

// explain says what a failed request means, in the words people look for.
func explain(err error, check deploy.HTTPCheck) error {
	inner := err
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		inner = wrapped.Err
	}
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: connection refused", check.URL)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: no answer within %s", check.URL, check.Timeout)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("%s: the connection was closed before the answer was complete", check.URL)
	}
	return fmt.Errorf("%s: %w", check.URL, inner)
}

// firstLine gives a short answer's text, as health checks write them.
func firstLine(body []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	const limit = 200
	if len(line) > limit {
		line = line[:limit] + "…"
	}
	if strings.HasPrefix(line, "<") {
		return "" // a page tells nothing in its first line
	}
	return line
}
