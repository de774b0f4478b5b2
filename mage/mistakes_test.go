//go:build integration

package mage_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// mistakes are made in the Compose file, in .env or on the command line. Each
// is named, and nothing is touched.
var mistakes = []struct {
	name string
	edit []string
	args []string
	says []string
}{
	{
		name: "an unknown key", edit: []string{"drain: ${DRAIN:-10s}", "drian: 10s"},
		says: []string{"services.web.x-deploy.drian: unknown key (did you mean drain?)", "1 mistake; nothing was touched"},
	},
	{
		name: "a negative time", edit: []string{"${DRAIN:-10s}", "-3s"},
		says: []string{"services.web.x-deploy.drain: -3s is negative: a duration is 0s or more"},
	},
	{
		name: "several at once", edit: []string{"${DRAIN:-10s}", "soon", "budget: 20s", "budget: 20", "requests: 50", "requests: -1"},
		says: []string{
			"3 mistakes; nothing was touched", `services.web.x-deploy.drain: "soon" is not a duration`,
			"services.web.x-deploy.health.budget: 20 is not a duration", "x-deploy.watch.requests: is -1",
		},
	},
	{
		name: "a port that nobody exposes", edit: []string{"route: {port: 8080}", "route: {port: 8081, listen: 8080}"},
		says: []string{`services.web.x-deploy.route.port: is 8081, but web exposes only 8080: add expose: ["8081"]`},
	},
	{
		name: "a container's name", edit: []string{"    stop_grace_period", "    container_name: web\n    stop_grace_period"},
		says: []string{`services.web.container_name: is "web", but old and new containers run side by side`},
	},
	{
		name: "a published port", edit: []string{`    expose: ["8080"]`, `    ports: ["127.0.0.1:18080:8080"]` + "\n" + `    expose: ["8080"]`},
		says: []string{"services.web.ports: publishes 18080 on the host, which old and new containers cannot share"},
	},
	{
		name: "a variable that is not set", edit: []string{"${SETTING:-}", "${PAYMENT_KEY}"},
		says: []string{"services.web.environment", "the variable PAYMENT_KEY is not set: write PAYMENT_KEY=… into .env"},
	},
	{
		name: "a file that is not YAML", edit: []string{"services:\n", "services: [\n"},
		says: []string{"docker-compose.test.yml", "yaml", "nothing was touched"},
	},
	{
		name: "an unknown environment", args: []string{"deploy:here", "v1", "-env=production"},
		says: []string{"no environment production", "there are test"},
	},
	{
		name: "a version that the registry does not have", args: []string{"deploy:here", "v11", "-env=test"},
		says: []string{":v11", "nearest tags: v1"},
	},
	{
		name: "a version that is no tag", args: []string{"deploy:here", "feature/shop", "-env=test"},
		says: []string{`"feature/shop" is not a version`},
	},
	{
		name: "a rollback to what never was", args: []string{"rollback", "v12", "-env=test"},
		says: []string{"no release v12 is recorded on this host; did you mean v1?"},
	},
}

func TestMistakesTouchNothing(t *testing.T) {
	a := newApp(t)
	a.release("v1")
	a.deploy("v1")
	before, files := a.serves(t, "v1", 2), a.files()
	for _, test := range mistakes {
		t.Run(test.name, func(t *testing.T) {
			a.edit(test.edit...)
			args := test.args
			if args == nil {
				args = []string{"deploy:here", "v1", "-env=test"}
			}
			result := a.Mage(args...)
			t.Logf("%s", result.Output)
			ended(t, result, deploy.ExitUsage, test.says...)
			a.untouched(t, before)
			if now := a.files(); !maps.Equal(files, now) {
				t.Error("the deploy directory was touched")
			}
		})
	}
}

// files reads the deploy directory, but for what every command writes: the
// lock's holder and the journal.
func (a *app) files() map[string]string {
	a.T.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(a.Directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || strings.HasSuffix(path, ".deploy/lock") || strings.HasSuffix(path, "journal.jsonl") {
			return err
		}
		content, err := os.ReadFile(path)
		found[path] = string(content)
		return err
	})
	if err != nil {
		a.T.Fatal(err)
	}
	return found
}
