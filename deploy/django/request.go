package django

import (
	"cmp"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// request is what the program in the container is asked.
type request struct {
	Do         string               `json:"do"`
	Migrations []deploy.MigrationID `json:"migrations"`
	Backwards  bool                 `json:"backwards"`
	// Marker begins each line that is for this process and not for people. It
	// differs from run to run, so that nothing that prints can be taken for it.
	Marker   string `json:"marker"`
	Database string `json:"database"`
	// LockTimeout, Wait and Pause are seconds.
	LockTimeout float64 `json:"lock_timeout"`
	Attempts    int     `json:"attempts"`
	Wait        float64 `json:"wait"`
	Pause       float64 `json:"pause"`
}

// argumentLimit is what Linux allows a single argument to be, less its end.
const argumentLimit = 128<<10 - 1

//go:embed program/*.py
var programFiles embed.FS

// modules are the program's files: name and text of each, in an order in which
// none imports one behind it.
var modules = sync.OnceValues(func() ([][2]string, error) {
	var read [][2]string
	for _, name := range []string{
		"deploy_talk", "deploy_database", "deploy_history", "deploy_effect", "deploy_types", "deploy_fields",
		"deploy_operations", "deploy_inspect", "deploy_there", "deploy_apply", "deploy_main",
	} {
		content, err := fs.ReadFile(programFiles, "program/"+name+".py")
		if err != nil {
			return nil, err
		}
		read = append(read, [2]string{name, string(content)})
	}
	return read, nil
})

// bootstrap makes real modules of the files, in namespaces of their own:
// `shell -c` runs in that of Django's own command, or among the names of the
// application's models. MODULES and REQUEST stand for literals.
const bootstrap = `import sys, types
for _name, _text in MODULES:
    sys.modules[_name] = types.ModuleType(_name)
    exec(compile(_text, _name + ".py", "exec"), sys.modules[_name].__dict__)
sys.modules["deploy_main"].main(REQUEST)
`

// command is what runs the program in the container. --verbosity is there for
// Django 5.2, which tells of the names that it imports.
func (r request) command(manage []string) ([]string, error) {
	files, err := modules()
	if err != nil {
		return nil, fmt.Errorf("read the program: %w", err)
	}
	program, err := literal(files)
	if err != nil {
		return nil, err
	}
	asked, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	// Text in text: what is true for JSON is not for Python.
	quoted, err := literal(string(asked))
	if err != nil {
		return nil, err
	}
	text := strings.NewReplacer("MODULES", program, "REQUEST", quoted).Replace(bootstrap)
	if len(text) > argumentLimit {
		return nil, fmt.Errorf("ask about %d migrations at once: %w", len(r.Migrations), errTooMany)
	}
	return append(slices.Clone(manage), "shell", "--verbosity", "0", "-c", text), nil
}

var errTooMany = errors.New("that is more than an argument may hold")

// literal writes texts, and lists of them, as JSON that is Python, too.
func literal(value any) (string, error) {
	encoded, err := json.Marshal(value)
	return string(encoded), err
}

// settings completes a request with what the environment says.
func (m *Migrator) settings(release *deploy.Release, asked request) (request, *deploy.Migrations, error) {
	if release == nil || release.Environment == nil || release.Environment.Migrations == nil {
		return request{}, nil, errors.New("the environment says no migrations")
	}
	said := *release.Environment.Migrations
	if len(said.Manage) == 0 {
		said.Manage = []string{"python3", "manage.py"}
	}
	asked.Marker = "deploy-" + strings.ToLower(rand.Text()) + " "
	asked.Database = cmp.Or(said.Database, "default")
	asked.LockTimeout = cmp.Or(said.LockTimeout, deploy.DefaultLockTimeout).Seconds()
	asked.Attempts = cmp.Or(said.Attempts, deploy.DefaultMigrateAttempts)
	asked.Wait, asked.Pause = m.wait.Seconds(), m.pause.Seconds()
	if asked.Migrations == nil {
		asked.Migrations = []deploy.MigrationID{}
	}
	return asked, &said, nil
}
