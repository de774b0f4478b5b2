package mage

import (
	"context"
	"os"

	"github.com/magefile/mage/mg"

	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// Notify tells people what is done.
type Notify mg.Namespace

// Test sends a test notice to each of an environment's webhooks.
func (Notify) Test(ctx context.Context, environment string) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	l, err := elsewhere(ctx, environment)
	if err != nil {
		return err
	}
	if l != nil {
		defer l.Close()
		return l.Stream(ctx, "notify:test", environment)
	}
	tests, err := session.TryNotify(ctx, environment)
	if err != nil {
		return err
	}
	return show.NotifyTests(os.Stdout, environment, tests)
}
