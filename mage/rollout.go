package mage

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"golang.org/x/term"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
	"github.com/freezedesign/webshop-deploy/mage/internal/github"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// rollout is what deploy and rollback share on this machine.
func rollout(ctx context.Context, env string, request agent.Rollout) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	printer := show.NewPrinter(os.Stdout)
	defer printer.Close()
	var ask func(string) (deploy.Login, error)
	if term.IsTerminal(int(os.Stdin.Fd())) {
		ask = askLogin
	}
	report, err := agent.Supervise(ctx, env, request, printer.Event, ask)
	if report != nil {
		show.Report(os.Stdout, report)
		github.Summarize(cmp.Or(env, "this machine"), report)
	}
	return err
}

// askLogin asks for a registry's login on the terminal. It is used for this
// command, and kept nowhere.
func askLogin(registry string) (deploy.Login, error) {
	var login deploy.Login
	fmt.Printf("%s wants a login.\nUser: ", registry)
	if _, err := fmt.Scanln(&login.Username); err != nil {
		return deploy.Login{}, fmt.Errorf("read the user: %w", err)
	}
	fmt.Print("Password or token: ")
	password, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Println()
	if err != nil {
		return deploy.Login{}, fmt.Errorf("read the password: %w", err)
	}
	login.Password = string(password)
	return login, nil
}

// followHere shows the newest rollout of this machine.
func followHere(ctx context.Context, env string) error {
	s, err := session.Open(ctx, session.Options{Env: env})
	if err != nil {
		return err
	}
	defer s.Close()
	printer := show.NewPrinter(os.Stdout)
	defer printer.Close()
	result, err := agent.Watch(ctx, s.Host.Store, func(line agent.Line) {
		if line.Event != nil {
			printer.Event(*line.Event)
		}
	})
	if err != nil {
		return err
	}
	if result.Report != nil {
		show.Report(os.Stdout, result.Report)
	}
	return result.Err()
}
