package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// shortestSecret is what a value must have for its occurrences elsewhere to be
// replaced: shorter ones would tear words apart.
const shortestSecret = 6

// hidden stands where a value was.
const hidden = "(hidden)"

// Evidence gives a container's last log lines, both streams with the engine's
// timestamps, and its whole inspection. It is made to be stored: in the
// inspection no variable has its value, and where the value of a variable with
// a secret's name stands elsewhere, as in a command line or a log line, its
// name stands instead.
func (e *Engine) Evidence(ctx context.Context, name string, lines int) (deploy.Evidence, error) {
	inspected, raw, err := e.docker.ContainerInspectWithRaw(ctx, name, false)
	if err != nil {
		return deploy.Evidence{}, fmt.Errorf("inspect container %s: %w", name, gone(err))
	}
	hide := hiding(inspected.Config.Env)
	inspection, err := hideEnvironment(raw, hide)
	if err != nil {
		return deploy.Evidence{}, fmt.Errorf("read the inspection of container %s: %w", name, err)
	}
	var logs bytes.Buffer
	err = e.copyLogs(ctx, inspected, container.LogsOptions{
		ShowStdout: true, ShowStderr: true, Timestamps: true, Tail: strconv.Itoa(lines),
	}, &logs)
	if err != nil {
		return deploy.Evidence{}, err
	}
	return deploy.Evidence{Logs: []byte(hide.Replace(logs.String())), Inspect: inspection}, nil
}

// copyLogs copies a container's log, both streams in one. A container with a
// terminal has one stream without the engine's framing.
func (e *Engine) copyLogs(ctx context.Context, inspected container.InspectResponse, options container.LogsOptions, out io.Writer) error {
	stream, err := e.docker.ContainerLogs(ctx, inspected.ID, options)
	if err != nil {
		return fmt.Errorf("read the logs of container %s: %w", strings.TrimPrefix(inspected.Name, "/"), gone(err))
	}
	defer stream.Close()
	if inspected.Config.Tty {
		_, err = io.Copy(out, stream)
	} else {
		_, err = stdcopy.StdCopy(out, out, stream)
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("read the logs of container %s: %w", strings.TrimPrefix(inspected.Name, "/"), err)
	}
	return context.Cause(ctx)
}

// hiding replaces the values of secrets by their variables' names, longer ones
// first, so that replacing one never leaves the rest of another.
func hiding(environment []string) *strings.Replacer {
	names := map[string]string{}
	for _, entry := range environment {
		name, value, _ := strings.Cut(entry, "=")
		if len(value) >= shortestSecret && deploy.SecretName(name) {
			names[value] = name
		}
	}
	values := slices.Sorted(maps.Keys(names))
	slices.SortStableFunc(values, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, value := range values {
		pairs = append(pairs, value, "$"+names[value])
	}
	return strings.NewReplacer(pairs...)
}

// hideEnvironment takes every variable's value out of an inspection, and the
// secret ones out of all its texts. It works on the texts, not on the JSON,
// where a value may stand escaped.
func hideEnvironment(raw []byte, hide *strings.Replacer) ([]byte, error) {
	var inspection map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&inspection); err != nil {
		return nil, err
	}
	config, _ := inspection["Config"].(map[string]any)
	environment, _ := config["Env"].([]any)
	for at, entry := range environment {
		text, _ := entry.(string)
		name, _, _ := strings.Cut(text, "=")
		environment[at] = name + "=" + hidden
	}
	return json.MarshalIndent(hideIn(inspection, hide), "", "  ")
}

func hideIn(value any, hide *strings.Replacer) any {
	switch value := value.(type) {
	case string:
		return hide.Replace(value)
	case []any:
		for at := range value {
			value[at] = hideIn(value[at], hide)
		}
	case map[string]any:
		for key := range value {
			value[key] = hideIn(value[key], hide)
		}
	}
	return value
}
