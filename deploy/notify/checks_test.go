package notify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest/webhook"
)

func TestChecksOfACommit(t *testing.T) {
	server := webhook.NewGitHub(t)
	server.Runs = []webhook.Run{
		{Name: "test", Status: "completed", Conclusion: "success"},
		{Name: "docs", Status: "completed", Conclusion: "skipped"},
		{Name: "lint", Status: "in_progress"},
		{Name: "deploy", Status: "in_progress", DetailsURL: "https://github.com/freezedesign/shop/actions/runs/77/job/1"},
		{Name: "slow", Status: "completed", Conclusion: "timed_out", DetailsURL: "https://github.com/freezedesign/shop/actions/runs/7/job/2"},
	}
	server.Statuses = map[string]string{"coverage": "failure", "review": "pending", "licences": "success"}
	server.Next(webhook.Fail(502, ""), webhook.TooMany(0.3))
	github, err := newGitHub(GitHubOptions{Repository: server.Repository, API: server.Address, Token: server.Token}, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	checks, err := github.Checks(t.Context(), deployment.Commit, "77")
	if err != nil {
		t.Fatal(err)
	}
	want := []Check{
		{"coverage", CheckRed, "failure"}, {"docs", CheckGreen, "skipped"}, {"licences", CheckGreen, "success"}, {"lint", CheckPending, "in_progress"},
		{"review", CheckPending, "pending"}, {"slow", CheckRed, "timed_out"}, {"test", CheckGreen, "success"},
	}
	if !slices.Equal(checks, want) {
		t.Errorf("the checks are\n%v\nnot\n%v", checks, want)
	}
	server.Next(webhook.Fail(403, `{"message": "Resource not accessible by integration"}`))
	_, err = github.Checks(t.Context(), deployment.Commit, "")
	if err == nil || !strings.Contains(err.Error(), "checks: read, statuses: read") || strings.Contains(err.Error(), webhook.Secret) {
		t.Errorf("the error: %v", err)
	}
}
