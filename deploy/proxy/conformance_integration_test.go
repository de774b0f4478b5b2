//go:build integration

package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/network"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/conformance"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/load/frame"
)

func TestProxyConforms(t *testing.T) {
	t.Parallel()
	conformance.Proxy(t, conformance.Plainly, func(t *testing.T) conformance.ProxySetup {
		h := newHost(t)
		paths := map[string]string{"web": "/", "api": "/healthz"}
		started := map[string]int{}
		return conformance.ProxySetup{
			Proxy: h.Proxy, Routes: two(),
			StartProxy: func(t *testing.T) {
				t.Helper()
				if h.proxyID != "" {
					h.resumeProxy()
					return
				}
				h.startProxy()
			},
			StopProxy: func(t *testing.T) { t.Helper(); h.killProxy() },
			Start: func(t *testing.T, service string) deploy.Container {
				t.Helper()
				started[service]++
				return h.app(service, started[service])
			},
			Stop: func(t *testing.T, name string) { t.Helper(); h.remove(name) },
			Ask: func(t *testing.T, service string) (string, error) {
				t.Helper()
				release, status, err := ask(t.Context(), h.address(h.name+"-proxy"), 80, paths[service])
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("status %d", status)
				}
				return release, err
			},
			AskAs: func(t *testing.T, service string, who conformance.Visitor) (string, bool, error) {
				t.Helper()
				return askAs(t, h.address(h.name+"-proxy"), paths[service], who)
			},
			From: h.gateway(),
			Hold: func(t *testing.T, service string) (string, func() error) {
				t.Helper()
				if service != "web" {
					t.Fatalf("/ws is not routed to %s", service)
				}
				return h.socket()
			},
		}
	})
}

// askAs sends a request with a visitor's headers; the page has to be as it was
// ordered.
func askAs(t *testing.T, address, path string, who conformance.Visitor) (string, bool, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return "", false, err
	}
	request.Close = true
	if who.Forwarded != "" {
		// What a front makes of a client that claims to be somebody.
		request.Header["X-Forwarded-For"] = []string{"203.0.113.99", "10.0.0.1, " + who.Forwarded}
	}
	if who.Pass != "" {
		request.Header.Set(deploy.PassHeader, who.Pass)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", false, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode == http.StatusOK {
		return response.Header.Get("X-Release"), false, err
	}
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") != "120" ||
		!strings.Contains(string(body), "<p>soon &lt;again&gt;</p>") || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
		return "", false, fmt.Errorf("the page is %s, %v: %s", response.Status, response.Header, body)
	}
	return "", true, nil
}

// gateway is where requests from this machine come from.
func (h *host) gateway() netip.Addr {
	h.Helper()
	inspected, err := h.docker.NetworkInspect(h.Context(), h.network, network.InspectOptions{})
	h.must(err)
	address, err := netip.ParseAddr(inspected.IPAM.Config[0].Gateway)
	h.must(err)
	return address
}

// socket opens a WebSocket to the application behind "/". end sends a message
// over it, wants it back, and closes it as RFC 6455 says.
func (h *host) socket() (release string, end func() error) {
	h.Helper()
	conn, err := new(net.Dialer).DialContext(h.Context(), "tcp", h.address(h.name+"-proxy")+":80")
	h.must(err)
	h.Cleanup(func() { _ = conn.Close() })
	h.must(conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = fmt.Fprint(conn, "GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	h.must(err)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	h.must(err)
	if response.StatusCode != http.StatusSwitchingProtocols {
		h.Fatalf("the WebSocket was answered with %s", response.Status)
	}
	say := func(op frame.Opcode, text string) error {
		if _, err := conn.Write(frame.Append(nil, op, []byte(text), &[4]byte{1, 2, 3, 4})); err != nil {
			return err
		}
		got, err := frame.Read(reader, make([]byte, 1024), frame.FromServer)
		if err == nil && (got.Op != op || string(got.Payload) != text) {
			err = fmt.Errorf("%q of opcode %d was answered with %q of opcode %d", text, op, got.Payload, got.Op)
		}
		return err
	}
	h.must(say(frame.Text, "open"))
	return response.Header.Get("X-Release"), func() error {
		defer conn.Close()
		if err := say(frame.Text, "still open"); err != nil {
			return fmt.Errorf("the WebSocket was cut: %w", err)
		}
		return say(frame.Close, string([]byte{byte(frame.CloseNormal >> 8), byte(frame.CloseNormal & 0xff)}))
	}
}
