package deploy

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// ErrorTracker is told of releases, and asked for the issues that are new.
type ErrorTracker interface {
	// Register tells it that a release serves an environment.
	Register(ctx context.Context, notice ReleaseNotice) error
	// NewIssues gives those that were first seen in the version since then, the
	// newest first, and how many more there are at least.
	NewIssues(ctx context.Context, version string, since time.Time) (issues []Issue, more int, err error)
}

// ReleaseNotice is what an error tracker is told of a release.
type ReleaseNotice struct {
	Version     string
	Environment string
	// Commit and Repository are empty where they are not known.
	Commit, Repository string
	Started, Finished  time.Time
}

// Issue is an error that the tracker groups events under.
type Issue struct {
	Title string
	// Where is the code that it comes from, and Link its page.
	Where, Link string
	Count       int
	FirstSeen   time.Time
}

// DefaultSentryURL is Sentry's own service.
const DefaultSentryURL = "https://sentry.io"

// Sentry is x-deploy.sentry: where it is, and what it may have to say.
type Sentry struct {
	// URL is the server's address.
	URL string `mapstructure:"url"`
	// Organization is its short name, as in Sentry's addresses.
	Organization string `mapstructure:"organization"`
	// Project is its short name, as in Sentry's addresses.
	Project string `mapstructure:"project"`
	// Token needs the scopes project:releases and event:read. Without one Sentry
	// is left alone: "${SENTRY_AUTH_TOKEN:-}".
	Token Secret `mapstructure:"token"`
	// NewIssues is how many new issues a release may have at the end of its
	// watch. Without it they are only warned of.
	NewIssues *int `mapstructure:"new_issues"`
}

// Secret is a text that is never shown.
type Secret string

// String hides it.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(hidden)"
}

// GoString hides it, too.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides it from whatever writes settings.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s *Sentry) setDefaults() { s.URL = strings.TrimRight(cmp.Or(s.URL, DefaultSentryURL), "/") }

func checkSentry(s *Sentry, mistakes *Mistakes) {
	if s == nil {
		return
	}
	path := ExtensionKey + ".sentry"
	if address, err := url.Parse(s.URL); err != nil || address.Host == "" || !strings.HasPrefix(address.Scheme, "http") {
		mistakes.add(path+".url", "is %q; allowed: an http:// or https:// address", s.URL)
	}
	if s.Organization == "" {
		mistakes.add(path+".organization", "is missing: its short name, as in Sentry's addresses")
	}
	if s.Project == "" {
		mistakes.add(path+".project", "is missing: its short name, as in Sentry's addresses")
	}
	if s.NewIssues != nil && *s.NewIssues < 0 {
		mistakes.add(path+".new_issues", "is %d; allowed: 0 or more; leave it out to be warned only", *s.NewIssues)
	}
}

// trackerTimeout bounds what is asked of an error tracker at one time.
const trackerTimeout = 20 * time.Second

// tracker opens the release's error tracker; nil where there is none to ask.
func (r *runner) tracker() ErrorTracker {
	settings := r.plan.To.Environment.Settings.Sentry
	if settings == nil || settings.Token == "" || r.Tracker == nil {
		return nil
	}
	return r.Tracker(*settings)
}

// askTracker warns of the issues that are new since the command began, and
// fails where there are more than x-deploy.sentry.new_issues allows. One that
// does not answer holds nothing up.
func (r *runner) askTracker(ctx context.Context) error {
	tracker := r.tracker()
	if tracker == nil {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, trackerTimeout)
	defer cancel()
	issues, more, err := tracker.NewIssues(limited, r.plan.To.Version, r.report.Started)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		r.warn("Sentry was not asked for new issues: %v", err)
		return nil
	}
	for at, issue := range issues {
		if at == shownIssues {
			break
		}
		r.warn("%s", issue)
	}
	count := len(issues) + more
	if count > shownIssues {
		r.warn("Sentry has %d more new issues of %s", count-shownIssues, r.plan.To)
	}
	if allowed := r.plan.To.Environment.Settings.Sentry.NewIssues; allowed != nil && count > *allowed {
		return fmt.Errorf("watch: Sentry has %s of %s, which crosses %d (x-deploy.sentry.new_issues), such as: %s",
			Plural(count, "new issue"), r.plan.To, *allowed, issues[0])
	}
	return nil
}

// shownIssues is how many issues are shown.
const shownIssues = 5

// String is the issue on a line.
func (i Issue) String() string {
	text := "new in Sentry: " + clip(Visible(i.Title), exampleWidth)
	if i.Where != "" {
		text += " in " + clip(Visible(i.Where), exampleWidth)
	}
	if i.Count > 1 {
		text += fmt.Sprintf(", %d times", i.Count)
	}
	if i.Link != "" {
		text += " " + clip(Visible(i.Link), exampleWidth)
	}
	return text
}

// register tells the error tracker that the release serves. That it cannot is
// said, and changes nothing.
func (r *runner) register(ctx context.Context) error {
	tracker := r.tracker()
	if tracker == nil {
		r.note("x-deploy.sentry.token is empty: Sentry is not told")
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, trackerTimeout)
	defer cancel()
	notice := ReleaseNotice{
		Version: r.plan.To.Version, Environment: r.plan.Environment, Commit: r.plan.To.Commit(),
		Started: r.report.Started, Finished: time.Now(),
	}
	if r.plan.To.Background != nil {
		notice.Repository = r.plan.To.Background.Repository
	}
	if err := tracker.Register(limited, notice); err != nil {
		r.warn("the release was not registered at Sentry: %v", err)
	}
	return nil
}
