package session

import (
	"context"
	"fmt"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Switched is what came of switching a maintenance.
type Switched struct {
	// Maintenance is what is on now; nil for nothing.
	Maintenance *deploy.Maintenance
	// Before is what was on; nil for nothing.
	Before *deploy.Maintenance
	// Running says whether a proxy runs that does so already.
	Running bool
}

// Maintain switches a maintenance "on" or "off", with the deploy lock held.
// What is given takes the place of the settings of the release that serves.
func (s *Session) Maintain(ctx context.Context, word string, given deploy.MaintenanceSettings) (*Switched, error) {
	if word != "on" && word != "off" {
		return nil, usage("maintenance %q; allowed: on, off", word)
	}
	serving, err := s.deployed(ctx)
	if err != nil {
		return nil, err
	}
	var wanted *deploy.Maintenance
	if word == "on" {
		if wanted, err = deploy.NewMaintenance(serving.Environment, given); err != nil {
			return nil, usage("%w", err)
		}
		wanted.Since, wanted.By = time.Now().Truncate(time.Second), s.who
	}
	if err := s.Lock(ctx, "maintenance "+word); err != nil {
		return nil, err
	}
	switched := &Switched{Maintenance: wanted}
	// One that cannot be read is about to be written anew.
	switched.Before, _ = s.Host.Store.Maintenance()
	if switched.Running, err = s.Host.Maintain(ctx, wanted); err != nil {
		return nil, fmt.Errorf("switch the maintenance %s: %w", word, err)
	}
	s.record(deploy.Event{Kind: deploy.EventNote, At: time.Now(), Text: fmt.Sprintf("maintenance %s, by %s", word, s.who)})
	return switched, nil
}
