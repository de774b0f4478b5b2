package engine

import (
	"context"
	"strings"
)

// Environment gives a container's variables and the arguments of its command,
// secrets among them: for whoever has to know what to hide.
func (e *Engine) Environment(ctx context.Context, name string) (variables map[string]string, arguments []string, err error) {
	inspected, err := e.inspect(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	variables = map[string]string{}
	for _, entry := range inspected.Config.Env {
		key, value, _ := strings.Cut(entry, "=")
		variables[key] = value
	}
	return variables, append(append([]string{inspected.Path}, inspected.Args...), inspected.Config.Cmd...), nil
}
