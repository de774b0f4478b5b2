package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/network"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestRefuse(t *testing.T) {
	for request, allowed := range map[string]bool{
		"GET /v1.41/containers/json":                  true,
		"HEAD /_ping":                                 true,
		"POST /v1.41/containers/create":               true,
		"POST /containers/create":                     true,
		"POST /v1.41/networks/create":                 true,
		"POST /v1.41/volumes/create":                  true,
		"POST /v1.41/networks/shop_default/connect":   true,
		"POST /v1.41/networks/shop_back/disconnect":   false,
		"POST /v1.41/containers/web/stop":             false,
		"POST /v1.41/containers/web/start":            false,
		"POST /v1.41/containers/web/rename":           false,
		"POST /v1.41/containers/create/stop":          false,
		"POST /v1.41/images/create":                   false,
		"DELETE /v1.41/containers/web":                false,
		"DELETE /v1.41/volumes/data":                  false,
		"PUT /v1.41/containers/web/archive":           false,
		"POST /v1.41/containers/x/../volumes/create/": false,
	} {
		method, path, _ := strings.Cut(request, " ")
		asked, err := http.NewRequestWithContext(t.Context(), method, "http://engine"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := refuse(asked); (err == nil) != allowed {
			t.Errorf("%s: %v, allowed %v", request, err, allowed)
		}
	}
}

func TestCreatingRequestsAreNotCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for method, want := range map[string]error{http.MethodPost: nil, http.MethodGet: context.Canceled} {
		asked, err := http.NewRequestWithContext(ctx, method, "http://engine/v1.41/containers/create", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := refuse(asked); err != nil {
			t.Fatal(err)
		}
		if got := asked.Context().Err(); !errors.Is(got, want) {
			t.Errorf("%s: context %v, want %v", method, got, want)
		}
	}
}

func TestOpenSaysWhatToType(t *testing.T) {
	folder := t.TempDir()
	dead := filepath.Join(folder, "dead.sock")
	listener, err := net.Listen("unix", dead)
	if err != nil {
		t.Fatal(err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = listener.Close()
	for host, want := range map[string]string{
		"unix://" + filepath.Join(folder, "none.sock"): "systemctl start docker",
		"unix://" + dead:      "systemctl start docker",
		"ssh://anna@vps.test": "docker context use default",
	} {
		_, err := Open(t.Context(), Options{Host: host})
		failure, ok := errors.AsType[*deploy.Failure](err)
		if !ok || !strings.Contains(failure.Hint, want) || !strings.Contains(err.Error(), strings.TrimPrefix(host, "unix://")) {
			t.Errorf("%s: %v, want a hint with %q", host, err, want)
		}
	}
}

func TestConfigHashRefuses(t *testing.T) {
	for want, spec := range map[string]types.ContainerSpec{
		"network_mode: service:db": {NetworkMode: "service:db"},
		"pid: service:db":          {Pid: "service:db"},
		"volumes_from":             {VolumesFrom: []string{"db:ro"}},
	} {
		_, err := ConfigHash(types.ServiceConfig{Name: "web", ContainerSpec: spec})
		if err == nil || !strings.Contains(err.Error(), "service web: "+want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := ConfigHash(types.ServiceConfig{Name: "web", Links: []string{"db"}}); err == nil {
		t.Error("links were taken")
	}
	if _, err := ConfigHash(types.ServiceConfig{Name: "web", ContainerSpec: types.ContainerSpec{NetworkMode: "host", VolumesFrom: []string{"container:x"}}}); err != nil {
		t.Errorf("error %v", err)
	}
}

func TestAddress(t *testing.T) {
	networks := map[string]*network.EndpointSettings{
		"shop_back":    {IPAddress: "10.0.0.2"},
		"shop_default": {IPAddress: "10.0.1.2"},
		"shop_front":   {IPAddress: "10.0.2.2"},
		"shop_a":       {},
	}
	for _, test := range []struct {
		project string
		shared  map[string]bool
		want    string
	}{
		{"shop", nil, "10.0.1.2"},
		{"shop", map[string]bool{"shop_front": true}, "10.0.2.2"},
		{"shop", map[string]bool{"elsewhere": true}, "10.0.1.2"},
		{"other", nil, "10.0.0.2"},
	} {
		if got := address(networks, test.project, test.shared); got != test.want {
			t.Errorf("%s %v: %s, want %s", test.project, test.shared, got, test.want)
		}
	}
}

func TestTailKeepsTheLastLines(t *testing.T) {
	var out strings.Builder
	tail := newTail(&out)
	for n := range 30 {
		fmt.Fprintf(tail, "line %d\r\n", n)
	}
	fmt.Fprint(tail, "no ", "end")
	lines := tail.lines()
	if len(lines) != tailLines || lines[tailLines-1] != "no end" || lines[0] != "line 11" {
		t.Errorf("kept %q", lines)
	}
	if !strings.HasPrefix(out.String(), "line 0\r\n") || !strings.HasSuffix(out.String(), "no end") {
		t.Errorf("passed on %q", out.String())
	}
}

func TestHidingReplacesLongerValuesFirst(t *testing.T) {
	hide := hiding([]string{"DB_PASSWORD=swordfish", "DATABASE_URL=postgres://shop:swordfish@db/shop", "DEBUG=true", "API_KEY=short", "NAME=visible"})
	got := hide.Replace("dial postgres://shop:swordfish@db/shop as swordfish: visible short")
	if want := "dial $DATABASE_URL as $DB_PASSWORD: visible short"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	raw := `{"Id":"1","Config":{"Env":["DB_PASSWORD=sword\"fish","PATH=/bin"]},"Args":["-p","sword\"fish"],"Size":12345678901234567890}`
	hidden, err := hideEnvironment([]byte(raw), hiding([]string{`DB_PASSWORD=sword"fish`}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"DB_PASSWORD=(hidden)"`, `"PATH=(hidden)"`, `"$DB_PASSWORD"`, "12345678901234567890"} {
		if !strings.Contains(string(hidden), want) {
			t.Errorf("%s lacks %s", hidden, want)
		}
	}
}
