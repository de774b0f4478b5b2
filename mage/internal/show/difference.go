package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Difference prints what one release has other than another one.
func Difference(out io.Writer, d *deploy.Difference) {
	fmt.Fprintf(out, "%s → %s\n", fit(plain(d.From.Version), screen/2-2), fit(plain(d.To.Version), screen/2-2))
	for _, side := range []deploy.DifferenceSide{d.From, d.To} {
		text := fmt.Sprintf("%s: made %s by %s", plain(side.Version), side.Made.Local().Format("2006-01-02 15:04"), orNone(plain(side.By)))
		if side.Pruned {
			text = fmt.Sprintf("%s was pruned: only its run's record is left (mage history -show=%s)", plain(side.Version), side.Run)
		}
		fmt.Fprintln(out, deploy.Wrap(text, 2, screen-2))
	}
	commits(out, d.Commits)
	if d.From.Pruned || d.To.Pruned {
		fmt.Fprintln(out, "\nImages, Compose files, environments and migrations cannot be compared any more.")
		return
	}
	images(out, d.Images)
	compose(out, d.Compose)
	variables(out, d.Variables)
	migrations(out, d.Migrations)
}

func heading(out io.Writer, name string, known bool, count int, otherwise string) {
	switch {
	case !known:
		fmt.Fprintf(out, "\n%s\n%s\n", name, deploy.Wrap(otherwise, 2, screen-2))
	case count == 0:
		fmt.Fprintf(out, "\n%s\n  the same\n", name)
	default:
		fmt.Fprintf(out, "\n%s\n", name)
	}
}

func commits(out io.Writer, c deploy.CommitChanges) {
	otherwise := "not known of both releases"
	if c.From != "" && c.To != "" {
		otherwise = fmt.Sprintf("%s → %s, and no record names those between; in a clone:", short(c.From), short(c.To))
	}
	heading(out, "COMMITS", c.Known, len(c.Added)+len(c.Removed), otherwise)
	if !c.Known && c.From != "" && c.To != "" {
		fmt.Fprintf(out, "  git log --oneline %s..%s\n", short(c.From), short(c.To))
	}
	commitList(out, "+", c.Added, c.MoreAdded)
	commitList(out, "-", c.Removed, c.MoreRemoved)
}

func commitList(out io.Writer, mark string, commits []deploy.SourceCommit, more int) {
	for _, one := range commits {
		line := fmt.Sprintf("  %s %s  %s  %s", mark, short(one.Hash), pad(plain(one.Author), 16), plain(one.Subject))
		fmt.Fprintln(out, fit(line, screen))
	}
	if more > 0 {
		fmt.Fprintf(out, "  %s and %d more\n", mark, more)
	}
}

func short(commit string) string {
	commit = plain(commit)
	return commit[:min(commitWidth, len(commit))]
}

// digestWidth is how much of a digest people compare.
const digestWidth = 12

func images(out io.Writer, c deploy.ImageChanges) {
	heading(out, "IMAGES", c.Known, len(c.Services), "not known of both releases")
	width := 0
	for _, change := range c.Services {
		width = max(width, len([]rune(change.Service)))
	}
	width = min(width, 40)
	for _, change := range c.Services {
		fmt.Fprintf(out, "  %s  %s → %s\n", pad(plain(change.Service), width), digest(change.From), digest(change.To))
	}
	if c.Known && len(c.Services) > 0 && c.Same > 0 {
		fmt.Fprintf(out, "  others with the same: %d\n", c.Same)
	}
}

func digest(image deploy.Image) string {
	if image == (deploy.Image{}) {
		return "none"
	}
	text := strings.TrimPrefix(plain(image.Digest), "sha256:")
	return text[:min(digestWidth, len(text))]
}

func compose(out io.Writer, c deploy.ComposeChanges) {
	heading(out, "COMPOSE, without images and with variables as they are written", c.Known, len(c.Hunks), "not known of both releases")
	for _, hunk := range c.Hunks {
		path := hunk.Path
		if path == "" {
			path = "top level"
		}
		fmt.Fprintf(out, "  @@ %s @@\n", plain(path))
		for _, line := range hunk.Lines {
			fmt.Fprintln(out, strings.TrimRight("  "+plain(line), " "))
		}
	}
}

func variables(out io.Writer, c deploy.VariableChanges) {
	heading(out, "ENVIRONMENT, keys of .env when each was made", c.Known, len(c.Added)+len(c.Removed)+len(c.Changed), "not recorded of both releases")
	keys(out, "new", c.Added)
	keys(out, "other value", c.Changed)
	keys(out, "gone", c.Removed)
}

func keys(out io.Writer, word string, names []string) {
	if len(names) > 0 {
		fmt.Fprintln(out, deploy.Wrap(plain(word+": "+strings.Join(names, ", ")), 2, screen-2))
	}
}

func migrations(out io.Writer, c deploy.MigrationChanges) {
	heading(out, "MIGRATIONS", c.Known, len(c.Added)+len(c.Removed), "not recorded of both releases")
	for _, one := range c.Added {
		fmt.Fprintf(out, "  + %s\n", fit(plain(one.String()), screen-4))
	}
	for _, one := range c.Removed {
		fmt.Fprintf(out, "  - %s\n", fit(plain(one.String()), screen-4))
	}
}
