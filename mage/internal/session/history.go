package session

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/source"
)

// History lists the commands that were run on this host.
func History(store *deploy.Store) ([]deploy.HistoryEntry, error) {
	entries, err := store.History()
	if err != nil {
		return nil, err
	}
	for at := range entries {
		entries[at].Host = hostname()
	}
	return entries, nil
}

func hostname() string {
	name, _ := os.Hostname() // one without a name has none
	return name
}

// PastCommand is one command with all that its transcript says.
type PastCommand struct {
	deploy.HistoryEntry
	Past *deploy.Past
	// Others are the older commands that the same version names.
	Others []deploy.HistoryEntry
	// Shorts are the short names of all commands.
	Shorts map[string]string
}

// FindCommand finds a command by its identifier or a beginning of it that no other
// has, or by the version that it was about, of which it is the newest.
func FindCommand(store *deploy.Store, name string) (*PastCommand, error) {
	entries, err := History(store)
	if err != nil {
		return nil, err
	}
	found, err := findEntries(entries, name)
	if err != nil {
		return nil, err
	}
	told := &PastCommand{HistoryEntry: found[0], Others: found[1:], Shorts: map[string]string{}}
	for _, entry := range entries {
		told.Shorts[entry.ID] = entry.Short
	}
	if !told.Transcript {
		return told, nil
	}
	told.Past, err = store.Past(told.ID)
	return told, err
}

// findEntries gives the commands that a name stands for, the newest first: one,
// or all that were about a version.
func findEntries(entries []deploy.HistoryEntry, name string) ([]deploy.HistoryEntry, error) {
	var begin, about []deploy.HistoryEntry
	for _, entry := range entries {
		token := deploy.TranscriptToken(entry.ID)
		switch {
		case entry.ID == name || entry.Transcript && strings.EqualFold(token, name):
			return []deploy.HistoryEntry{entry}, nil
		case entry.To == name:
			about = append(about, entry)
		case beginsWith(entry.ID, name) || entry.Transcript && beginsWith(token, name):
			begin = append(begin, entry)
		}
	}
	switch {
	case len(about) > 0:
		return about, nil
	case len(begin) == 1:
		return begin, nil
	case len(begin) > 1:
		var shorts []string
		for _, entry := range begin[:min(len(begin), 5)] {
			shorts = append(shorts, entry.Short)
		}
		return nil, usage("%d commands begin with %s: %s", len(begin), name, strings.Join(shorts, ", "))
	case len(entries) == 0:
		return nil, usage("nothing was deployed here yet: there is no history")
	}
	return nil, &deploy.Failure{
		Status: deploy.ExitUsage, Err: fmt.Errorf("no command in the history is named %s, and none was about a version of that name", name),
		Hint: "See what there is: mage history",
	}
}

func beginsWith(text, beginning string) bool {
	return len(text) >= len(beginning) && strings.EqualFold(text[:len(beginning)], beginning)
}

// Diff says what the second release of "A..B" has other than the first. Each is
// a version, the identifier of a release or of a command, or "previous"; the
// second is the one that serves where it is left out.
func Diff(store *deploy.Store, sides string) (*deploy.Difference, error) {
	first, second, _ := strings.Cut(sides, "..")
	if first == "" {
		return nil, usage("-diff=%s names no release to compare: say -diff=v1.0.0..v1.1.0, or -diff=v1.0.0 for what serves", sides)
	}
	entries, err := History(store)
	if err != nil {
		return nil, err
	}
	from, before, err := releaseOf(store, entries, first)
	if err != nil {
		return nil, err
	}
	if second == "" {
		if second, err = store.Serving(); err == nil && second == "" {
			err = usage("nothing serves: say what %s is compared with: -diff=%[1]s..v1.1.0", first)
		}
		if err != nil {
			return nil, err
		}
	}
	to, after, err := releaseOf(store, entries, second)
	if err != nil {
		return nil, err
	}
	nameCommitOf(entries, from)
	nameCommitOf(entries, to)
	difference, err := store.Compare(from, to)
	if err != nil {
		return nil, err
	}
	difference.From.Run, difference.To.Run = before, after
	difference.From.Pruned, difference.To.Pruned = before != "", after != ""
	return difference, nil
}

// releaseOf loads a release. Of one that is pruned it gives what its command has
// left, and that command.
func releaseOf(store *deploy.Store, entries []deploy.HistoryEntry, name string) (release *deploy.Release, pruned string, err error) {
	if name == deploy.Previous {
		release, err = store.FindPrevious()
		return release, "", err
	}
	ids, err := store.Releases()
	if err != nil {
		return nil, "", err
	}
	for _, id := range ids {
		if id == name {
			release, err = store.Load(id)
			return release, "", err
		}
	}
	release, err = store.Find(name)
	if err == nil {
		return release, "", nil
	}
	found, notFound := findEntries(entries, name)
	if notFound != nil {
		return nil, "", err // which names the nearest versions
	}
	entry := found[0]
	if entry.Release != "" {
		release, err = store.Load(entry.Release)
		return release, "", err
	}
	if entry.To == "" {
		return nil, "", usage("%s of %s was about no release", entry.What, entry.Short)
	}
	return &deploy.Release{
		Version: entry.To, Created: entry.Started, By: entry.Who, Background: &deploy.Background{Commit: entry.Commit},
	}, entry.Short, nil
}

// nameCommitOf takes over the commit that a command's report names, of a release
// whose record does not.
func nameCommitOf(entries []deploy.HistoryEntry, release *deploy.Release) {
	for _, entry := range entries {
		if release.Commit() == "" && entry.Commit != "" && entry.Release == release.ID {
			release.Background = &deploy.Background{Commit: entry.Commit}
		}
	}
}

// AskSource fills in the commits between two releases where the folder is a
// clone that has both.
func AskSource(ctx context.Context, root string, difference *deploy.Difference) {
	if commits, known := source.Between(ctx, root, difference.Commits.From, difference.Commits.To); known {
		difference.Commits = commits
	}
}
