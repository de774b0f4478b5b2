// Package build makes the images of an environment and puts them in their
// registry.
package build

import (
	"context"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/client"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/image"
	"github.com/freezedesign/webshop-deploy/mage/internal/source"
)

// Maker makes the images of one environment.
type Maker struct {
	// Name is the environment's, File its Compose file.
	Name, File string
	Model      *deploy.Model
	// Variables are those of the build: addresses that are baked in, the
	// registry's name.
	Variables map[string]string
	Docker    *client.Client
	// Address is a BuildKit elsewhere, as BUILDKIT_HOST says it; empty takes
	// the engine's.
	Address  string
	Keychain authn.Keychain
	// Tree is the source as git knows it; nil where nothing is said of it.
	Tree *source.Tree
	// Platform is what the images are for; empty leaves it to the builder.
	Platform string
	// Display says how a build is shown.
	Display Display
	// Say is told what happens; may be nil.
	Say func(format string, args ...any)
}

// Display says where BuildKit's progress goes, and whether as plain lines.
type Display struct {
	Out   io.Writer
	Plain bool
}

// Version is one version to build.
type Version struct {
	Name string
	// Services are the ones to build; all with a build section where empty.
	Services []string
	// Arguments override variables of the Compose file, for this build only.
	Arguments map[string]string
}

// Build builds the images of one or several versions in the engine, all side
// by side.
func (m *Maker) Build(ctx context.Context, versions ...Version) ([]image.Built, error) {
	merged := &types.Project{Name: m.File, Services: types.Services{}}
	for _, version := range versions {
		project, err := m.project(ctx, version)
		if err != nil {
			return nil, err
		}
		merged.WorkingDir, merged.Environment, merged.Secrets = project.WorkingDir, project.Environment, project.Secrets
		for name, service := range project.Services {
			if service.Build == nil || len(version.Services) > 0 && !slices.Contains(version.Services, name) {
				continue
			}
			if len(versions) > 1 {
				name += " " + version.Name
			}
			service.Name = name
			merged.Services[name] = service
		}
	}
	options := m.options("")
	if len(versions) == 1 {
		options.Version = versions[0].Name
	}
	return m.builder().Build(ctx, merged, nil, options)
}

func (m *Maker) builder() *image.Builder {
	return &image.Builder{Docker: m.Docker, Address: m.Address, Keychain: m.Keychain}
}

func (m *Maker) options(version string) image.Options {
	options := image.Options{Version: version, Platform: m.Platform, Out: m.Display.Out, Plain: m.Display.Plain}
	if m.Tree != nil {
		options.Revision, options.Source, options.Created = m.Tree.Commit, m.Tree.Remote, m.Tree.Time
	}
	return options
}

// project loads the Compose file as a build of that version sees it.
func (m *Maker) project(ctx context.Context, version Version) (*types.Project, error) {
	content, err := m.Model.Render(deploy.RenderOptions{Version: version.Name})
	if err != nil {
		return nil, err
	}
	model, err := deploy.ParseModel(ctx, m.File, content)
	if err != nil {
		return nil, err
	}
	variables := map[string]string{}
	maps.Copy(variables, m.Variables)
	maps.Copy(variables, version.Arguments)
	environment, err := model.Load(ctx, deploy.LoadOptions{
		Name: m.Name, Directory: filepath.Dir(m.File), Version: version.Name, Variables: variables, Build: true,
	})
	if err != nil {
		return nil, err
	}
	return environment.Project, nil
}

func (m *Maker) say(format string, args ...any) {
	if m.Say != nil {
		m.Say(format, args...)
	}
}
