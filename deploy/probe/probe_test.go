package probe

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestProbe(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			_, _ = w.Write([]byte("catalogue of " + r.Host))
		case "/down":
			http.Error(w, `{"redis": "refused"}`, http.StatusServiceUnavailable)
		case "/moved":
			http.Redirect(w, r, "https://shop.example/", http.StatusMovedPermanently)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("short"))
		case "/hang":
			<-release
		}
	}))
	defer server.Close()
	defer close(release)
	refused := closedAddress(t)

	tests := []struct {
		name  string
		check deploy.HTTPCheck
		want  string // empty: passes; else part of the error
	}{
		{"2xx", deploy.HTTPCheck{URL: server.URL + "/ok"}, ""},
		{"host header", deploy.HTTPCheck{URL: server.URL + "/ok", Host: "shop.example", Contains: "of shop.example"}, ""},
		{"body lacks text", deploy.HTTPCheck{URL: server.URL + "/ok", Contains: "checkout"}, `does not contain "checkout"`},
		{"5xx shows its first line", deploy.HTTPCheck{URL: server.URL + "/down"}, `503 Service Unavailable instead of 2xx: {"redis": "refused"}`},
		{"wanted status", deploy.HTTPCheck{URL: server.URL + "/down", Status: 503}, ""},
		{"redirect is not followed", deploy.HTTPCheck{URL: server.URL + "/moved"}, "301 Moved Permanently instead of 2xx, to https://shop.example/"},
		{"cut body", deploy.HTTPCheck{URL: server.URL + "/cut"}, "closed before the answer was complete"},
		{"no answer", deploy.HTTPCheck{URL: server.URL + "/hang", Timeout: 30 * time.Millisecond}, "no answer within 30ms"},
		{"refused", deploy.HTTPCheck{URL: "http://" + refused + "/"}, "connection refused"},
		{"connect", deploy.HTTPCheck{URL: "tcp://" + strings.TrimPrefix(server.URL, "http://")}, ""},
		{"connect refused", deploy.HTTPCheck{URL: "tcp://" + refused}, "connection refused"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := New().Probe(t.Context(), test.check)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestProbeStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := New().Probe(ctx, deploy.HTTPCheck{URL: "http://127.0.0.1:1/"}); err == nil {
		t.Error("got no error from a cancelled probe")
	}
}

// closedAddress gives an address that refuses connections.
func closedAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
