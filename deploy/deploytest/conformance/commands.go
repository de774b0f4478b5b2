package conformance

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Commands runs the expectations of a deploy.HostCommands whose host has a
// shell's own words and printenv.
func Commands(t *testing.T, bubble Bubble, setup func(t *testing.T) deploy.HostCommands) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(t *testing.T, commands deploy.HostCommands)
	}{
		{"a command must print and fail", commandPrints},
		{"a command must have its variables and no one else's", commandVariables},
		{"a command must be ended with its context", commandEnded},
		{"ending what is left must find nothing where nothing is", commandNothingLeft},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) { test.run(t, setup(t)) })
		})
	}
}

func commandPrints(t *testing.T, commands deploy.HostCommands) {
	var out bytes.Buffer
	must(t, commands.Run(t.Context(), []string{"echo", "warm"}, nil, &out))
	if strings.TrimSpace(out.String()) != "warm" {
		t.Errorf("it printed %q", out.String())
	}
	if err := commands.Run(t.Context(), []string{"false"}, nil, &out); err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("a failing command: %v", err)
	}
}

func commandVariables(t *testing.T, commands deploy.HostCommands) {
	t.Setenv("BACKUP_SECRET_KEY", "of the deployer")
	var out bytes.Buffer
	must(t, commands.Run(t.Context(), []string{"printenv", "DEPLOY_VERSION"}, map[string]string{"DEPLOY_VERSION": "v2"}, &out))
	if strings.TrimSpace(out.String()) != "v2" {
		t.Errorf("it printed %q", out.String())
	}
	if err := commands.Run(t.Context(), []string{"printenv", "BACKUP_SECRET_KEY"}, nil, &out); err == nil {
		t.Error("a command has the deployer's variables")
	}
}

func commandEnded(t *testing.T, commands deploy.HostCommands) {
	why := errors.New("the test's own")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, why)
	defer cancel()
	began := time.Now()
	if err := commands.Run(ctx, []string{"sleep", "600"}, nil, &bytes.Buffer{}); !errors.Is(err, why) {
		t.Errorf("an ended command: %v", err)
	}
	if took := time.Since(began); took > patience {
		t.Errorf("it took %s to end it", took)
	}
}

func commandNothingLeft(t *testing.T, commands deploy.HostCommands) {
	must(t, commands.Run(t.Context(), []string{"true"}, nil, &bytes.Buffer{}))
	for range 2 {
		must(t, commands.EndLeft(t.Context()))
	}
}
