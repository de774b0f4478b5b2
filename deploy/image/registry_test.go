package image

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// startRegistry serves a directory on a free port until the test ends.
func startRegistry(t *testing.T, options RegistryOptions) *Registry {
	t.Helper()
	options.Address = "127.0.0.1:0"
	if options.Directory == "" {
		options.Directory = t.TempDir()
	}
	registry, err := StartRegistry(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := registry.Close(); err != nil {
			t.Error(err)
		}
	})
	return registry
}

func ref(t *testing.T, text string) name.Reference {
	t.Helper()
	parsed, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func randomImage(t *testing.T) (v1.Image, string) {
	t.Helper()
	image, err := random.Image(1024, 3)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return image, digest.String()
}

// put writes a random image to a registry and gives its digest.
func put(t *testing.T, reference string, options ...remote.Option) string {
	t.Helper()
	image, digest := randomImage(t)
	if err := remote.Write(ref(t, reference), image, options...); err != nil {
		t.Fatal(err)
	}
	return digest
}

func TestRegistryKeepsEverythingAcrossProcesses(t *testing.T) {
	directory := t.TempDir()
	first := startRegistry(t, RegistryOptions{Directory: directory})
	repository := first.Address() + "/shop/backend"
	moved := put(t, repository+":latest")
	latest := put(t, repository+":latest")
	deleted := put(t, repository+":gone")
	image, _ := randomImage(t)
	index := mutate.AppendManifests(mutate.IndexMediaType(mustIndex(t, 2), "application/vnd.oci.image.index.v1+json"),
		mutate.IndexAddendum{Add: image}, mutate.IndexAddendum{Add: mustIndex(t, 1)})
	if err := remote.WriteIndex(ref(t, repository+":multi"), index); err != nil {
		t.Fatal(err)
	}
	if err := remote.Delete(ref(t, repository+":gone")); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	second := startRegistry(t, RegistryOptions{Directory: directory})
	repository = second.Address() + "/shop/backend"
	for _, want := range []struct{ reference, digest string }{
		{repository + ":latest", latest},
		{repository + "@" + latest, latest},
		{repository + "@" + moved, moved},
		{repository + "@" + deleted, deleted},
	} {
		pulled, err := remote.Image(ref(t, want.reference))
		if err != nil {
			t.Fatalf("%s: %v", want.reference, err)
		}
		if got, _ := pulled.Digest(); got.String() != want.digest {
			t.Errorf("%s is %s, want %s", want.reference, got, want.digest)
		}
		layers, err := pulled.Layers()
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range layers {
			content, err := layer.Compressed()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := new(bytes.Buffer).ReadFrom(content); err != nil { // verified as it is read
				t.Error(err)
			}
			content.Close()
		}
	}
	kept, err := remote.Index(ref(t, repository+":multi"))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := index.Digest()
	if got, _ := kept.Digest(); got != want {
		t.Errorf("the index is %s, want %s", got, want)
	}
	if _, err := remote.Head(ref(t, repository+":gone")); causeOf(err) != causeMissing {
		t.Errorf("a deleted tag is there again: %v", err)
	}
}

func mustIndex(t *testing.T, images int64) v1.ImageIndex {
	t.Helper()
	index, err := random.Index(512, 1, images)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func TestRegistryNamesABrokenRecord(t *testing.T) {
	directory := t.TempDir()
	if err := os.Mkdir(filepath.Join(directory, "manifests"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(directory, "manifests", "ab.json")
	if err := os.WriteFile(file, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := StartRegistry(t.Context(), RegistryOptions{Address: "127.0.0.1:0", Directory: directory})
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
}

func TestRegistryUploads(t *testing.T) {
	directory := t.TempDir()
	registry := startRegistry(t, RegistryOptions{Directory: directory})
	base := "http://" + registry.Address()
	content := []byte("a layer in two chunks")
	digest, _, _ := v1.SHA256(bytes.NewReader(content))

	begin := func() string {
		t.Helper()
		return base + send(t, http.MethodPost, base+"/v2/shop/uploads/blobs/uploads/", nil, "", http.StatusAccepted).Get("Location")
	}
	upload := begin()
	send(t, http.MethodPatch, upload, content[:7], "0-6", http.StatusAccepted)
	send(t, http.MethodPatch, upload, content[7:9], "6-8", http.StatusRequestedRangeNotSatisfiable)
	answer := send(t, http.MethodPatch, upload, content[7:15], "7-14", http.StatusAccepted)
	if got := answer.Get("Range"); got != "0-14" {
		t.Errorf("the range is %q", got)
	}
	send(t, http.MethodPut, upload+"?digest="+digest.String(), content[15:], "", http.StatusCreated)
	send(t, http.MethodHead, base+"/v2/shop/uploads/blobs/"+digest.String(), nil, "", http.StatusOK)

	upload = begin()
	send(t, http.MethodPut, upload+"?digest="+digest.String(), []byte("something else"), "", http.StatusBadRequest)
	send(t, http.MethodPatch, upload, content, "", http.StatusNotFound)
	upload = begin()
	send(t, http.MethodDelete, upload, nil, "", http.StatusNoContent)
	// The inner registry has no upload by a name that is not of ours.
	send(t, http.MethodPut, base+"/v2/shop/uploads/blobs/uploads/..%2f..%2fx?digest="+digest.String(), content, "", http.StatusNotFound)

	left, err := os.ReadDir(filepath.Join(directory, "uploads"))
	if err != nil || len(left) != 0 {
		t.Errorf("%d uploads are left, %v", len(left), err)
	}
}

func send(t *testing.T, method, url string, body []byte, contentRange string, status int) http.Header {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentRange != "" {
		request.Header.Set("Content-Range", contentRange)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != status {
		t.Errorf("%s %s gave %s, want %d", method, url, answer.Status, status)
	}
	return answer.Header
}

func TestRegistryPassword(t *testing.T) {
	registry := startRegistry(t, RegistryOptions{Username: "anna", Password: "right"})
	reference := registry.Address() + "/shop/backend:v1"
	digest := put(t, reference, remote.WithAuth(&authn.Basic{Username: "anna", Password: "right"}))

	wrong := &Registries{Keychain: fixedLogin{"anna", "wrong-password"}}
	_, err := wrong.Resolve(t.Context(), reference)
	if err == nil || !strings.Contains(err.Error(), "does not accept the login from the keychain that was given") || !strings.Contains(err.Error(), "docker login "+registry.Address()) {
		t.Errorf("got %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "wrong-password") {
		t.Errorf("the error shows the password: %v", err)
	}
	image, err := (&Registries{Keychain: fixedLogin{"anna", "right"}}).Resolve(t.Context(), reference)
	if err != nil || image.Digest != digest {
		t.Errorf("got %v, %v, want %s", image, err, digest)
	}
}

// fixedLogin is a keychain with one login.
type fixedLogin struct{ username, password string }

func (l fixedLogin) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: l.username, Password: l.password}, nil
}

func TestRegistryAddresses(t *testing.T) {
	registry := startRegistry(t, RegistryOptions{})
	_, err := StartRegistry(t.Context(), RegistryOptions{Address: registry.Address(), Directory: t.TempDir()})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(fmt.Sprint(err), "another process listens on "+registry.Address()) {
		t.Errorf("a taken port gives %v", err)
	}
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:5000", "5000"} {
		if _, err := StartRegistry(t.Context(), RegistryOptions{Address: address, Directory: t.TempDir()}); err == nil {
			t.Errorf("it listens on %s", address)
		}
	}
}
