package session

import (
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/image"
)

// BuildOptions say what is built of one version.
type BuildOptions struct {
	Version string
	// Services are the ones to build; all with a build section where empty.
	Services []string
	// Arguments override variables of the Compose file, for this build only.
	Arguments map[string]string
}

// Display says where BuildKit's progress goes, and whether as plain lines.
type Display struct {
	Out   io.Writer
	Plain bool
}

// Build builds the images of one or several versions in the engine, all side
// by side, and gives their references.
func (s *Session) Build(ctx context.Context, display Display, versions ...BuildOptions) ([]string, error) {
	merged := &types.Project{Name: s.Model.Path, Services: types.Services{}}
	for _, version := range versions {
		project, err := s.buildProject(ctx, version)
		if err != nil {
			return nil, err
		}
		merged.WorkingDir, merged.Environment, merged.Secrets = project.WorkingDir, project.Environment, project.Secrets
		for name, service := range project.Services {
			if service.Build == nil || len(version.Services) > 0 && !slices.Contains(version.Services, name) {
				continue
			}
			if len(versions) > 1 {
				name += " " + version.Version
			}
			service.Name = name
			merged.Services[name] = service
		}
	}
	builder := &image.Builder{Docker: s.Engine.Docker()}
	options := image.Options{Out: display.Out, Plain: display.Plain}
	if len(versions) == 1 {
		options.Version = versions[0].Version
	}
	built, err := builder.Build(ctx, merged, nil, options)
	if err != nil {
		return nil, err
	}
	var references []string
	for _, one := range built {
		references = append(references, one.Reference)
	}
	slices.Sort(references)
	return slices.Compact(references), nil
}

// buildProject loads the Compose file as a build of that version sees it.
// Variables come from the host's .env and from the process: what a build
// needs, such as an address that is baked in, belongs to no host.
func (s *Session) buildProject(ctx context.Context, options BuildOptions) (*types.Project, error) {
	content, err := s.Model.Render(deploy.RenderOptions{Version: options.Version})
	if err != nil {
		return nil, err
	}
	model, err := deploy.ParseModel(ctx, s.File, content)
	if err != nil {
		return nil, err
	}
	variables := maps.Clone(s.Host.Variables)
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		variables[name] = value
	}
	maps.Copy(variables, options.Arguments)
	environment, err := model.Load(ctx, deploy.LoadOptions{
		Name: s.Name, Directory: filepath.Dir(s.File), Version: options.Version, Variables: variables, Build: true,
	})
	if err != nil {
		return nil, err
	}
	return environment.Project, nil
}

// Push pushes images side by side and gives them with their digests.
func (s *Session) Push(ctx context.Context, references []string) ([]image.Pushed, error) {
	publisher := &image.Publisher{Docker: s.Engine.Docker()}
	pushed := make([]image.Pushed, len(references))
	errs := make([]error, len(references))
	var group sync.WaitGroup
	for at, reference := range references {
		group.Go(func() { pushed[at], errs[at] = publisher.Push(ctx, reference, nil) })
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return pushed, nil
}
