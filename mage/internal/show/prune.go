package show

import (
	"fmt"
	"io"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Retention prints what a prune takes away.
func Retention(out io.Writer, retention *deploy.Retention) {
	if retention.Empty() {
		fmt.Fprintln(out, "Nothing to prune: no release is older than those that are kept.")
		return
	}
	for _, release := range retention.Outdated {
		fmt.Fprintf(out, "  %s of %s ago, with its record and logs\n", release, age(time.Since(release.Created)))
	}
	for _, image := range retention.Images {
		fmt.Fprintf(out, "  image %s\n", image.Reference)
	}
}

// Pruned prints what a prune took away.
func Pruned(out io.Writer, pruned deploy.Pruned) { fmt.Fprintln(out, pruned) }
