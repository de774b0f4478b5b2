package engine

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/registry"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// What engines and registries really say.
var pullErrors = []struct {
	message   string
	says      string
	temporary bool
}{
	{"manifest for ghcr.io/shop/web@sha256:0 not found: manifest unknown: manifest unknown", "ghcr.io has no such image", false},
	{"Head \"https://ghcr.io/v2/shop/web/manifests/sha256:0\": unauthorized", "does not let this host in", false},
	{"pull access denied for shop/web, repository does not exist or may require 'docker login': denied: requested access to the resource is denied", "does not let this host in", false},
	{"Get \"https://ghcr.io/v2/\": dial tcp: lookup ghcr.io: no such host", "cannot be reached", true},
	{"Get \"https://ghcr.io/v2/\": net/http: TLS handshake timeout", "cannot be reached", true},
	{"Get \"https://ghcr.io/v2/\": dial tcp 10.0.0.1:443: connect: connection refused", "cannot be reached", true},
	{"received unexpected HTTP status: 503 Service Unavailable", "cannot be reached", true},
	{"toomanyrequests: You have reached your pull rate limit.", "too many requests", true},
	{"failed to register layer: Error processing tar file(exit status 1): write /usr/lib/x: no space left on device", "disk is full", false},
	{"Get \"https://ghcr.io/v2/\": tls: failed to verify certificate: x509: certificate signed by unknown authority", "certificate of ghcr.io", false},
	{"Get \"https://ghcr.io/v2/\": http: server gave HTTP response to HTTPS client", "insists on HTTPS", false},
}

func TestPullFailuresAreSentences(t *testing.T) {
	image := deploy.Image{Reference: "ghcr.io/shop/web:v1", Digest: "sha256:0"}
	for _, test := range pullErrors {
		err := errors.New(test.message)
		explained := explainPull(err, image)
		failure, ok := errors.AsType[*deploy.Failure](explained)
		if !ok || !strings.Contains(explained.Error(), test.says) || failure.Hint == "" || strings.ContainsAny(failure.Hint, "{}") {
			t.Errorf("%q: %v, want %q", test.message, explained, test.says)
		}
		if !errors.Is(explained, err) || temporary(err) != test.temporary {
			t.Errorf("%q: temporary %v", test.message, temporary(err))
		}
	}
	unknown := errors.New("something new")
	if explained := explainPull(unknown, image); explained.Error() != unknown.Error() || temporary(unknown) {
		t.Errorf("an unknown error was explained: %v", explained)
	}
}

func TestProgressSumsLayers(t *testing.T) {
	var current, total int64
	sum := &layers{report: func(c, of int64) { current, total = c, of }}
	for _, step := range []struct {
		id, status     string
		done, of       int64
		current, total int64
	}{
		{"a", "Pulling fs layer", 0, 0, 0, 0},
		{"a", "Downloading", 10, 100, 10, 100},
		{"b", "Downloading", 5, 50, 15, 150},
		{"a", "Downloading", 5, 100, 15, 150}, // the second attempt starts again
		{"a", "Download complete", 0, 0, 105, 150},
		{"a", "Extracting", 3, 100, 105, 150},
		{"b", "Pull complete", 0, 0, 150, 150},
	} {
		message := pullMessage{ID: step.id, Status: step.status}
		message.Progress.Current, message.Progress.Total = step.done, step.of
		sum.add(message)
		if current != step.current || total != step.total {
			t.Errorf("after %s of %s: %d of %d, want %d of %d", step.status, step.id, current, total, step.current, step.total)
		}
	}
}

func TestLocalTag(t *testing.T) {
	digest := "sha256:0123456789abcdef"
	for reference, want := range map[string]string{
		"ghcr.io/shop/web:v1.15.0":          "ghcr.io/shop/web:v1.15.0",
		"localhost:5000/web":                "localhost:5000/web:latest",
		"ghcr.io/shop/web:v1@" + digest:     "ghcr.io/shop/web:v1",
		"ghcr.io/shop/web@" + digest:        "ghcr.io/shop/web:digest-0123456789ab",
		"localhost:5000/shop/web@" + digest: "localhost:5000/shop/web:digest-0123456789ab",
		"localhost:5000/shop/web:v2":        "localhost:5000/shop/web:v2",
	} {
		if got := localTag(deploy.Image{Reference: reference, Digest: digest}); got != want {
			t.Errorf("%s: %s, want %s", reference, got, want)
		}
	}
}

func TestLoginIsWhatTheEngineTakes(t *testing.T) {
	const canary = "c4nary-s3cret"
	asked := ""
	engine := &Engine{options: Options{Login: func(_ context.Context, host string) (deploy.Login, error) {
		asked = host
		return deploy.Login{Username: "anna", Password: canary}, nil
	}}}
	for reference, want := range map[string][2]string{
		"ghcr.io/shop/web:v1":        {"ghcr.io", "ghcr.io"},
		"localhost:5000/shop/web:v1": {"localhost:5000", "localhost:5000"},
		"postgres:17":                {"docker.io", dockerHubLogin},
	} {
		header, err := engine.login(t.Context(), reference)
		if err != nil {
			t.Fatal(err)
		}
		login, err := registry.DecodeAuthConfig(header)
		if err != nil {
			t.Fatal(err)
		}
		if asked != want[0] || login.ServerAddress != want[1] || login.Username != "anna" || login.Password != canary {
			t.Errorf("%s: asked for %s and sent a login to %s, want %v", reference, asked, login.ServerAddress, want)
		}
	}
	if header, err := (&Engine{}).login(t.Context(), "postgres:17"); header != "" || err != nil {
		t.Errorf("without Options.Login: a login, or %v", err)
	}
	engine.options.Login = func(context.Context, string) (deploy.Login, error) { return deploy.Login{}, nil }
	if header, err := engine.login(t.Context(), "postgres:17"); header != "" || err != nil {
		t.Errorf("an empty login is sent, or %v", err)
	}
	broken := errors.New("the credential helper is not installed: 429 connection reset") // no words of a registry's
	engine.options.Login = func(context.Context, string) (deploy.Login, error) { return deploy.Login{}, broken }
	if _, err := engine.login(t.Context(), "postgres:17"); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
