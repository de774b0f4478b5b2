package starter

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/fake"
)

// cases are the applications in testdata.
func cases(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*/docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, filepath.Base(filepath.Dir(file)))
	}
	return names
}

// project copies an application of testdata into a folder of its name.
func project(t *testing.T, name string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(root, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	return root
}

// folder has one Compose file, by the name that most have.
func folder(t *testing.T, compose string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "shop")
	if err := os.MkdirAll(root, 0o750); err != nil {
		t.Fatal(err)
	}
	put(t, root, "docker-compose.yml", compose)
	return root
}

func put(t *testing.T, root, name, content string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// propose reads a folder and proposes.
func propose(t *testing.T, root string) *Proposal {
	t.Helper()
	proposal, err := Open(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	return proposal
}

// carried is a proposal that was written, and all that was printed on the way.
func carried(t *testing.T, root string) (*Proposal, string) {
	t.Helper()
	proposal := propose(t, root)
	var out bytes.Buffer
	if err := proposal.Show(&out, root); err != nil {
		t.Fatal(err)
	}
	if err := proposal.Carry(t.Context(), &out, root); err != nil {
		t.Fatalf("%v\n%s", err, services(t, proposal))
	}
	return proposal, out.String()
}

// services is the file with the services.
func services(t *testing.T, proposal *Proposal) string {
	t.Helper()
	return proposal.Files[0].Content
}

// variablesOf reads the list of variables that was written as people fill it in:
// only what must be set.
func variablesOf(t *testing.T, root string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, variablesPath))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for line := range strings.Lines(string(content)) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found && !strings.HasPrefix(name, "#") {
			if value != "" {
				t.Errorf("%s has the value %q in the list of variables", name, value)
			}
			values[name] = standIn(name)
		}
	}
	return values
}

// release makes the release of an environment that was written, as a host does:
// read, shipped, pinned and loaded with the variables of the list alone.
func release(t *testing.T, root, environment string) *deploy.Release {
	t.Helper()
	file := filepath.Join(root, "compose", "docker-compose."+environment+".yml")
	variables := variablesOf(t, root)
	model, err := deploy.ReadModel(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := model.Settings(variables); err != nil {
		t.Fatal(err)
	}
	shipped, err := model.Ship("/opt/app", variables)
	if err != nil {
		t.Fatal(err)
	}
	host := "/opt/app/docker-compose." + environment + ".yml"
	if model, err = deploy.ParseModel(t.Context(), host, shipped); err != nil {
		t.Fatal(err)
	}
	options := deploy.LoadOptions{Version: "v1.0.0", Variables: variables, Hash: fake.Hash}
	plain, err := model.Load(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	made := &deploy.Release{ID: "v1.0.0", Version: "v1.0.0", Images: map[string]deploy.Image{}}
	for _, service := range plain.Services {
		made.Images[service.Name] = fake.Image(service.Image)
	}
	if made.Rendered, err = model.Render(deploy.RenderOptions{Version: "v1.0.0", Images: made.Images}); err != nil {
		t.Fatal(err)
	}
	if model, err = deploy.ParseModel(t.Context(), host, made.Rendered); err != nil {
		t.Fatal(err)
	}
	if made.Environment, err = model.Load(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	return made
}
