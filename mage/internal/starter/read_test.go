package starter

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// What cannot be proposed for says what is wrong, where, and what to do next,
// and exits as a mistake of the user's.
func TestErrors(t *testing.T) {
	for _, test := range []struct {
		name, file, content string
		wanted              []string
	}{
		{"no Compose file", "", "", []string{"no Compose file in ", "compose.yaml, compose.yml, docker-compose.yml, docker-compose.yaml", "Run this where the project's Compose file is"}},
		{"by another name", "docker-compose.prod.yml", "services: {}", []string{"no Compose file in ", "There is docker-compose.prod.yml"}},
		{"a list", "compose.yml", "- one\n- two\n", []string{"compose.yml: it is no Compose file: its top level has no keys", "under the key services"}},
		{"a text", "compose.yml", "hello\n", []string{"compose.yml: it is no Compose file"}},
		{"empty", "compose.yml", "", []string{"compose.yml: it is no Compose file"}},
		{"another YAML", "docker-compose.yml", "name: ci\njobs: {}\n", []string{"docker-compose.yml: it is no Compose file with services: the key services is missing or empty"}},
		{"no services", "docker-compose.yml", "services: {}\n", []string{"the key services is missing or empty"}},
		{"broken YAML", "docker-compose.yml", "services:\n  web:\n    image: [nginx\n    ports: 80\n", []string{"docker-compose.yml: ", "L4", "docker compose config -q"}},
		{"a wrong key", "docker-compose.yml", "services:\n  web:\n    image: nginx\n    portz: [80]\n", []string{"docker-compose.yml: ", "portz", "docker compose config -q"}},
		{"a secret on a broken line", "docker-compose.yml", "services:\n  web:\n    environment: s3cret\n    image: {a: s3cret}\n", []string{"docker-compose.yml: ", "services.web"}},
		{"nothing answers HTTP", "docker-compose.yml", "services:\n  worker: {image: busybox, command: celery worker}\n  db: {image: postgres:17}\n", []string{
			"no service in docker-compose.yml answers HTTP", `worker (worker: its command has "celery")`, "db (database: its image is Postgres)", `expose: ["8000"]`,
		}},
		{"services of an include", "compose.yml", "include: [other.yml]\nservices:\n  web: {image: nginx, ports: [\"80:80\"]}\n", []string{
			"services.api comes from a file that it includes", "extends: {file: …, service: api}",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			if test.file != "" {
				put(t, root, test.file, test.content)
			}
			put(t, root, "other.yml", "services: {api: {image: busybox}}\n")
			_, err := Open(t.Context(), root)
			if err == nil {
				t.Fatal("no error")
			}
			for _, text := range test.wanted {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("it does not say %q: %v", text, err)
				}
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("it shows a value: %v", err)
			}
			failure, ok := errors.AsType[*deploy.Failure](err)
			if !ok || failure.ExitStatus() != deploy.ExitUsage || failure.Hint == "" {
				t.Errorf("%#v", err)
			}
		})
	}
}

// The names that Compose takes, in its own order.
func TestNamesOfComposeFiles(t *testing.T) {
	root := folder(t, "services: {web: {image: \"web:1\", ports: [\"80:80\"]}}\n")
	for _, name := range []string{"docker-compose.yaml", "docker-compose.yml", "compose.yml", "compose.yaml"} {
		if err := os.RemoveAll(filepath.Join(root, "docker-compose.yml")); err != nil {
			t.Fatal(err)
		}
		put(t, root, "docker-compose.yml", "services: {web: {image: \"web:1\", ports: [\"80:80\"]}}\n")
		put(t, root, name, "services: {web: {image: \"web:1\", ports: [\"80:80\"]}}\n")
		wanted := name
		if name == "docker-compose.yaml" {
			wanted = "docker-compose.yml"
		}
		proposal := propose(t, root)
		if proposal.Source != wanted || !strings.Contains(services(t, proposal), "extends: {file: ../"+wanted+", service: web}") {
			t.Errorf("%s beside the others: %s", name, proposal.Source)
		}
	}
}

// A service that itself extends one of another file is extended as it is.
func TestExtendedServices(t *testing.T) {
	root := folder(t, "services:\n  web:\n    extends: {file: common/base.yml, service: base}\n    ports: [\"8000:8000\"]\n")
	put(t, root, "common/base.yml", "services:\n  base:\n    build: .\n    command: gunicorn shop.wsgi\n    environment: {SECRET_KEY: s3cret}\n    volumes: [\"./media:/app/media\"]\n")
	proposal, printed := carried(t, root)
	made := release(t, root, "production")
	checkSecrets(t, proposal, printed, made)
	checkBuild(t, root)
	web := made.Environment.Project.Services["web"]
	if len(web.Command) == 0 || web.Command[0] != "gunicorn" || len(web.Volumes) != 1 || made.Environment.Migrations == nil {
		t.Errorf("%+v, %+v", web.Command, web.Volumes)
	}
}
