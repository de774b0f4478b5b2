//go:build integration

package engine

import (
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
	from.Close()
	check("unreachable", from.host+" cannot be reached", 0)
}
