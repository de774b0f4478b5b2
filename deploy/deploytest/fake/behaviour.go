package fake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Behaviour is how the containers of one image behave. The zero value boots in
// half a second, answers everything well and ends at its stop signal.
type Behaviour struct {
	// Boot is the time from the start to the first good answer.
	Boot time.Duration
	// NeverHealthy answers its checks with 500 forever.
	NeverHealthy bool
	// Exits ends it by itself that long after its start; 0 never does.
	Exits    time.Duration
	ExitCode int
	// OOM makes that end the kernel's, for memory.
	OOM bool
	// Restarts has the engine start it again whenever it ends by itself.
	Restarts bool
	// Ending is the time from the stop signal to the end.
	Ending time.Duration
	// Memory is what it uses while it runs.
	Memory uint64
	// Logs is what it has printed.
	Logs string
	// FailEvery answers each nth request through the proxy with 500.
	FailEvery int
	// Answers is the time that an answer takes; 20 ms where 0.
	Answers time.Duration
	// Environment is told the variables of each command for Run.
	Environment func(command []string, environment map[string]string)
	// Command runs a command for Exec and Run; nil runs a few of a shell's
	// own words: true, false, echo, sleep, exit, and printenv with one name.
	Command func(ctx context.Context, command []string, out io.Writer) error
}

func (b Behaviour) boot() time.Duration    { return cmp.Or(b.Boot, 500*time.Millisecond) }
func (b Behaviour) answers() time.Duration { return cmp.Or(b.Answers, 20*time.Millisecond) }

func (b Behaviour) run(ctx context.Context, command []string, environment map[string]string, out io.Writer) error {
	if b.Environment != nil && environment != nil {
		b.Environment(command, environment)
	}
	if b.Command != nil {
		return b.Command(ctx, command, out)
	}
	if len(command) == 3 && strings.HasSuffix(command[0], "sh") && command[1] == "-c" {
		command = strings.Fields(command[2])
	}
	argument := strings.Join(command[1:], " ")
	switch command[0] {
	case "false":
		return fmt.Errorf("exit status 1")
	case "exit":
		if argument != "0" {
			return fmt.Errorf("exit status %s", argument)
		}
	case "printenv":
		value, ok := environment[argument]
		if !ok {
			return fmt.Errorf("exit status 1")
		}
		_, err := fmt.Fprintln(out, value)
		return err
	case "echo":
		_, err := fmt.Fprintln(out, argument)
		return err
	case "sleep":
		seconds, err := strconv.ParseFloat(argument, 64)
		if err != nil {
			return err
		}
		return wait(ctx, time.Duration(seconds*float64(time.Second)))
	}
	return nil
}

// Hash is a configuration hash that leaves out what Compose's own leaves out:
// how many there are, what is built, and dependencies.
func Hash(service types.ServiceConfig) (string, error) {
	service.Build, service.PullPolicy, service.Scale = nil, "", nil
	service.DependsOn, service.Profiles = nil, nil
	if service.Deploy != nil {
		limits := *service.Deploy
		limits.Replicas = nil
		service.Deploy = &limits
	}
	content, err := json.Marshal(service)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sha256.Sum256(content))[:12], nil
}

// Image pins a reference to a digest that follows from it.
func Image(reference string) deploy.Image {
	return deploy.Image{Reference: reference, Digest: fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(reference)))}
}
