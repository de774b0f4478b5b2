package deploy_test

import (
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

// notifyModel is a small Compose file with that notify section.
func notifyModel(t *testing.T, section string) *deploy.Model {
	t.Helper()
	content := "name: shop\nx-deploy:\n  hosts: [\"${FIRST:-deploy@a.example}\", \"${SECOND:-}\"]\n  notify: " + section +
		"\nservices:\n  worker: {image: \"shop/worker:${VERSION}\"}\n"
	model, err := deploy.ParseModel(t.Context(), "docker-compose.live.yml", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return model
}

const secretAddress = "https://discord.com/api/webhooks/1/secret"

func TestNotifySettings(t *testing.T) {
	model := notifyModel(t, `{discord: "${MY_HOOK:-}", slack: "${SLACK:-}", on: [start, failure], address: "https://shop.example/", github: "true"}`)
	notify, err := model.Notify(map[string]string{"MY_HOOK": secretAddress})
	if err != nil {
		t.Fatal(err)
	}
	if notify.Discord != secretAddress || notify.DiscordVariable != "MY_HOOK" || notify.Slack != "" || !notify.Any() ||
		notify.Address != "https://shop.example" || notify.GitHub == nil || !*notify.GitHub ||
		notify.Wants(deploy.Notice{Kind: deploy.NoticeDeployed}) || !notify.Wants(deploy.Notice{Kind: deploy.NoticeFailed}) {
		t.Errorf("%+v", notify)
	}
	without, err := notifyModel(t, "{}").Notify(nil)
	if err != nil || without.Any() || len(without.On) != 5 || without.GitHub != nil {
		t.Errorf("%+v, %v", without, err)
	}
}

// Mistakes are named all at once, without an address, wherever they are read.
func TestNotifyMistakes(t *testing.T) {
	model := notifyModel(t, `{discord: "`+secretAddress+`", slack: "${SLACK:-https://hooks.slack.com/secret}", on: [sucess], address: shop.example, colour: red}`)
	wanted := []string{
		"x-deploy.notify.discord: holds an address, which is a secret: write ${DISCORD_WEBHOOK_URL:-} here, and DISCORD_WEBHOOK_URL=… into .env",
		"x-deploy.notify.slack: holds an address, which is a secret",
		`x-deploy.notify.on: has "sucess"; allowed: start, success, failure, rollback, recovery`,
		`x-deploy.notify.address: is "shop.example"; allowed: the environment's http:// or https:// address`,
		"x-deploy.notify.colour: unknown key; allowed here: address, discord, github, name_host, on, slack",
	}
	_, loaded := model.Load(t.Context(), deploy.LoadOptions{Version: "v1", Directory: t.TempDir()})
	_, shipped := model.Settings(nil)
	_, read := model.Notify(nil)
	for reader, err := range map[string]error{"load": loaded, "settings": shipped, "notify": read} {
		if err == nil {
			t.Errorf("%s: no mistake", reader)
			continue
		}
		for _, text := range wanted {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s does not say %q:\n%v", reader, text, err)
			}
		}
		if strings.Contains(err.Error(), "/secret") {
			t.Errorf("%s shows the address:\n%v", reader, err)
		}
	}
}

// The value of a variable is never a mistake of the file: it must not keep a
// release from being rolled out or back.
func TestBrokenAddressIsNoMistake(t *testing.T) {
	model := notifyModel(t, `{discord: "${HOOK}", on: failure}`)
	environment, err := model.Load(t.Context(), deploy.LoadOptions{Version: "v1", Directory: t.TempDir(), Variables: map[string]string{"HOOK": "no address"}})
	if err != nil || environment.Settings.Notify.Discord != "no address" {
		t.Errorf("%v", err)
	}
}

// A changed section makes no container new, and what is written for the host has
// no address in it.
func TestNotifyChangesNoContainer(t *testing.T) {
	hash := func(section string) (string, string) {
		model := notifyModel(t, section)
		variables := map[string]string{"HOOK": secretAddress}
		environment, err := model.Load(t.Context(), deploy.LoadOptions{Version: "v1", Directory: t.TempDir(), Variables: variables, Hash: fake.Hash})
		if err != nil {
			t.Fatal(err)
		}
		rendered, err := model.Render(deploy.RenderOptions{Version: "v1", Images: map[string]deploy.Image{"worker": {Reference: "shop/worker:v1", Digest: "sha256:1"}}})
		if err != nil {
			t.Fatal(err)
		}
		shipped, err := model.Ship("/opt/shop", variables)
		if err != nil {
			t.Fatal(err)
		}
		return environment.Services[0].Hash, string(rendered) + string(shipped)
	}
	without, _ := hash("{}")
	with, written := hash(`{discord: "${HOOK:-}", on: [failure]}`)
	if without != with || without == "" {
		t.Error("the worker is another service with the section")
	}
	if strings.Contains(written, "secret") || strings.Count(written, "${HOOK:-}") != 2 {
		t.Errorf("what is written:\n%s", written)
	}
}

// Where there are several hosts, each is told to name itself.
func TestSeveralHostsNameThemselves(t *testing.T) {
	for variable, wanted := range map[string]bool{"": false, "deploy@b.example": true} {
		model := notifyModel(t, `{discord: "${HOOK:-}"}`)
		shipped, err := model.Ship("/opt/shop", map[string]string{"SECOND": variable})
		if err != nil {
			t.Fatal(err)
		}
		host, err := deploy.ParseModel(t.Context(), "docker-compose.live.yml", shipped)
		if err != nil {
			t.Fatal(err)
		}
		notify, err := host.Notify(nil)
		if err != nil || notify.NameHost != wanted {
			t.Errorf("second host %q: %+v, %v", variable, notify, err)
		}
	}
}
