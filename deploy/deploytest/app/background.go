package main

import (
	"context"
	"log/slog"
	"time"
)

const beat = time.Second

// work is a worker without a queue: it heartbeats, and when told to stop it
// takes as long as its last task still needs.
func work(ctx context.Context, s Settings, log *slog.Logger) error {
	if !wait(ctx, s.Boot) {
		return nil
	}
	log.Info("worker ready")
	crash := crashTimer(s)
	for n := 1; ; n++ {
		log.Info("heartbeat", "beat", n)
		if !waitOrCrash(ctx, beat, crash) {
			break
		}
	}
	if ctx.Err() == nil {
		return errCrash
	}
	log.Info("worker stopping", "work", s.Work)
	wait(context.WithoutCancel(ctx), s.Work)
	log.Info("worker stopped")
	return nil
}

// schedule writes a line "tick identity time" each second. It takes no lock on
// purpose: two schedulers at once show as two identities within one second.
func schedule(ctx context.Context, s Settings, log *slog.Logger) error {
	if !wait(ctx, s.Boot) {
		return nil
	}
	ticks := appendLog{folder: s.Store, name: "ticks.log"}
	log.Info("scheduler ready", "identity", s.Identity)
	crash := crashTimer(s)
	for {
		if err := ticks.add("tick " + s.Identity + " " + time.Now().UTC().Format(time.RFC3339Nano)); err != nil {
			return err
		}
		if !waitOrCrash(ctx, beat, crash) {
			break
		}
	}
	if ctx.Err() == nil {
		return errCrash
	}
	log.Info("scheduler stopped")
	return nil
}

// crashTimer fires at APP_EXIT_AFTER, or never.
func crashTimer(s Settings) <-chan time.Time {
	if s.ExitAfter == 0 {
		return nil
	}
	return time.After(s.ExitAfter)
}

// wait is true if the time passed, false if ctx ended before.
func wait(ctx context.Context, d time.Duration) bool { return waitOrCrash(ctx, d, nil) }

func waitOrCrash(ctx context.Context, d time.Duration, crash <-chan time.Time) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-crash:
		return false
	}
}
