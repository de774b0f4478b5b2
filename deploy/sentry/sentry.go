// Package sentry tells Sentry of releases and asks it for new issues, over its
// HTTP interface.
package sentry

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Tracker is one project of an organization. It is a deploy.ErrorTracker.
type Tracker struct {
	settings deploy.Sentry
	client   *http.Client
}

var _ deploy.ErrorTracker = (*Tracker)(nil)

// New makes a tracker of the project that the settings name. Nothing is asked
// yet.
func New(settings deploy.Sentry) *Tracker {
	return &Tracker{settings: settings, client: &http.Client{
		// A redirect would take the token elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// releaseRequest and deployRequest are what Sentry calls a release and a deploy
// of it.
type releaseRequest struct {
	Version      string   `json:"version"`
	Projects     []string `json:"projects"`
	Ref          string   `json:"ref,omitempty"`
	Refs         []ref    `json:"refs,omitempty"`
	DateReleased string   `json:"dateReleased"`
}

type ref struct {
	Repository string `json:"repository"`
	Commit     string `json:"commit"`
}

type deployRequest struct {
	Environment  string   `json:"environment"`
	Projects     []string `json:"projects"`
	DateStarted  string   `json:"dateStarted"`
	DateFinished string   `json:"dateFinished"`
}

// Register makes the release known, as one that is released, and a deploy of
// it to the environment. A release that is known already stays.
func (t *Tracker) Register(ctx context.Context, notice deploy.ReleaseNotice) error {
	release := releaseRequest{
		Version: notice.Version, Projects: []string{t.settings.Project}, Ref: notice.Commit, DateReleased: stamp(notice.Finished),
	}
	if repository := repositoryName(notice.Repository); repository != "" && notice.Commit != "" {
		release.Refs = []ref{{Repository: repository, Commit: notice.Commit}}
	}
	path := t.organization() + "/releases/"
	_, err := t.ask(ctx, http.MethodPost, path, release, nil)
	if refused(err, http.StatusBadRequest) && release.Refs != nil {
		// Sentry takes commits only of repositories that it was connected with.
		release.Refs = nil
		_, err = t.ask(ctx, http.MethodPost, path, release, nil)
	}
	if err != nil {
		return err
	}
	_, err = t.ask(ctx, http.MethodPost, path+url.PathEscape(notice.Version)+"/deploys/", deployRequest{
		Environment: notice.Environment, Projects: release.Projects,
		DateStarted: stamp(notice.Started), DateFinished: stamp(notice.Finished),
	}, nil)
	return err
}

// issue is one of Sentry's, as far as it is looked at. Its count is a text.
type issue struct {
	Title     string    `json:"title"`
	Culprit   string    `json:"culprit"`
	Permalink string    `json:"permalink"`
	Count     string    `json:"count"`
	FirstSeen time.Time `json:"firstSeen"`
}

// pages bounds how many pages of issues are read, of a hundred each.
const pages = 5

// NewIssues lists the issues that were first seen in the version and since
// then, the newest first.
func (t *Tracker) NewIssues(ctx context.Context, version string, since time.Time) ([]deploy.Issue, int, error) {
	query := url.Values{
		"query":       {"firstRelease:" + strconv.Quote(version) + " firstSeen:>=" + since.UTC().Format("2006-01-02T15:04:05")},
		"sort":        {"new"},
		"statsPeriod": {""},
		"limit":       {"100"},
	}
	path := "/api/0/projects/" + url.PathEscape(t.settings.Organization) + "/" + url.PathEscape(t.settings.Project) + "/issues/"
	var found []deploy.Issue
	for range pages {
		var page []issue
		head, err := t.ask(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &page)
		if err != nil {
			return nil, 0, err
		}
		for _, one := range page {
			if one.FirstSeen.Before(since.Truncate(time.Second)) {
				continue // one that looks to the day would give more than was asked
			}
			count, _ := strconv.Atoi(one.Count)
			found = append(found, deploy.Issue{Title: one.Title, Where: one.Culprit, Link: one.Permalink, Count: count, FirstSeen: one.FirstSeen})
		}
		cursor := nextCursor(head.Get("Link"))
		if cursor == "" {
			return found, 0, nil
		}
		query.Set("cursor", cursor)
	}
	return found, 1, nil
}

// nextCursor reads where the next page begins. Of the address in the header
// only that is taken: the token goes nowhere else.
func nextCursor(link string) string {
	for part := range strings.SplitSeq(link, ",") {
		address, rest, _ := strings.Cut(strings.TrimSpace(part), ">")
		if !strings.Contains(rest, `rel="next"`) || !strings.Contains(rest, `results="true"`) {
			continue
		}
		parsed, err := url.Parse(strings.TrimPrefix(address, "<"))
		if err != nil {
			return ""
		}
		return parsed.Query().Get("cursor")
	}
	return ""
}

func (t *Tracker) organization() string {
	return "/api/0/organizations/" + url.PathEscape(t.settings.Organization)
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// repositoryName is how Sentry calls a repository: "freezedesign/shop".
func repositoryName(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.Trim(parsed.Path, "/"), ".git")
}
