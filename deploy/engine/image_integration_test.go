//go:build integration

package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestPullByDigest(t *testing.T) {
	engine := openEngine(t)
	from := startRegistry(t)
	pushed := from.push(t, engine, "shop/web", "v1.15.0")
	if here, err := engine.HasImage(t.Context(), pushed); err != nil || here {
		t.Fatalf("before the pull: %v, %v", here, err)
	}
	var current, total int64
	must(t, engine.Pull(t.Context(), pushed, func(c, of int64) {
		if c < current || of < total {
			t.Errorf("progress went from %d of %d to %d of %d", current, total, c, of)
		}
		current, total = c, of
	}))
	if current != total { // both are 0 when it was too fast for the engine to say
		t.Errorf("progress ended with %d of %d", current, total)
	}
	inspected, err := engine.docker.ImageInspect(t.Context(), pushed.Reference)
	must(t, err)
	if !slices.Contains(inspected.RepoTags, pushed.Reference) {
		t.Errorf("tags %v, want %s", inspected.RepoTags, pushed.Reference)
	}
	present, err := engine.Present(t.Context(), []deploy.Image{pushed})
	must(t, err)
	if !present[pushed.Pinned()] {
		t.Error("Present does not know it")
	}

	from.Close()
	asked := from.asked
	must(t, engine.Pull(t.Context(), pushed, nil))
	if from.asked != asked {
		t.Error("the registry was asked for an image that is here")
	}
}

func TestForgetSaysWhatItFreed(t *testing.T) {
	engine := openEngine(t)
	from := startRegistry(t)
	content := make([]byte, 1<<20)
	_, _ = rand.Read(content)
	name := from.host + "/shop/large:v1"
	importFile(t, engine, name, "large", content)
	pushed := from.pushed(t, engine, name)
	pruned, err := engine.Forget(t.Context(), []deploy.Image{pushed}, nil)
	must(t, err)
	if pruned.Images == 0 || pruned.Freed < int64(len(content)) || pruned.Freed > 2*int64(len(content)) {
		t.Errorf("%+v, want the %d bytes of its one layer to be free", pruned, len(content))
	}
}

func TestPullSaysWhatIsWrong(t *testing.T) {
	engine := openEngine(t)
	engine.backoff = []time.Duration{time.Millisecond, time.Millisecond}
	from := startRegistry(t)
	wanted := deploy.Image{Reference: from.host + "/shop/none:v1", Digest: "sha256:" + strings.Repeat("0", 64)}
	check := func(name, says string, attempts int) {
		t.Run(name, func(t *testing.T) {
			from.asked = 0
			err := engine.Pull(t.Context(), wanted, nil)
			failure, ok := errors.AsType[*deploy.Failure](err)
			if !ok || failure.Hint == "" || !strings.Contains(err.Error(), says) {
				t.Errorf("error %v, want %q and a hint", err, says)
			}
			if attempts > 0 && from.asked < attempts {
				t.Errorf("the registry was asked %d times, want %d at least", from.asked, attempts)
			}
		})
	}
	check("not found", from.host+" has no such image", 0)
	from.become(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
	}))
	check("unauthorised", from.host+" does not let this host in", 0)
	from.become(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	check("unavailable", from.host+" cannot be reached", 3)
	engine.stall = 200 * time.Millisecond
	from.become(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	check("stalled", from.host+" cannot be reached", 3)
	engine.stall = time.Minute
	from.become(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.docker.distribution.manifest.v2+json")
		fmt.Fprint(w, `{"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "config": {}, "layers": []}`)
	}))
	check("another digest", "gave something else than was asked for", 0)
	from.Close()
	check("unreachable", from.host+" cannot be reached", 0)
}

func TestPullWithALogin(t *testing.T) {
	const canary = "c4nary-s3cret"
	engine := openEngine(t)
	engine.backoff = []time.Duration{time.Millisecond, time.Millisecond}
	from := startRegistry(t)
	pushed := from.push(t, engine, "shop/private", "v1.15.0")
	open := from.answer
	from.become(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if username, password, _ := r.BasicAuth(); username != "anna" || password != canary {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		open.ServeHTTP(w, r)
	}))
	for _, test := range []struct {
		login deploy.Login
		err   error
		says  string
	}{
		{deploy.Login{}, nil, "does not let this host in"},
		{deploy.Login{Username: "anna", Password: "wrong-" + canary}, nil, "does not let this host in"},
		{deploy.Login{}, errors.New("the credential helper docker-credential-x is not installed"), "pull image " + pushed.Pinned() + ": the credential helper"},
		{deploy.Login{Username: "anna", Password: canary}, nil, ""},
	} {
		from.asked = 0
		engine.options.Login = func(context.Context, string) (deploy.Login, error) { return test.login, test.err }
		err := engine.Pull(t.Context(), pushed, nil)
		if (err != nil) != (test.says != "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("got %v, want %q", err, test.says)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("the password is shown: %v", err)
		}
		if test.err != nil && from.asked > 0 {
			t.Error("the registry was asked without the login")
		}
	}
}
