package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"
)

const (
	// retries is how often a service that failed is tried again.
	retries = 3
	// firstPause is before the first of them; each further one is twice as long.
	firstPause = 500 * time.Millisecond
	// longestAnswer is what is read of a service's answer.
	longestAnswer = 1 << 20
)

// patient sends a request again, within what the request's context has left: a
// service that asks to wait is given the time it asks for, and one that fails
// or cannot be reached is tried again with growing pauses. One that refuses is
// not asked twice. An answer is read whole.
type patient struct {
	next  http.RoundTripper
	first time.Duration
}

// RoundTrip sends the request until there is an answer to it, or no time.
func (p patient) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, pause := request.Context(), p.first
	for failed := 0; ; {
		response, err := p.once(request)
		wait := time.Duration(0)
		switch {
		case err == nil && asksToWait(response):
			wait = retryAfter(response)
		case err != nil || response.StatusCode >= http.StatusInternalServerError:
			if failed++; failed > retries {
				return response, err
			}
			wait, pause = pause, 2*pause
		default:
			return response, nil
		}
		if sleep(ctx, wait) != nil {
			return response, err
		}
	}
}

// once sends a copy of the request, and reads the answer to it.
func (p patient) once(request *http.Request) (*http.Response, error) {
	attempt := request.Clone(request.Context())
	if request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil {
			return nil, err
		}
		attempt.Body = body
	}
	response, err := p.next.RoundTrip(attempt)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, _ := io.ReadAll(io.LimitReader(response.Body, longestAnswer)) // what it decided is in the status
	response.Body = io.NopCloser(bytes.NewReader(content))
	return response, nil
}

// asksToWait says whether a service takes no more for now. GitHub says so with
// a 403, too.
func asksToWait(response *http.Response) bool {
	return response.StatusCode == http.StatusTooManyRequests ||
		response.StatusCode == http.StatusForbidden && response.Header.Get("Retry-After") != ""
}

// retryAfter is how long a service asks to wait, by its header or, as Discord
// does to the millisecond, in its answer.
func retryAfter(response *http.Response) time.Duration {
	content, _ := io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(content))
	var said struct {
		RetryAfter float64 `json:"retry_after"`
	}
	_ = json.Unmarshal(content, &said)                                      // others answer with text
	header, _ := strconv.ParseFloat(response.Header.Get("Retry-After"), 64) // 0 where it is not there
	return inSeconds(math.Max(header, said.RetryAfter))
}

// inSeconds gives a time that a service asks for: at least a moment, and never
// more than a day, which is as good as for ever.
func inSeconds(seconds float64) time.Duration {
	const least, most = 0.25, 24 * 60 * 60
	if math.IsNaN(seconds) {
		seconds = most
	}
	return time.Duration(math.Min(math.Max(seconds, least), most) * float64(time.Second))
}

// errTooLong says that a service asks for more patience than there is.
var errTooLong = errors.New("longer than a notice may take")

// sleep waits, and gives up at once where the context ends before.
func sleep(ctx context.Context, pause time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
		return fmt.Errorf("%s is %w", pause, errTooLong)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
