package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const healthTimeout = 2 * time.Second

// healthcheck asks the server in the same container whether it is healthy. An
// empty image has no curl, so that the application is its own.
func healthcheck(ctx context.Context, args []string, s Settings, stderr io.Writer) int {
	url, err := healthURL(args, s.Listen)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	if err := checkHealth(ctx, url); err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	return exitOK
}

func healthURL(args []string, listen string) (string, error) {
	if len(args) > 1 {
		return "", fmt.Errorf("healthcheck takes one address, not %d", len(args))
	}
	if len(args) == 1 {
		return args[0], nil
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("read APP_LISTEN: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port) + "/healthz", nil
}

func checkHealth(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("check health: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("check health: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("check health: status %d", resp.StatusCode)
	}
	return nil
}
