package mage

import (
	"context"
	"os"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/fleet"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// History tells what was deployed, by whom, and what came of it.
func History(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
	n *int, // how many are listed; 20 by default
	json *bool, // for programs
	show *string, // all of one: its id, a beginning of that, or a version
	diff *string, // what a release has other than another: v1.0.0..v1.1.0
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	asked := fleet.Looking{Count: value(n), JSON: value(json), Show: value(show), Diff: value(diff)}
	if err := asked.Check(n != nil); err != nil {
		return err
	}
	l, err := elsewhere(ctx, value(env))
	if err != nil {
		return err
	}
	if l != nil {
		defer l.Close()
		return lookFrom(ctx, l, asked)
	}
	store, err := session.StoreOf("", value(env))
	if err != nil {
		return err
	}
	return lookBack(ctx, store, asked)
}

// lookBack answers from the records of this machine.
func lookBack(ctx context.Context, store *deploy.Store, asked fleet.Looking) error {
	switch {
	case asked.Diff != "":
		difference, err := session.Diff(store, asked.Diff)
		if err != nil {
			return err
		}
		return showDifference(ctx, ".", difference, asked.JSON)
	case asked.Show != "":
		told, err := session.FindCommand(store, asked.Show)
		if err == nil && asked.JSON {
			return show.ToldJSON(os.Stdout, told)
		}
		if err == nil {
			show.Timeline(os.Stdout, told)
		}
		return err
	}
	entries, err := session.History(store)
	if err == nil && asked.JSON {
		return show.HistoryJSON(os.Stdout, entries, asked.Count)
	}
	if err == nil {
		show.History(os.Stdout, entries, asked.Count)
	}
	return err
}

// lookFrom has the hosts answer. What differs between two releases is asked of
// one, since all serve the same, and this clone names the commits.
func lookFrom(ctx context.Context, l *laptop, asked fleet.Looking) error {
	if asked.Diff == "" {
		return l.LookBack(ctx, asked)
	}
	difference, err := l.Difference(ctx, asked)
	if err != nil {
		return err
	}
	return showDifference(ctx, l.Root, difference, asked.JSON)
}

func showDifference(ctx context.Context, root string, difference *deploy.Difference, json bool) error {
	session.AskSource(ctx, root, difference)
	if json {
		return show.DifferenceJSON(os.Stdout, difference)
	}
	show.Difference(os.Stdout, difference)
	return nil
}
