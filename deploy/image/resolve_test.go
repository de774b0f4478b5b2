package image

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// fast makes the pauses between attempts too short to notice.
var fast = remote.Backoff{Duration: time.Millisecond, Factor: 1, Steps: 3}

func TestResolve(t *testing.T) {
	repository := startRegistry(t, RegistryOptions{}).Address() + "/shop/backend"
	want := put(t, repository+":v1.15.0")
	registries := &Registries{}
	for _, reference := range []string{repository + ":v1.15.0", repository + "@" + want, repository + ":v1.15.0@" + want} {
		image, err := registries.Resolve(t.Context(), reference)
		if err != nil {
			t.Fatal(err)
		}
		if image.Reference != reference || image.Digest != want {
			t.Errorf("got %+v, want %s", image, want)
		}
	}

	index, err := random.Index(256, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref(t, repository+":multi"), index); err != nil {
		t.Fatal(err)
	}
	digest, _ := index.Digest()
	if image, err := registries.Resolve(t.Context(), repository+":multi"); err != nil || image.Digest != digest.String() {
		t.Errorf("an index resolves to %v, %v, want %s", image, err, digest)
	}
}

func TestResolveNamesWhatThereIs(t *testing.T) {
	repository := startRegistry(t, RegistryOptions{}).Address() + "/shop/backend"
	for _, tag := range []string{"v1.9.0", "v1.15.0", "v1.16.0", "v1.16.2", "latest", "sha-4f0c2d1", "v2.0.0"} {
		put(t, repository+":"+tag)
	}
	registries := &Registries{}
	_, err := registries.Resolve(t.Context(), repository+":v1.16.1")
	if !errors.Is(err, ErrNotFound) {
		t.Fatalf("got %v", err)
	}
	if want := "nearest tags: v1.16.2, v1.16.0, v1.15.0, v1.9.0, v2.0.0"; !strings.Contains(err.Error(), want) {
		t.Errorf("got %q, want %q", err, want)
	}
	_, err = registries.Resolve(t.Context(), repository+"-x:v1")
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("got %v", err)
	}
	tags, err := registries.ListTags(t.Context(), repository)
	if want := []string{"v2.0.0", "v1.16.2", "v1.16.0", "v1.15.0", "v1.9.0", "sha-4f0c2d1", "latest"}; err != nil || !slices.Equal(tags, want) {
		t.Errorf("got %v, %v, want %v", tags, err, want)
	}
}

func TestTagPutsTheSameManifest(t *testing.T) {
	repository := startRegistry(t, RegistryOptions{}).Address() + "/shop/backend"
	want := put(t, repository+":v1.15.0")
	registries := &Registries{}
	image := deploy.Image{Reference: repository + ":v1.15.0", Digest: want}
	if err := registries.Tag(t.Context(), image, "production", "latest"); err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"production", "latest"} {
		if got, err := registries.Resolve(t.Context(), repository+":"+tag); err != nil || got.Digest != want {
			t.Errorf("%s is %v, %v", tag, got, err)
		}
	}
	if err := registries.Tag(t.Context(), image, "not a tag"); err == nil {
		t.Error("a tag with blanks is put")
	}
	image.Digest = "sha256:" + strings.Repeat("0", 64)
	if err := registries.Tag(t.Context(), image, "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// refusing answers every question but the first one, /v2/, with a status.
func refusing(t *testing.T, status int, code string) (host string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		asked.Add(1)
		refuse(w, status, code, "because")
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), asked
}

func TestResolveSaysWhyTheRegistryRefused(t *testing.T) {
	for _, test := range []struct {
		status int
		code   string
		want   []string
		asked  int32
	}{
		{401, "UNAUTHORIZED", []string{"asks for a login", "docker login 127.0.0.1"}, 2},
		{403, "DENIED", []string{"lets nobody read shop/backend without a login", "because"}, 2},
		{429, "TOOMANYREQUESTS", []string{"asked too often", "wait some minutes"}, 3},
		{503, "UNAVAILABLE", []string{"also when asked again"}, 3},
	} {
		host, asked := refusing(t, test.status, test.code)
		_, err := (&Registries{backoff: fast}).Resolve(t.Context(), host+"/shop/backend:v1")
		if err == nil {
			t.Fatalf("%d resolves", test.status)
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%d: got %q, want %q", test.status, err, want)
			}
		}
		if asked.Load() < test.asked || asked.Load() > 9 {
			t.Errorf("%d: asked %d times", test.status, asked.Load())
		}
	}
}

func TestResolveUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := listener.Addr().String()
	listener.Close()
	for _, host := range []string{host, "registry.invalid"} {
		started := time.Now()
		_, err = (&Registries{}).Resolve(t.Context(), host+"/shop/backend:v1")
		if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "check the registry's name, "+host) {
			t.Errorf("%s: got %v", host, err)
		}
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("%s: it took %s to say so", host, took)
		}
	}
}

func TestReferences(t *testing.T) {
	for _, bad := range []string{"", "Shop/backend:v1", "shop/backend:", "shop/backend@sha256:12"} {
		if _, err := (&Registries{}).Resolve(t.Context(), bad); err == nil {
			t.Errorf("%q resolves", bad)
		}
	}
	for registry, want := range map[string]bool{
		"localhost:5000": true, "127.0.0.1:5000": true, "127.0.0.2": true, "[::1]:5000": true,
		"ghcr.io": false, "10.0.0.1:5000": false, "localhost.example": false,
	} {
		if got := loopback(registry); got != want {
			t.Errorf("%s is loopback: %v", registry, got)
		}
	}
	ordered := []string{"latest", "v1.2", "v1.2.0", "v1.2.10", "v1.9.0", "v1.10.0-rc1", "v1.10.0-rc2", "v10"}
	shuffled := slices.Clone(ordered)
	slices.Reverse(shuffled)
	slices.SortFunc(shuffled, compareTags)
	if !slices.Equal(shuffled, ordered) {
		t.Errorf("got %v", shuffled)
	}
}
