package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/dotenv"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/engine"
)

// EnvChanges names the keys in which two .env files differ, never a value.
type EnvChanges struct {
	Added   []string `json:"added,omitempty"`
	Removed []string `json:"removed,omitempty"`
	Changed []string `json:"changed,omitempty"`
	// Services are those whose configuration is another with the new file.
	Services []string `json:"services,omitempty"`
	// Missing are mistakes that the serving release would have with it.
	Missing []string `json:"missing,omitempty"`
	// Serving is the version that serves; empty for none.
	Serving string `json:"serving,omitempty"`
}

// Empty says whether the two files say the same.
func (c *EnvChanges) Empty() bool { return len(c.Added)+len(c.Removed)+len(c.Changed) == 0 }

// CompareEnv compares a host's variables with the content of another .env, and
// says what of the release that serves would be another with it.
func CompareEnv(ctx context.Context, store *deploy.Store, content []byte) (*EnvChanges, error) {
	now, err := readVariables(store.EnvPath())
	if err != nil {
		return nil, err
	}
	next, err := ParseEnv(content)
	if err != nil {
		return nil, err
	}
	changes := &EnvChanges{}
	for name, value := range next {
		before, known := now[name]
		switch {
		case !known:
			changes.Added = append(changes.Added, name)
		case before != value:
			changes.Changed = append(changes.Changed, name)
		}
	}
	for name := range now {
		if _, ok := next[name]; !ok {
			changes.Removed = append(changes.Removed, name)
		}
	}
	slices.Sort(changes.Added)
	slices.Sort(changes.Changed)
	slices.Sort(changes.Removed)
	return changes, changes.affect(ctx, store, now, next)
}

// affect decodes the serving release with both sets of variables.
func (c *EnvChanges) affect(ctx context.Context, store *deploy.Store, now, next map[string]string) error {
	host := &deploy.Host{Store: store, Variables: now, Hash: engine.ConfigHash}
	before, err := host.Serving(ctx)
	if err != nil || before == nil {
		return err
	}
	c.Serving = before.Version
	host.Variables = next
	after, err := host.Serving(ctx)
	if mistakes, ok := errors.AsType[*deploy.Mistakes](err); ok {
		for _, mistake := range mistakes.List {
			c.Missing = append(c.Missing, mistake.String())
		}
		return nil
	}
	if err != nil {
		return err
	}
	for _, service := range after.Environment.Services {
		if old, ok := before.Service(service.Name); !ok || old.Hash != service.Hash {
			c.Services = append(c.Services, service.Name)
		}
	}
	slices.Sort(c.Services)
	return nil
}

// ParseEnv reads the content of a .env file.
func ParseEnv(content []byte) (map[string]string, error) {
	variables, err := dotenv.UnmarshalWithLookup(string(content), nil)
	if err != nil {
		// The parser quotes the line that it does not understand, and that may
		// hold a value.
		return nil, usage("the .env file cannot be read: a line is not NAME=value (looked at %d lines)", strings.Count(string(content), "\n")+1)
	}
	return variables, nil
}

// warnChangedEnv says, on the way back to a recorded release, which variables
// are others than when it was made.
func (s *Session) warnChangedEnv(release *deploy.Release) {
	if len(release.Variables) == 0 {
		return
	}
	now, err := s.Host.Store.Fingerprints(s.Host.Variables)
	if err != nil {
		return
	}
	if changed := deploy.ChangedVariables(release.Variables, now); len(changed) > 0 {
		s.record(deploy.Event{Kind: deploy.EventNote, At: time.Now(), Text: fmt.Sprintf(
			"warning: the host's .env has changed since %s was made: %s; it runs with the values of today", release, strings.Join(changed, ", "))})
	}
}
