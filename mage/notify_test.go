//go:build integration

package mage_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/webhook"
)

// notifySection tells both services, by variables of .env.
const notifySection = `  directory: deployed
  notify: {discord: "${DISCORD_WEBHOOK_URL:-}", slack: "${SLACK_WEBHOOK_URL:-}", address: "https://test.shop.example"}
`

// heard are the services that an application tells, and all that commands said.
type heard struct {
	*app
	discord, slack *webhook.Server
	said           strings.Builder
}

func newHeard(t *testing.T) *heard {
	t.Helper()
	h := &heard{app: newApp(t), discord: webhook.NewDiscord(t), slack: webhook.NewSlack(t)}
	h.settings = []string{"DISCORD_WEBHOOK_URL=" + h.discord.Address, "SLACK_WEBHOOK_URL=" + h.slack.Address}
	h.configure()
	h.edit("  directory: deployed\n", notifySection)
	return h
}

// run runs a command to its end, which has to be that one.
func (h *heard) run(t *testing.T, status int, args ...string) string {
	t.Helper()
	return h.over(t, h.Start(append(args, "-env=test")...), status)
}

func (h *heard) over(t *testing.T, command *deploytest.Command, status int) string {
	t.Helper()
	result := command.Wait()
	t.Logf("%v: status %d\n%s", result.Args, result.Status, result.Output)
	h.said.WriteString(result.Output)
	ended(t, result, status)
	return result.Output
}

// told takes what both services were told since the last look, and checks that
// each of the texts is in the notice in whose place it stands.
func (h *heard) told(t *testing.T, notices ...[]string) {
	t.Helper()
	for name, server := range map[string]*webhook.Server{"Discord": h.discord, "Slack": h.slack} {
		messages := server.Take()
		if len(messages) != len(notices) {
			t.Errorf("%s was told %d times, wanted %d", name, len(messages), len(notices))
			continue
		}
		for at, texts := range notices {
			shown := readable(t, messages[at].Body)
			for _, text := range texts {
				if !strings.Contains(shown, text) {
					t.Errorf("%s: notice %d does not say %q:\n%s", name, at+1, text, shown)
				}
			}
		}
	}
}

// readable gives all texts of a message as people see them.
func readable(t *testing.T, body []byte) string {
	t.Helper()
	var message any
	if err := json.Unmarshal(body, &message); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	var walk func(any)
	walk = func(part any) {
		switch part := part.(type) {
		case string:
			out.WriteString(part + "\n")
		case []any:
			for _, one := range part {
				walk(one)
			}
		case map[string]any:
			for _, one := range part {
				walk(one)
			}
		}
	}
	walk(message)
	return strings.NewReplacer("\u200b", "", `\`, "", "&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(out.String())
}

// TestPeopleAreTold tells Discord and Slack of one command after the other.
func TestPeopleAreTold(t *testing.T) {
	alongside(t, apps)
	h := newHeard(t)
	h.release("v1")
	h.release("v2")
	h.release("bad", "APP_EXIT_AFTER=100ms", "APP_BOOT=1m")
	t.Run("nobody of a plan", func(t *testing.T) {
		h.run(t, 0, "deploy:here", "v1", "-plan")
		h.told(t)
	})
	t.Run("a first deploy", func(t *testing.T) {
		h.run(t, 0, "deploy:here", "v1")
		h.told(t, []string{"the deploy of v1 on test has begun"}, []string{"v1 serves on test", "mage deploy:here v1", "https://test.shop.example"})
	})
	t.Run("nobody where there is nothing to do, or the command is wrong", func(t *testing.T) {
		h.run(t, 0, "deploy:here", "v1")
		h.run(t, deploy.ExitUsage, "deploy:here", "v11")
		h.told(t)
	})
	t.Run("a release that is broken", func(t *testing.T) {
		h.run(t, deploy.ExitFailed, "deploy:here", "bad")
		h.told(t, []string{"the deploy of bad on test has begun"}, []string{
			"the deploy of bad on test failed: v1 serves, untouched", "exited with status 3", "crash as APP_EXIT_AFTER wants it", "v1 → bad", "mage rollback v1 -env=test",
		})
	})
	t.Run("a rollback", func(t *testing.T) {
		h.run(t, 0, "deploy:here", "v2")
		h.run(t, 0, "rollback", "v1")
		h.told(t, []string{"has begun"}, []string{"v2 serves on test", "v1 → v2", "0 lost", "mage rollback v1 -env=test"},
			[]string{"the rollback to v1 on test has begun"}, []string{"v1 serves on test again", "v2 → v1", "mage rollback v2 -env=test"})
	})
	t.Run("a worker that is killed", func(t *testing.T) {
		h.edit("  directory: deployed\n", notifySection, `"${MONITOR:-1s}"`, "1m")
		deploying := h.Start("deploy:here", "v2", "-env=test")
		deploying.AwaitEvent(deploy.EventStart, deploy.ActionWatch)
		h.discord.Await(1)
		h.slack.Await(1)
		h.slay(deploying.Children()...)
		h.over(t, deploying, deploy.ExitRolledBack)
		h.told(t, []string{"the deploy of v2 on test has begun"}, []string{"deploy:here v2 on test was killed and recovered: v1 serves", "signal: killed"})
		h.edit("  directory: deployed\n", notifySection)
	})
	t.Run("a service that hangs holds nobody up", h.hangs)
	t.Run("by a test", h.tests)
	if got := h.answers(t); got != "v2" {
		t.Errorf("%s answers, wanted v2", got)
	}
	h.noAddress(t)
}

// hangs has Discord hang: Slack is told all the same, and the lock is free while
// Discord is waited for.
func (h *heard) hangs(t *testing.T) {
	h.discord.Always(h.discord.Hang)
	before := h.discord.Asked()
	deploying := h.Start("deploy:here", "v2", "-env=test")
	h.slack.Await(2)
	h.Await("a Discord that was asked twice", func() bool { return h.discord.Asked() == before+2 })
	if deploying.Ended() {
		t.Error("the deploy ended before Discord could have been given up")
	}
	if output := h.run(t, 0, "deploy:here", "v2"); !strings.Contains(output, "nothing to do") {
		t.Error("another command had to wait")
	}
	output := h.over(t, deploying, 0)
	if strings.Count(output, "the Discord webhook could not be told: "+nameOf(h.discord)+" did not answer in time") != 2 || !strings.Contains(output, "v2 serves") {
		t.Error("it is not said that Discord was not told")
	}
	h.discord.Always(nil)
	h.slack.Take()
}

func nameOf(server *webhook.Server) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(server.Address, "http://"), "/")
	return host
}

// tests types notify:test with all well, with a webhook that was deleted, and
// with none.
func (h *heard) tests(t *testing.T) {
	test := func(status int, says ...string) {
		t.Helper()
		output := h.over(t, h.Start("notify:test", "test"), status)
		for _, text := range says {
			if !strings.Contains(output, text) {
				t.Errorf("it does not say %q", text)
			}
		}
	}
	test(0, "✓ Discord took the test notice (DISCORD_WEBHOOK_URL)", "✓ Slack took the test notice (SLACK_WEBHOOK_URL)")
	h.told(t, []string{"this is how notices of test arrive", "https://test.shop.example"})
	h.discord.Next(webhook.Fail(404, `{"message": "Unknown Webhook", "code": 10015}`))
	test(deploy.ExitFailed, "✗ the Discord webhook could not be told", "Unknown Webhook", "put its address into DISCORD_WEBHOOK_URL,", "`mage env:push test`",
		"✓ Slack took", "1 of 2 webhooks of test did not take the test notice")
	h.slack.Take()
	h.configure("DISCORD_WEBHOOK_URL=", "SLACK_WEBHOOK_URL=")
	test(deploy.ExitUsage, "test tells nobody", "DISCORD_WEBHOOK_URL=https://discord.com/api/webhooks/…")
	h.configure()
}

// noAddress looks for the webhooks' addresses where they do not belong: in what
// commands said, and in all that they wrote but .env.
func (h *heard) noAddress(t *testing.T) {
	t.Helper()
	if strings.Contains(h.said.String(), webhook.Secret) {
		t.Error("a command shows an address")
	}
	looked := 0
	err := filepath.WalkDir(h.Root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || filepath.Base(path) == ".env" {
			return err
		}
		content, err := os.ReadFile(path)
		if looked++; strings.Contains(string(content), webhook.Secret) {
			t.Errorf("%s has an address", path)
		}
		return err
	})
	if err != nil || looked < 10 {
		t.Errorf("looked at %d files: %v", looked, err)
	}
}
