package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// server is an ssh server of this process, with a shell and files.
type server struct {
	t    testing.TB
	addr string
	// root is where commands and relative paths start.
	root string

	mutex sync.Mutex
	// offered are the fingerprints of the keys that were tried, in order.
	offered []string
	users   []string
	conns   []net.Conn
	// onExec takes a command over; nil runs it in sh.
	onExec func(channel ssh.Channel, command string)
	config *ssh.ServerConfig
	done   sync.WaitGroup
}

// serverOptions say what a server lets in.
type serverOptions struct {
	hostKeys []ssh.Signer
	allowed  []ssh.PublicKey
	tries    int
	onExec   func(ssh.Channel, string)
	// authenticate replaces allowed.
	authenticate func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error)
	// password has the server ask for a password.
	password bool
	noFiles  bool
	// mute leaves keep-alives unanswered.
	mute bool
}

func newServer(t testing.TB, options serverOptions) *server {
	t.Helper()
	s := &server{t: t, root: t.TempDir(), onExec: options.onExec}
	s.config = &ssh.ServerConfig{MaxAuthTries: options.tries}
	switch {
	case options.authenticate != nil:
		s.config.PublicKeyCallback = options.authenticate
	case options.password:
		s.config.PasswordCallback = func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, errors.New("no") }
	default:
		s.config.PublicKeyCallback = func(conn ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			s.offered = append(s.offered, ssh.FingerprintSHA256(key))
			s.users = append(s.users, conn.User())
			for _, one := range options.allowed {
				if string(one.Marshal()) == string(key.Marshal()) {
					return nil, nil
				}
			}
			return nil, errors.New("unknown key")
		}
	}
	for _, key := range options.hostKeys {
		s.config.AddHostKey(key)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	s.done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mutex.Lock()
			s.conns = append(s.conns, conn)
			s.mutex.Unlock()
			s.done.Go(func() { s.serve(conn, options) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		s.drop()
		s.done.Wait()
	})
	return s
}

// drop closes all connections.
func (s *server) drop() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, conn := range s.conns {
		_ = conn.Close()
	}
}

func (s *server) tried() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.offered
}

func (s *server) port() int {
	_, port, _ := net.SplitHostPort(s.addr)
	number, _ := strconv.Atoi(port)
	return number
}

// known is the server's line for a key in known_hosts.
func (s *server) known(keys ...ssh.Signer) string {
	var lines strings.Builder
	for _, key := range keys {
		lines.WriteString(knownhosts.Line([]string{s.addr}, key.PublicKey()) + "\n")
	}
	return lines.String()
}

func (s *server) serve(conn net.Conn, options serverOptions) {
	defer conn.Close()
	server, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	defer server.Close()
	s.done.Go(func() {
		for request := range requests {
			if request.WantReply && !options.mute {
				_ = request.Reply(false, nil)
			}
		}
	})
	for asked := range channels {
		switch asked.ChannelType() {
		case "session":
			channel, requests, err := asked.Accept()
			if err != nil {
				return
			}
			s.done.Go(func() { s.session(channel, requests, options.noFiles) })
		case "direct-tcpip":
			s.done.Go(func() { forward(asked) })
		default:
			_ = asked.Reject(ssh.UnknownChannelType, "")
		}
	}
}

// forward is what a jump host does.
func forward(asked ssh.NewChannel) {
	var to struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}
	_ = ssh.Unmarshal(asked.ExtraData(), &to)
	conn, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		_ = asked.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	channel, requests, err := asked.Accept()
	if err != nil {
		_ = conn.Close()
		return
	}
	go ssh.DiscardRequests(requests)
	go func() {
		_, _ = io.Copy(channel, conn)
		_ = channel.Close()
	}()
	_, _ = io.Copy(conn, channel)
	_ = conn.Close()
}

func (s *server) session(channel ssh.Channel, requests <-chan *ssh.Request, noFiles bool) {
	defer channel.Close()
	for request := range requests {
		switch {
		case request.Type == "exec":
			var asked struct{ Command string }
			_ = ssh.Unmarshal(request.Payload, &asked)
			_ = request.Reply(true, nil)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			s.done.Go(func() {
				defer cancel() // the channel is closed
				for request := range requests {
					if request.Type == "signal" {
						cancel()
					}
				}
			})
			if s.onExec != nil {
				s.onExec(channel, asked.Command)
			} else {
				s.shell(ctx, channel, asked.Command)
			}
			return
		case request.Type == "subsystem" && !noFiles:
			_ = request.Reply(true, nil)
			go ssh.DiscardRequests(requests)
			files, err := sftp.NewServer(channel, sftp.WithServerWorkingDirectory(s.root))
			if err != nil {
				return
			}
			_ = files.Serve()
			return
		case request.WantReply:
			_ = request.Reply(false, nil)
		}
	}
}

// shell runs a command as sshd does. Like it, it does not wait for an input
// that the command does not read to its end.
func (s *server) shell(ctx context.Context, channel ssh.Channel, command string) {
	shell := exec.CommandContext(ctx, "sh", "-c", command)
	shell.Dir, shell.Stdout, shell.Stderr = s.root, channel, channel.Stderr()
	shell.Env = append(os.Environ(), "HOME="+s.root)
	in, err := shell.StdinPipe()
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(in, channel)
		_ = in.Close()
	}()
	exit, is := errors.AsType[*exec.ExitError](shell.Run())
	if !is {
		sendStatus(channel, 0)
		return
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		sendSignal(channel, "KILL")
		return
	}
	sendStatus(channel, exit.ExitCode())
}

func sendStatus(channel ssh.Channel, status int) {
	_, _ = channel.SendRequest("exit-status", false, binary.BigEndian.AppendUint32(nil, uint32(status)))
}

func sendSignal(channel ssh.Channel, name string) {
	_, _ = channel.SendRequest("exit-signal", false, ssh.Marshal(struct {
		Signal     string
		CoreDumped bool
		Error      string
		Lang       string
	}{Signal: name}))
}
