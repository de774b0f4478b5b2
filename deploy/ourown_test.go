package deploy_test

import (
	"path/filepath"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// The project's own environments have no mistakes, with no more variables than a
// host is told to have.
func TestOurOwnEnvironments(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"demo", "staging", "production"} {
		model, err := deploy.ReadModel(t.Context(), filepath.Join("..", "compose", "docker-compose."+name+".yml"))
		if err != nil {
			t.Fatal(err)
		}
		environment, err := model.Load(t.Context(), deploy.LoadOptions{
			Name: name, Directory: t.TempDir(), Version: "v1.0.0", Variables: map[string]string{
				"REGISTRY": "registry.example", "POSTGRES_PASSWORD": "only-for-tests", "SECRET_KEY": "only-for-tests",
				"BASE_VERSION": "1", "STAGING_HOST": "deploy@staging.example", "PRODUCTION_HOST": "deploy@shop.example",
			},
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(environment.Routes()) == 0 || environment.Proxy() == nil {
			t.Errorf("%s has no routes", name)
		}
		if name == "production" && (environment.Settings.Backups == nil || len(environment.Settings.Checklist.Items) != len(deploy.ChecklistItems)) {
			t.Error("production has no backups, or not the whole checklist")
		}
	}
}
