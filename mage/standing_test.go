//go:build integration

package mage_test

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
)

// standing is what runs in a project: the containers' identifiers and when
// each was started, by name.
type standing map[string]string

// stands looks at what there is, stopped containers included.
func (a *app) stands() standing {
	a.T.Helper()
	found := standing{}
	for _, one := range a.Containers(true) {
		inspected, err := a.Docker.ContainerInspect(a.T.Context(), one.ID)
		if err != nil {
			a.T.Fatal(err)
		}
		found[strings.TrimPrefix(inspected.Name, "/")] = inspected.ID + " " + inspected.State.Status + " since " + inspected.State.StartedAt
	}
	return found
}

// untouched checks that exactly the same containers run, none of them
// restarted.
func (a *app) untouched(t testing.TB, before standing) {
	t.Helper()
	if now := a.stands(); !maps.Equal(before, now) {
		t.Errorf("what runs was touched:\nbefore %v\nnow    %v", before, now)
	}
}

// ids gives the identifiers of a service's containers, sorted.
func (a *app) ids(service string) []string {
	a.T.Helper()
	var ids []string
	for _, one := range a.Containers(true) {
		if one.Labels["com.docker.compose.service"] == service {
			ids = append(ids, one.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// answers gives the release that answers through the proxy.
func (a *app) answers(t testing.TB) string {
	t.Helper()
	response, err := http.Get("http://" + a.address() + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.Header.Get("X-Release")
}

// serves checks that a version serves and that nothing else is there: what
// answers, the record, each container running, and `docker compose ps` by hand
// naming exactly those. It gives what stands.
func (a *app) serves(t testing.TB, version string, containers int) standing {
	t.Helper()
	if got := a.answers(t); got != version {
		t.Errorf("release %q answers, wanted %s", got, version)
	}
	current, err := os.ReadFile(filepath.Join(a.Directory, ".deploy", "current"))
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(current)), "-"+version) {
		t.Errorf("the record says %q (%v), wanted %s", current, err, version)
	}
	found := a.stands()
	if len(found) != containers {
		t.Errorf("%d containers are there, wanted %d: %v", len(found), containers, found)
	}
	for name, state := range found {
		if !strings.Contains(state, " running ") {
			t.Errorf("%s is left behind: %s", name, state)
		}
	}
	a.named(t, "v5", found)
	return found
}

// named checks that Compose, asked by hand, names exactly those containers.
func (a *app) named(t testing.TB, major string, found standing) {
	t.Helper()
	var ids []string
	for _, state := range found {
		id, _, _ := strings.Cut(state, " ")
		ids = append(ids, id)
	}
	slices.Sort(ids)
	named := strings.Fields(a.Compose(major, "ps", "-q"))
	slices.Sort(named)
	if !slices.Equal(named, ids) {
		t.Errorf("docker compose ps (%s) names %v, there are %v", deploytest.ComposeVersions[major], named, found)
	}
}

// ended checks how a command ended and that its output says each of the words.
func ended(t testing.TB, result deploytest.Result, status int, words ...string) {
	t.Helper()
	if result.Status != status {
		t.Errorf("mage %s: exit status %d, wanted %d\n%s", strings.Join(result.Args, " "), result.Status, status, result.Output)
	}
	for _, word := range words {
		if !strings.Contains(result.Output, word) {
			t.Errorf("mage %s does not say %q:\n%s", strings.Join(result.Args, " "), word, result.Output)
		}
	}
}

// same says whether exactly these containers run, since the same moment.
func (a *app) same(before standing) bool { return maps.Equal(before, a.stands()) }

// reached says whether anything of the application answers through the proxy.
func (a *app) reached() bool {
	response, err := http.Get("http://" + a.address() + "/")
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}
