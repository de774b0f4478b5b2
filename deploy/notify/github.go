package notify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v89/github"
)

// State is how a deployment stands in GitHub's list.
type State string

// The states that are used of those that GitHub has.
const (
	InProgress State = "in_progress"
	Success    State = "success"
	// Failure is a release that did not come to serve, Errored what a person has
	// to look at.
	Failure State = "failure"
	Errored State = "error"
	// Inactive is a deployment that did not take place.
	Inactive State = "inactive"
)

// GitHubOptions say whose list a deployment stands in.
type GitHubOptions struct {
	// Repository is "freezedesign/shop".
	Repository string
	// API is the address of GitHub's API; that of github.com where empty.
	API   string
	Token string
}

// Deployment is one entry of the list.
type Deployment struct {
	// Commit is what is deployed.
	Commit      string
	Environment string
	Production  bool
	// Text says what it is, in at most 140 characters.
	Text string
	// Address is the environment's, Log where its output is read; both may be
	// empty.
	Address, Log string
}

// GitHub is a repository's list of deployments.
type GitHub struct {
	owner, name string
	client      *github.Client
}

// NewGitHub opens a list. Nothing is reached by it.
func NewGitHub(options GitHubOptions) (*GitHub, error) {
	return newGitHub(options, firstPause)
}

func newGitHub(options GitHubOptions, first time.Duration) (*GitHub, error) {
	owner, name, found := strings.Cut(options.Repository, "/")
	if !found || owner == "" || name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("%q is no repository of GitHub's: it is OWNER/NAME", options.Repository)
	}
	settings := []github.ClientOptionsFunc{
		github.WithTransport(patient{next: http.DefaultTransport, first: first}),
		github.WithAuthToken(options.Token), github.WithUserAgent(userAgent),
	}
	if options.API != "" {
		parsed, err := url.Parse(options.API)
		if err != nil || !isPrivate(parsed) {
			return nil, fmt.Errorf("%q is no https:// address of GitHub's API, and the token is not sent in the clear", options.API)
		}
		base := strings.TrimRight(options.API, "/") + "/"
		settings = append(settings, github.WithURLs(&base, nil))
	}
	client, err := github.NewClient(settings...)
	if err != nil {
		return nil, fmt.Errorf("open GitHub's list of deployments: %w", err)
	}
	return &GitHub{owner: owner, name: name, client: client}, nil
}

// longestDescription is what GitHub takes of a description.
const longestDescription = 140

// Begin puts a deployment into the list, and gives its number.
func (g *GitHub) Begin(ctx context.Context, d Deployment) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, Bound)
	defer cancel()
	created, _, err := g.client.Repositories.CreateDeployment(ctx, g.owner, g.name, github.DeploymentRequest{
		Ref: d.Commit, Environment: &d.Environment, Description: new(describe(d.Text)),
		AutoMerge: new(false), RequiredContexts: []string{}, // what is deployed is decided already
		TransientEnvironment: new(false), ProductionEnvironment: &d.Production,
	})
	if err != nil {
		return 0, g.explain(ctx, d, err)
	}
	return created.GetID(), g.Tell(ctx, created.GetID(), d, InProgress)
}

// Tell says how a deployment stands.
func (g *GitHub) Tell(ctx context.Context, number int64, d Deployment, state State) error {
	ctx, cancel := context.WithTimeout(ctx, Bound)
	defer cancel()
	status := github.DeploymentStatusRequest{State: string(state), Description: new(describe(d.Text))}
	if link := webLink(d.Address); link != "" {
		status.EnvironmentURL = &link
	}
	if link := webLink(d.Log); link != "" {
		status.LogURL = &link
	}
	if _, _, err := g.client.Repositories.CreateDeploymentStatus(ctx, g.owner, g.name, number, status); err != nil {
		return g.explain(ctx, d, err)
	}
	return nil
}

func describe(text string) string {
	return fit(clean(text), longestDescription, func(r rune) string { return string(r) })
}

func (g *GitHub) explain(ctx context.Context, d Deployment, err error) error {
	return purpose{
		what: "GitHub's list of deployments of " + g.owner + "/" + g.name + " was not told", right: "deployments: write", commit: d.Commit,
	}.explain(ctx, err)
}

// purpose is what GitHub is asked for: what does not come about without it, the
// right that it takes, and the commit that it is about.
type purpose struct{ what, right, commit string }

// explain says what to do about an answer of GitHub's.
func (p purpose) explain(ctx context.Context, err error) error {
	status := 0
	text := err.Error()
	if answer, ok := errors.AsType[*github.ErrorResponse](err); ok && answer.Response != nil {
		status = answer.Response.StatusCode
		text = fmt.Sprintf("%d %s", status, clean(answer.Message))
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		text = wrapped.Err.Error()
	}
	switch {
	case ctx.Err() != nil:
		text = "it did not answer in time"
	case status == http.StatusForbidden || status == http.StatusNotFound:
		text += ": the token may not do so: say `permissions: {" + p.right + "}` in the workflow, or give the token that right"
	case status == http.StatusUnauthorized:
		text += ": the token is not valid, or not any more"
	case status == http.StatusUnprocessableEntity || status == http.StatusConflict:
		text += fmt.Sprintf(": is the commit %.12s pushed?", p.commit)
	}
	return fmt.Errorf("%s: %s", p.what, text)
}
