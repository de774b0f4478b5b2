package mage

import (
	"context"
	"os"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// Maintenance answers visitors with a page and 503: on, or off.
func Maintenance(ctx context.Context, onOrOff string,
	env *string, // the environment; the one that is deployed here by default
	message *string, // the page's text
	retryAfter *time.Duration, // after how long to ask again; 2m by default
	allow *string, // addresses that are let through: 203.0.113.7,10.0.0.0/8
) error {
	given := deploy.MaintenanceSettings{Message: value(message), RetryAfter: value(retryAfter)}
	if value(allow) != "" {
		given.Admins = []string{*allow}
	}
	typed := flags([]string{"maintenance", onOrOff}, "message", given.Message, "retryafter", given.RetryAfter, "allow", value(allow))
	return onHost(ctx, value(env), typed, func(ctx context.Context, s *session.Session) error {
		switched, err := s.Maintain(ctx, onOrOff, given)
		if err == nil {
			show.Switched(os.Stdout, switched)
		}
		return err
	})
}
