package image

import (
	"errors"
	"strings"
	"testing"
)

func TestBuilderAddresses(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	project := load(t, t.TempDir(), `services: {a: {build: .}}`, nil)
	for address, want := range map[string]string{
		"ssh://build.example":               "not an address of one of these kinds: tcp, unix, docker-container",
		"build.example:1234":                "tcp://HOST:PORT",
		"://":                               "tcp://HOST:PORT",
		"docker-container://buildkitd":      "the docker command, which speaks to a container, is not installed",
		"unix://" + t.TempDir() + "/x.sock": "check that it runs and listens there",
	} {
		_, err := (&Builder{Address: address}).Build(t.Context(), project, nil, Options{})
		if failure, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), address) || failure.Hint == "" {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
	}
}

func TestPlatformsThatTheBuilderLacks(t *testing.T) {
	project := load(t, t.TempDir(), `services: {a: {build: .}, b: {platform: linux/amd64, build: ./b}}`, nil)
	for told, want := range map[string]string{"": "", "linux/amd64": "", "linux/386": "", "linux/arm64": "a", "linux/arm/v7": "a"} {
		wanted, err := requests(project, nil, Options{Platform: told})
		if err != nil {
			t.Fatal(err)
		}
		err = (&Builder{Address: "tcp://build.example:1234"}).unsupported(wanted, []string{"linux/amd64", "linux/386"})
		if failure, ok := errors.AsType[*Error](err); ok != (want != "") || ok && failure.Subject != want {
			t.Errorf("%q: got %v, want %q", told, err, want)
		}
		if want == "" {
			continue
		}
		architecture := strings.Split(told, "/")[1]
		for _, part := range []string{
			"the builder at tcp://build.example:1234 does not run " + told, "only linux/amd64, linux/386",
			"tonistiigi/binfmt --install " + architecture, "qemu-user-static", "BUILDKIT_HOST",
		} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("got %q, want %q", err, part)
			}
		}
	}
	if err := (&Builder{}).unsupported([]*request{{content: content{attrs: map[string]string{"platform": "linux/arm64"}}}}, nil); err != nil {
		t.Errorf("a builder that does not say what it runs is refused: %v", err)
	}
}

func TestExports(t *testing.T) {
	one := &request{
		references: []string{"127.0.0.1:5000/shop/backend:v1", "127.0.0.1:5000/shop/backend:v2", "ghcr.io/shop/backend:v1"},
		tags:       []string{"ghcr.io/shop/backend:latest"},
	}
	inside, err := (&Builder{}).exports(one)
	if err != nil || len(inside) != 1 || inside[0].Type != "moby" ||
		inside[0].Attrs["name"] != "127.0.0.1:5000/shop/backend:v1,127.0.0.1:5000/shop/backend:v2,ghcr.io/shop/backend:v1,ghcr.io/shop/backend:latest" {
		t.Errorf("got %v, %v", inside, err)
	}
	outside, err := (&Builder{Address: "tcp://x:1"}).exports(one)
	if err != nil || len(outside) != 2 {
		t.Fatalf("got %v, %v", outside, err)
	}
	for at, want := range []struct{ name, insecure string }{{"ghcr.io/shop/backend", ""}, {"127.0.0.1:5000/shop/backend", "true"}} {
		attrs := outside[at].Attrs
		if outside[at].Type != "image" || attrs["name"] != want.name || attrs["registry.insecure"] != want.insecure || attrs["push"] != "true" || attrs["push-by-digest"] != "true" {
			t.Errorf("got %v, want %v", outside[at], want)
		}
	}
}
