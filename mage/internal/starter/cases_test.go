package starter

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"

	"github.com/freezedesign/webshop-deploy/deploy"
)

var update = flag.Bool("update", false, "write the golden files")

// TestApplications proposes for each application, writes the proposal, loads it
// with the rules of a deploy, and plans a first deploy.
func TestApplications(t *testing.T) {
	names := cases(t)
	if len(names) < 25 {
		t.Fatalf("only %d applications in testdata", len(names))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			root := project(t, name)
			proposal, printed := carried(t, root)
			staging, production := release(t, root, "staging"), release(t, root, "production")
			if len(staging.Environment.Services) != len(production.Environment.Services) {
				t.Error("staging has other services than production")
			}
			checkPlan(t, proposal, production)
			checkBuild(t, root)
			checkCompose(t, root, production)
			checkRoutes(t, production)
			checkSecrets(t, proposal, printed, staging, production)
			compareGolden(t, filepath.Join("testdata", name, "proposal.golden"), summary(proposal, production.Environment))
		})
	}
}

// summary is what each service is taken for and how the domain replaces it, and
// every finding.
func summary(proposal *Proposal, environment *deploy.Environment) string {
	var out strings.Builder
	for _, one := range proposal.Guesses {
		replaced := "left out"
		if service, ok := environment.Service(one.Service); ok {
			replaced = string(service.Kind)
			if service.Route != nil {
				replaced += fmt.Sprintf(", port %d on %d, %s", service.Route.Port, service.Route.Listen, service.Health.Path)
			}
		}
		fmt.Fprintf(&out, "%s: %s (%s): %s\n", one.Service, one.Kind, one.Reason, replaced)
	}
	if m := environment.Migrations; m != nil {
		fmt.Fprintf(&out, "migrations: %s %s pending %q apply %q revert %q\n", m.Service, m.Framework, m.Pending, m.Apply, m.Revert)
	}
	for _, one := range proposal.Findings {
		fmt.Fprintf(&out, "%s %s: %s\n    %s\n", one.Level, one.Where, one.What, one.How)
	}
	return out.String()
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wanted, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(wanted) {
		t.Errorf("%s differs; -update writes it. Got:\n%s", path, got)
	}
}

// checkPlan plans the first deploy and looks for every service in it.
func checkPlan(t *testing.T, proposal *Proposal, want *deploy.Release) {
	t.Helper()
	state := deploy.State{Present: map[string]bool{}}
	state.Memory = deploy.Memory{Total: 8 << 30, Available: 8 << 30}
	plan, err := deploy.NewPlan(state, want, deploy.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	started := map[string]bool{}
	for _, stage := range plan.Stages {
		for _, step := range stage {
			if step.Action == deploy.ActionStart {
				started[step.Service] = true
			}
		}
	}
	for _, service := range want.Environment.Services {
		if !started[service.Name] {
			t.Errorf("a first deploy does not start %s:\n%s", service.Name, plan)
		}
	}
	for _, guess := range proposal.Guesses {
		service, ok := want.Environment.Service(guess.Service)
		if !ok {
			continue
		}
		if wrong := misplaced(guess.Kind, service); wrong != "" {
			t.Errorf("%s is a %s, and %s", guess.Service, guess.Kind, wrong)
		}
	}
}

// misplaced says what is wrong with how a service is replaced, for what it is.
func misplaced(kind Kind, service *deploy.Service) string {
	switch {
	case kind == KindWeb && (service.Kind != deploy.KindRolled || service.Route == nil || service.Health == nil):
		return "has no route with a health check"
	case kind == KindWeb && service.StopGrace < service.Route.Drain:
		return "is killed before its requests are drained"
	case kind == KindScheduler && service.Kind != deploy.KindSingleton:
		return "could run twice"
	case kind == KindWorker && service.Kind != deploy.KindRolled:
		return "is not rolled"
	case (kind.stores() || kind == KindAlone || kind == KindEdge) && (service.Kind == deploy.KindRolled || service.Route != nil):
		return "would run twice"
	}
	return ""
}

// checkBuild loads what a build loads on a laptop, and looks for the folders that
// it builds in.
func checkBuild(t *testing.T, root string) {
	t.Helper()
	file := filepath.Join(root, "compose", "docker-compose.production.yml")
	model, err := deploy.ReadModel(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	environment, err := model.Load(t.Context(), deploy.LoadOptions{
		Directory: filepath.Dir(file), Version: "v1.0.0", Build: true, Variables: variablesOf(t, root),
	})
	if err != nil {
		t.Fatal(err)
	}
	project, err := Read(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	for name, service := range environment.Project.Services {
		if service.Build == nil {
			continue
		}
		if !strings.HasSuffix(service.Image, ":v1.0.0") {
			t.Errorf("%s is built as %s", name, service.Image)
		}
		written := asMap(project.service(name)["build"])["context"]
		if wanted := filepath.Join(root, text(written)); service.Build.Context != wanted {
			t.Errorf("%s is built in %s, not in %s", name, service.Build.Context, wanted)
		}
	}
}

// checkCompose loads the environment as `docker compose` itself does.
func checkCompose(t *testing.T, root string, made *deploy.Release) {
	t.Helper()
	var variables []string
	for name, value := range variablesOf(t, root) {
		variables = append(variables, name+"="+value)
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "compose", "docker-compose.production.yml")},
		cli.WithEnv(append(variables, "VERSION=v1.0.0")))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(project.Services) != len(made.Environment.Services) || project.Name != made.Environment.Project.Name {
		t.Errorf("docker compose sees %s with %v", project.Name, project.ServiceNames())
	}
	for _, route := range made.Environment.Routes() {
		if service := project.Services[route.Service]; service.Extensions[deploy.ExtensionKey] == nil || len(service.Ports) > 0 {
			t.Errorf("docker compose sees %s with the ports %v and %v", route.Service, service.Ports, service.Extensions)
		}
	}
}

// checkRoutes holds that a proxy is there exactly when something is routed, and
// that all it is asked for is published.
func checkRoutes(t *testing.T, made *deploy.Release) {
	t.Helper()
	environment := made.Environment
	if routed := len(environment.Routes()) > 0; routed != (environment.Proxy() != nil) {
		t.Errorf("%d routes and the proxy %v", len(environment.Routes()), environment.Proxy())
	}
	if len(environment.Settings.Verify) != len(environment.Routes()) {
		t.Errorf("%d addresses are verified of %d routes", len(environment.Settings.Verify), len(environment.Routes()))
	}
	for _, service := range environment.Services {
		if service.Image == "" {
			t.Errorf("%s has no image", service.Name)
		}
	}
}

// checkSecrets looks for the values that the applications' files have for
// secrets, in what was written and printed, and in what a host is sent of the
// services' environments.
func checkSecrets(t *testing.T, proposal *Proposal, printed string, releases ...*deploy.Release) {
	t.Helper()
	written := printed
	for _, file := range proposal.Files {
		written += file.Content
	}
	for _, value := range []string{"s3cret", "!ChangeThis", "!ChangeMe"} {
		if at := strings.Index(written, value); at >= 0 {
			t.Errorf("a secret's value was written or printed: …%s…", written[max(0, at-80):min(len(written), at+40)])
		}
	}
	for _, made := range releases {
		for name, service := range made.Environment.Project.Services {
			for key, value := range service.Environment {
				if value != nil && strings.Contains(*value, "s3cret") {
					t.Errorf("services.%s.environment.%s still has the value of the Compose file", name, key)
				}
			}
		}
	}
}
