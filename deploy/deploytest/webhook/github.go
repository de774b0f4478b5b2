package webhook

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// GitHub is a server with the part of GitHub's API that deployments and checks
// need.
type GitHub struct {
	*Server
	// Repository is the one it has, Token the one that may write there.
	Repository, Token string
	// Runs and Statuses are those that every commit has.
	Runs     []Run
	Statuses map[string]string
}

// Run is a check run, as GitHub gives it.
type Run struct {
	Name       string `json:"name"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion,omitempty"`
	DetailsURL string `json:"details_url"`
}

// NewGitHub starts a server with one repository.
func NewGitHub(t testing.TB) *GitHub {
	t.Helper()
	g := &GitHub{Repository: "freezedesign/shop", Token: "ghs_" + Secret}
	g.Server = start(t, &Server{
		take: g.take,
		refuse: func(w http.ResponseWriter, err error) {
			answer(w, http.StatusUnprocessableEntity, fmt.Sprintf(`{"message": "Validation Failed", "errors": [{"message": %q}]}`, err.Error()))
		},
	})
	return g
}

// deployment is the body of "Create a deployment", as GitHub documents it.
type deployment struct {
	Ref                   string    `json:"ref"`
	Task                  string    `json:"task"`
	AutoMerge             *bool     `json:"auto_merge"`
	RequiredContexts      *[]string `json:"required_contexts"`
	Payload               any       `json:"payload"`
	Environment           string    `json:"environment"`
	Description           string    `json:"description"`
	TransientEnvironment  *bool     `json:"transient_environment"`
	ProductionEnvironment *bool     `json:"production_environment"`
}

// deploymentStatus is that of "Create a deployment status".
type deploymentStatus struct {
	State          string `json:"state"`
	TargetURL      string `json:"target_url"`
	LogURL         string `json:"log_url"`
	Description    string `json:"description"`
	Environment    string `json:"environment"`
	EnvironmentURL string `json:"environment_url"`
	AutoInactive   *bool  `json:"auto_inactive"`
}

var states = regexp.MustCompile(`^(error|failure|inactive|in_progress|queued|pending|success)$`)

var fullCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

func (g *GitHub) take(w http.ResponseWriter, r *http.Request, body []byte) error {
	if r.Header.Get("Authorization") != "Bearer "+g.Token {
		answer(w, http.StatusUnauthorized, `{"message": "Bad credentials"}`)
		return nil
	}
	if r.Method == http.MethodGet {
		return g.read(w, r)
	}
	if err := posted(r); err != nil {
		return err
	}
	if !strings.Contains(r.Header.Get("Accept"), "application/vnd.github") || r.Header.Get("X-GitHub-Api-Version") == "" {
		return fmt.Errorf("accepts %q of version %q", r.Header.Get("Accept"), r.Header.Get("X-GitHub-Api-Version"))
	}
	deployments := "/repos/" + g.Repository + "/deployments"
	if r.URL.Path == deployments {
		if err := checkDeployment(body); err != nil {
			return err
		}
		answer(w, http.StatusCreated, fmt.Sprintf(`{"id": %d, "url": %q}`, g.begun()+1, g.Address+r.URL.Path+"/1"))
		return nil
	}
	number, found := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, deployments+"/"), "/statuses")
	if id, err := strconv.Atoi(number); !found || err != nil || id < 1 || id > g.begun() {
		return fmt.Errorf("there is nothing at %s", r.URL.Path)
	}
	if err := checkStatus(body); err != nil {
		return err
	}
	answer(w, http.StatusCreated, `{"id": 1}`)
	return nil
}

// pageOf is how many entries the server gives at once: few, so that whoever reads
// has to turn the page.
const pageOf = 2

// read answers "List check runs for a Git reference" and "Get the combined status
// for a specific reference".
func (g *GitHub) read(w http.ResponseWriter, r *http.Request) error {
	commit, what, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/repos/"+g.Repository+"/commits/"), "/")
	if !fullCommit.MatchString(commit) {
		return fmt.Errorf("%q is no whole commit", commit)
	}
	page, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("page"), "1"))
	if per := r.URL.Query().Get("per_page"); err != nil || per != "100" {
		return fmt.Errorf("page %q of %q entries", r.URL.Query().Get("page"), per)
	}
	var entries []any
	key := "check_runs"
	switch what {
	case "check-runs":
		for _, run := range g.Runs {
			entries = append(entries, run)
		}
	case "status":
		key = "statuses"
		for _, name := range slices.Sorted(maps.Keys(g.Statuses)) {
			entries = append(entries, map[string]string{"context": name, "state": g.Statuses[name]})
		}
	default:
		return fmt.Errorf("there is nothing at %s", r.URL.Path)
	}
	count, from := len(entries), min((page-1)*pageOf, len(entries))
	entries = entries[from:min(from+pageOf, count)]
	if from+len(entries) < count {
		next := *r.URL
		query := next.Query()
		query.Set("page", strconv.Itoa(page+1))
		next.RawQuery = query.Encode()
		w.Header().Set("Link", fmt.Sprintf("<%s%s>; rel=\"next\"", g.Address, next.String()))
	}
	content, err := json.Marshal(map[string]any{"total_count": count, key: entries})
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, string(content))
	return nil
}

// begun is how many deployments there are.
func (g *GitHub) begun() int {
	count := 0
	for _, message := range g.Messages() {
		if strings.HasSuffix(message.Path, "/deployments") {
			count++
		}
	}
	return count
}

func checkDeployment(body []byte) error {
	var d deployment
	if err := decode(body, &d); err != nil {
		return err
	}
	c := &checker{}
	c.require(fullCommit.MatchString(d.Ref), "ref %q is no whole commit", d.Ref)
	c.text("environment", d.Environment, 255, true)
	c.text("description", d.Description, 140, false)
	c.require(d.AutoMerge != nil && !*d.AutoMerge, "auto_merge is on, as it is by default")
	c.require(d.RequiredContexts != nil && len(*d.RequiredContexts) == 0, "required_contexts is not empty: all checks would have to be green")
	c.require(d.TransientEnvironment != nil && !*d.TransientEnvironment, "transient_environment")
	c.require(d.ProductionEnvironment != nil, "production_environment is not said")
	return errors.Join(c.errs...)
}

func checkStatus(body []byte) error {
	var s deploymentStatus
	if err := decode(body, &s); err != nil {
		return err
	}
	c := &checker{}
	c.require(states.MatchString(s.State), "state %q", s.State)
	c.text("description", s.Description, 140, false)
	c.link("log_url", s.LogURL)
	c.link("environment_url", s.EnvironmentURL)
	return errors.Join(c.errs...)
}
