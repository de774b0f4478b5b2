package starter

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Written is what became of one file.
type Written struct {
	Path string
	// Left says that a file of that name was there, and Same that it has the
	// very content.
	Left, Same bool
}

// Look says what Write would do, and writes nothing.
func Look(root string, files []File) ([]Written, error) {
	var found []Written
	for _, file := range files {
		one, err := look(root, file)
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, nil
}

func look(root string, file File) (Written, error) {
	content, err := os.ReadFile(filepath.Join(root, file.Path))
	if errors.Is(err, fs.ErrNotExist) {
		return Written{Path: file.Path}, nil
	}
	if err != nil {
		return Written{}, fmt.Errorf("look at what is there: %w", err)
	}
	return Written{Path: file.Path, Left: true, Same: string(content) == file.Content}, nil
}

// Write writes the files that are not there yet. What is there is left as it is.
func Write(root string, files []File) ([]Written, error) {
	var done []Written
	for _, file := range files {
		one, err := write(root, file)
		if err != nil {
			return done, err
		}
		done = append(done, one)
	}
	return done, nil
}

func write(root string, file File) (Written, error) {
	path := filepath.Join(root, file.Path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // source of the project, as everything beside it
		return Written{}, fmt.Errorf("make the folder of %s: %w", file.Path, err)
	}
	// O_EXCL: also what came there a moment ago is left.
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // as above
	if errors.Is(err, fs.ErrExist) {
		return look(root, file)
	}
	if err != nil {
		return Written{}, fmt.Errorf("write %s: %w", file.Path, err)
	}
	_, err = out.WriteString(file.Content)
	if err := errors.Join(err, out.Close()); err != nil {
		return Written{}, fmt.Errorf("write %s: %w", file.Path, err)
	}
	return Written{Path: file.Path}, nil
}

// Check loads each environment that was written as a deploy does, with a value
// for every variable, and says what is wrong with it.
func Check(ctx context.Context, root string) error {
	var errs []error
	for _, environment := range Environments {
		_, err := load(ctx, filepath.Join(root, "compose", "docker-compose."+environment+".yml"))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// load loads an environment's file; a variable that is missing gets a value,
// until none is.
func load(ctx context.Context, file string) (*deploy.Environment, error) {
	model, err := deploy.ReadModel(ctx, file)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for {
		environment, err := model.Load(ctx, deploy.LoadOptions{Version: "v1.0.0", Directory: filepath.Dir(file), Variables: values})
		mistakes, ok := errors.AsType[*deploy.Mistakes](err)
		if !ok {
			return environment, err
		}
		if !fill(values, mistakes) {
			return nil, err
		}
	}
}

// fill gives the variables that a mistake names a value.
func fill(values map[string]string, mistakes *deploy.Mistakes) (filled bool) {
	for _, one := range mistakes.List {
		if rest, ok := strings.CutPrefix(one.Text, "the variable "); ok {
			name, _, _ := strings.Cut(rest, " ")
			if values[name] == "" {
				values[name], filled = standIn(name), true
			}
		}
	}
	return filled
}

// standIn is a value that fits most places in which a variable of that name
// stands: a folder, a restart policy, or a port.
func standIn(name string) string {
	switch name = strings.ToUpper(name); {
	case strings.Contains(name, "PATH"), strings.Contains(name, "DIR"), strings.Contains(name, "FOLDER"):
		return "/srv/data"
	case strings.Contains(name, "RESTART"):
		return "always"
	}
	return "8080"
}
