package mage

import (
	"context"
	"strings"

	"github.com/freezedesign/webshop-deploy/mage/internal/build"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/source"
)

// Build builds images of the commit that is checked out, side by side.
func Build(ctx context.Context,
	services *string, // only these, separated by commas
	env *string, // the environment; the only one by default
	version *string, // the images' tag; of the commit by default
	dirty *bool, // build changes that are not committed, too
) error {
	return withMaker(ctx, value(env), value(version), value(dirty), func(ctx context.Context, l *laptop, maker *build.Maker, version string) error {
		built, err := maker.Build(ctx, build.Version{Name: version, Services: list(value(services))})
		for _, one := range built {
			l.Say("built %s, %.1f MB", one.Reference, float64(one.Size)/1e6)
		}
		return err
	})
}

// Push builds what the registry does not have yet, and pushes it.
func Push(ctx context.Context,
	services *string, // only these, separated by commas
	env *string, // the environment; the only one by default
	version *string, // the images' tag; of the commit by default
	dirty *bool, // push changes that are not committed, too
) error {
	return withMaker(ctx, value(env), value(version), value(dirty), func(ctx context.Context, l *laptop, maker *build.Maker, version string) error {
		_, err := maker.Publish(ctx, build.PublishOptions{Version: version, Services: list(value(services)), Moving: l.Settings.Tags})
		return err
	})
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// withMaker opens what build and push work with: the environment, its source,
// the builder, and the hosts' platform, where it has hosts.
func withMaker(ctx context.Context, env, version string, dirty bool, do func(context.Context, *laptop, *build.Maker, string) error) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	l, err := openLaptop(ctx, env, "")
	if err != nil {
		return err
	}
	defer l.Close()
	tree, err := source.Read(ctx, l.Root)
	if err != nil {
		return err
	}
	own, err := tree.Version(dirty)
	if err != nil {
		return err
	}
	if version == "" {
		version = own
	}
	maker := l.Maker(tree, display())
	defer maker.Close()
	if err := maker.Open(ctx); err != nil {
		return err
	}
	if l.Remote() {
		if err := l.Dial(ctx); err != nil {
			return err
		}
		if maker.Platform, err = l.Platform(); err != nil {
			return err
		}
	}
	return do(ctx, l, maker.Maker, version)
}
