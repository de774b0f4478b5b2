//go:build integration

package image

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/client"
)

// frontend builds the small image of the shop for a registry.
func frontend(t *testing.T, docker *client.Client, host string, options Options) Built {
	t.Helper()
	built, err := (&Builder{Docker: docker}).Build(t.Context(), shop(t, docker, host), []string{"frontend"}, options)
	if err != nil {
		t.Fatal(err)
	}
	return built[0]
}

// The engine's own words for what registries do, and what is left after it.
func TestPublishThroughTrouble(t *testing.T) {
	docker := dockerEngine(t)
	for name, test := range map[string]struct {
		method, path string
		times        int32
		answer       func(w http.ResponseWriter)
		want         []string
		is           error
	}{
		"a connection dropped in the middle of a layer": {
			http.MethodPatch, "/blobs/uploads/", 1, func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, nil, nil,
		},
		"one error at the manifest": {
			http.MethodPut, "/manifests/v1", 1, func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }, nil, nil,
		},
		"one limit at the manifest": {
			http.MethodPut, "/manifests/v1", 1, func(w http.ResponseWriter) {
				w.Header().Set("Retry-After", "1")
				refuse(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "slow down")
			}, nil, nil,
		},
		"errors": {
			http.MethodPut, "/manifests/v1", 1000, func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
			[]string{"failed or dropped the connection, also when asked again", "1 of 1 layers are there and no tag was moved"}, nil,
		},
		"dropped connections": {
			http.MethodPut, "/manifests/v1", 1000, func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
			[]string{"failed or dropped the connection, also when asked again", "no tag was moved"}, nil,
		},
		"forbidden": {
			http.MethodPut, "/manifests/v1", 1000, func(w http.ResponseWriter) { refuse(w, http.StatusForbidden, "DENIED", "not you") },
			[]string{"which may not write to webshop-deploy-test/frontend", "no tag was moved"}, nil,
		},
		"unknown": {
			http.MethodPut, "/manifests/v1", 1000, func(w http.ResponseWriter) { refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "no such project") },
			[]string{"has no repository webshop-deploy-test/frontend"}, ErrNotFound,
		},
		"not found in plain text": {
			http.MethodPut, "/manifests/v1", 1000, http404,
			[]string{"has no repository webshop-deploy-test/frontend"}, ErrNotFound,
		},
		"limits": {
			http.MethodPut, "/manifests/v1", 1000, func(w http.ResponseWriter) { refuse(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "slow down") },
			[]string{"is asked too often", "no tag was moved"}, nil,
		},
		"unauthorised": {
			http.MethodPost, "/blobs/uploads/", 1000, func(w http.ResponseWriter) { refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "who?") },
			[]string{"does not accept the login from the keychain that was given", "nothing was sent"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var times atomic.Int32
			host := misbehaving(t, func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != test.method || !strings.Contains(r.URL.Path, test.path) || times.Add(1) > test.times {
					return false
				}
				test.answer(w)
				return true
			})
			built := frontend(t, docker, host, Options{})
			publisher := &Publisher{Docker: docker, Keychain: fixedLogin{"anna", canary}, pauses: []time.Duration{1, 1}, backoff: fast}
			started := time.Now()
			pushed, err := publisher.Publish(t.Context(), built.Reference, []string{"latest"}, PublishOptions{})
			t.Logf("after %s: %v", time.Since(started), err)
			if (err != nil) != (test.want != nil) || test.is != nil && !errors.Is(err, test.is) {
				t.Fatalf("got %v, %v", pushed, err)
			}
			latest := strings.TrimSuffix(built.Reference, ":v1") + ":latest"
			if err == nil {
				if pushed.Digest == "" || digestOf(t, built.Reference) != pushed.Digest || digestOf(t, latest) != pushed.Digest {
					t.Errorf("got %v", pushed)
				}
				return
			}
			if digestOf(t, latest) != "" {
				t.Error("latest was moved")
			}
			if times.Load() < 1 {
				t.Error("the registry behaved")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q", err, want)
				}
			}
			if strings.Contains(err.Error(), canary) {
				t.Error("the password is shown")
			}
		})
	}
}

func http404(w http.ResponseWriter) { http.Error(w, "404 page not found", http.StatusNotFound) }

func TestPublishTheEnginesImage(t *testing.T) {
	docker := dockerEngine(t)
	host := startRegistry(t, RegistryOptions{}).Address()
	publisher := &Publisher{Docker: docker}
	tree := func(string) (string, error) { return t.Name() + host, nil }
	built := frontend(t, docker, host, Options{Tree: tree})
	first, err := publisher.Publish(t.Context(), built.Reference, []string{"latest"}, PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := publisher.Publish(t.Context(), built.Reference, nil, PublishOptions{})
	if err != nil || again.Digest != first.Digest || again.Uploaded+again.Present != 0 {
		t.Errorf("the same image again: %v, %v", again, err)
	}
	project := shop(t, docker, host)
	inputs, err := (&Builder{}).Inputs(project, []string{"frontend"}, Options{Tree: tree})
	if err != nil {
		t.Fatal(err)
	}
	found, label, err := (&Registries{}).InputsOf(t.Context(), built.Reference)
	if err != nil || found.Digest != first.Digest || !strings.HasPrefix(label, "sha256:") || inputs["frontend"] == "" {
		t.Errorf("got %v, %q, %v", found, label, err)
	}
	other := frontend(t, docker, host, Options{}) // the same name, other content
	_, err = publisher.Publish(t.Context(), other.Reference, []string{"latest"}, PublishOptions{})
	if !errors.Is(err, ErrTagTaken) || !strings.Contains(err.Error(), first.Digest) || !strings.Contains(err.Error(), other.ID) || digestOf(t, built.Reference) != first.Digest {
		t.Errorf("got %v", err)
	}
	t.Log(err)
	second, err := publisher.Publish(t.Context(), other.Reference, []string{"latest"}, PublishOptions{Overwrite: true})
	if err != nil || second.Digest == first.Digest || digestOf(t, other.Reference) != second.Digest {
		t.Errorf("got %v, %v", second, err)
	}
}

func TestBuildsThatTheEngineCannotDo(t *testing.T) {
	docker := dockerEngine(t)
	project := shop(t, docker, "127.0.0.1:1")
	_, err := (&Builder{Docker: docker}).Build(t.Context(), project, nil, Options{Platform: "linux/ppc"})
	for _, want := range []string{"build backend, worker: the engine's builder does not run linux/ppc, only linux/", "tonistiigi/binfmt --install ppc"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	info, err := docker.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	host := startRegistry(t, RegistryOptions{}).Address()
	frontend := project.Services["frontend"]
	for _, cache := range []string{"type=inline", "type=registry,ref=" + host + "/webshop-deploy-test/cache:x"} {
		frontend.Build.CacheTo = []string{cache}
		_, err = (&Builder{Docker: docker}).Build(t.Context(), project, []string{"frontend"}, Options{})
		able := cache == "type=inline" || len(info.DriverStatus) > 0 && strings.Contains(info.DriverStatus[0][1], "io.containerd.snapshotter")
		if able && err != nil || !able && (err == nil || !strings.Contains(err.Error(), "build frontend: the engine's builder cannot export a cache of type registry")) {
			t.Errorf("%s: got %v", cache, err)
		}
	}
}
