package notify

import (
	"context"
	"slices"
	"strings"

	"github.com/google/go-github/v89/github"
)

// CheckState is how a check of a commit ended.
type CheckState string

// The states. What was skipped or is neutral is green, too: it holds nothing up
// on GitHub either.
const (
	CheckGreen   CheckState = "green"
	CheckPending CheckState = "pending"
	CheckRed     CheckState = "red"
)

// Check is one check run of a commit, or one status that an older service set.
type Check struct {
	Name  string
	State CheckState
	// Said is GitHub's own word for it: "timed_out".
	Said string
}

// perPage is as many as GitHub gives at once, and mostPages bounds how often it
// is asked.
const (
	perPage   = 100
	mostPages = 10
)

// Checks gives the newest of each check and status of a commit. Those of the
// workflow run with that number are left out: a job that deploys cannot wait
// for its own end.
func (g *GitHub) Checks(ctx context.Context, commit, ownRun string) ([]Check, error) {
	ctx, cancel := context.WithTimeout(ctx, Bound)
	defer cancel()
	asking := purpose{what: "GitHub's checks of " + g.owner + "/" + g.name + " cannot be read", right: "checks: read, statuses: read", commit: commit}
	var checks []Check
	options := &github.ListCheckRunsOptions{Filter: new("latest"), ListOptions: github.ListOptions{PerPage: perPage}}
	for range mostPages {
		page, response, err := g.client.Checks.ListCheckRunsForRef(ctx, g.owner, g.name, commit, options)
		if err != nil {
			return nil, asking.explain(ctx, err)
		}
		for _, run := range page.CheckRuns {
			if ownRun == "" || !strings.Contains(run.GetDetailsURL()+"/", "/actions/runs/"+ownRun+"/") {
				checks = append(checks, checkOf(run))
			}
		}
		if options.Page = response.NextPage; options.Page == 0 {
			break
		}
	}
	paging := &github.ListOptions{PerPage: perPage}
	for range mostPages {
		combined, response, err := g.client.Repositories.GetCombinedStatus(ctx, g.owner, g.name, commit, paging)
		if err != nil {
			return nil, asking.explain(ctx, err)
		}
		for _, status := range combined.Statuses {
			checks = append(checks, Check{Name: clean(status.GetContext()), State: statusOf(status.GetState()), Said: clean(status.GetState())})
		}
		if paging.Page = response.NextPage; paging.Page == 0 {
			break
		}
	}
	slices.SortStableFunc(checks, func(a, b Check) int { return strings.Compare(a.Name, b.Name) })
	return checks, nil
}

func checkOf(run *github.CheckRun) Check {
	check := Check{Name: clean(run.GetName()), Said: clean(run.GetStatus()), State: CheckPending}
	if run.GetStatus() != "completed" {
		return check
	}
	check.Said, check.State = clean(run.GetConclusion()), CheckRed
	if slices.Contains([]string{"success", "neutral", "skipped"}, run.GetConclusion()) {
		check.State = CheckGreen
	}
	return check
}

func statusOf(state string) CheckState {
	switch state {
	case "success":
		return CheckGreen
	case "pending":
		return CheckPending
	default:
		return CheckRed
	}
}
