package deploy

import (
	"strings"
	"testing"
)

const shipped = `
name: shop
x-deploy:
  hosts: ["${STAGING_HOST}", "deploy@two.example"]
  tags: [staging]
  directory: /opt/elsewhere
  seed: {service: web, command: [seed, "${SEED_SIZE}"]}
services:
  web:
    image: ${REGISTRY}/web:${VERSION}
    build: ./web
    environment: {PASSWORD: "${PASSWORD}", PRICE: "$$5"}
  cache:
    image: ${CACHE:-redis:8}
`

func shipModel(t *testing.T) *Model {
	t.Helper()
	model, err := ParseModel(t.Context(), "docker-compose.staging.yml", []byte(shipped))
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func TestWhatIsShippedHasNothingToBuildAndNoSecret(t *testing.T) {
	content, err := shipModel(t).Ship("/opt/shop", map[string]string{"REGISTRY": "ghcr.io/acme", "PASSWORD": "canary"})
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for _, wanted := range []string{"image: ghcr.io/acme/web:${VERSION}", "image: redis:8", "PASSWORD: ${PASSWORD}", "PRICE: $$5", "directory: /opt/shop", "seed:"} {
		if !strings.Contains(text, wanted) {
			t.Errorf("%q is missing in\n%s", wanted, text)
		}
	}
	for _, unwanted := range []string{"canary", "build:", "hosts:", "tags:", "STAGING_HOST"} {
		if strings.Contains(text, unwanted) {
			t.Errorf("%q is in\n%s", unwanted, text)
		}
	}
	again, err := ParseModel(t.Context(), "docker-compose.staging.yml", content)
	if err != nil {
		t.Fatalf("what is shipped cannot be read: %v", err)
	}
	if _, err := again.Load(t.Context(), LoadOptions{Version: "v1", Variables: map[string]string{"PASSWORD": "x", "SEED_SIZE": "1"}}); err != nil {
		t.Errorf("what is shipped cannot be loaded on the host: %v", err)
	}
}

func TestAnImageWithoutItsVariableIsNotShipped(t *testing.T) {
	_, err := shipModel(t).Ship("/opt/shop", nil)
	if err == nil || !strings.Contains(err.Error(), "services.web.image: the variable REGISTRY is not set") {
		t.Errorf("shipping without REGISTRY: %v", err)
	}
}

func TestSettingsAreReadWithoutTheHostsVariables(t *testing.T) {
	settings, err := shipModel(t).Settings(map[string]string{"STAGING_HOST": "a.example,b.example"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(settings.Hosts, " "); got != "a.example b.example deploy@two.example" {
		t.Errorf("hosts are %q", got)
	}
	if settings.Retain != DefaultRetain || settings.Tags[0] != "staging" {
		t.Errorf("settings are %+v", settings)
	}
	_, err = shipModel(t).Settings(nil)
	if err == nil || !strings.Contains(err.Error(), "x-deploy.hosts[0]: the variable STAGING_HOST is not set") {
		t.Errorf("without the host's address: %v", err)
	}
}
