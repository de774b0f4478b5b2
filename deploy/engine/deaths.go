package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/docker/compose/v5/pkg/api"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// Death is one end of a container that the engine remembers.
type Death struct {
	// ID is the container's.
	ID       string
	At       time.Time
	ExitCode int
	// OOMKilled says that the kernel killed it for memory.
	OOMKilled bool
}

// Deaths gives the ends of a project's containers since a moment, the oldest
// first: what a restart makes the engine forget of a container. The engine keeps
// a few hundred events of all kinds, so that there may have been more.
func (e *Engine) Deaths(ctx context.Context, project string, since time.Time) ([]Death, error) {
	wanted := filters.NewArgs(filters.Arg("type", string(events.ContainerEventType)), filters.Arg("label", api.ProjectLabel+"="+project),
		filters.Arg("event", string(events.ActionDie)), filters.Arg("event", string(events.ActionOOM)))
	messages, failed := e.docker.Events(ctx, events.ListOptions{
		Since: stamp(since), Until: stamp(time.Now()), Filters: wanted,
	})
	var deaths []Death
	killed := map[string]bool{}
	for {
		select {
		case message := <-messages:
			deaths = addDeath(deaths, killed, message)
		case err := <-failed:
			if err == nil || errors.Is(err, io.EOF) {
				return deaths, nil
			}
			return deaths, fmt.Errorf("ask which containers of %s ended: %w", project, err)
		}
	}
}

func addDeath(deaths []Death, killed map[string]bool, message events.Message) []Death {
	if message.Action == events.ActionOOM {
		killed[message.Actor.ID] = true // its death follows
		return deaths
	}
	code, _ := strconv.Atoi(message.Actor.Attributes["exitCode"])
	death := Death{
		ID: message.Actor.ID, At: time.Unix(0, message.TimeNano),
		ExitCode: code, OOMKilled: killed[message.Actor.ID] && code == exitKilled,
	}
	delete(killed, message.Actor.ID)
	return append(deaths, death)
}

// stamp is a moment as the engine reads it.
func stamp(at time.Time) string { return fmt.Sprintf("%d.%09d", at.Unix(), at.Nanosecond()) }
