package mage

import (
	"context"
	"os"

	"golang.org/x/term"

	"github.com/freezedesign/webshop-deploy/mage/internal/demo"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// Demo tells the whole story on this machine: build, deploy, break, roll back.
func Demo(ctx context.Context,
	down *bool, // remove every trace of it
	yes *bool, // install what is missing without asking
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	if value(down) {
		return demo.Down(ctx, root, os.Stdout)
	}
	return demo.Run(ctx, demo.Options{
		Root: root, Yes: value(yes), In: os.Stdin, Out: os.Stdout,
		Plain: os.Getenv("CI") != "" || !term.IsTerminal(int(os.Stdout.Fd())),
	})
}
