package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// client speaks to one of HAProxy's sockets: one connection for each batch.
type client struct {
	// path is the socket's path on this host.
	path string
	// timeout bounds one batch; 0 takes replyTimeout.
	timeout time.Duration
}

// replyTimeout bounds one batch; HAProxy answers in well under a millisecond.
const replyTimeout = 5 * time.Second

// maxReply bounds what is read of one answer. A "show stat" of 100 servers is
// about 60 KB.
const maxReply = 16 << 20

// maxBatch is less than what HAProxy takes as one line: its buffer of 16,384
// bytes (conf 3.2, tune.bufsize).
const maxBatch = 15 << 10

// ReplyError is an answer of the runtime API that is not a success.
type ReplyError struct {
	Command string
	Reply   string
}

func (e *ReplyError) Error() string {
	return fmt.Sprintf("proxy command %q: %s", e.Command, e.Reply)
}

// run sends the commands as one line and gives back one answer for each. They
// are carried out in order, and a failed one does not hold up the next (mgmt
// 9.3: "multiple commands … delimited by a semi-colon").
func (c *client) run(ctx context.Context, commands ...string) ([]string, error) {
	batch := strings.Join(commands, ";")
	if len(batch) > maxBatch {
		return nil, fmt.Errorf("ask the proxy: %d commands of %d bytes are more than one line holds", len(commands), len(batch))
	}
	raw, err := c.exchange(ctx, batch)
	if err != nil {
		return nil, err
	}
	return splitReplies(raw, commands)
}

// change runs commands that change something and takes every answer that is
// not a known success as an error; all of them are named.
func (c *client) change(ctx context.Context, commands ...string) error {
	replies, err := c.run(ctx, commands...)
	if err != nil {
		return err
	}
	var failed []error
	for i, reply := range replies {
		if !accepted(commands[i], reply) {
			failed = append(failed, &ReplyError{Command: commands[i], Reply: reply})
		}
	}
	return errors.Join(failed...)
}

// accepted knows the answers of success: an empty one for states, a sentence
// for names (mgmt 9.3 gives commands no status; the sentences are of
// HAProxy's srv_update_fqdn).
func accepted(command, reply string) bool {
	if reply == "" {
		return true
	}
	if !strings.HasPrefix(command, "set server ") || !strings.Contains(command, " fqdn ") {
		return false
	}
	return strings.Contains(reply, " changed its FQDN from ") || strings.HasPrefix(reply, "no need to change the FDQN")
}

// splitReplies takes an answer apart: each command's part ends with an empty
// line, and is nothing else where there was nothing to say.
func splitReplies(raw string, commands []string) ([]string, error) {
	lines := strings.Split(raw, "\n")
	lines = lines[:len(lines)-1] // what follows the last line's end
	var replies []string
	start := 0
	for i, line := range lines {
		if line != "" {
			continue
		}
		replies = append(replies, strings.Join(lines[start:i], "\n"))
		start = i + 1
	}
	if start < len(lines) || len(replies) != len(commands) {
		return nil, &ReplyError{
			Command: strings.Join(commands, ";"),
			Reply:   fmt.Sprintf("%d answers to %d commands: %s", len(replies), len(commands), excerpt(raw)),
		}
	}
	return replies, nil
}

// excerpt is the start of an answer, for a message.
func excerpt(raw string) string {
	const most = 400
	raw = strings.TrimSpace(raw)
	if len(raw) > most {
		return raw[:most] + "…"
	}
	return raw
}

// exchange sends one line and reads until the proxy closes. The sending side is
// closed at once: without that the master's socket waits for more and never
// answers.
func (c *client) exchange(ctx context.Context, line string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.timeout, replyTimeout))
	defer cancel()
	conn, err := c.dial(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	_, err = io.WriteString(conn, line+"\n")
	if err == nil {
		err = conn.CloseWrite()
	}
	var raw []byte
	if err == nil {
		raw, err = io.ReadAll(io.LimitReader(conn, maxReply))
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return "", fmt.Errorf("ask the proxy %q: %w", excerpt(line), err)
	}
	return string(raw), nil
}

// dial connects to the socket; ErrNotRunning where nobody listens on it.
func (c *client) dial(ctx context.Context) (*net.UnixConn, error) {
	path := c.path
	if len(path) >= len(syscall.RawSockaddrUnix{}.Path) {
		// Longer than an address holds: reach it through its open folder.
		dir, err := os.Open(filepath.Dir(path))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %w", ErrNotRunning, err)
		}
		if err != nil {
			return nil, fmt.Errorf("reach the proxy's socket: %w", err)
		}
		defer dir.Close()
		path = fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path))
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w: %w", ErrNotRunning, err)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("reach the proxy's socket: %w (its container needs the deploying group: group_add: [%d])", err, Group())
	case err != nil:
		return nil, fmt.Errorf("reach the proxy's socket: %w", err)
	}
	return conn.(*net.UnixConn), nil
}

// listens says whether somebody does on the socket.
func (c *client) listens(ctx context.Context) bool {
	conn, err := c.dial(ctx)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}
