package mage

import (
	"context"
	"os"

	"github.com/freezedesign/webshop-deploy/mage/internal/check"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// Test runs every test and linter; -unit, -lint and -webshop only a part.
func Test(ctx context.Context,
	unit *bool, // only the fast part, which needs no engine
	lint *bool, // only the linters
	webshop *bool, // only the sample webshop's own checks and tests
	faults *bool, // kill and disturb at every event, instead of at some; two hours
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	return check.Run(ctx, check.Options{
		Root: root, Out: os.Stdout,
		Unit: value(unit), Lint: value(lint), Webshop: value(webshop), Faults: value(faults),
	})
}

// Bench measures rollouts and rollbacks and prints the figures.
func Bench(ctx context.Context,
	only *string, // a regular expression of what to measure, such as Rollback
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	pattern := value(only)
	if pattern == "" {
		pattern = "."
	}
	return check.Bench(ctx, check.Options{Root: root, Out: os.Stdout}, pattern)
}
