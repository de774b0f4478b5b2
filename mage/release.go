package mage

import (
	"context"
	"fmt"
	"os"

	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/source"
)

// Release tags the commit that is checked out, and pushes the tag.
func Release(ctx context.Context, version string,
	branch *string, // the branch that releases are made from; origin's default one by default
	older *bool, // allow a version that is older than the newest tag
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	root, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the project: %w", err)
	}
	if err := source.Release(ctx, root, version, source.ReleaseOptions{Branch: value(branch), Older: value(older)}); err != nil {
		return err
	}
	fmt.Printf("%s is tagged and pushed. Deploy it: mage deploy:production %s\n", version, version)
	return nil
}
