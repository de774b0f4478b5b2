package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// Hasher computes Compose's configuration hash of a service, as the engine's
// adapter will label its containers.
type Hasher func(types.ServiceConfig) (string, error)

// Model is a Compose file with its includes and extends resolved and its
// variables left as they are written.
type Model struct {
	// Path is the file, for messages.
	Path    string
	content map[string]any
}

// ReadModel reads a Compose file and what it includes. Paths in it stay
// relative, since the file is to be used in the deploy directory.
func ReadModel(ctx context.Context, path string) (*Model, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, &Mistakes{File: path, List: []Mistake{{Text: fmt.Sprintf("cannot be read: %v", unwrapPath(err))}}}
	}
	return ParseModel(ctx, path, content)
}

// ParseModel is ReadModel for content that is already in memory; path is where
// relative includes start and what messages name.
func ParseModel(ctx context.Context, path string, content []byte) (*Model, error) {
	details := types.ConfigDetails{
		WorkingDir:  filepath.Dir(path),
		ConfigFiles: []types.ConfigFile{{Filename: path, Content: content}},
		Environment: types.Mapping{},
	}
	model, err := loader.LoadModelWithContext(ctx, details, func(o *loader.Options) {
		o.SkipInterpolation = true
		o.SkipValidation = true
		o.SkipNormalization = true
		o.SkipConsistencyCheck = true
		o.SkipDefaultValues = true
		o.SkipResolveEnvironment = true
		o.ResolvePaths = false
		o.SetProjectName(loader.NormalizeProjectName(filepath.Base(filepath.Dir(path))), false)
	})
	if err != nil {
		return nil, composeMistakes(path, err)
	}
	return &Model{Path: path, content: model}, nil
}

// LoadOptions say how a Compose file becomes an environment.
type LoadOptions struct {
	// Name is the environment's; taken from the file's name where empty.
	Name string
	// Directory is where relative paths start: the deploy directory, or the
	// Compose file's own for a build.
	Directory string
	Version   string
	// Variables are the host's, from its .env. The process's environment is
	// not looked at: `docker compose` by hand is to see the same values.
	Variables map[string]string
	// Hash computes configuration hashes; nil leaves them empty.
	Hash Hasher
	// Build loads what a build needs: variables that only a running service
	// uses, such as passwords, may be missing.
	Build bool
}

// Load interpolates and validates a model. Every mistake is named at once, as
// a *Mistakes.
func (m *Model) Load(ctx context.Context, options LoadOptions) (*Environment, error) {
	variables := types.Mapping(maps.Clone(options.Variables))
	if variables == nil {
		variables = types.Mapping{}
	}
	variables[VersionVariable] = options.Version
	mistakes := &Mistakes{File: m.Path}
	counts := anywhere
	if options.Build {
		counts = inBuild
	}
	for _, use := range missingVariables(m.content, variables, counts) {
		mistakes.add(use.Path, "the variable %s is not set: write %s=… into .env, or give it a default as ${%s:-…}", use.Name, use.Name, use.Name)
	}
	missingVariables(m.content, variables, anywhere)

	content, err := yaml.Marshal(clone(m.content))
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", m.Path, err)
	}
	name := cmp.Or(options.Name, EnvironmentName(m.Path))
	directory := cmp.Or(options.Directory, filepath.Dir(m.Path))
	directory, err = filepath.Abs(directory)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", m.Path, err)
	}
	details := types.ConfigDetails{
		WorkingDir:  directory,
		ConfigFiles: []types.ConfigFile{{Filename: m.Path, Content: content}},
		Environment: variables,
	}
	project, err := loader.LoadWithContext(ctx, details, loader.WithDiscardEnvFiles, func(o *loader.Options) {
		o.SetProjectName(m.ProjectName(directory, variables), true)
		o.Profiles = strings.FieldsFunc(variables["COMPOSE_PROFILES"], func(r rune) bool { return r == ',' })
	})
	if err != nil {
		if err := mistakes.err(); err != nil {
			return nil, err // a missing variable is the cause of what Compose says
		}
		return nil, composeMistakes(m.Path, err)
	}
	project.ComposeFiles = []string{filepath.Join(directory, filepath.Base(m.Path))}
	environment := newEnvironment(name, project, mistakes)
	m.watchOff(environment, variables)
	m.checkSecretAddresses(mistakes)
	validate(environment, mistakes)
	if err := mistakes.err(); err != nil {
		return nil, err
	}
	return environment, environment.hash(options.Hash)
}

// watchOff takes a monitor of 0s as it is said: Compose's own type cannot tell
// it from one that is not there, which has a default.
func (m *Model) watchOff(environment *Environment, variables types.Mapping) {
	services, _ := m.content["services"].(map[string]any)
	for _, service := range environment.Services {
		entry, _ := services[service.Name].(map[string]any)
		deploy, _ := entry["deploy"].(map[string]any)
		update, _ := deploy["update_config"].(map[string]any)
		said, _ := update["monitor"].(string)
		if said, err := template.Substitute(said, variables.Resolve); err == nil {
			if monitor, err := time.ParseDuration(said); err == nil && monitor == 0 {
				service.Monitor = 0
			}
		}
	}
}

// ProjectName is the Compose project's name, with these variables.
func (m *Model) ProjectName(directory string, variables map[string]string) string {
	if name, ok := m.content["name"].(string); ok && name != "" {
		expanded, err := template.SubstituteWithOptions(name, types.Mapping(variables).Resolve, template.WithoutLogging)
		if err != nil {
			expanded = name // the loader says what is wrong with it
		}
		return loader.NormalizeProjectName(expanded)
	}
	return loader.NormalizeProjectName(filepath.Base(directory))
}

// hash fills in each service's configuration hash.
func (e *Environment) hash(hash Hasher) error {
	if hash == nil {
		return nil
	}
	for _, service := range e.Services {
		value, err := hash(e.Project.Services[service.Name])
		if err != nil {
			return fmt.Errorf("hash the configuration of %s: %w", service.Name, err)
		}
		service.Hash = value
	}
	return nil
}

// EnvironmentName is the environment that a Compose file is named after:
// docker-compose.staging.yml is staging.
func EnvironmentName(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	_, name, found := strings.Cut(name, ".")
	if !found {
		return "default"
	}
	return name
}

// composeMistakes turns what the Compose loader refuses into the house's form.
func composeMistakes(path string, err error) error {
	text := err.Error()
	text = strings.TrimPrefix(text, "validating "+path+": ")
	text = strings.ReplaceAll(text, path+": ", "")
	mistakes := &Mistakes{File: path}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			mistakes.List = append(mistakes.List, composeMistake(line))
		}
	}
	return mistakes
}

// composeMistake takes what Compose's schema says of one key apart.
func composeMistake(line string) Mistake {
	path, text, found := strings.Cut(line, " ")
	if !found || !strings.HasPrefix(path, "services.") {
		return Mistake{Text: line}
	}
	if text != "false schema" {
		return Mistake{Path: path, Text: text}
	}
	text = "unknown key"
	if near := Nearest(path[strings.LastIndex(path, ".")+1:], composeKeys(), 1); len(near) > 0 {
		text += fmt.Sprintf(" (did you mean %s?)", near[0])
	}
	return Mistake{Path: path, Text: text}
}

// composeKeys lists the keys that Compose allows in a service.
func composeKeys() []string {
	var keys []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[types.ServiceConfig]()) {
		if key, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// unwrapPath takes the path out of a file error whose message names it anyway.
func unwrapPath(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// clone copies a model deeply.
func clone(model any) any {
	switch value := model.(type) {
	case map[string]any:
		copied := make(map[string]any, len(value))
		for key, entry := range value {
			copied[key] = clone(entry)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for at, entry := range value {
			copied[at] = clone(entry)
		}
		return copied
	default:
		return model
	}
}

// ProxyService names the service that is marked as the proxy; empty without.
func (m *Model) ProxyService() string {
	services, _ := m.content["services"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(services)) {
		service, _ := services[name].(map[string]any)
		if extension, _ := service[ExtensionKey].(map[string]any); extension["proxy"] == true {
			return name
		}
	}
	return ""
}

// DirectoryOf reads the deploy directory from a Compose file, before anything
// else of it can be: its variables are in that directory.
func DirectoryOf(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", &Mistakes{File: path, List: []Mistake{{Text: fmt.Sprintf("cannot be read: %v", unwrapPath(err))}}}
	}
	var file struct {
		Deploy struct {
			Directory string `yaml:"directory"`
		} `yaml:"x-deploy"`
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return "", composeMistakes(path, err)
	}
	return file.Deploy.Directory, nil
}
