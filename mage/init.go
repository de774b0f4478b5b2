package mage

import (
	"context"
	"fmt"
	"os"

	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/starter"
)

// Init proposes environments for the Compose project in this folder.
func Init(ctx context.Context,
	write *bool, // write the files that are not there yet
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	root, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the project: %w", err)
	}
	proposal, err := starter.Open(ctx, root)
	if err != nil {
		return err
	}
	if !value(write) {
		return proposal.Show(os.Stdout, root)
	}
	return proposal.Carry(ctx, os.Stdout, root)
}
