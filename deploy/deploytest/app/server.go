package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// errCrash is the end that APP_EXIT_AFTER asks for.
var errCrash = errors.New("crash as APP_EXIT_AFTER wants it")

// server is the application in its mode "serve".
type server struct {
	settings Settings
	log      *slog.Logger
	orders   appendLog
	sockets  sockets
	flaps    flaps
	bound    chan net.Addr // gets the address once it listens
	hoard    [][]byte
	began    time.Time
}

func newServer(s Settings, log *slog.Logger) *server {
	return &server{
		settings: s, log: log, bound: make(chan net.Addr, 1),
		orders: appendLog{folder: s.Store, name: "orders.log"},
	}
}

// run boots, serves until ctx ends, and drains: no new connections, what is in
// flight finishes, WebSockets included, for as long as the grace lasts.
func (s *server) run(ctx context.Context) error {
	s.log.Info("starting", "boot", s.settings.Boot)
	var crash <-chan time.Time
	if s.settings.ExitAfter > 0 {
		timer := time.NewTimer(s.settings.ExitAfter)
		defer timer.Stop()
		crash = timer.C
	}
	if s.began = time.Now(); s.settings.After == 0 {
		s.hog(s.settings.HogMemory)
	} else {
		time.AfterFunc(s.settings.After, func() { s.hog(s.settings.HogMemory) })
	}
	boot := time.NewTimer(s.settings.Boot)
	defer boot.Stop()
	select {
	case <-boot.C:
	case <-crash:
		return errCrash
	case <-ctx.Done():
		s.log.Info("stopped before it listened")
		return nil
	}

	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", s.settings.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if s.settings.Twice {
		if _, err := listen.Listen(ctx, "tcp", s.settings.Listen); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
	}
	srv := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	s.bound <- listener.Addr()
	s.log.Info("listening", "address", listener.Addr().String())

	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-crash:
		return errCrash
	case <-ctx.Done():
		return s.drain(ctx, srv)
	}
}

func (s *server) drain(ctx context.Context, srv *http.Server) error {
	s.log.Info("draining", "sockets", s.sockets.count(), "grace", s.settings.Grace)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.settings.Grace)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.Shutdown(ctx); err != nil {
			s.log.Warn("requests cut at the end of the grace", "error", err)
			_ = srv.Close() // they are cut either way
		}
	})
	wg.Go(func() {
		if cut := s.sockets.drain(ctx); cut > 0 {
			s.log.Warn("sockets cut at the end of the grace", "sockets", cut)
		}
	})
	wg.Wait()
	s.log.Info("stopped")
	return nil
}

// turned says whether it is not well any more.
func (s *server) turned() bool { return time.Since(s.began) >= s.settings.After }

// hog takes memory and writes to every page of it, so that it is really taken.
func (s *server) hog(size int64) {
	const piece, page = 1 << 20, 4096
	for ; size > 0; size -= piece {
		b := make([]byte, piece)
		for i := 0; i < len(b); i += page {
			b[i] = 1
		}
		s.hoard = append(s.hoard, b)
	}
}
