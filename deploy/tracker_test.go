package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

// tracker answers what it has, or hangs.
type tracker struct {
	issues     []deploy.Issue
	err        error
	hangs      bool
	registered []deploy.ReleaseNotice
	since      time.Time
}

func (t *tracker) Register(ctx context.Context, notice deploy.ReleaseNotice) error {
	if t.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	t.registered = append(t.registered, notice)
	return t.err
}

func (t *tracker) NewIssues(ctx context.Context, _ string, since time.Time) ([]deploy.Issue, int, error) {
	if t.hangs {
		<-ctx.Done()
		return nil, 0, ctx.Err()
	}
	t.since = since
	return t.issues, 0, t.err
}

const sentryLine = "  sentry: {organization: freezedesign, project: shop, token: sntrys_secret LIMIT}\n"

func TestWhatAReleaseTellsOfItsErrors(t *testing.T) {
	issue := deploy.Issue{Title: "KeyError: 'price'", Where: "orders.views", Count: 7}
	many := make([]deploy.Issue, 8)
	traceback := "Traceback (most recent call last):\n  File \"a.py\"\nKeyError: 'price'\n"
	for _, test := range []struct {
		name, limit, watch, logs string
		tracker                  tracker
		// warns are all warnings, says what the failure says where it is taken back.
		warns []string
		says  string
	}{
		{name: "nothing"},
		{name: "issues that are only told", tracker: tracker{issues: []deploy.Issue{issue}}, warns: []string{"new in Sentry: KeyError: 'price' in orders.views, 7 times"}},
		{name: "more issues than are shown", tracker: tracker{issues: many}, warns: []string{"new in", "new in", "new in", "new in", "new in", "Sentry has 3 more new issues of v2"}},
		{name: "too many issues", limit: ", new_issues: 0", tracker: tracker{issues: []deploy.Issue{issue}}, warns: []string{"new in Sentry"}, says: "watch: Sentry has 1 new issue of v2, which crosses 0 (x-deploy.sentry.new_issues), such as: new in Sentry: KeyError"},
		{name: "few enough", limit: ", new_issues: 1", tracker: tracker{issues: []deploy.Issue{issue}}, warns: []string{"new in Sentry"}},
		{name: "a tracker that fails", limit: ", new_issues: 0", tracker: tracker{err: errors.New("it answers 502")}, warns: []string{"Sentry was not asked for new issues: it answers 502", "the release was not registered at Sentry: it answers 502"}},
		{name: "a tracker that hangs", limit: ", new_issues: 0", tracker: tracker{hangs: true}, warns: []string{"Sentry was not asked", "the release was not registered"}},
		{name: "tracebacks that are only told", logs: traceback, warns: []string{"shop-backend-3 logged 1 × Python KeyError: KeyError: 'price'", "shop-backend-4 logged"}},
		{name: "too many tracebacks", logs: traceback, watch: "  watch: {tracebacks: 1}\n", warns: []string{"shop-backend-3", "shop-backend-4"}, says: "watch: the new containers logged 2 tracebacks, which crosses 1 (x-deploy.watch.tracebacks), such as: KeyError: 'price'"},
		{name: "few enough tracebacks", logs: traceback, watch: "  watch: {tracebacks: 2}\n", warns: []string{"shop-backend-3", "shop-backend-4"}},
	} {
		in(t, test.name, func(t *testing.T, s *site) {
			asked := &test.tracker
			s.deploy.Tracker = func(settings deploy.Sentry) deploy.ErrorTracker {
				if settings.Token != "sntrys_secret" || settings.URL != "https://sentry.io" {
					t.Errorf("opened with %+v", settings)
				}
				return asked
			}
			v1 := s.serve(shop, "v1")
			s.Behaviours["backend:v2"] = fake.Behaviour{Logs: test.logs}
			compose := shop + test.watch + strings.Replace(sentryLine, " LIMIT", test.limit, 1)
			v2 := release(t, compose, "v2")
			v2.Background = &deploy.Background{Commit: "4f0c2d1", Repository: "https://github.com/freezedesign/shop"}
			began := time.Now()
			report, err := s.deploy.Rollout(t.Context(), v2, deploy.Options{})
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) || report.Outcome != deploy.OutcomeRolledBack {
					t.Errorf("%q: %v", report.Outcome, err)
				}
				s.atRest(v1)
			} else {
				if err != nil {
					t.Fatal(err)
				}
				s.atRest(v2)
			}
			if len(report.Warnings) != len(test.warns) {
				t.Fatalf("it warns of %q", report.Warnings)
			}
			for at, want := range test.warns {
				if !strings.HasPrefix(report.Warnings[at], want) {
					t.Errorf("it warns of %q, wanted %q", report.Warnings[at], want)
				}
			}
			if asked.since != began && !asked.hangs && !strings.Contains(test.says, "traceback") {
				t.Errorf("asked for issues since %s, begun at %s", asked.since, began)
			}
			if test.says == "" && !asked.hangs {
				if len(asked.registered) != 1 || asked.registered[0].Version != "v2" || asked.registered[0].Commit != "4f0c2d1" || asked.registered[0].Started != began {
					t.Errorf("registered %+v", asked.registered)
				}
			} else if len(asked.registered) > 0 {
				t.Error("a release that was taken back was registered")
			}
			if text := fmt.Sprintf("%v %+v %#v", s.texts(deploy.EventNote), v2.Environment.Settings.Sentry, *v2.Environment.Settings.Sentry); strings.Contains(text, "sntrys_secret") {
				t.Errorf("the token is shown: %s", text)
			}
		})
	}
}
