package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// Attachment is what a command that a person runs in a container is joined to.
type Attachment struct {
	// Stdin is what the command reads, nil for nothing.
	Stdin io.Reader
	// Stdout and Stderr take what it writes; with a Terminal all of it goes to
	// Stdout.
	Stdout, Stderr io.Writer
	// Terminal gives the command one; nil for none.
	Terminal *Terminal
}

// Terminal is a person's terminal.
type Terminal struct {
	// Kind is its TERM: "xterm-256color".
	Kind string
	// Size is its size at first, Resized each next one; it is never closed.
	Size    Size
	Resized <-chan Size
}

// Size is a terminal's, in characters. It is an alias, so that what watches a
// terminal need not know who follows its size.
type Size = struct{ Width, Height uint }

// Attach runs one command in a running container, joined to the caller's
// streams, until it ends. A status other than 0 is an *ExitError without
// lines. The command is named in no error: it may contain what is secret.
// When ctx ends Attach returns at once, and the command finds its streams
// closed: the engine has no other way to end it.
func (e *Engine) Attach(ctx context.Context, name string, command []string, to Attachment) error {
	if err := e.attach(ctx, name, command, to); err != nil {
		return fmt.Errorf("run a command in container %s: %w", name, err)
	}
	return nil
}

func (e *Engine) attach(ctx context.Context, name string, command []string, to Attachment) error {
	options := container.ExecOptions{
		Cmd: command, AttachStdin: to.Stdin != nil, AttachStdout: true, AttachStderr: true, Tty: to.Terminal != nil,
	}
	if to.Terminal != nil && to.Terminal.Kind != "" {
		options.Env = []string{"TERM=" + to.Terminal.Kind}
	}
	start := container.ExecAttachOptions{Tty: options.Tty}
	if to.Terminal != nil { // engines before API 1.42 are told once it runs
		start.ConsoleSize = &[2]uint{to.Terminal.Size.Height, to.Terminal.Size.Width}
	}
	created, err := e.docker.ContainerExecCreate(ctx, name, options)
	if err != nil {
		return gone(err)
	}
	stream, err := e.docker.ContainerExecAttach(ctx, created.ID, start)
	if err != nil {
		return err
	}
	defer stream.Close()
	if to.Terminal != nil {
		resizing, stop := context.WithCancel(ctx)
		defer stop()
		go e.followSize(resizing, created.ID, *to.Terminal)
	}
	if to.Stdin != nil {
		go func() {
			_, _ = io.Copy(stream.Conn, to.Stdin) // a command need not read all
			_ = stream.CloseWrite()
		}()
	}
	copied := make(chan error, 1)
	go func() {
		if to.Terminal != nil {
			_, err := io.Copy(to.Stdout, stream.Reader)
			copied <- err
			return
		}
		_, err := stdcopy.StdCopy(to.Stdout, to.Stderr, stream.Reader)
		copied <- err
	}()
	select {
	case err = <-copied:
	case <-ctx.Done():
		stream.Close()
		<-copied //nolint:errcheck // it was cut off on purpose
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("pass on its output: %w", err)
	}
	return e.ended(ctx, created.ID)
}

const (
	// endPatience is how long the engine may take to know that a command whose
	// outputs have ended has ended too; resizePatience how long to know that it
	// runs.
	endPatience    = 5 * time.Second
	resizePatience = 2 * time.Second
	attachPause    = 50 * time.Millisecond
)

// ended gives how a command ended.
func (e *Engine) ended(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, endPatience, errors.New("its output ended, and it goes on"))
	defer cancel()
	for {
		result, err := e.docker.ContainerExecInspect(ctx, id)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return gone(err)
		case result.Running:
			select {
			case <-time.After(attachPause):
				continue
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		case result.ExitCode != 0:
			return &ExitError{Code: result.ExitCode}
		}
		return nil
	}
}

// followSize makes the command's terminal as large as the person's.
func (e *Engine) followSize(ctx context.Context, id string, terminal Terminal) {
	until := time.Now().Add(resizePatience)
	for e.resize(ctx, id, terminal.Size) != nil && time.Now().Before(until) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(attachPause): // the command does not run yet
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case size := <-terminal.Resized:
			_ = e.resize(ctx, id, size) // it has ended
		}
	}
}

func (e *Engine) resize(ctx context.Context, id string, size Size) error {
	if size.Width == 0 || size.Height == 0 {
		return nil // some terminals do not know
	}
	return e.docker.ContainerExecResize(ctx, id, container.ResizeOptions{Width: size.Width, Height: size.Height})
}
