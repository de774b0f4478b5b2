package sentry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

const token = "sntrys_0123456789abcdef"

// service is Sentry as far as it is asked: it refuses what it would refuse.
type service struct {
	*httptest.Server
	t *testing.T
	// connected are the repositories that commits may be of.
	connected string
	// busy is how many requests more are answered 429, asking to wait that long.
	busy  int
	pause string
	// answers, where set, answers everything.
	answers http.HandlerFunc

	mu       sync.Mutex
	asked    []string
	releases map[string]map[string]any
	deploys  []map[string]any
	issues   []map[string]any
}

func newService(t *testing.T) *service {
	s := &service{t: t, releases: map[string]map[string]any{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *service) tracker() *Tracker {
	return New(deploy.Sentry{URL: s.URL, Organization: "freeze design", Project: "shop", Token: token})
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.Method+" "+r.URL.EscapedPath())
	if s.answers != nil {
		s.mu.Unlock()
		s.answers(w, r)
		s.mu.Lock()
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+token {
		s.refuse(w, http.StatusUnauthorized, `{"detail":"Invalid token"}`)
		return
	}
	if s.busy > 0 {
		s.busy--
		w.Header().Set("Retry-After", s.pause)
		s.refuse(w, http.StatusTooManyRequests, `{"detail":"You are attempting to use this endpoint too frequently."}`)
		return
	}
	const organization, project = "/api/0/organizations/freeze%20design/releases/", "/api/0/projects/freeze%20design/shop/issues/"
	switch path := r.URL.EscapedPath(); {
	case r.Method == http.MethodPost && path == organization:
		s.release(w, r)
	case r.Method == http.MethodPost && strings.HasPrefix(path, organization) && strings.HasSuffix(path, "/deploys/"):
		s.deploy(w, r, strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/api/0/organizations/freeze design/releases/"), "/deploys/"))
	case r.Method == http.MethodGet && path == project:
		s.list(w, r)
	default:
		s.refuse(w, http.StatusNotFound, `{"detail":"The requested resource does not exist"}`)
	}
}

func (s *service) refuse(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

// decode reads a body that must have these fields, and dates that are such.
func (s *service) decode(w http.ResponseWriter, r *http.Request, dates []string, fields ...string) map[string]any {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Header.Get("Content-Type") != "application/json" {
		s.refuse(w, http.StatusBadRequest, `{"detail":"JSON parse error"}`)
		return nil
	}
	for _, field := range append(fields, dates...) {
		if body[field] == nil || body[field] == "" {
			s.refuse(w, http.StatusBadRequest, `{"`+field+`":["This field is required."]}`)
			return nil
		}
	}
	for _, field := range dates {
		if _, err := time.Parse(time.RFC3339, fmt.Sprint(body[field])); err != nil {
			s.refuse(w, http.StatusBadRequest, `{"`+field+`":["no date"]}`)
			return nil
		}
	}
	return body
}

func (s *service) release(w http.ResponseWriter, r *http.Request) {
	body := s.decode(w, r, []string{"dateReleased"}, "version", "projects")
	if body == nil {
		return
	}
	refs, _ := body["refs"].([]any)
	for _, one := range refs {
		ref, _ := one.(map[string]any)
		if ref["repository"] != s.connected || ref["commit"] == "" {
			s.refuse(w, http.StatusBadRequest, fmt.Sprintf(`{"refs":["Invalid repository names: %v"]}`, ref["repository"]))
			return
		}
	}
	version := fmt.Sprint(body["version"])
	if _, known := s.releases[version]; known {
		s.refuse(w, http.StatusAlreadyReported, `{}`)
		return
	}
	s.releases[version] = body
	s.refuse(w, http.StatusCreated, `{}`)
}

func (s *service) deploy(w http.ResponseWriter, r *http.Request, version string) {
	body := s.decode(w, r, []string{"dateStarted", "dateFinished"}, "environment", "projects")
	if body == nil {
		return
	}
	if _, known := s.releases[version]; !known {
		s.refuse(w, http.StatusNotFound, `{"detail":"no release"}`)
		return
	}
	s.deploys = append(s.deploys, body)
	s.refuse(w, http.StatusCreated, `{}`)
}

// list gives two issues a page.
func (s *service) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if !strings.HasPrefix(query.Get("query"), `firstRelease:"v1/1.0" firstSeen:>=20`) || !query.Has("statsPeriod") {
		s.refuse(w, http.StatusBadRequest, `{"detail":"no such query"}`)
		return
	}
	from := 0
	_, _ = fmt.Sscanf(query.Get("cursor"), "0:%d:0", &from)
	to := min(from+2, len(s.issues))
	more := "false"
	if to < len(s.issues) {
		more = "true"
	}
	// Where the page is said to be is not to be trusted with the token.
	w.Header().Set("Link", fmt.Sprintf(`<http://elsewhere.invalid/?cursor=0:0:1>; rel="previous"; results="false"; cursor="0:0:1", <http://elsewhere.invalid/?cursor=0:%d:0>; rel="next"; results="%s"; cursor="0:%d:0"`, to, more, to))
	_ = json.NewEncoder(w).Encode(s.issues[from:to])
}

func notice() deploy.ReleaseNotice {
	return deploy.ReleaseNotice{
		Version: "v1/1.0", Environment: "production", Commit: "4f0c2d1", Repository: "https://github.com/freezedesign/shop.git",
		Started: time.Now().Add(-time.Minute), Finished: time.Now(),
	}
}

func TestRegister(t *testing.T) {
	for _, test := range []struct {
		name, connected string
		refs            bool
	}{{"with the repository's commits", "freezedesign/shop", true}, {"without a repository that Sentry knows", "another/one", false}} {
		t.Run(test.name, func(t *testing.T) {
			s := newService(t)
			s.connected = test.connected
			for range 2 { // twice: a release that is known already is deployed again
				if err := s.tracker().Register(t.Context(), notice()); err != nil {
					t.Fatal(err)
				}
			}
			release := s.releases["v1/1.0"]
			if fmt.Sprint(release["projects"]) != "[shop]" || release["ref"] != "4f0c2d1" || (release["refs"] != nil) != test.refs {
				t.Errorf("the release is %v", release)
			}
			if len(s.deploys) != 2 || s.deploys[0]["environment"] != "production" {
				t.Errorf("the deploys are %v", s.deploys)
			}
		})
	}
}

func TestNewIssues(t *testing.T) {
	s := newService(t)
	since := time.Now()
	for number := range 5 {
		s.issues = append(s.issues, map[string]any{
			"title": fmt.Sprintf("KeyError: %d", number), "culprit": "orders.views in place", "permalink": "https://sentry.io/i/1",
			"count": "17", "firstSeen": since.Add(time.Minute),
		})
	}
	s.issues = append(s.issues, map[string]any{"title": "older", "count": "1", "firstSeen": since.Add(-time.Hour)})
	s.busy, s.pause = 1, "1"
	issues, more, err := s.tracker().NewIssues(t.Context(), "v1/1.0", since)
	if err != nil || more != 0 || len(issues) != 5 {
		t.Fatalf("%d issues and %d more: %v", len(issues), more, err)
	}
	if got := issues[4]; got.Title != "KeyError: 4" || got.Count != 17 || got.Where != "orders.views in place" || got.Link == "" {
		t.Errorf("got %+v", got)
	}
	for range 20 {
		s.issues = append(s.issues[:1:1], s.issues...)
	}
	if issues, more, err = s.tracker().NewIssues(t.Context(), "v1/1.0", since); err != nil || more == 0 || len(issues) != 2*pages {
		t.Errorf("%d issues and %d more: %v", len(issues), more, err)
	}
}

func TestTroubleIsSaidWithoutTheToken(t *testing.T) {
	for _, test := range []struct {
		name  string
		ready func(s *service)
		says  string
		asked int
	}{
		{"refused", func(s *service) {
			s.answers = func(w http.ResponseWriter, r *http.Request) {
				s.refuse(w, http.StatusForbidden, `{"detail":"no permission for `+r.Header.Get("Authorization")+"\\u001b[31m"+`"}`)
			}
		}, "it answers 403 Forbidden: no permission for Bearer (hidden) (x-deploy.sentry.token needs", 1},
		{"busy for long", func(s *service) { s.busy, s.pause = 9, "3600" }, "it answers 429 Too Many Requests", 1},
		{"busy again and again", func(s *service) { s.busy, s.pause = 9, "0" }, "it answers 429 Too Many Requests", attempts},
		{"failing", func(s *service) {
			s.answers = func(w http.ResponseWriter, _ *http.Request) {
				s.refuse(w, http.StatusBadGateway, "<html>bad gateway</html>")
			}
		}, "it answers 502 Bad Gateway", 1},
		{"another service", func(s *service) {
			s.answers = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }
		}, "is x-deploy.sentry.url right?", 1},
		{"elsewhere", func(s *service) {
			s.answers = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://elsewhere.invalid/", http.StatusFound)
			}
		}, "it answers 302 Found", 1},
		{"gone", func(s *service) { s.Close() }, "connection refused", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newService(t)
			test.ready(s)
			_, _, err := s.tracker().NewIssues(t.Context(), "v1/1.0", time.Now())
			if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("it says %v", err)
			}
			if len(s.asked) != test.asked {
				t.Errorf("it was asked %v", s.asked)
			}
		})
	}
	t.Run("hanging", func(t *testing.T) {
		s := newService(t)
		s.answers = func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only behind that the server sees the client go
			<-r.Context().Done()
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { cancel(errors.New("time is up")) })
		if err := s.tracker().Register(ctx, notice()); err == nil || !strings.Contains(err.Error(), "no answer in time") {
			t.Errorf("it says %v", err)
		}
	})
}
