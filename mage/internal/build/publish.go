package build

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/types"
	"golang.org/x/sync/errgroup"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/image"
	"github.com/freezedesign/webshop-deploy/mage/internal/source"
)

// Published is one image of a version, in its registry.
type Published struct {
	deploy.Image
	Services []string
	// How says what it took: built, promoted, or nothing.
	How How
}

// How is what an image in the registry took.
type How string

// An image is there already, was promoted from another tag by its digest, or
// was built and pushed.
const (
	There    How = "there already"
	Promoted How = "promoted"
	Pushed   How = "built and pushed"
)

// PublishOptions say what is published.
type PublishOptions struct {
	Version  string
	Services []string
	// From are other tags, such as the one that staging ran: an image that was
	// built from the same is promoted from there instead of being built again.
	From []string
	// Moving are further tags for the images, once all of them are there.
	Moving []string
}

// target is one image to publish.
type target struct {
	reference string
	services  []string
	// inputs is what it would be built from; empty where that is not known.
	inputs string
	found  Published
}

// Publish sees to it that every image of a version is in its registry: those
// that are there from the same source are left, those that another tag has
// from the same source are promoted, and the others are built, side by side,
// and pushed.
func (m *Maker) Publish(ctx context.Context, options PublishOptions) ([]Published, error) {
	project, err := m.project(ctx, Version{Name: options.Version})
	if err != nil {
		return nil, err
	}
	targets, err := m.targets(ctx, project, options)
	if err != nil {
		return nil, err
	}
	registries := &image.Registries{Keychain: m.Keychain}
	if err := eachTarget(ctx, targets, func(ctx context.Context, t *target) error {
		return t.find(ctx, registries, options)
	}); err != nil {
		return nil, err
	}
	if err := m.makeMissing(ctx, project, targets, options); err != nil {
		return nil, err
	}
	published := make([]Published, 0, len(targets))
	for _, t := range targets {
		published = append(published, t.found)
		m.say("%-24s %s", short(t.found.Reference), t.found.How)
	}
	return published, m.Move(ctx, published, options.Moving)
}

// short leaves the registry out of a reference.
func short(reference string) string { return reference[strings.LastIndex(reference, "/")+1:] }

// targets gives the images to publish, sorted, with what each would be built
// from.
func (m *Maker) targets(ctx context.Context, project *types.Project, options PublishOptions) ([]*target, error) {
	inputs, err := m.builder().Inputs(project, options.Services, m.traced(ctx, options.Version))
	if err != nil {
		return nil, err
	}
	byReference := map[string]*target{}
	var targets []*target
	for _, name := range project.ServiceNames() {
		service := project.Services[name]
		if service.Build == nil || len(options.Services) > 0 && !slices.Contains(options.Services, name) {
			continue
		}
		t := byReference[service.Image]
		if t == nil {
			t = &target{reference: service.Image, inputs: inputs[name]}
			byReference[service.Image] = t
			targets = append(targets, t)
		}
		t.services = append(t.services, name)
	}
	if len(targets) == 0 {
		return nil, &deploy.Failure{Status: deploy.ExitUsage, Err: fmt.Errorf("nothing to build in %s: no service has a build section", m.File)}
	}
	return targets, nil
}

// traced are the options of a build whose images say what they were built from.
func (m *Maker) traced(ctx context.Context, version string) image.Options {
	options := m.options(version)
	if m.Tree != nil {
		options.Tree = func(folder string) (string, error) { return m.Tree.Hash(ctx, folder) }
	}
	return options
}

func eachTarget(ctx context.Context, targets []*target, do func(context.Context, *target) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, t := range targets {
		group.Go(func() error { return do(ctx, t) })
	}
	return group.Wait()
}

// find looks for the image in the registry, under its own tag and under those
// that it may be promoted from.
func (t *target) find(ctx context.Context, registries *image.Registries, options PublishOptions) error {
	if t.inputs == "" {
		return nil
	}
	there, inputs, err := registries.InputsOf(ctx, t.reference)
	switch {
	case err == nil && inputs == t.inputs:
		t.found = Published{Image: there, Services: t.services, How: There}
		return nil
	case err != nil && !errors.Is(err, image.ErrNotFound):
		return err
	}
	for _, tag := range options.From {
		from := deploy.Repository(t.reference) + ":" + tag
		there, inputs, err := registries.InputsOf(ctx, from)
		if errors.Is(err, image.ErrNotFound) || err == nil && inputs != t.inputs {
			continue
		}
		if err != nil {
			return err
		}
		if err := registries.Tag(ctx, there, options.Version); err != nil {
			return err
		}
		there.Reference = t.reference
		t.found = Published{Image: there, Services: t.services, How: Promoted + How(" from "+tag)}
		return nil
	}
	return nil
}

// makeMissing builds what was not found, and pushes each as it is.
func (m *Maker) makeMissing(ctx context.Context, project *types.Project, targets []*target, options PublishOptions) error {
	var services []string
	for _, t := range targets {
		if t.found.Digest == "" {
			services = append(services, t.services...)
		}
	}
	if len(services) == 0 {
		return nil
	}
	built, err := m.builder().Build(ctx, project, services, m.traced(ctx, options.Version))
	if err != nil {
		return err
	}
	var mu sync.Mutex
	publisher := &image.Publisher{Docker: m.Docker, Keychain: m.Keychain}
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range built {
		group.Go(func() error {
			pushed, err := publisher.Publish(ctx, one.Reference, nil, image.PublishOptions{Digest: one.Digest})
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for _, t := range targets {
				if t.reference == one.Reference {
					t.found = Published{Image: pushed.Image, Services: t.services, How: Pushed + How(fmt.Sprintf(" (layers: %d sent, %d there)", pushed.Uploaded, pushed.Present))}
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// Move gives the images further tags, by their digests. patterns are those of
// x-deploy.tags.
func (m *Maker) Move(ctx context.Context, published []Published, patterns []string) error {
	if len(patterns) == 0 {
		return nil
	}
	registries := &image.Registries{Keychain: m.Keychain}
	branch := ""
	if m.Tree != nil {
		branch = m.Tree.Branch
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range published {
		group.Go(func() error {
			existing, err := registries.ListTags(ctx, deploy.Repository(one.Reference))
			if err != nil {
				return err
			}
			tags, err := source.MovingTags(patterns, deploy.Tag(one.Reference), branch, existing)
			if err != nil || len(tags) == 0 {
				return err
			}
			if err := registries.Tag(ctx, one.Image, tags...); err != nil {
				return err
			}
			m.say("%-24s is %s now", short(one.Reference), strings.Join(tags, ", "))
			return nil
		})
	}
	return group.Wait()
}

// Push pushes images of the engine as they are, side by side.
func (m *Maker) Push(ctx context.Context, built []image.Built) ([]image.Pushed, error) {
	publisher := &image.Publisher{Docker: m.Docker, Keychain: m.Keychain}
	var mu sync.Mutex
	var pushed []image.Pushed
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range built {
		group.Go(func() error {
			sent, err := publisher.Push(ctx, one.Reference, nil)
			mu.Lock()
			defer mu.Unlock()
			pushed = append(pushed, sent)
			return err
		})
	}
	return pushed, group.Wait()
}
