package mage

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/magefile/mage/mg"
	"golang.org/x/term"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/build"
	"github.com/freezedesign/webshop-deploy/mage/internal/fleet"
	"github.com/freezedesign/webshop-deploy/mage/internal/github"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// laptop is one environment as a command on a laptop or in a CI job sees it,
// with a printer for what happens.
type laptop struct {
	*fleet.Fleet
	*show.Printer
}

// openLaptop reads an environment; compose is the folder of a clean checkout
// that its Compose file is read from, the project's own where empty. The
// context ends with the signals that ask for it.
func openLaptop(ctx context.Context, env, compose string) (*laptop, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the project: %w", err)
	}
	l := &laptop{Printer: show.NewPrinter(os.Stdout)}
	l.Fleet, err = fleet.Open(ctx, fleet.Options{
		Root: root, Env: env, Compose: compose, Emit: l.Event, Say: l.Say, Section: l.Section, Report: l.report,
	})
	if err != nil {
		l.Printer.Close()
		return nil, err
	}
	return l, nil
}

// report shows what came of a rollout, in the job's summary, too.
func (l *laptop) report(report *deploy.Report) {
	l.Section("")
	show.Report(os.Stdout, report)
	github.Summarize(l.Name, report)
}

// Close ends the connections and the printer; with mage -v it says what went
// over them.
func (l *laptop) Close() {
	for host, channels := range l.Channels() {
		if mg.Verbose() {
			l.Say("%d SSH channels to %s", channels, host)
		}
	}
	l.Fleet.Close()
	l.Printer.Close()
}

// display is where builds are shown: as lines where nobody watches, and in a
// job's log between the other lines.
func display() build.Display {
	if show.InJob(os.Stdout) {
		return build.Display{Out: os.Stdout, Plain: true}
	}
	return build.Display{Out: os.Stderr, Plain: os.Getenv("CI") != "" || !term.IsTerminal(int(os.Stderr.Fd()))}
}

// elsewhere opens an environment that runs on other machines; nil for one that
// runs on this one, or where this is its host.
func elsewhere(ctx context.Context, env string) (*laptop, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the project: %w", err)
	}
	if env == "" || !session.InProject(root, env) {
		return nil, nil
	}
	l, err := openLaptop(ctx, env, "")
	if err != nil {
		return nil, err
	}
	if !l.Remote() {
		l.Close()
		return nil, nil
	}
	return l, nil
}

// confirm asks for the environment's name before something is done to it, on
// a terminal; a job says -yes.
func confirm(env, what string, yes bool) error {
	if yes {
		return nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return &deploy.Failure{
			Status: deploy.ExitUsage, Err: fmt.Errorf("%s asks before it begins, and nobody can be asked here", what),
			Hint: "Say -yes where no one sits at a terminal.",
		}
	}
	fmt.Fprintf(os.Stdout, "%s\nType %s to go on: ", what, env)
	var answer string
	_, _ = fmt.Fscanln(os.Stdin, &answer) // no answer is a no
	if answer != env {
		return &deploy.Failure{Status: deploy.ExitUsage, Err: fmt.Errorf("that was %q: nothing was touched", cmp.Or(answer, "no answer"))}
	}
	return nil
}
