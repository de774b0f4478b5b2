package mage

import (
	"context"
	"fmt"
	"os"

	"github.com/magefile/mage/mg"

	"github.com/freezedesign/webshop-deploy/deploy/system"
	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// Host prepares the machines that an environment runs on.
type Host mg.Namespace

// Setup makes a fresh Debian or Ubuntu server ready for an environment.
func (Host) Setup(ctx context.Context, environment string) error {
	return setUp(ctx, environment, false)
}

// Check says what a server still needs, and changes nothing.
func (Host) Check(ctx context.Context, environment string) error {
	return setUp(ctx, environment, true)
}

func setUp(ctx context.Context, environment string, onlyLook bool) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	l, err := openLaptop(ctx, environment, "")
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.SetUp(ctx, onlyLook, func(host string, item system.Item) {
		show.Item(os.Stdout, item)
	}); err != nil {
		return err
	}
	if !onlyLook {
		fmt.Printf("Ready. Next: mage env:push %s, then %s\n", environment, deployOf(environment))
	}
	return nil
}

// deployOf is how an environment is deployed.
func deployOf(environment string) string {
	switch environment {
	case "staging":
		return "mage deploy:staging"
	case "production":
		return "mage deploy:production VERSION"
	default:
		return "mage deploy:staging -env=" + environment
	}
}

// Serve carries out what a laptop's commands ask over SSH; not for people.
func (Host) Serve(ctx context.Context) error {
	return agent.Serve(ctx, os.Stdin, os.Stdout)
}
