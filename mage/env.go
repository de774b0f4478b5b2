package mage

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/magefile/mage/mg"
	"golang.org/x/term"

	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// Env compares and replaces a host's variables.
type Env mg.Namespace

// Diff says in which keys a host's .env differs from .env.<environment>.
func (Env) Diff(ctx context.Context, environment string,
	file *string, // another file; - for standard input
) error {
	return withEnv(ctx, environment, value(file), func(ctx context.Context, l *laptop, content []byte) error {
		_, _, err := l.SyncEnv(ctx, content, false)
		return err
	})
}

// Push makes .env.<environment> the .env of the environment's hosts.
func (Env) Push(ctx context.Context, environment string,
	file *string, // another file; - for standard input
	roll *bool, // roll the release that serves out again, with the new values
) error {
	return withEnv(ctx, environment, value(file), func(ctx context.Context, l *laptop, content []byte) error {
		services, serving, err := l.SyncEnv(ctx, content, true)
		if err != nil || len(services) == 0 {
			return err
		}
		if !value(roll) && !ask("Roll "+serving+" out again with them now?") {
			l.Say("Roll it out again with `mage env:push %s -roll`, or with the next deploy.", environment)
			return nil
		}
		return l.Rollout(ctx, agent.Rollout{What: "deploy:again " + serving, Version: serving})
	})
}

// ask asks a question on a terminal; elsewhere the answer is no.
func ask(question string) bool {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return false
	}
	fmt.Printf("%s [y/N] ", question)
	answer, _ := bufio.NewReader(os.Stdin).ReadString('\n') // no answer is a no
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

func withEnv(ctx context.Context, environment, file string, do func(context.Context, *laptop, []byte) error) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	l, err := openLaptop(ctx, environment, "")
	if err != nil {
		return err
	}
	defer l.Close()
	if !l.Remote() {
		return l.NoHosts()
	}
	content, err := l.ReadEnv(file)
	if err != nil {
		return err
	}
	return do(ctx, l, content)
}
