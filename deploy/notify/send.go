package notify

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

// send posts a message. The context bounds all of it.
func (w *Webhook) send(ctx context.Context, address *url.URL, message any) error {
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false) // it is none, and would only be longer
	if err := encoder.Encode(message); err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(content.Bytes()))
	if err != nil {
		return errors.New("its address cannot be used")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", userAgent)
	client := &http.Client{
		Transport: patient{next: http.DefaultTransport, first: w.first},
		// An address that is a secret is for one host only.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if ctx.Err() != nil {
		return fmt.Errorf("%s did not answer in time", address.Host)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the address
	}
	if err != nil {
		return fmt.Errorf("%s cannot be reached: %w", address.Host, err)
	}
	defer response.Body.Close()
	return w.judge(address, response)
}

const userAgent = "webshop-deploy (https://github.com/freezedesign/webshop-deploy)"

// judge says what to do about a service that did not take a message.
func (w *Webhook) judge(address *url.URL, response *http.Response) error {
	switch status := response.StatusCode; {
	case status < http.StatusMultipleChoices:
		return nil
	case asksToWait(response):
		return fmt.Errorf("%s takes no more for now and asks to wait %s, which is %w", address.Host, retryAfter(response).Round(10*time.Millisecond), errTooLong)
	case status == http.StatusNotFound, status == http.StatusGone, status == http.StatusUnauthorized, status == http.StatusForbidden:
		return &deploy.Failure{
			Err:  fmt.Errorf("%s does not know it, or not any more (%s)", address.Host, said(response, address)),
			Hint: fmt.Sprintf("Make a new webhook there, put its address into %s, and type `mage env:push %s`.", w.Variable, w.Environment),
		}
	case status < http.StatusInternalServerError:
		return fmt.Errorf("%s refused the message: %s", address.Host, said(response, address))
	default:
		return fmt.Errorf("%s failed: %s", address.Host, said(response, address))
	}
}

// said is an answer for people: its status, and what stands in it.
func said(response *http.Response, address *url.URL) string {
	text := strings.TrimSpace(strconv.Itoa(response.StatusCode) + " " + http.StatusText(response.StatusCode))
	content, _ := io.ReadAll(response.Body)
	var body struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(content, &body) != nil && strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") {
		body.Message = string(content)
	}
	if message := fit(clean(body.Message), longestMessage, func(r rune) string { return string(r) }); message != "" {
		text += ": " + redact(message, address)
	}
	return text
}

// longestMessage is what is shown of what a service says.
const longestMessage = 200

// redact takes a secret address out of what a service says of it.
func redact(text string, address *url.URL) string {
	text = strings.ReplaceAll(text, address.String(), ellipsis)
	for part := range strings.SplitSeq(address.Path, "/") {
		if len(part) >= shortestSecret {
			text = strings.ReplaceAll(text, part, ellipsis)
		}
	}
	return text
}

// shortestSecret is what a part of an address has to have to be worth hiding.
const shortestSecret = 8
