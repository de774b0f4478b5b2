package remote

import (
	"context"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/ssh/agent"
)

// pipePrefix is where Windows has its named pipes, and agentPipe the one of
// its own agent.
const (
	pipePrefix = `\\.\pipe\`
	agentPipe  = pipePrefix + "openssh-ssh-agent"
)

// agentAnswer is how long an agent may take to list its keys; signing may
// wait for a person.
const agentAnswer = 5 * time.Second

// agentSocket is where the agent listens; empty where none is to be used.
func agentSocket(options Options, s *settings, path func(string) string) string {
	value := s.first("identityagent")
	name, isName := strings.CutPrefix(value, "$")
	switch {
	case strings.EqualFold(value, "none"):
		return ""
	case value == "" || value == "SSH_AUTH_SOCK":
		if socket := options.env("SSH_AUTH_SOCK"); socket != "" || runtime.GOOS != "windows" {
			return socket
		}
		return agentPipe
	case isName && !strings.HasPrefix(name, "{"):
		return options.env(name)
	case strings.HasPrefix(value, pipePrefix):
		return value
	}
	return path(value)
}

// dialAgent connects to an agent and lists its keys.
func dialAgent(ctx context.Context, socket string) (agent.ExtendedAgent, []*agent.Key, io.Closer, error) {
	var conn io.ReadWriteCloser
	var err error
	if strings.HasPrefix(socket, pipePrefix) {
		conn, err = os.OpenFile(socket, os.O_RDWR, 0)
	} else {
		conn, err = new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	// Without Close in sight the library asks one thing after the other: a
	// pipe of Windows cannot be read and written at once.
	client := agent.NewClient(struct{ io.ReadWriter }{conn})
	late := time.AfterFunc(agentAnswer, func() { _ = conn.Close() })
	keys, err := client.List()
	if !late.Stop() && err != nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, nil, err
	}
	return client, keys, conn, nil
}
