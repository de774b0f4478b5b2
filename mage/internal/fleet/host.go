package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/remote"
	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// Host is one machine of an environment.
type Host struct {
	// Address is as x-deploy.hosts says it.
	Address string

	fleet  *Fleet
	client *remote.Client
	// looked is what the host said of itself when it was reached.
	looked remote.Host
}

// binaryPath is where the compiled magefile is on the host.
func (h *Host) binaryPath() string { return path.Join(h.fleet.Directory, "mage") }

// shippedPath is where the Compose file is put before it is anybody's.
func (h *Host) shippedPath() string {
	return path.Join(h.fleet.Directory, ".deploy", "shipped", "docker-compose."+h.fleet.Name+".yml")
}

// dial connects, and looks what is there already.
func (h *Host) dial(ctx context.Context) error {
	client, err := remote.Dial(ctx, sshOptions(h.Address))
	if err != nil {
		return err
	}
	looked, err := client.Look(ctx, h.binaryPath(), h.shippedPath())
	if err != nil {
		_ = client.Close() // what went wrong is said already
		return fmt.Errorf("look at %s: %w", h.Address, err)
	}
	if h.client != nil {
		_ = h.client.Close() // it is lost
	}
	h.client, h.looked = client, looked
	return nil
}

// ask sends one request to the binary in the deploy directory and hands on
// each line of the answer. It returns the result that the answer ends with.
func (h *Host) ask(ctx context.Context, request agent.Request, each func(line agent.Line, length int)) (*deploy.Result, error) {
	return h.askIn(ctx, "cd "+remote.Quote(h.fleet.Directory)+" && exec ./mage "+agent.Target, request, each)
}

func (h *Host) askIn(ctx context.Context, command string, request agent.Request, each func(line agent.Line, length int)) (*deploy.Result, error) {
	request.Env, request.Who, request.Now = h.fleet.Name, session.Who(), time.Now()
	content, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", h.Address, err)
	}
	reader, writer := io.Pipe()
	var stderr bytes.Buffer
	go func() {
		writer.CloseWithError(h.client.Run(ctx, command, bytes.NewReader(content), writer, &stderr))
	}()
	var result *deploy.Result
	err = agent.ReadLines(reader, func(line agent.Line, length int) {
		if line.Result != nil {
			result = line.Result
		}
		if each != nil {
			each(line, length)
		}
	})
	_ = reader.Close() // the other end is closed already
	switch {
	case result != nil:
		return result, nil
	case err != nil:
		return nil, h.explain(err, stderr.String())
	default:
		return nil, fmt.Errorf("ask %s to %s: the answer ended without a result: %s", h.Address, request.Do, stderr.String())
	}
}

// explain says what a host without the binary, or without the right to start
// it, answers.
func (h *Host) explain(err error, stderr string) error {
	exit, ok := errors.AsType[*remote.ExitError](err)
	if !ok {
		return err
	}
	const notThere, notAllowed = 127, 126
	hint := "Prepare the host: mage host:setup " + h.fleet.Name
	if exit.Status == notThere || exit.Status == notAllowed || exit.Status == 1 && stderr != "" {
		return &deploy.Failure{Err: fmt.Errorf("%s cannot be asked: %s", h.Address, lastLine(stderr)), Hint: hint}
	}
	return fmt.Errorf("ask %s: %w: %s", h.Address, err, lastLine(stderr))
}

func lastLine(text string) string {
	lines := bytes.Split(bytes.TrimSpace([]byte(text)), []byte("\n"))
	return string(lines[len(lines)-1])
}

// stream runs a command of the deploy directory's binary and copies what it
// prints, as if it were typed there.
func (h *Host) stream(ctx context.Context, out, errOut io.Writer, args ...string) error {
	command := "cd " + remote.Quote(h.fleet.Directory) + " && exec ./mage " + remote.Quote(args...)
	err := h.client.Run(ctx, command, nil, out, errOut)
	if exit, ok := errors.AsType[*remote.ExitError](err); ok {
		return &deploy.Failure{Status: exit.Status, Err: fmt.Errorf("it failed on %s", h.Address)}
	}
	return err
}
