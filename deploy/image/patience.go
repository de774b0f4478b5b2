package image

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// mostPatience is how long a registry that is asked too often is waited for
// within one question, when it says how long.
const mostPatience = 20 * time.Second

// limited is a registry's wish to be left alone for longer than that.
type limited struct {
	status string
	until  time.Time
}

func (l *limited) Error() string {
	return fmt.Sprintf("%s, Retry-After %s", l.status, l.until.UTC().Format(time.RFC3339))
}

// patient waits as long as a registry asks for with 429 and Retry-After, and
// gives up at once where that is too long. Requests that go-containerregistry
// makes without a context get this one.
func patient(ctx context.Context, inner http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Context().Done() == nil {
			r = r.WithContext(ctx)
		}
		return patiently(r, inner)
	})
}

// roundTripper is a function as a transport.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func patiently(r *http.Request, inner http.RoundTripper) (*http.Response, error) {
	ctx := r.Context()
	for waited := time.Duration(0); ; {
		answer, err := inner.RoundTrip(r)
		if err != nil || answer.StatusCode != http.StatusTooManyRequests {
			return answer, err
		}
		length, said := retryAfter(answer.Header.Get("Retry-After"), time.Now())
		if !said {
			return answer, nil // go-containerregistry has pauses of its own
		}
		_ = answer.Body.Close()
		length = max(length, time.Second)
		waited += length
		until := time.Now().Add(length)
		deadline, bounded := ctx.Deadline()
		if waited > mostPatience || bounded && until.After(deadline) || r.Body != nil && r.GetBody == nil {
			return nil, &limited{status: answer.Status, until: until}
		}
		if err := pause(ctx, length); err != nil {
			return nil, err
		}
		if r.GetBody != nil {
			r = r.Clone(ctx)
			if r.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

func pause(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retryAfter reads the header's two forms, seconds and a date.
func retryAfter(header string, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.Atoi(header); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second, true
	}
	if date, err := http.ParseTime(header); err == nil {
		return max(0, date.Sub(now)), true
	}
	return 0, false
}
