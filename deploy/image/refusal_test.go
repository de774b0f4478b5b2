package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// misbehaving is a real registry behind something that may answer in its
// place, and then says so.
func misbehaving(t *testing.T, instead func(w http.ResponseWriter, r *http.Request) bool) (host string) {
	t.Helper()
	handler, err := registryHandler(RegistryOptions{Directory: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !instead(w, r) {
			handler.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestRefusalsAreSentences(t *testing.T) {
	for _, test := range []struct {
		host   string
		login  foundLogin
		writes bool
		err    error
		want   []string
	}{
		{"registry.example", foundLogin{}, true, errors.New("401 Unauthorized"), []string{"asks for a login, and none was found", "docker login registry.example"}},
		{"docker.io", foundLogin{Login: deploy.Login{Password: canary}, source: "/home/anna/.docker/config.json"}, false, errors.New("unauthorized: " + canary),
			[]string{"docker.io does not accept the login from /home/anna/.docker/config.json", "docker login docker.io"}},
		{"ghcr.io", foundLogin{Login: deploy.Login{Password: canary}, source: "the variable GITHUB_TOKEN"}, true, errors.New("denied: permission_denied: write_package"),
			[]string{"the login from the variable GITHUB_TOKEN, which may not write to shop/backend", "write:packages", "Manage Actions access"}},
		{"ghcr.io", foundLogin{}, false, errors.New("403 Forbidden"), []string{"lets nobody read shop/backend without a login", "read:packages"}},
		{"registry.example", foundLogin{}, true, errors.New("name unknown: x"), []string{"has no repository shop/backend", "check the name for a slip"}},
	} {
		repository, err := parseRepository(test.host + "/shop/backend")
		if err != nil {
			t.Fatal(err)
		}
		failure := question{action: "push image", subject: "x", repository: repository, writes: test.writes, login: test.login}.explain(test.err)
		for _, want := range test.want {
			if !strings.Contains(failure.Error(), want) {
				t.Errorf("got %q, want %q", failure, want)
			}
		}
		if strings.Contains(failure.Error(), canary) {
			t.Errorf("the password is shown: %v", failure)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, "0": 0, "Mon, 04 May 2026 03:03:01 GMT": time.Minute, "Mon, 04 May 2026 03:00:00 GMT": 0,
		"": -1, "-3": -1, "soon": -1,
	} {
		got, said := retryAfter(header, now)
		if said != (want >= 0) || said && got != want {
			t.Errorf("%q: %s, %v, want %s", header, got, said, want)
		}
	}
}

// limiting answers the first questions about manifests and uploads with 429.
func limiting(t *testing.T, times int32, wait string) (host string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	return misbehaving(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" || asked.Add(1) > times {
			return false
		}
		w.Header().Set("Retry-After", wait)
		refuse(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "slow down")
		return true
	}), asked
}

func TestALimitIsWaitedFor(t *testing.T) {
	host, asked := limiting(t, 1, "1")
	started := time.Now()
	_, err := (&Registries{backoff: fast}).Resolve(t.Context(), host+"/shop/backend:v1")
	if !errors.Is(err, ErrNotFound) { // which is the right answer
		t.Errorf("got %v", err)
	}
	if took := time.Since(started); took < time.Second || asked.Load() < 2 {
		t.Errorf("asked %d times within %s", asked.Load(), took)
	}
}

func TestALongLimitIsSaid(t *testing.T) {
	host, asked := limiting(t, 1000, "3600")
	started := time.Now()
	reference := host + "/shop/backend:v1"
	engine := &engine{answers: []string{pushedAnswer}}
	_, resolved := (&Registries{backoff: fast}).Resolve(t.Context(), reference)
	_, pushed := engine.publisher(t).Push(t.Context(), reference, nil)
	_, published := engine.publisher(t).Publish(t.Context(), reference, []string{"latest"}, PublishOptions{})
	for _, err := range []error{resolved, pushed, published} {
		if err == nil || !strings.Contains(err.Error(), "is asked too often, and wants to be left alone until ") ||
			!strings.Contains(err.Error(), "try again after that, in 1h0m0s") && !strings.Contains(err.Error(), "in 59m59s") {
			t.Errorf("got %v", err)
		}
	}
	if engine.pushes != 0 || asked.Load() != 3 {
		t.Errorf("the engine pushed %d times, the registry was asked %d times", engine.pushes, asked.Load())
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("it took %s to say so", took)
	}
}

func TestWaitingForALimitEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	host := misbehaving(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		w.Header().Set("Retry-After", "15")
		refuse(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "slow down")
		cancel()
		return true
	})
	started := time.Now()
	if _, err := (&Registries{backoff: fast}).Resolve(ctx, host+"/shop/backend:v1"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// The engine does not say how long a registry wants to be left alone.
func TestPushAsksHowLongALimitLasts(t *testing.T) {
	var limits atomic.Bool
	host := misbehaving(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" || r.Method == http.MethodDelete || limits.CompareAndSwap(false, true) {
			return false // the check beforehand passes
		}
		w.Header().Set("Retry-After", "600")
		refuse(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "slow down")
		return true
	})
	text := "toomanyrequests: slow down"
	engine := &engine{answers: []string{fmt.Sprintf(`{"errorDetail":{"message":%q},"error":%q}`, text, text)}}
	_, err := engine.publisher(t).Push(t.Context(), host+"/shop/backend:v1", nil)
	if err == nil || !strings.Contains(err.Error(), "left alone until") || engine.pushes != 1 {
		t.Errorf("got %v after %d pushes", err, engine.pushes)
	}
}
