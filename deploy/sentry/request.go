package sentry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

const (
	// requestTimeout bounds one request.
	requestTimeout = 8 * time.Second
	// answerLimit is how much of an answer is read.
	answerLimit = 8 << 20
	// attempts is how often a request is made that Sentry has no time for, and
	// longestPause how long it may ask to wait in between.
	attempts     = 3
	longestPause = 10 * time.Second
	// detailWidth is how much of an answer's reason is shown.
	detailWidth = 200
)

// refusal is an answer with a status that is no success.
type refusal struct {
	status int
	reason string
	// pause is what Sentry asks to wait.
	pause time.Duration
}

// Error gives the status, its reason, and what a person can do about it.
func (r *refusal) Error() string {
	text := fmt.Sprintf("it answers %d %s", r.status, http.StatusText(r.status))
	if r.reason != "" {
		text += ": " + r.reason
	}
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		text += " (x-deploy.sentry.token needs the scopes project:releases and event:read)"
	case http.StatusNotFound:
		text += " (look at x-deploy.sentry.organization and project)"
	}
	return text
}

func refused(err error, status int) bool {
	refusal, ok := errors.AsType[*refusal](err)
	return ok && refusal.status == status
}

// ask makes a request, again where Sentry asks for a pause, and decodes the
// answer. The token is in no error.
func (t *Tracker) ask(ctx context.Context, method, path string, body, answer any) (http.Header, error) {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	for attempt := 1; ; attempt++ {
		head, err := t.once(ctx, method, path, content, answer)
		refusal, ok := errors.AsType[*refusal](err)
		if !ok || refusal.status != http.StatusTooManyRequests || attempt == attempts || refusal.pause > longestPause {
			return head, t.explain(ctx, err)
		}
		timer := time.NewTimer(max(refusal.pause, time.Second))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, t.explain(ctx, err)
		}
	}
}

func (t *Tracker) once(ctx context.Context, method, path string, content []byte, answer any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, t.settings.URL+path, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+string(t.settings.Token))
	request.Header.Set("User-Agent", "webshop-deploy")
	request.Header.Set("Accept", "application/json")
	if content != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := t.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return nil, err
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, &refusal{status: response.StatusCode, reason: reason(read), pause: pause(response.Header)}
	}
	if answer != nil {
		if err := json.Unmarshal(read, answer); err != nil {
			return nil, errors.New("its answer is not what Sentry answers; is x-deploy.sentry.url right?")
		}
	}
	return response.Header, nil
}

// pause is what the answer asks to wait.
func pause(head http.Header) time.Duration {
	seconds, err := strconv.ParseFloat(head.Get("Retry-After"), 64)
	if err == nil && seconds >= 0 {
		return time.Duration(seconds * float64(time.Second))
	}
	if at, err := http.ParseTime(head.Get("Retry-After")); err == nil {
		return max(time.Until(at), 0)
	}
	return time.Second
}

// reason is what an answer says of itself: its "detail", or its beginning.
func reason(body []byte) string {
	var said struct {
		Detail any `json:"detail"`
	}
	text := string(body)
	if json.Unmarshal(body, &said) == nil && said.Detail != nil {
		text = fmt.Sprint(said.Detail)
	}
	if strings.HasPrefix(strings.TrimSpace(text), "<") {
		return "" // a page tells nothing in its first line
	}
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	if runes := []rune(deploy.Visible(text)); len(runes) > detailWidth {
		return string(runes[:detailWidth]) + "…"
	}
	return deploy.Visible(text)
}

// explain says where the request went, and takes the token out of the rest.
func (t *Tracker) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*refusal](err); ok {
		return t.hiding(err)
	}
	inner := err
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		inner = wrapped.Err
	}
	if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		inner = errors.New("no answer in time")
	}
	return t.hiding(fmt.Errorf("%s: %w", t.settings.URL, inner))
}

// hiding keeps an error as it is unless an answer has repeated the token.
func (t *Tracker) hiding(err error) error {
	token := string(t.settings.Token)
	if token == "" || !strings.Contains(err.Error(), token) {
		return err
	}
	if refusal, ok := errors.AsType[*refusal](err); ok {
		refusal.reason = strings.ReplaceAll(refusal.reason, token, "(hidden)")
		return refusal
	}
	return errors.New(strings.ReplaceAll(err.Error(), token, "(hidden)"))
}
