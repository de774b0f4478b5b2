package notify

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/webhook"
)

var update = flag.Bool("update", false, "write the golden files anew")

var noon = time.Date(2026, 9, 21, 12, 0, 0, 0, time.UTC)

// notices are one of each kind, with texts that somebody meant no good by.
func notices() map[string]deploy.Notice {
	base := deploy.Notice{
		Environment: "production", Command: "deploy:production v1.16.0", Who: "anna@laptop",
		From: "v1.15.0", To: "v1.16.0", At: noon, Address: "https://shop.example",
		Repository: "https://github.com/freezedesign/shop",
	}
	commits := []deploy.SourceCommit{
		{Hash: strings.Repeat("4f0c2d1a", 5), Author: "Anna", Subject: "Show prices with tax"},
		{Hash: strings.Repeat("9b77e210", 5), Author: "Bert <bert@shop.example>", Subject: "Thank @everyone, <@1234> and <!here> for **all** the `work`"},
	}
	kinds := map[string]deploy.Notice{}
	add := func(name string, change func(*deploy.Notice)) {
		n := base
		change(&n)
		kinds[name] = n
	}
	add("started", func(n *deploy.Notice) {
		n.Kind, n.Title, n.Commits = deploy.NoticeStarted, "the deploy of v1.16.0 on production has begun", commits
	})
	add("deployed", func(n *deploy.Notice) {
		n.Kind, n.Title, n.Commits, n.More = deploy.NoticeDeployed, "v1.16.0 serves on production", commits, 12
		n.Elapsed, n.Requests, n.Back, n.Host = 83*time.Second, 1204, "mage rollback v1.15.0 -env=production", "shop-1"
		n.Waivers = []deploy.Waiver{{Item: "backups", Reason: "taken by hand", By: "anna"}}
	})
	add("failed", func(n *deploy.Notice) {
		n.Kind, n.Title, n.Commits = deploy.NoticeFailed, "v1.16.0 on production was taken back: v1.15.0 serves", commits
		n.Elapsed, n.Requests, n.Lost, n.Back = 41700*time.Millisecond, 611, 2, "mage rollback v1.15.0 -env=production"
		n.Cause = "shop-backend-3 of release v1.16.0: exited with status 3\nrelease v1.16.0 was taken back: v1.15.0 serves"
		n.Lines = []string{
			"\x1b[31mTraceback (most recent call last):\x1b[0m", `  File "/app/manage.py", line 7, in <module>`,
			"```", "KeyError: 'PAYMENT_KEY' @everyone <@&99>",
		}
		n.Advice = "A variable is missing: compare .env with what this release needs."
	})
	add("rolled_back", func(n *deploy.Notice) {
		n.Kind, n.Title, n.From, n.To = deploy.NoticeRolledBack, "v1.15.0 serves on production again", "v1.16.0", "v1.15.0"
		n.Command, n.Elapsed, n.Requests = "rollback v1.15.0", 870*time.Millisecond, 41
	})
	add("recovered", func(n *deploy.Notice) {
		n.Kind, n.Title = deploy.NoticeRecovered, "deploy:production v1.16.0 on production was killed and recovered: v1.15.0 serves"
		n.Cause = "the process 4711 that did deploy:production v1.16.0 died: signal: killed"
	})
	add("test", func(n *deploy.Notice) {
		n.Kind, n.Title, n.From, n.To, n.Command = deploy.NoticeTest, "this is how notices of production arrive", "", "v1.15.0", "notify:test production"
	})
	return kinds
}

// TestMessagesAreAsWritten compares what is sent with files that people have
// read, and sends it.
func TestMessagesAreAsWritten(t *testing.T) {
	discord, slack := webhook.NewDiscord(t), webhook.NewSlack(t)
	hooks := Webhooks("production", deploy.Notify{Discord: discord.Address, Slack: slack.Address})
	for name, notice := range notices() {
		for at, err := range Tell(t.Context(), hooks, notice) {
			if err != nil {
				t.Errorf("%s to %s: %v", name, hooks[at].Service, err)
			}
		}
		golden(t, "discord-"+name, discord.Take())
		golden(t, "slack-"+name, slack.Take())
	}
}

func golden(t *testing.T, name string, messages []webhook.Message) {
	t.Helper()
	if len(messages) != 1 {
		t.Errorf("%s: %d messages were taken", name, len(messages))
		return
	}
	var shown bytes.Buffer
	if err := json.Indent(&shown, bytes.TrimSpace(messages[0].Body), "", "  "); err != nil {
		t.Fatal(err)
	}
	shown.WriteByte('\n')
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, shown.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wanted, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(shown.Bytes(), wanted) {
		t.Errorf("%s is another than in %s (-update writes it anew):\n%s", name, path, shown.String())
	}
}

// TestServicesThatFail holds what is done about each answer, and that no error
// has the address.
func TestServicesThatFail(t *testing.T) {
	for _, test := range []struct {
		name  string
		next  []webhook.Behaviour
		asked int
		taken bool
		says  string
	}{
		{name: "well", asked: 1, taken: true},
		{name: "asks to wait once", next: []webhook.Behaviour{webhook.TooMany(0.3)}, asked: 2, taken: true},
		{name: "asks to wait for ever", next: []webhook.Behaviour{webhook.TooMany(3600)}, asked: 1, says: "asks to wait 1h0m0s, which is longer than a notice may take"},
		{name: "fails three times", next: []webhook.Behaviour{webhook.Fail(500, "oh"), webhook.Fail(503, ""), webhook.Drop}, asked: 4, taken: true},
		{name: "fails for good", next: []webhook.Behaviour{webhook.Fail(500, "oh"), webhook.Fail(500, "oh"), webhook.Fail(500, "oh"), webhook.Fail(502, "no")}, asked: 4, says: "failed: 502 Bad Gateway: no"},
		{name: "drops for good", next: []webhook.Behaviour{webhook.Drop, webhook.Drop, webhook.Drop, webhook.Drop}, asked: 4, says: "cannot be reached"},
		{name: "is deleted", next: []webhook.Behaviour{webhook.Fail(404, `{"message": "Unknown Webhook", "code": 10015}`)}, asked: 1, says: "404 Not Found: Unknown Webhook)\nMake a new webhook there, put its address into MY_HOOK, and type `mage env:push staging`."},
		{name: "refuses and quotes the address", next: []webhook.Behaviour{webhook.Fail(400, "what is "+webhook.Secret+"?")}, asked: 1, says: "refused the message: 400 Bad Request: what is …?"},
		{name: "sends elsewhere", next: []webhook.Behaviour{webhook.Fail(307, "")}, asked: 1, says: "307"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := webhook.NewDiscord(t)
			server.Next(test.next...)
			hook := Webhooks("staging", deploy.Notify{Discord: server.Address, DiscordVariable: "MY_HOOK"})[0]
			hook.first = time.Millisecond
			err := hook.Notify(t.Context(), notices()["deployed"])
			if taken := len(server.Messages()) == 1; taken != test.taken || (err == nil) != test.taken {
				t.Errorf("taken: %v, error: %v", taken, err)
			}
			if server.Asked() != test.asked {
				t.Errorf("asked %d times, wanted %d", server.Asked(), test.asked)
			}
			if err != nil && (!strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), webhook.Secret)) {
				t.Errorf("the error: %v\nwanted: %s", err, test.says)
			}
		})
	}
}

// A service that hangs is given up with the time that a notice has.
func TestServiceThatHangs(t *testing.T) {
	server := webhook.NewSlack(t)
	server.Always(server.Hang)
	hook := Webhooks("staging", deploy.Notify{Slack: server.Address})[0]
	ctx, cancel := contextOf(t, 200*time.Millisecond)
	defer cancel()
	err := hook.Notify(ctx, notices()["failed"])
	if err == nil || !strings.Contains(err.Error(), "did not answer in time") || strings.Contains(err.Error(), webhook.Secret) {
		t.Errorf("the error: %v", err)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, address := range []string{
		"http://discord.com/api/webhooks/1/" + webhook.Secret, "discord.com/api/" + webhook.Secret, "https:///" + webhook.Secret, "https://x/%zz" + webhook.Secret, "ftp://127.0.0.1/" + webhook.Secret,
	} {
		hook := Webhooks("staging", deploy.Notify{Discord: address, DiscordVariable: "MY_HOOK"})[0]
		err := hook.Notify(t.Context(), deploy.Notice{})
		if err == nil || !strings.Contains(err.Error(), "MY_HOOK") || strings.Contains(err.Error(), webhook.Secret) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// check gives what the services would say to a notice.
func check(t testing.TB, n deploy.Notice) {
	t.Helper()
	for service, body := range map[string]any{"Discord": discordBody(n), "Slack": slackBody(n)} {
		content, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		judge := webhook.CheckDiscord
		if service == "Slack" {
			judge = webhook.CheckSlack
		}
		if err := judge(content); err != nil {
			t.Errorf("%s: %.600v", service, err)
		}
	}
}

// awkward are texts that break what is not careful.
var awkward = []string{
	"", " ", "\n\n", "```", strings.Repeat("`", 5000), strings.Repeat("@everyone ", 900), "<@1234> <#5> <:smile:1> <t:0:R> <!here> <!subteam^S1>",
	strings.Repeat("😀", 4000), strings.Repeat("é\u0301", 3000), strings.Repeat(`\`, 6000), "a\x00b\x1b[31mc\u202ed\u2028e", "\xff\xfe\xfd", "&amp; &lt; & < >",
	strings.Repeat("x", 9000), strings.Repeat("line\n", 3000), "\u200b", "\ufeff", "[a](https://evil.example)", strings.Repeat("&", 4000),
}

func TestWhateverTheTextsAreTheServicesTakeThem(t *testing.T) {
	for _, kind := range []deploy.NoticeKind{deploy.NoticeStarted, deploy.NoticeFailed, deploy.NoticeTest} {
		for _, text := range awkward {
			check(t, filled(kind, text, text, text, 40))
		}
	}
	// All of them at once, each in another place.
	for at := range awkward {
		check(t, filled(deploy.NoticeFailed, awkward[at], awkward[(at+5)%len(awkward)], awkward[(at+11)%len(awkward)], 30))
	}
}

// TestMixturesAreTaken puts pieces that mean something to a service together at
// random, so that they meet where a text is cut.
func TestMixturesAreTaken(t *testing.T) {
	pieces := []string{
		"`", "``", "```", "@", "everyone", "@here", "<@1>", "<!", ">", "&", "&amp;", `\`, "\n", "\x00", "\x1b[3", "1m", "😀", "\u0301", "\u200b", "\u202e", "\xff",
		" ", "word ", strings.Repeat("a", 97), "|", "~~", "**", "#", "[x](y)", ":a:", "…",
	}
	for seed := range uint64(150) {
		random := rand.New(rand.NewPCG(seed, 7))
		mixture := func() string {
			var out strings.Builder
			for range random.IntN(300) {
				out.WriteString(pieces[random.IntN(len(pieces))])
			}
			return out.String()
		}
		check(t, filled(deploy.NoticeFailed, mixture(), mixture(), mixture(), random.IntN(25)))
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

func FuzzNoticesAreTaken(f *testing.F) {
	for at := range awkward {
		f.Add(awkward[at], awkward[(at+3)%len(awkward)], awkward[(at+7)%len(awkward)], uint8(at))
	}
	f.Fuzz(func(t *testing.T, a, b, c string, count uint8) {
		check(t, filled(deploy.NoticeFailed, a, b, c, int(count)))
	})
}

// filled is a notice that has these texts wherever a text goes. What a version,
// an environment and a kind are is checked before, but not relied on here.
func filled(kind deploy.NoticeKind, a, b, c string, count int) deploy.Notice {
	n := deploy.Notice{
		Kind: kind, Title: "v " + a, Environment: b, Host: c, Command: a, Who: b, From: c, To: a, Cause: b, Advice: c,
		Back: a, Address: b, At: noon, Elapsed: time.Duration(count) * time.Minute, Requests: count, Lost: count, More: count,
	}
	for at := range count {
		n.Commits = append(n.Commits, deploy.SourceCommit{Hash: fmt.Sprintf("%040x", at), Author: a, Subject: b})
		n.Lines = append(n.Lines, c, a)
		n.Waivers = append(n.Waivers, deploy.Waiver{Item: a, Reason: b, By: c})
	}
	return n
}

// Of a long log the end is shown, and of many commits the newest.
func TestWhatIsCutIsTheOldest(t *testing.T) {
	n := notices()["failed"]
	n.Lines = nil
	for at := range 400 {
		n.Lines = append(n.Lines, fmt.Sprintf("line %d of the log", at))
		n.Commits = append(n.Commits, deploy.SourceCommit{Hash: fmt.Sprintf("%040x", at), Author: "Anna", Subject: fmt.Sprintf("change %d", at)})
	}
	for service, body := range map[string]any{"Discord": discordBody(n), "Slack": slackBody(n)} {
		content, _ := json.Marshal(body)
		for _, wanted := range []string{"line 399 of the log", "Show prices with tax", " more"} {
			if !bytes.Contains(content, []byte(wanted)) {
				t.Errorf("%s does not say %q", service, wanted)
			}
		}
		if bytes.Contains(content, []byte("line 1 of the log")) {
			t.Errorf("%s shows the beginning of the log", service)
		}
	}
}
