package source

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// In a job, git asks a private repository with the job's token, and nobody else.
func TestTheJobsToken(t *testing.T) {
	c := newClone(t)
	c.run("tag", "v1.0.0")
	c.run("push", "--quiet", "origin", "v1.0.0")
	c.git(c.origin, "update-server-info")
	files := http.FileServer(http.Dir(c.origin))
	private := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "x-access-token" || password != "of-the-job" {
			w.Header().Set("WWW-Authenticate", "Basic realm=git")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		files.ServeHTTP(w, r)
	}))
	defer private.Close()
	c.run("remote", "set-url", "origin", private.URL)
	t.Setenv("GITHUB_TOKEN", "of-the-job")
	for _, one := range []struct {
		job, server string
		wanted      bool
	}{
		{"", private.URL, false},
		{"true", "https://github.example", false},
		{"true", private.URL, true},
	} {
		t.Setenv("GITHUB_ACTIONS", one.job)
		t.Setenv("GITHUB_SERVER_URL", one.server)
		commit, err := Tagged(t.Context(), c.root, "v1.0.0")
		if (err == nil) != one.wanted {
			t.Errorf("in a job: %q, of %s: %q, %v", one.job, one.server, commit, err)
		}
	}
}
