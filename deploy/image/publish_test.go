package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// stocked is an engine that has one image, whatever it is asked for, and
// really pushes it.
type stocked struct {
	t      *testing.T
	image  v1.Image
	pushes int
	// fails is the registry's refusal in the middle of a push.
	fails string
}

func (s *stocked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, _ := strings.CutPrefix(r.URL.Path, "/v1.41/images/")
	if reference, ok := strings.CutSuffix(path, "/json"); ok {
		config, err := s.image.ConfigName()
		if err != nil || reference == "" {
			s.t.Error(reference, err)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"Id": config.String(), "Os": "linux", "Architecture": "amd64"})
		return
	}
	repository, ok := strings.CutSuffix(path, "/push")
	if !ok {
		return // the ping
	}
	s.pushes++
	if s.fails != "" {
		fmt.Fprintf(w, `{"status":"Preparing","id":"a"}{"status":"Pushed","id":"a"}{"errorDetail":{"message":%q},"error":%q}`, s.fails, s.fails)
		return
	}
	digest, err := s.image.Digest()
	if err == nil {
		err = remote.Write(ref(s.t, repository+":"+r.URL.Query().Get("tag")), s.image)
	}
	if err != nil {
		s.t.Error(err)
	}
	fmt.Fprintf(w, `{"aux":{"Tag":"v1","Digest":%q}}`, digest)
}

func (s *stocked) publisher() *Publisher {
	publisher := publisherOf(s.t, s)
	publisher.backoff = fast
	return publisher
}

func newStocked(t *testing.T) (*stocked, string) {
	image, digest := randomImage(t)
	return &stocked{t: t, image: image}, digest
}

func digestOf(t *testing.T, reference string) string {
	t.Helper()
	found, err := (&Registries{}).Resolve(t.Context(), reference)
	if errors.Is(err, ErrNotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return found.Digest
}

func TestPublish(t *testing.T) {
	repository := startRegistry(t, RegistryOptions{}).Address() + "/shop/backend"
	engine, want := newStocked(t)
	publisher := engine.publisher()
	pushed, err := publisher.Publish(t.Context(), repository+":v1", []string{"latest", "v1", "production"}, PublishOptions{})
	if err != nil || pushed.Digest != want || pushed.Reference != repository+":v1" {
		t.Fatalf("got %v, %v, want %s", pushed, err, want)
	}
	for _, tag := range []string{"v1", "latest", "production"} {
		if got := digestOf(t, repository+":"+tag); got != want {
			t.Errorf("%s is %q, want %s", tag, got, want)
		}
	}

	// The same image again is not pushed again; further tags are still put.
	again, err := publisher.Publish(t.Context(), repository+":v1", []string{"stable"}, PublishOptions{})
	if err != nil || again.Digest != want || engine.pushes != 1 || digestOf(t, repository+":stable") != want {
		t.Errorf("got %v, %v after %d pushes", again, err, engine.pushes)
	}

	other, otherDigest := newStocked(t)
	_, err = other.publisher().Publish(t.Context(), repository+":v1", []string{"latest"}, PublishOptions{})
	config, _ := other.image.ConfigName()
	if !errors.Is(err, ErrTagTaken) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), config.String()) {
		t.Errorf("got %v, want both digests", err)
	}
	if other.pushes != 0 || digestOf(t, repository+":v1") != want || digestOf(t, repository+":latest") != want {
		t.Error("an immutable tag was overwritten")
	}
	if _, err := other.publisher().Publish(t.Context(), repository+":v1", []string{"latest"}, PublishOptions{Overwrite: true}); err != nil {
		t.Error(err)
	}
	if digestOf(t, repository+":v1") != otherDigest || digestOf(t, repository+":latest") != otherDigest {
		t.Error("the tags were not overwritten, though that was asked for")
	}
}

func TestPublishWhatTheBuilderPushed(t *testing.T) {
	repository := startRegistry(t, RegistryOptions{}).Address() + "/shop/backend"
	first, second := put(t, repository+":x"), put(t, repository+":x")
	publisher := &Publisher{backoff: fast} // without an engine
	for _, digest := range []string{first, first} {
		pushed, err := publisher.Publish(t.Context(), repository+":v1", []string{"latest"}, PublishOptions{Digest: digest})
		if err != nil || pushed.Digest != first || digestOf(t, repository+":v1") != first || digestOf(t, repository+":latest") != first {
			t.Fatalf("got %v, %v", pushed, err)
		}
	}
	_, err := publisher.Publish(t.Context(), repository+":v1", []string{"latest"}, PublishOptions{Digest: second})
	if !errors.Is(err, ErrTagTaken) || !strings.Contains(err.Error(), first) || !strings.Contains(err.Error(), second) || digestOf(t, repository+":latest") != first {
		t.Errorf("got %v, want both digests", err)
	}
	_, err = publisher.Publish(t.Context(), repository+":v2", []string{"latest"}, PublishOptions{Digest: "sha256:" + strings.Repeat("0", 64)})
	if !errors.Is(err, ErrNotFound) || digestOf(t, repository+":v2") != "" || digestOf(t, repository+":latest") != first {
		t.Errorf("a tag is put on what is not there: %v", err)
	}
}

// Whatever fails, the moving tags stay where they are.
func TestPublishMovesNothingEarly(t *testing.T) {
	repository := startRegistry(t, RegistryOptions{}).Address() + "/shop/backend"
	before := put(t, repository+":latest")
	engine, _ := newStocked(t)
	engine.fails = "received unexpected HTTP status: 500 Internal Server Error"
	_, err := engine.publisher().Publish(t.Context(), repository+":v1", []string{"latest"}, PublishOptions{})
	if err == nil || !strings.Contains(err.Error(), "1 of 1 layers are there and no tag was moved") || engine.pushes != 3 {
		t.Errorf("got %v after %d pushes", err, engine.pushes)
	}
	if digestOf(t, repository+":latest") != before {
		t.Error("latest was moved")
	}
	engine.fails, engine.pushes = "", 0
	for _, moving := range []string{"not a tag", ""} {
		if _, err := engine.publisher().Publish(t.Context(), repository+":v2", []string{moving}, PublishOptions{}); err == nil || engine.pushes != 0 {
			t.Errorf("the tag %q is found to be none after the push: %v", moving, err)
		}
	}
	if _, err := engine.publisher().Publish(t.Context(), repository+"@"+before, nil, PublishOptions{}); err == nil {
		t.Error("a digest is taken for a tag")
	}
}

func TestPublishSaysWhichTagsItMoved(t *testing.T) {
	var broken atomic.Bool
	host := misbehaving(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/manifests/production") || !broken.Load() {
			return false
		}
		panic(http.ErrAbortHandler) // which drops the connection
	})
	broken.Store(true)
	repository := host + "/shop/backend"
	engine, want := newStocked(t)
	_, err := engine.publisher().Publish(t.Context(), repository+":v1", []string{"latest", "production", "x"}, PublishOptions{})
	if err == nil || !strings.Contains(err.Error(), "dropped the connection, also when asked again; only latest was moved") {
		t.Errorf("got %v", err)
	}
	if digestOf(t, repository+":latest") != want || digestOf(t, repository+":production") != "" || digestOf(t, repository+":x") != "" {
		t.Error("the tags are not as it says")
	}
	broken.Store(false)
	if _, err := engine.publisher().Publish(t.Context(), repository+":v1", []string{"latest", "production", "x"}, PublishOptions{}); err != nil {
		t.Error(err)
	}
	if engine.pushes != 1 || digestOf(t, repository+":production") != want {
		t.Errorf("after another try: %d pushes", engine.pushes)
	}
}

func TestTagAnIndex(t *testing.T) {
	repository := startRegistry(t, RegistryOptions{}).Address() + "/shop/backend"
	index := mustIndex(t, 2)
	if err := remote.WriteIndex(ref(t, repository+":sha-4f0c2d1"), index); err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := (&Registries{}).Tag(t.Context(), deploy.Image{Reference: repository + ":sha-4f0c2d1", Digest: digest.String()}, "v1", "latest"); err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"v1", "latest"} {
		promoted, err := remote.Index(ref(t, repository+":"+tag))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := promoted.Digest(); got != digest {
			t.Errorf("%s is %s, want %s", tag, got, digest)
		}
	}
}
