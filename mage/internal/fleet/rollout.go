package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/remote"
	"github.com/freezedesign/webshop-deploy/mage/internal/agent"
)

const (
	// patience is how long a lost connection is tried to be had again.
	patience = 2 * time.Minute
	// firstPause and longestPause are between two attempts.
	firstPause   = 500 * time.Millisecond
	longestPause = 5 * time.Second
	// goingBack bounds how long a rollout that was asked to go back is
	// followed.
	goingBack = 10 * time.Minute
)

// follower follows one rollout on one host, across lost connections.
type follower struct {
	*Host
	// seen is how many bytes of its transcript came here.
	seen int64
	// begun is the rollout, once the host has said that it runs.
	begun *deploy.Run
}

// Rollout starts a rollout on the host and follows it to its result. The
// rollout does not depend on the connection, nor on this process. When ctx
// ends, it is asked to go back, and followed until it has.
func (h *Host) Rollout(ctx context.Context, rollout agent.Rollout, logins map[string]deploy.Login) (*deploy.Result, error) {
	f := &follower{Host: h}
	rollout.Token = rand.Text()
	return f.follow(ctx, agent.Request{Do: agent.Start, Rollout: &rollout, Logins: logins})
}

// Follow follows the newest rollout of the host, from its beginning.
func (h *Host) Follow(ctx context.Context) (*deploy.Result, error) {
	f := &follower{Host: h}
	return f.follow(ctx, agent.Request{Do: agent.Resume, Follow: &agent.Follow{}})
}

func (f *follower) follow(ctx context.Context, request agent.Request) (*deploy.Result, error) {
	// The asking itself outlives ctx: a rollout that is interrupted goes back,
	// and what comes of that is still to be shown.
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	if request.Do == agent.Start {
		defer context.AfterFunc(ctx, func() { f.goBack(lasting, cancel) })()
	} else {
		defer context.AfterFunc(ctx, cancel)()
	}
	for {
		result, err := f.ask(lasting, request, f.line)
		if err == nil || !errors.Is(err, remote.ErrLost) {
			return result, err
		}
		f.fleet.say("the connection to %s is lost; the rollout goes on there, trying to reach it again", f.Address)
		if err := f.again(lasting); err != nil {
			return nil, f.outOfReach(err)
		}
		f.fleet.say("connected to %s again", f.Address)
		// Whether one that was not heard of began is not known. It is asked for
		// again: the host knows it by its token, and starts it only if it did not.
		if f.begun != nil {
			request.Do, request.Follow = agent.Resume, &agent.Follow{Run: f.begun.ID, From: f.seen}
		}
	}
}

// line hands a line of the transcript on.
func (f *follower) line(line agent.Line, length int) {
	f.seen += int64(length)
	switch {
	case line.Run != nil:
		f.begun = line.Run
	case line.Event != nil:
		if f.fleet.emit != nil {
			f.fleet.emit(*line.Event)
		}
	case line.Text != "":
		f.fleet.say("%s: %s", f.Address, line.Text)
	}
}

// again connects anew, for as long as patience lasts.
func (f *follower) again(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pause := firstPause
	for {
		err := f.dial(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		}
	}
}

// goBack asks the rollout to go back, and ends the following if it does not
// end by itself.
func (f *follower) goBack(ctx context.Context, giveUp func()) {
	f.fleet.say("asking %s to go back", f.Address)
	time.AfterFunc(goingBack, giveUp)
	if _, err := f.ask(ctx, agent.Request{Do: agent.Cancel}, nil); err != nil {
		f.fleet.say("%s could not be asked: %v", f.Address, err)
	}
}

// outOfReach is what is known when a host cannot be reached any more.
func (f *follower) outOfReach(err error) error {
	return &deploy.Failure{
		Status: deploy.ExitUnknown,
		Err:    fmt.Errorf("the connection to %s is lost and could not be had again within %s: %w\nthe rollout goes on there, or goes back there by itself", f.Address, patience, err),
		Hint:   fmt.Sprintf("See what came of it: mage deploy:follow -env=%s, or on the host: mage status", f.fleet.Name),
	}
}
