package fleet

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// project is this project's own folder.
const project = "../../.."

func open(t *testing.T, env string) *Fleet {
	t.Helper()
	f, err := Open(t.Context(), Options{Root: project, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTheSampleEnvironmentsCanBeShipped(t *testing.T) {
	t.Setenv("STAGING_HOST", "deploy@staging.example")
	t.Setenv("PRODUCTION_HOST", "deploy@a.example, deploy@b.example")
	t.Setenv("REGISTRY", "ghcr.io/acme")
	for env, hosts := range map[string]int{"staging": 1, "production": 2} {
		f := open(t, env)
		if len(f.Hosts) != hosts || f.Directory != "/opt/webshop" || f.Project() != "webshop" {
			t.Errorf("%s has %d hosts, directory %s, project %s", env, len(f.Hosts), f.Directory, f.Project())
		}
		if ports := f.Ports(); !slices.Equal(ports, []int{3000, 8000}) {
			t.Errorf("%s publishes %v", env, ports)
		}
		content, err := f.Model.Ship(f.Directory, f.Variables)
		if err != nil {
			t.Fatal(err)
		}
		for _, wanted := range []string{"image: ghcr.io/acme/webshop-backend:${VERSION}", "POSTGRES_PASSWORD"} {
			if !strings.Contains(string(content), wanted) {
				t.Errorf("%s: %q is not shipped", env, wanted)
			}
		}
		for _, unwanted := range []string{"build:", "hosts:", "include:"} {
			if strings.Contains(string(content), unwanted) {
				t.Errorf("%s: %q is shipped", env, unwanted)
			}
		}
		all, built := f.Model.Images("v1.2.3", f.Variables)
		if !slices.Contains(all, "postgres:17") || !slices.Equal(built, []string{"ghcr.io/acme/webshop-backend:v1.2.3", "ghcr.io/acme/webshop-frontend:v1.2.3"}) {
			t.Errorf("%s: images %v, built %v", env, all, built)
		}
	}
}

func TestAnEnvironmentWithoutItsHostSaysSo(t *testing.T) {
	t.Setenv("STAGING_HOST", "")
	_ = os.Unsetenv("STAGING_HOST") // Setenv puts back what was there
	_, err := Open(t.Context(), Options{Root: project, Env: "staging"})
	if err == nil || !strings.Contains(err.Error(), "x-deploy.hosts[0]: the variable STAGING_HOST is not set") {
		t.Errorf("without its host: %v", err)
	}
	demo := open(t, "demo")
	if demo.Remote() || !strings.Contains(demo.NoHosts().Error(), "demo has no hosts") {
		t.Error("the demonstration has hosts")
	}
}

func TestVariablesOfTheProcessWin(t *testing.T) {
	root := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("compose/docker-compose.qa.yml", "x-deploy: {directory: relative, hosts: [qa.example]}\nservices: {web: {image: 'web:${VERSION}'}}\n")
	write(".env.qa", "FROM_FILE=file\nBOTH=file\n")
	t.Setenv("BOTH", "process")
	_, err := Open(t.Context(), Options{Root: root, Env: "qa"})
	if err == nil || !strings.Contains(err.Error(), "starts with /") {
		t.Errorf("a relative directory on a host: %v", err)
	}
	variables, err := localVariables(root, "qa", filepath.Join(root, "compose/docker-compose.qa.yml"))
	if err != nil || variables["FROM_FILE"] != "file" || variables["BOTH"] != "process" {
		t.Errorf("variables are %q and %q: %v", variables["FROM_FILE"], variables["BOTH"], err)
	}
}

func TestWhatStoppedKeepsItsStatus(t *testing.T) {
	f := &Fleet{}
	locked := &deploy.Failure{Status: deploy.ExitLocked, Err: os.ErrExist, Hint: "wait"}
	for _, test := range []struct {
		wentBack bool
		cause    error
		status   int
	}{
		{false, locked, deploy.ExitLocked},
		{true, locked, deploy.ExitLocked},
		{true, os.ErrClosed, deploy.ExitRolledBack},
		{false, os.ErrClosed, deploy.ExitFailed},
	} {
		err := f.stopped(test.cause, "b failed", test.wentBack)
		if got := err.(interface{ ExitStatus() int }).ExitStatus(); got != test.status {
			t.Errorf("%v, went back %t: status %d, not %d", test.cause, test.wentBack, got, test.status)
		}
	}
}
