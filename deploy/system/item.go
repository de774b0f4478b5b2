// Package system prepares the operating system of a host that is deployed to,
// and looks at it. It runs on that host, inside the uploaded binary.
//
// What a host needs is a list of items. Each of them can be looked at, and most
// can be brought about; what is so already is never touched, so that a second
// Setup changes no file.
package system

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// State is how an item was found, or left.
type State string

// The states of an item.
const (
	// Already: it is as it has to be, and was not touched.
	Already State = "already"
	// Done: Setup brought it about.
	Done State = "done"
	// Missing: Setup would bring it about. Only Check says so.
	Missing State = "missing"
	// Warning: the host can be deployed to; the item says what is not as good
	// as it could be.
	Warning State = "warning"
	// Failed: the host cannot be deployed to before a person did something.
	Failed State = "failed"
)

// Item is one thing that a host needs.
type Item struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	// Text is what was found or done: "26.1.5, API 1.45".
	Text string `json:"text,omitempty"`
	// Hint says what to do where it is missing or failed.
	Hint string `json:"hint,omitempty"`
}

// The names of the items, in the order in which they are reported.
const (
	itemDistribution = "distribution"
	itemClock        = "clock"
	itemMemory       = "memory"
	itemDisk         = "disk"
	itemEngine       = "Docker engine"
	itemGroup        = "engine's group"
	itemLogs         = "log rotation"
	itemLiveRestore  = "live-restore"
	itemDirectory    = "deploy directory"
	itemBinary       = "deploy binary"
	itemWrapper      = "mage on the PATH"
	itemRecovery     = "recovery at boot"
	itemPorts        = "ports"
)

// Options say what is prepared, and for whom.
type Options struct {
	// Directory is the deploy directory, absolute: /opt/webshop.
	Directory string
	// Environment is the one that is deployed here: production.
	Environment string
	// Owner is the user that deploys. The directory is given to it, and it
	// becomes a member of the engine's group.
	Owner string
	// Binary is the program that runs this; Directory/mage becomes a copy of
	// it.
	Binary string
	// Ports are the host ports that the proxy will publish.
	Ports []int
	// Project is the Compose project's name. Ports that its containers hold
	// are as good as free.
	Project string
	// Now is the laptop's clock when it asked; zero where it is not known.
	Now time.Time
	// Received is this host's clock when the request arrived.
	Received time.Time
	// Root is where the host's files are; "/" where empty. Tests point
	// elsewhere.
	Root string
}

var (
	// directoryForm keeps out what the shell, systemd and Compose would read as
	// something else than a part of a path.
	directoryForm = regexp.MustCompile(`^/[A-Za-z0-9._/@+-]+$`)
	wordForm      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	// shared are folders that belong to everybody on a host.
	shared = []string{
		"/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/media", "/mnt", "/opt", "/proc", "/root", "/run",
		"/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/local/bin",
		"/usr/sbin", "/usr/share", "/var", "/var/lib", "/var/log", "/var/www",
	}
)

// validate names every mistake at once.
func (o Options) validate() error {
	var mistakes []error
	add := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }
	switch {
	case !directoryForm.MatchString(o.Directory) || path.Clean(o.Directory) != o.Directory:
		add("deploy directory %q: an absolute path of letters, digits and . _ - + @ is needed", o.Directory)
	case slices.Contains(shared, o.Directory):
		add("deploy directory %s: this folder is the system's; take one below it", o.Directory)
	}
	for _, word := range []struct{ what, is string }{
		{"environment", o.Environment}, {"owner", o.Owner}, {"project", o.Project},
	} {
		if !wordForm.MatchString(word.is) {
			add("%s %q: a name of letters, digits and . _ - is needed", word.what, word.is)
		}
	}
	for _, port := range o.Ports {
		if port < 1 || port > 65535 {
			add("port %d: a number from 1 to 65535 is needed", port)
		}
	}
	if len(mistakes) > 0 {
		return &deploy.Failure{Status: deploy.ExitUsage, Err: errors.Join(mistakes...)}
	}
	return nil
}

// unsettled is the error for items that are failed or missing; nil where there
// is none.
func unsettled(what string, items []Item, hint string) error {
	var names []string
	for _, item := range items {
		if item.State == Failed || item.State == Missing {
			names = append(names, item.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return &deploy.Failure{Err: fmt.Errorf("%s: %s", what, strings.Join(names, ", ")), Hint: hint}
}

// failed turns an error into an item; a Failure's hint and lines go with it.
func failed(name string, err error) Item {
	item := Item{Name: name, State: Failed, Text: err.Error()}
	if failure, ok := errors.AsType[*deploy.Failure](err); ok {
		item.Text, item.Hint = failure.Err.Error(), failure.Hint
		if len(failure.Logs) > 0 {
			item.Hint = strings.TrimPrefix(item.Hint+"\n", "\n") + strings.Join(failure.Logs, "\n")
		}
	}
	return item
}
