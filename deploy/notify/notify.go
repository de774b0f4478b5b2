// Package notify tells people what a command does: on Discord and Slack by
// their webhooks, and in GitHub's list of deployments.
package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Bound is how long one notice may take in all, whatever a service asks for.
const Bound = 10 * time.Second

// Webhook is one address that notices are sent to.
type Webhook struct {
	// Service is Discord or Slack.
	Service string
	// Variable names the variable of .env that holds the address, Environment
	// the environment, for what to type when the address is no good.
	Variable, Environment string

	address string
	body    func(deploy.Notice) any
	// asked is added to the address.
	asked url.Values
	// first is the first pause before another attempt.
	first time.Duration
}

// Webhooks are those that the settings name.
func Webhooks(environment string, settings deploy.Notify) []*Webhook {
	var hooks []*Webhook
	if settings.Discord != "" {
		hooks = append(hooks, &Webhook{
			Service: "Discord", Variable: settings.DiscordVariable, Environment: environment, address: settings.Discord, body: discordBody,
			asked: url.Values{"wait": {"true"}}, // without it Discord does not say whether it took the message
		})
	}
	if settings.Slack != "" {
		hooks = append(hooks, &Webhook{
			Service: "Slack", Variable: settings.SlackVariable, Environment: environment, address: settings.Slack, body: slackBody,
		})
	}
	for _, hook := range hooks {
		hook.first = firstPause
	}
	return hooks
}

// Notify sends a notice. Its error says what to do, and never the address.
func (w *Webhook) Notify(ctx context.Context, notice deploy.Notice) error {
	address, err := w.parse()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, Bound)
	defer cancel()
	return w.failure(w.send(ctx, address, w.body(notice)))
}

// parse reads the address. A secret that is sent in the clear is none.
func (w *Webhook) parse() (*url.URL, error) {
	parsed, err := url.Parse(strings.TrimSpace(w.address))
	if err != nil || parsed.Hostname() == "" {
		return nil, w.mend("is no address (it is not shown)")
	}
	if !isPrivate(parsed) {
		return nil, w.mend("does not begin with https:// (it is not shown), so that it would be read on the way")
	}
	query := parsed.Query()
	for key, values := range w.asked {
		query[key] = values
	}
	parsed.RawQuery = query.Encode()
	return parsed, nil
}

// mend is the error of an address that is no good.
func (w *Webhook) mend(what string) error {
	return w.failure(&deploy.Failure{
		Err:  fmt.Errorf("%s %s", w.Variable, what),
		Hint: fmt.Sprintf("Write the webhook's whole address into %s, and type `mage env:push %s`.", w.Variable, w.Environment),
	})
}

// failure names the webhook in an error, and keeps what to do about it.
func (w *Webhook) failure(err error) error {
	if err == nil {
		return nil
	}
	failure := &deploy.Failure{}
	if inner, ok := errors.AsType[*deploy.Failure](err); ok {
		failure.Hint, err = inner.Hint, inner.Err
	}
	failure.Err = fmt.Errorf("the %s webhook could not be told: %w", w.Service, err)
	return failure
}

// isPrivate says whether what is sent to an address is read by nobody on the way.
func isPrivate(address *url.URL) bool {
	ip := net.ParseIP(address.Hostname())
	loopback := address.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	return address.Scheme == "https" || address.Scheme == "http" && loopback
}

// Tell sends a notice to all of them side by side, and gives for each what went
// wrong; nil for those that took it.
func Tell(ctx context.Context, hooks []*Webhook, notice deploy.Notice) []error {
	errs := make([]error, len(hooks))
	done := make(chan struct{})
	for at, hook := range hooks {
		go func() {
			errs[at] = hook.Notify(ctx, notice)
			done <- struct{}{}
		}()
	}
	for range hooks {
		<-done
	}
	return errs
}
