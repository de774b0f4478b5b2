// Command app is the application that the deploy tests deploy: it serves
// HTTP, streams and WebSockets, notes orders, and misbehaves on request. It is
// static, needs no file of its own, and runs as process 1 of an empty image.
//
//	app                    serve
//	app worker             heartbeat until told to stop
//	app scheduler          write a tick each second, with no lock
//	app healthcheck [url]  exit 0 if the server is healthy
//	app echo STATUS [word] say the release, the words and stdin, and exit so
//
// APP_… variables say how it behaves; see Settings.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// Exit statuses.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2
	exitCrashed = 3
	exitSIGTERM = 128 + int(syscall.SIGTERM)
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }

// run is main without the process around it.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	settings, err := ParseSettings(getenv)
	if err != nil {
		fmt.Fprintf(stderr, "read settings:\n%v\n", err)
		return exitUsage
	}
	log := slog.New(slog.NewTextHandler(stdout, nil)).With("release", settings.Release)

	mode := "serve"
	if len(args) > 0 {
		mode, args = args[0], args[1:]
	}
	if mode == "healthcheck" {
		return healthcheck(ctx, args, settings, stderr)
	}
	switch mode {
	case "say":
		return say(os.Environ(), args, stdout)
	case "echo":
		return repeat(args, settings, os.Stdin, stdout, stderr)
	}
	ctx, stop := untilSignal(ctx, settings.OnSIGTERM, log)
	defer stop()
	switch mode {
	case "serve":
		err = newServer(settings, log).run(ctx)
	case "worker":
		err = work(ctx, settings, log)
	case "scheduler":
		err = schedule(ctx, settings, log)
	case "hang":
		fmt.Fprintln(stdout, "hangs")
		<-ctx.Done()
	default:
		fmt.Fprintf(stderr, "unknown mode %q: want serve, worker, scheduler, healthcheck, say, echo or hang\n", mode)
		return exitUsage
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errCrash):
		log.Error("crashed", "error", err)
		return exitCrashed
	default:
		log.Error("failed", "error", err)
		return exitFailed
	}
}

// say prints the variables whose names begin so, sorted.
func say(environ, prefixes []string, out io.Writer) int {
	slices.Sort(environ)
	for _, variable := range environ {
		if slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(variable, prefix) }) {
			fmt.Fprintln(out, variable)
		}
	}
	return exitOK
}

// untilSignal gives a context that SIGTERM or SIGINT ends, or that they do not,
// as the setting says. The kernel discards signals that process 1 has no
// handler for, so that each of them has one here, "ignore" included.
func untilSignal(ctx context.Context, on string, log *slog.Logger) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-signals:
				log.Info("signal", "signal", s.String(), "then", on)
				switch on {
				case onDie:
					os.Exit(exitSIGTERM)
				case onDrain:
					cancel()
				}
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}
