package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	dockertypes "github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// pipeGrace is how long a command that was interrupted may take to end after
// its TERM signal.
const pipeGrace = 5 * time.Second

// named says the number of its own process, as it is in the container, before
// it becomes the command: nothing else can end what an exec has started. It
// has no children, since an orphan would become one of the container's first
// process, and Postgres takes the violent death of any child for a crash of
// its own.
const named = `echo "$$" >&2; exec "$@"`

// Pipe runs one command in a running container, with its input from stdin,
// nothing where that is nil, and its output to stdout alone. Neither is read
// ahead of what the other side takes by more than a few buffers. A status
// other than 0 is an *ExitError with the last lines of the error output. The
// image needs a shell.
//
// An input that cannot be read, an output that cannot be written, and the end
// of ctx end the command: its streams are closed and it gets TERM, and KILL
// 5 s later. When this process is killed, its streams are closed, and no more:
// what does not read its input goes on to its end.
//
// A Read of stdin may still be under way when Pipe returns, where the command
// did not want all of it; what that brings is dropped.
func (e *Engine) Pipe(ctx context.Context, name string, command []string, stdin io.Reader, stdout io.Writer) error {
	if err := e.pipe(ctx, name, command, stdin, stdout); err != nil {
		return fmt.Errorf("in container %s: %w", name, err)
	}
	return nil
}

func (e *Engine) pipe(ctx context.Context, name string, command []string, stdin io.Reader, stdout io.Writer) error {
	created, err := e.docker.ContainerExecCreate(ctx, name, container.ExecOptions{
		AttachStdin: true, AttachStdout: true, AttachStderr: true,
		Cmd: append([]string{"sh", "-c", named, "sh"}, command...),
	})
	if err != nil {
		return gone(err)
	}
	// Attaching is what starts it, and it must not start unseen.
	stream, err := e.docker.ContainerExecAttach(context.WithoutCancel(ctx), created.ID, container.ExecAttachOptions{})
	if err != nil {
		return err
	}
	defer stream.Close()
	complaints := &numbered{tail: newTail(nil), number: make(chan string, 1)}
	fed := feed(stream, stdin)
	outlet := &outlet{Writer: orDiscard(stdout), failed: make(chan error, 1)}
	copied := make(chan error, 1)
	go func() {
		_, err := stdcopy.StdCopy(outlet, complaints, stream.Reader)
		close(complaints.number)
		copied <- err
	}()
	var broken error
	select {
	case err = <-copied:
		broken = err
	case broken = <-outlet.failed:
	case err = <-fed:
		// An input that is all there is no end yet, and one that the command did
		// not want to the end is no failure.
		if broken = err; broken == nil {
			select {
			case broken = <-copied:
			case broken = <-outlet.failed:
			case <-ctx.Done():
				broken = context.Cause(ctx)
			}
		}
	case <-ctx.Done():
		broken = context.Cause(ctx)
	}
	if broken == nil {
		select {
		case broken = <-outlet.failed: // with the last of it
		default:
		}
	}
	if broken != nil {
		process := complaints.process()
		stream.Close()
		return errors.Join(broken, e.end(ctx, name, created.ID, process))
	}
	result, err := e.docker.ContainerExecInspect(ctx, created.ID)
	if err != nil {
		return err
	}
	if result.ExitCode != 0 {
		return &ExitError{Code: result.ExitCode, Lines: complaints.lines()}
	}
	return nil
}

// feed copies the input and closes the command's, and says where it could not
// be read. That the command does not take it shows in how it ends.
func feed(stream dockertypes.HijackedResponse, stdin io.Reader) <-chan error {
	failed := make(chan error, 1)
	if stdin == nil {
		failed <- stream.CloseWrite()
		return failed
	}
	go func() {
		read := &reading{Reader: stdin}
		_, _ = io.Copy(stream.Conn, read)
		if read.err == nil {
			_ = stream.CloseWrite()
		}
		failed <- read.err
	}()
	return failed
}

// reading tells failures to read from failures to write.
type reading struct {
	io.Reader
	err error
}

func (r *reading) Read(buffer []byte) (int, error) {
	read, err := r.Reader.Read(buffer)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return read, err
}

// outlet takes an output to its end, also one that cannot be written any more:
// the number of the process may stand behind it, since the engine copies the two
// streams side by side.
type outlet struct {
	io.Writer
	failed chan error
	broken bool
}

func (o *outlet) Write(content []byte) (int, error) {
	if o.broken {
		return len(content), nil
	}
	if _, err := o.Writer.Write(content); err != nil {
		o.broken = true
		o.failed <- err
	}
	return len(content), nil
}

func orDiscard(out io.Writer) io.Writer {
	if out == nil {
		return io.Discard
	}
	return out
}

// numbered takes the number of the process from the first line of the error
// output.
type numbered struct {
	*tail
	number chan string
	first  []byte
	known  bool
}

func (n *numbered) Write(content []byte) (int, error) {
	if n.known {
		return n.tail.Write(content)
	}
	n.first = append(n.first, content...)
	line, rest, whole := bytes.Cut(n.first, []byte("\n"))
	if !whole {
		return len(content), nil
	}
	n.known = true
	n.number <- string(line)
	_, err := n.tail.Write(rest)
	return len(content), err
}

// process is the number, which is there as soon as the command is; empty where
// the streams end without one.
func (n *numbered) process() string {
	select {
	case number := <-n.number:
		return number
	case <-time.After(cleanUpTimeout / 10):
		return "" // whoever takes the output is stuck, and the number behind it
	}
}

// end ends a command whose streams are closed, and sees it gone.
func (e *Engine) end(ctx context.Context, name, id, process string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*pipeGrace+cleanUpTimeout)
	defer cancel()
	if _, err := strconv.Atoi(process); err != nil {
		return nil //nolint:nilerr // there is nothing to end
	}
	for _, signal := range []string{"TERM", "KILL"} {
		running, err := e.awaitExec(ctx, id, 0)
		if err != nil || !running {
			return err
		}
		// That it ended just now is what this fails of, if it does.
		_ = e.exec(ctx, name, []string{"sh", "-c", `kill -s "$1" "$2"`, "sh", signal, process}, nil)
		if running, err = e.awaitExec(ctx, id, pipeGrace); err != nil || !running {
			return err
		}
	}
	return fmt.Errorf("its process %s in container %s does not end", process, name)
}

// awaitExec waits that long for the end of an exec, and says whether it runs.
func (e *Engine) awaitExec(ctx context.Context, id string, limit time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, limit+cleanUpTimeout/2)
	defer cancel()
	deadline := time.Now().Add(limit)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		result, err := e.docker.ContainerExecInspect(ctx, id)
		if err != nil {
			return false, gone(err)
		}
		if !result.Running || !time.Now().Before(deadline) {
			return result.Running, nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return true, ctx.Err()
		}
	}
}
