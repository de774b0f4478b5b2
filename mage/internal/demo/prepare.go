package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/engine"
)

// baseImage is what every image is built on.
const baseImage = "debian:trixie-slim"

// ensureEngine finds the Docker engine, or installs it after a yes.
func (d *demo) ensureEngine(ctx context.Context) error {
	found, err := engine.Open(ctx, engine.Options{})
	if err == nil {
		return found.Close()
	}
	script := filepath.Join(d.Root, "scripts", "install-docker.sh")
	plan, planErr := exec.CommandContext(ctx, script, "--plan").CombinedOutput()
	if planErr != nil {
		return &deploy.Failure{Err: err, Hint: strings.TrimSpace(string(plan))}
	}
	fmt.Fprintf(d.Out, "%v\n\n%s\n", err, strings.TrimSpace(string(plan)))
	if !d.consent() {
		return &deploy.Failure{Err: errors.New("no Docker engine, and nothing was installed"), Hint: "Start the engine, or let the demonstration install it with -yes."}
	}
	install := exec.CommandContext(ctx, script)
	install.Stdout, install.Stderr = d.Out, d.Out
	if err := install.Run(); err != nil {
		return fmt.Errorf("install the Docker engine: %w", err)
	}
	found, err = engine.Open(ctx, engine.Options{})
	if err != nil {
		return err
	}
	return found.Close()
}

// consent asks on a terminal; -yes has answered, and so has CI as root.
func (d *demo) consent() bool {
	if d.Yes || os.Getenv("CI") == "true" && os.Geteuid() == 0 {
		return true
	}
	if !term.IsTerminal(int(d.In.Fd())) {
		return false
	}
	fmt.Fprint(d.Out, "Install it now? [y/N] ")
	answer, _ := bufio.NewReader(d.In).ReadString('\n') // no answer is a no
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// ensureBase pulls or makes the image that every other is built on.
func (d *demo) ensureBase(ctx context.Context) error {
	command := exec.CommandContext(ctx, filepath.Join(d.Root, "scripts", "base-image.sh"), baseImage)
	command.Stdout, command.Stderr = d.Out, d.Out
	if err := command.Run(); err != nil {
		return fmt.Errorf("get the base image %s: %w", baseImage, err)
	}
	return nil
}

func (d *demo) variable(name, usual string) string {
	if value := d.session.Host.Variables[name]; value != "" {
		return value
	}
	return usual
}

func (d *demo) address(port, usual, path string) string {
	return "http://localhost:" + d.variable(port, usual) + path
}
