//go:build integration

package mage_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load/frame"
)

// visit asks for the front page, as somebody from that address.
func (a *app) visit(from string) (status int, header http.Header, body string, err error) {
	request, err := http.NewRequest(http.MethodGet, "http://"+a.address()+"/", nil)
	if err != nil {
		return 0, nil, "", err
	}
	request.Close = true
	if from != "" {
		request.Header.Set("X-Forwarded-For", from)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(content), err
}

const admin, visitor = "203.0.113.9", "198.51.100.1"

// visits are requests of visitors, one after another, and what came of each.
type visits struct {
	begun, ended time.Time
	status       int
	page         bool
	err          error
}

func (a *app) visiting(t *testing.T) (finish func() []visits) {
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan []visits)
	go func() {
		var all []visits
		for ctx.Err() == nil {
			v := visits{begun: time.Now()}
			var header http.Header
			var body string
			v.status, header, body, v.err = a.visit(visitor)
			v.ended = time.Now()
			v.page = v.status == http.StatusServiceUnavailable && header.Get("Retry-After") == "300" && strings.Contains(body, "Moving &lt;house&gt;")
			all = append(all, v)
		}
		done <- all
	}()
	return func() []visits {
		stop()
		return <-done
	}
}

func (a *app) maintenance(t *testing.T) {
	finish := a.visiting(t)
	end := a.socket(t)
	a.Await("a visit", func() bool { status, _, _, err := a.visit(""); return err == nil && status == http.StatusOK })
	onFrom := time.Now()
	on := a.MustMage("maintenance", "on", "-env=test")
	onTo := time.Now()
	if !strings.Contains(on.Output, "maintenance is on: visitors get 503 and Retry-After: 300") || !strings.Contains(on.Output, "203.0.113.0/24") {
		t.Errorf("it says\n%s", on.Output)
	}
	a.admits(t, "v2")
	if err := end(); err != nil {
		t.Errorf("the WebSocket: %v", err)
	}
	if status := a.MustMage("status", "-env=test"); !strings.Contains(status.Output, "maintenance is on since ") {
		t.Errorf("the status says\n%s", status.Output)
	}
	deployed := a.deploy("v3")
	if !strings.Contains(deployed.Output, "! maintenance is on since ") || !strings.Contains(deployed.Output, " own requests through the proxy, 0 failed") {
		t.Errorf("the deploy says\n%s", deployed.Output)
	}
	t.Logf("\n%s\n%s", on.Output, deployed.Output)
	a.admits(t, "v3")
	offFrom := time.Now()
	off := a.MustMage("maintenance", "off", "-env=test")
	offTo := time.Now()
	if !strings.Contains(off.Output, "maintenance is off, after ") {
		t.Errorf("it says\n%s", off.Output)
	}
	if status, _, _, err := a.visit(visitor); err != nil || status != http.StatusOK {
		t.Errorf("behind it: %d, %v", status, err)
	}
	within := 0
	for _, v := range finish() {
		switch {
		case v.err != nil || v.status != http.StatusOK && !v.page:
			t.Errorf("a visit ended with %d, %v", v.status, v.err)
		case v.begun.After(onTo) && v.ended.Before(offFrom):
			within++
			if !v.page {
				t.Errorf("a visitor came through %s after it was on", v.begun.Sub(onTo))
			}
		case v.page && (v.ended.Before(onFrom) || v.begun.After(offTo)):
			t.Errorf("a visitor got the page while it was off")
		}
	}
	if within == 0 {
		t.Error("nobody came meanwhile")
	}

	a.MustMage("maintenance", "on", "-message=Moving <house>", "-retry-after=5m", "-allow=203.0.113.9,2001:db8::/32", "-env=test")
	timeout := 5
	if err := a.Docker.ContainerRestart(t.Context(), a.Name+"-proxy-1", container.StopOptions{Timeout: &timeout}); err != nil {
		t.Fatal(err)
	}
	a.Await("the proxy after its restart", func() bool { _, _, _, err := a.visit(admin); return err == nil })
	a.admits(t, "v3")
	a.MustMage("maintenance", "off", "-env=test")
	for _, wrong := range []struct {
		says string
		args []string
	}{
		{`maintenance "sideways"; allowed: on, off`, []string{"sideways"}},
		{`"anna" is no address; allowed: 203.0.113.7, 10.0.0.0/8, 2001:db8::/32`, []string{"on", "-allow=anna"}},
		{"retry after 1ms; allowed: 1s to 168h0m0s", []string{"on", "-retry-after=1ms"}},
	} {
		result := a.Mage(append(append([]string{"maintenance"}, wrong.args...), "-env=test")...)
		if result.Status != deploy.ExitUsage || !strings.Contains(result.Output, wrong.says) {
			t.Errorf("%v: %d\n%s", wrong.args, result.Status, result.Output)
		}
	}
	if status, _, _, err := a.visit(visitor); err != nil || status != http.StatusOK {
		t.Errorf("in the end: %d, %v", status, err)
	}
}

// admits asserts that a maintenance is on, and that an admin sees that release.
func (a *app) admits(t *testing.T, version string) {
	t.Helper()
	for _, from := range []string{visitor, "", admin + ", " + visitor} {
		status, header, body, err := a.visit(from)
		if err != nil || status != http.StatusServiceUnavailable || header.Get("Retry-After") != "300" || !strings.Contains(body, "Moving &lt;house&gt;") {
			t.Errorf("a visitor from %q got %d, %v, %v: %s", from, status, err, header, body)
		}
	}
	if status, header, body, err := a.visit(visitor + ", " + admin); err != nil || status != http.StatusOK || header.Get("X-Release") != version {
		t.Errorf("an admin got %d of %s, %v: %s", status, header.Get("X-Release"), err, body)
	}
}

// socket opens a WebSocket; end sends a message over it, wants it back, and
// closes it.
func (a *app) socket(t *testing.T) (end func() error) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", a.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(3 * time.Minute))
	_, _ = fmt.Fprint(conn, "GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("open a WebSocket: %v, %v", response, err)
	}
	return func() error {
		defer conn.Close()
		for _, op := range []frame.Opcode{frame.Text, frame.Close} {
			text := "still open"
			if op == frame.Close {
				text = string([]byte{byte(frame.CloseNormal >> 8), byte(frame.CloseNormal & 0xff)})
			}
			if _, err := conn.Write(frame.Append(nil, op, []byte(text), &[4]byte{1, 2, 3, 4})); err != nil {
				return err
			}
			got, err := frame.Read(reader, make([]byte, 1024), frame.FromServer)
			if err != nil || got.Op != op || string(got.Payload) != text {
				return fmt.Errorf("%q was answered with %q: %w", text, got.Payload, err)
			}
		}
		return nil
	}
}
