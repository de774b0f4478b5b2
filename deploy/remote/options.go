// Package remote is one host over SSH: it is reached with the keys and the
// ~/.ssh/config that ssh itself uses, runs commands and takes files. It knows
// no terminal; who has to be asked is asked through callbacks.
package remote

import (
	"os"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Options say how one host is reached.
type Options struct {
	// Host as the Compose file writes it: "deploy@shop.example",
	// "ssh://deploy@shop.example:2222", or an alias of ~/.ssh/config.
	Host string
	// Home is the folder with .ssh; the user's own where empty.
	Home string
	// Key is a private key in PEM. With it neither the agent nor key files
	// are tried, on jump hosts neither.
	Key []byte
	// Passphrase opens a key file, or Key, for which file is empty; nil where
	// nobody can be asked. It is called only for a key that the host accepts.
	Passphrase func(file string) ([]byte, error)
	// KnownHosts are further lines in the form of a known_hosts file.
	KnownHosts []byte
	// Env looks up environment variables; os.Getenv where nil.
	Env func(string) string
	// Timeout bounds each phase of connecting, without the time people take;
	// ConnectTimeout of ~/.ssh/config where 0, else 15 s.
	Timeout time.Duration
	// KeepAlive is how often the host is asked whether it is there;
	// ServerAliveInterval of ~/.ssh/config where 0, else 5 s. After as many
	// unanswered ones as ServerAliveCountMax says, else three, the connection
	// is lost.
	KeepAlive time.Duration
}

const (
	connectTimeout   = 15 * time.Second
	keepAlive        = 5 * time.Second
	keepAlivesMissed = 3
)

func (o Options) env(name string) string {
	if o.Env != nil {
		return o.Env(name)
	}
	return os.Getenv(name)
}

// withHome fills the home folder in.
func (o Options) withHome() (Options, error) {
	if o.Home != "" {
		return o, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return o, fail(err, "set HOME", "find the folder with .ssh")
	}
	o.Home = home
	return o, nil
}

// fail makes a failure of a sentence, its cause and what to do.
func fail(cause error, hint, sentence string) *deploy.Failure {
	return &deploy.Failure{Status: deploy.ExitFailed, Err: &because{sentence: sentence, cause: cause}, Hint: hint}
}

// because is a sentence with its cause.
type because struct {
	sentence string
	cause    error
}

func (b *because) Error() string {
	if b.cause == nil {
		return b.sentence
	}
	return b.sentence + ": " + b.cause.Error()
}

func (b *because) Unwrap() error { return b.cause }
