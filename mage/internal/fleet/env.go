package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// ReadEnv reads the variables that are to be a host's: of .env.<environment>
// where no file is named, of standard input for "-".
func (f *Fleet) ReadEnv(file string) ([]byte, error) {
	var content []byte
	var err error
	switch file {
	case "-":
		content, err = io.ReadAll(os.Stdin)
	case "":
		file = EnvFile(f.Root, f.Name)
		content, err = os.ReadFile(file)
	default:
		content, err = os.ReadFile(file)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage("%s does not exist: write NAME=value lines into it, and keep it out of git, or name another file with -file=", file)
	}
	if err != nil {
		return nil, fmt.Errorf("read the variables of %s: %w", f.Name, err)
	}
	_, err = session.ParseEnv(content)
	return content, err
}

// SyncEnv compares the hosts' variables with these, says what differs, and,
// when told to, puts these in place. The values go over standard input and are
// compared there. It gives the services that are others with them, and the
// version that serves.
func (f *Fleet) SyncEnv(ctx context.Context, content []byte, push bool) (services []string, serving string, err error) {
	if err := f.reachOnly(ctx); err != nil {
		return nil, "", err
	}
	request := agent.Request{Do: agent.DiffEnv, Variables: content}
	if push {
		request.Do = agent.PushEnv
	}
	for _, host := range f.Hosts {
		var changes *session.EnvChanges
		result, err := host.ask(ctx, request, func(line agent.Line, _ int) {
			if line.Env != nil {
				changes = line.Env
			}
		})
		if err == nil {
			err = result.Err()
		}
		if err != nil {
			return nil, "", err
		}
		f.sayEnv(host, changes, push)
		services, serving = append(services, changes.Services...), changes.Serving
	}
	return services, serving, nil
}

func (f *Fleet) sayEnv(host *Host, changes *session.EnvChanges, pushed bool) {
	if changes.Empty() {
		f.say("%s has the same variables", host.Address)
		return
	}
	for _, part := range []struct {
		word string
		keys []string
	}{{"new", changes.Added}, {"other value", changes.Changed}, {"gone", changes.Removed}} {
		if len(part.keys) > 0 {
			f.say("%s: %-12s %s", host.Address, part.word+":", strings.Join(part.keys, ", "))
		}
	}
	for _, missing := range changes.Missing {
		f.say("warning: %s serves and could not be rolled out with them: %s", changes.Serving, missing)
	}
	if len(changes.Services) > 0 {
		f.say("they change %s", strings.Join(changes.Services, ", "))
	}
	if pushed {
		f.say("%s has them now; what runs keeps the old ones until it is rolled out", host.Address)
	}
}
