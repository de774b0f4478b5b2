package notify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// retries is how often a service that failed is tried again.
	retries = 3
	// firstPause is before the first of them; each further one is twice as long.
	firstPause = 500 * time.Millisecond
	// longestAnswer is what is read of a service's answer.
	longestAnswer = 4 << 10
)

// client follows no redirect: an address that is a secret is for one host only.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// send posts a message. A service that asks to wait is given the time it asks
// for, one that fails or cannot be reached is tried again, and one that refuses
// is not. The context bounds all of it.
func (w *Webhook) send(ctx context.Context, address *url.URL, message any) error {
	content, err := json.Marshal(message)
	if err != nil {
		return err
	}
	pause := w.first
	for failed := 0; ; {
		answer, err := w.post(ctx, address, content)
		switch {
		case err != nil && ctx.Err() != nil:
			return fmt.Errorf("%s did not answer in time", address.Host)
		case err == nil && answer.status < http.StatusMultipleChoices:
			return nil
		case err == nil && answer.status == http.StatusTooManyRequests:
			if err := sleep(ctx, answer.retryAfter); err != nil {
				return fmt.Errorf("%s takes no more for now and asks to wait %s: %w", address.Host, answer.retryAfter, err)
			}
			continue
		case err == nil && answer.status < http.StatusInternalServerError:
			return w.refused(address, answer)
		}
		if err == nil {
			err = fmt.Errorf("%s failed with %s", address.Host, answer)
		}
		if failed++; failed > retries || sleep(ctx, pause) != nil {
			return err
		}
		pause *= 2
	}
}

// answer is what a service says to a message.
type answer struct {
	status     int
	text       string
	retryAfter time.Duration
}

func (a answer) String() string {
	text := strconv.Itoa(a.status) + " " + http.StatusText(a.status)
	if a.text != "" {
		text += ": " + a.text
	}
	return text
}

// post sends a message once.
func (w *Webhook) post(ctx context.Context, address *url.URL, content []byte) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(content))
	if err != nil {
		return answer{}, errors.New("its address cannot be used")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "webshop-deploy (https://github.com/freezedesign/webshop-deploy)")
	response, err := client.Do(request)
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the address
	}
	if err != nil {
		return answer{}, fmt.Errorf("%s cannot be reached: %w", address.Host, err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, longestAnswer)) // what it decided is in the status
	var said struct {
		Message    string  `json:"message"`
		RetryAfter float64 `json:"retry_after"`
	}
	given := answer{status: response.StatusCode}
	if json.Unmarshal(body, &said) != nil && isText(response) {
		said.Message = string(body)
	}
	given.text = redact(fit(clean(said.Message), longestMessage, func(r rune) string { return string(r) }), address)
	header, _ := strconv.ParseFloat(response.Header.Get("Retry-After"), 64) // 0 where it is not there
	given.retryAfter = inSeconds(math.Max(header, said.RetryAfter))
	return given, nil
}

// inSeconds gives a time that a service asks for: at least a moment, and never
// more than a day, which is as good as for ever.
func inSeconds(seconds float64) time.Duration {
	const least, most = 0.25, 24 * 60 * 60
	if math.IsNaN(seconds) {
		seconds = least
	}
	return time.Duration(math.Min(math.Max(seconds, least), most) * float64(time.Second))
}

func isText(response *http.Response) bool {
	return strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain")
}

// longestMessage is what is shown of what a service says.
const longestMessage = 200

// redact takes a secret address out of what a service says of it.
func redact(text string, address *url.URL) string {
	text = strings.ReplaceAll(text, address.String(), "…")
	for part := range strings.SplitSeq(address.Path, "/") {
		if len(part) >= shortestSecret {
			text = strings.ReplaceAll(text, part, "…")
		}
	}
	return text
}

// shortestSecret is what a part of an address has to have to be worth hiding.
const shortestSecret = 8

// refused says what to do about a service that does not take a message.
func (w *Webhook) refused(address *url.URL, given answer) error {
	switch given.status {
	case http.StatusNotFound, http.StatusGone, http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%s does not know it, or not any more (%s): make a new webhook there, put its address into %s, and type `mage env:push %s`",
			address.Host, given, cmp.Or(w.Variable, "its variable"), w.Environment)
	}
	return fmt.Errorf("%s refused the message: %s", address.Host, given)
}

// sleep waits, and gives up at once where the context ends before.
func sleep(ctx context.Context, pause time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
		return errTooLong
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
