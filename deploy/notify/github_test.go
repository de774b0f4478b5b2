package notify

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest/webhook"
)

func contextOf(t *testing.T, limit time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), limit)
}

var deployment = Deployment{
	Commit: strings.Repeat("4f0c2d1a", 5), Environment: "production", Production: true, Text: "deploy:production v1.16.0",
	Address: "https://shop.example", Log: "https://github.com/freezedesign/shop/actions/runs/7",
}

func TestGitHubIsToldInOrder(t *testing.T) {
	server := webhook.NewGitHub(t)
	server.Next(webhook.Fail(502, ""), webhook.TooMany(0.3))
	list, err := newGitHub(GitHubOptions{Repository: server.Repository, API: server.Address, Token: server.Token}, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	number, err := list.Begin(t.Context(), deployment)
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []State{Success, Failure, Errored, Inactive} {
		if err := list.Tell(t.Context(), number, deployment, state); err != nil {
			t.Error(err)
		}
	}
	messages := server.Take()
	if len(messages) != 6 {
		t.Fatalf("%d messages were taken", len(messages))
	}
	golden(t, "github-deployment", messages[:1])
	golden(t, "github-in-progress", messages[1:2])
	golden(t, "github-success", messages[2:3])
}

func TestGitHubThatFails(t *testing.T) {
	for _, test := range []struct {
		name, token string
		next        []webhook.Behaviour
		says        string
	}{
		{name: "may not", next: []webhook.Behaviour{webhook.Fail(403, `{"message": "Resource not accessible by integration"}`)}, says: "permissions: {deployments: write}"},
		{name: "does not see it", next: []webhook.Behaviour{webhook.Fail(404, `{"message": "Not Found"}`)}, says: "permissions: {deployments: write}"},
		{name: "is not pushed", next: []webhook.Behaviour{webhook.Fail(422, `{"message": "No ref found for: 4f0c"}`)}, says: "is the commit 4f0c2d1a4f0c pushed?"},
		{name: "wrong token", token: "ghs_wrong", says: "401 Bad credentials: the token is not valid"},
		{name: "is down", next: []webhook.Behaviour{webhook.Fail(500, ""), webhook.Fail(500, ""), webhook.Fail(500, ""), webhook.Fail(500, "")}, says: "was not told: 500"},
		{name: "is gone", next: []webhook.Behaviour{webhook.Drop, webhook.Drop, webhook.Drop, webhook.Drop}, says: "was not told: EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := webhook.NewGitHub(t)
			server.Next(test.next...)
			token := server.Token
			if test.token != "" {
				token = test.token
			}
			list, err := newGitHub(GitHubOptions{Repository: server.Repository, API: server.Address, Token: token}, time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			_, err = list.Begin(t.Context(), deployment)
			if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), webhook.Secret) {
				t.Errorf("the error: %v\nwanted: %s", err, test.says)
			}
		})
	}
}

func TestGitHubOptionsThatCannotBeRight(t *testing.T) {
	for _, options := range []GitHubOptions{
		{Repository: "shop", Token: "x"}, {Repository: "a/b/c", Token: "x"}, {Repository: "a/b", Token: "x", API: "http://github.example/api/v3"}, {Repository: "a/b"},
	} {
		if _, err := NewGitHub(options); err == nil {
			t.Errorf("%+v was taken", options)
		}
	}
}
