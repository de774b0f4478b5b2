package starter

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Project is a Compose project as it is written: variables are not expanded.
type Project struct {
	// Name is the Compose project's, which its volumes are named after.
	Name string
	// File is the Compose file, relative to the project.
	File string
	// Folder is the project's files, for what a build context says of itself.
	Folder fs.FS
	model  map[string]any
}

// Read finds and reads the Compose file of a project's folder, by the names and
// in the order that Compose itself has.
func Read(ctx context.Context, root string) (*Project, error) {
	file := ""
	for _, name := range cli.DefaultFileNames {
		if _, err := os.Stat(filepath.Join(root, name)); err == nil {
			file = name
			break
		}
	}
	if file == "" {
		return nil, &deploy.Failure{
			Status: deploy.ExitUsage, Err: fmt.Errorf("no Compose file in %s: looked for %s", root, strings.Join(cli.DefaultFileNames, ", ")),
			Hint: "Run this where the project's Compose file is, or write one that `docker compose up` starts." + similar(root),
		}
	}
	path := filepath.Join(root, file)
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the Compose file: %w", err)
	}
	absolute, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("find the project: %w", err)
	}
	model, err := parse(ctx, path, content)
	if err != nil {
		return nil, err
	}
	project := &Project{File: file, Folder: os.DirFS(root), model: model}
	project.Name, _ = model["name"].(string)
	if project.Name = loader.NormalizeProjectName(expand(project.Name)); project.Name == "" {
		project.Name = loader.NormalizeProjectName(filepath.Base(absolute))
	}
	return project, nil
}

// similar names a file that may be meant, by another name than Compose looks for.
func similar(root string) string {
	found, _ := filepath.Glob(filepath.Join(root, "*compose*.y*ml")) // the pattern is good
	if len(found) == 0 {
		return ""
	}
	return fmt.Sprintf(" There is %s: if that is it, call it compose.yml.", filepath.Base(found[0]))
}

// parse reads a Compose file and says what is wrong with it, if it is none.
func parse(ctx context.Context, path string, content []byte) (map[string]any, error) {
	var written any
	if err := yaml.Unmarshal(content, &written); err != nil {
		return nil, broken(path, err, "Mend the line; `docker compose config -q` says whether Compose reads the file.")
	}
	top, ok := written.(map[string]any)
	if !ok {
		return nil, broken(path, errors.New("it is no Compose file: its top level has no keys"), "A Compose file has its services under the key services.")
	}
	services, ok := top["services"].(map[string]any)
	if !ok || len(services) == 0 {
		return nil, broken(path, errors.New("it is no Compose file with services: the key services is missing or empty"),
			"A Compose file has its services under the key services; where they are in files that it includes, run this where those are.")
	}
	details := types.ConfigDetails{
		WorkingDir: filepath.Dir(path), ConfigFiles: []types.ConfigFile{{Filename: path, Content: content}}, Environment: types.Mapping{},
	}
	model, err := loader.LoadModelWithContext(ctx, details, func(o *loader.Options) {
		o.SkipInterpolation = true
		o.SkipNormalization = true
		o.SkipConsistencyCheck = true
		o.SkipDefaultValues = true
		o.SkipResolveEnvironment = true
		o.ResolvePaths = false
		o.SetProjectName("project", false)
	})
	if err != nil {
		return nil, broken(path, err, "`docker compose config -q` says whether Compose reads the file.")
	}
	// What it includes cannot be extended by its name.
	for name := range asMap(model["services"]) {
		if _, own := services[name]; !own {
			return nil, broken(path, fmt.Errorf("services.%s comes from a file that it includes, which cannot be extended from here", name),
				"Write the service into "+filepath.Base(path)+" with extends: {file: …, service: "+name+"}, and take the include out.")
		}
	}
	return model, nil
}

func broken(path string, err error, hint string) error {
	text := strings.ReplaceAll(err.Error(), path+": ", "")
	return &deploy.Failure{Status: deploy.ExitUsage, Err: fmt.Errorf("%s: %s", path, text), Hint: hint}
}

// services gives the names of the services, sorted.
func (p *Project) services() []string {
	var names []string
	for name := range asMap(p.model["services"]) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// service is a service as it is written.
func (p *Project) service(name string) map[string]any {
	return asMap(asMap(p.model["services"])[name])
}

// has says whether the project has a file.
func (p *Project) has(path string) bool {
	if p.Folder == nil || !fs.ValidPath(path) {
		return false
	}
	_, err := fs.Stat(p.Folder, path)
	return err == nil
}

// read gives a file of the project; nothing where there is none.
func (p *Project) read(path string) string {
	if p.Folder == nil || !fs.ValidPath(path) {
		return ""
	}
	content, err := fs.ReadFile(p.Folder, path)
	if err != nil {
		return "" // what cannot be read says nothing
	}
	return string(content)
}
