package image

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/freezedesign/webshop-deploy/deploy"
)

const hashedFile = `
services:
  backend:
    image: "shop/backend:${VERSION}"
    build:
      context: ./backend
      dockerfile: ../docker/Dockerfile
      target: production
      args: {GREETING: "${GREETING}", OTHER: "1"}
      labels: {team: shop, org.opencontainers.image.version: "${VERSION}"}
      secrets: [{source: npm, target: npmrc}]
      shm_size: 64m
      cache_from: ["registry.example/shop/cache:${VERSION}"]
secrets: {npm: {environment: NPM_TOKEN}}
`

// hash gives the inputs of backend, with one thing changed in the file.
func hash(t *testing.T, directory, old, new string, variables map[string]string, options Options) string {
	t.Helper()
	text := strings.Replace(hashedFile, old, new, 1)
	if old != "" && text == hashedFile {
		t.Fatalf("%q is not in the file", old)
	}
	environment := map[string]string{"VERSION": "v1", "GREETING": "hello"}
	maps.Copy(environment, variables)
	if options.Tree == nil {
		options.Tree = func(string) (string, error) { return "tree-1", nil }
	}
	hashes, err := (&Builder{}).Inputs(load(t, directory, text, environment), nil, options)
	if err != nil {
		t.Fatal(err)
	}
	return hashes["backend"]
}

func TestInputs(t *testing.T) {
	directory := tree(t, map[string]string{"backend/x": "x", "docker/Dockerfile": "FROM scratch\nCOPY x /\n"})
	// NPM_TOKEN is not set: no value of a secret is needed, or in it.
	want := hash(t, directory, "", "", nil, Options{})
	if !strings.HasPrefix(want, "sha256:") || len(want) != 71 {
		t.Fatalf("got %q", want)
	}
	for what, got := range map[string]string{
		"a second time":       hash(t, directory, "", "", nil, Options{}),
		"version and label":   hash(t, directory, "", "", map[string]string{"VERSION": "v2"}, Options{}),
		"options' labels":     hash(t, directory, "", "", nil, Options{Version: "v9", Revision: "4f0c", Source: "x", Created: time.Unix(1, 0)}),
		"a secret's value":    hash(t, directory, "", "", map[string]string{"NPM_TOKEN": canary}, Options{}),
		"no cache":            hash(t, directory, "", "", nil, Options{NoCache: true}),
		"the order of args":   hash(t, directory, `GREETING: "${GREETING}", OTHER: "1"`, `OTHER: "1", GREETING: "${GREETING}"`, nil, Options{}),
		"a claimed inputs":    hash(t, directory, "team: shop", `team: shop, org.freezedesign.webshop-deploy.inputs: "sha256:0"`, nil, Options{}),
		"cache_from":          hash(t, directory, "shop/cache", "shop/cache2", nil, Options{}),
		"the image's name":    hash(t, directory, "shop/backend:", "shop/other:", nil, Options{}),
		"the secret's source": hash(t, directory, "environment: NPM_TOKEN", "environment: ANOTHER", nil, Options{}),
	} {
		if got != want {
			t.Errorf("%s changes the inputs", what)
		}
	}
	seen := map[string]string{want: "nothing"}
	differs := func(what, got string) {
		t.Helper()
		if same, ok := seen[got]; ok || got == "" {
			t.Errorf("%s gives the same inputs as %s: %q", what, same, got)
		}
		seen[got] = what
	}
	other := func(string) (string, error) { return "tree-2", nil }
	differs("the tree", hash(t, directory, "", "", nil, Options{Tree: other}))
	differs("an argument's value", hash(t, directory, "", "", map[string]string{"GREETING": "bye"}, Options{}))
	differs("the platform", hash(t, directory, "", "", nil, Options{Platform: "linux/arm64"}))
	for what, change := range map[string][2]string{
		"the target":      {"target: production", "target: test"},
		"an argument":     {`OTHER: "1"`, `ANOTHER: "1"`},
		"a label":         {"team: shop", "team: other"},
		"a secret's name": {"target: npmrc", "target: other"},
		"shared memory":   {"64m", "65m"},
		"the network":     {"shm_size: 64m", "shm_size: 64m\n      network: none"},
		"inline":          {"dockerfile: ../docker/Dockerfile", `dockerfile_inline: "FROM scratch"`},
		"other inline":    {"dockerfile: ../docker/Dockerfile", `dockerfile_inline: "FROM alpine"`},
		"the service's":   {"    build:", "    platform: linux/riscv64\n    build:"},
	} {
		differs(what, hash(t, directory, change[0], change[1], nil, Options{}))
	}
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(directory, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// Both stand outside the context, whose tree does not change with them.
	write("docker/Dockerfile.dockerignore", "*.md\n")
	differs("what the Dockerfile ignores", hash(t, directory, "", "", nil, Options{}))
	write("docker/Dockerfile", "FROM scratch\nCOPY x /y\n")
	differs("the Dockerfile", hash(t, directory, "", "", nil, Options{}))
	if err := os.Rename(filepath.Join(directory, "docker"), filepath.Join(directory, "docker2")); err != nil {
		t.Fatal(err)
	}
	differs("the Dockerfile's place", hash(t, directory, "../docker/", "../docker2/", nil, Options{}))
}

func TestInputsWithoutAnIdentity(t *testing.T) {
	directory := tree(t, map[string]string{"Dockerfile": "FROM scratch"})
	project := load(t, directory, `
services:
  dirty: {build: {context: ., labels: {org.freezedesign.webshop-deploy.inputs: "sha256:claimed"}}}
  same: {build: {context: ., target: other}}
  branch: {build: {context: "https://git.example/shop.git#main"}}
  commit: {build: {context: "https://git.example/shop.git#0123456789012345678901234567890123456789:backend"}}
`, nil)
	asked := 0
	options := Options{Tree: func(folder string) (string, error) {
		asked++
		if folder != directory {
			t.Errorf("asked for %s", folder)
		}
		return "", nil
	}}
	hashes, err := (&Builder{}).Inputs(project, nil, options)
	if names := slices.Sorted(maps.Keys(hashes)); err != nil || !slices.Equal(names, []string{"commit"}) || asked != 1 {
		t.Errorf("got %v, %v, asked %d times", names, err, asked)
	}
	all, err := requests(project, []string{"commit", "dirty"}, options)
	if err != nil || all[0].attrs["label:"+labelInputs] != hashes["commit"] {
		t.Errorf("got %v, %v", all, err)
	}
	for _, options := range []Options{options, {}} {
		all, err := requests(project, []string{"dirty"}, options)
		if err != nil {
			t.Fatal(err)
		}
		if label, set := all[0].attrs["label:"+labelInputs]; set {
			t.Errorf("an image of unknown sources claims its inputs: %s", label)
		}
	}
	broken := errors.New("no repository")
	options.Tree = func(string) (string, error) { return "", broken }
	if _, err := (&Builder{}).Inputs(project, nil, options); !errors.Is(err, broken) || !strings.Contains(err.Error(), directory) {
		t.Errorf("got %v", err)
	}
}

// labelledImage is one with that label and platform.
func labelledImage(t *testing.T, inputs, architecture string) v1.Image {
	t.Helper()
	image, _ := randomImage(t)
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", architecture
	if inputs != "" {
		config.Config.Labels = map[string]string{labelInputs: inputs}
	}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	return image
}

// indexed makes an index as BuildKit does, an attestation first.
func indexed(t *testing.T, images ...v1.Image) v1.ImageIndex {
	t.Helper()
	attestation, _ := randomImage(t)
	all := []mutate.IndexAddendum{{Add: attestation, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}}}}
	for _, image := range images {
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: config.Platform()}})
	}
	return mutate.AppendManifests(mustIndex(t, 0), all...)
}

func TestInputsOf(t *testing.T) {
	repository := startRegistry(t, RegistryOptions{}).Address() + "/shop/backend"
	image := labelledImage(t, "sha256:ab", "amd64")
	if err := remote.Write(ref(t, repository+":one"), image); err != nil {
		t.Fatal(err)
	}
	index := indexed(t, labelledImage(t, "sha256:cd", "arm64"), labelledImage(t, "sha256:cd", "amd64"))
	if err := remote.WriteIndex(ref(t, repository+":two"), index); err != nil {
		t.Fatal(err)
	}
	none := put(t, repository+":none")
	one, _ := image.Digest()
	two, _ := index.Digest()
	registries := &Registries{}
	for tag, want := range map[string][2]string{"one": {one.String(), "sha256:ab"}, "two": {two.String(), "sha256:cd"}, "none": {none, ""}} {
		got, inputs, err := registries.InputsOf(t.Context(), repository+":"+tag)
		if err != nil || got != (deploy.Image{Reference: repository + ":" + tag, Digest: want[0]}) || inputs != want[1] {
			t.Errorf("%s: got %v, %q, %v, want %v", tag, got, inputs, err, want)
		}
	}
	if _, _, err := registries.InputsOf(t.Context(), repository+":tow"); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "nearest tags: two") {
		t.Errorf("got %v", err)
	}
}

func TestLayers(t *testing.T) {
	repository := startRegistry(t, RegistryOptions{}).Address() + "/shop/backend"
	amd, arm := labelledImage(t, "", "amd64"), labelledImage(t, "", "arm64")
	index := indexed(t, amd, arm)
	if err := remote.WriteIndex(ref(t, repository+":v1"), index); err != nil {
		t.Fatal(err)
	}
	digest, _ := index.Digest()
	whole := deploy.Image{Reference: repository + ":v1", Digest: digest.String()}
	single, _ := arm.Digest()
	registries := &Registries{}
	check := func(image deploy.Image, platform string, want v1.Image) {
		t.Helper()
		layers, err := registries.Layers(t.Context(), image, platform)
		if err != nil {
			t.Fatal(err)
		}
		expected, err := want.Layers()
		if err != nil {
			t.Fatal(err)
		}
		if len(layers) != len(expected) || len(layers) == 0 {
			t.Fatalf("%s: %d layers, want %d", platform, len(layers), len(expected))
		}
		for at, layer := range expected {
			id, _ := layer.DiffID()
			size, _ := layer.Size()
			if layers[at] != (Layer{DiffID: id.String(), Compressed: size}) || size == 0 {
				t.Errorf("%s: layer %d is %+v, want %s of %d", platform, at, layers[at], id, size)
			}
		}
	}
	check(whole, "linux/amd64", amd)
	check(whole, "linux/arm64", arm)
	check(whole, "linux/arm64/v8", arm)
	check(deploy.Image{Reference: repository + ":v1", Digest: single.String()}, "", arm)
	for _, platform := range []string{"linux/s390x", ""} {
		if _, err := registries.Layers(t.Context(), whole, platform); err == nil || platform != "" && !strings.Contains(err.Error(), "only for linux/amd64, linux/arm64") {
			t.Errorf("%q: got %v", platform, err)
		}
	}
	whole.Digest = "sha256:" + strings.Repeat("0", 64)
	if _, err := registries.Layers(t.Context(), whole, "linux/amd64"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
