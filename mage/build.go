package mage

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// Build builds a version's images in the engine, side by side.
func Build(ctx context.Context, version string,
	env *string, // the environment; the one that is deployed here by default
	services *string, // only these, separated by commas
) error {
	return build(ctx, version, value(env), value(services), false)
}

// Push builds a version's images and pushes them to their registry.
func Push(ctx context.Context, version string,
	env *string, // the environment; the one that is deployed here by default
	services *string, // only these, separated by commas
) error {
	return build(ctx, version, value(env), value(services), true)
}

func build(ctx context.Context, version, env, services string, push bool) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	s, err := session.Open(ctx, session.Options{Env: env, Create: true})
	if err != nil {
		return err
	}
	defer s.Close()
	only := strings.FieldsFunc(services, func(r rune) bool { return r == ',' })
	display := session.Display{Out: os.Stderr, Plain: os.Getenv("CI") != ""}
	references, err := s.Build(ctx, display, session.BuildOptions{Version: version, Services: only})
	if err != nil {
		return err
	}
	if !push {
		fmt.Println("built", strings.Join(references, "\n      "))
		return nil
	}
	pushed, err := s.Push(ctx, references)
	if err != nil {
		return err
	}
	for _, image := range pushed {
		fmt.Printf("pushed %s (%d layers sent, %d there already)\n", image.Pinned(), image.Uploaded, image.Present)
	}
	return nil
}
