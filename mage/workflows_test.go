//go:build integration

package mage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy/deploytest"
	"github.com/freezedesign/webshop-deploy/deploy/deploytest/webhook"
)

// actVersion is the workflow runner, which is built as a module of its own.
const actVersion = "github.com/nektos/act@v0.2.89"

// TestTheWorkflows has a workflow runner carry the repository's workflows out, as
// they are, on this machine: CI and a deploy to staging for a push, production by
// its checklist, and a rollback, against a server and a registry.
//
// Two actions have stand-ins. The runner itself copies the repository in the
// place of actions/checkout, and an action that only shows the variables which it
// was given is in the place of actions/setup-go, under the very commit that the
// workflows name. The registry's login stands where `docker login` puts it, since
// GITHUB_TOKEN is one for ghcr.io alone.
//
// The repository is not this one, whose tests would run themselves, but a small
// one that imports the targets and has its own code, tests and script: what
// `mage test` does to a project it does to that.
//
// It is left to -faults: each job compiles the program that it ships, and that
// takes five minutes of a small machine.
func TestTheWorkflows(t *testing.T) {
	if !*everything {
		t.Skip("left to `mage test -faults`")
	}
	alongside(t, apps)
	r := newRunner(t)
	first := r.page("one")
	r.prepare("staging")
	r.prepare("production")
	r.MustMage("deploy:staging")
	second := r.project()

	pushed := r.mustRun("push", "deploy-staging.yml", nil)
	for _, says := range []string{
		"✓  shop (", "PASS mage.TestTheWebshopsOwnTests", "4 of 4 parts passed", // of CI
		"::group::Build and push " + second, "::group::deploy:staging " + second + " on deploy@", "::endgroup::",
		"COPY page.txt /# #[error]no.txt", "Summary - ### staging: deployed", "| release | " + second + " |", ", 0 lost, slowest ",
	} {
		r.said(pushed, says)
	}
	if !regexp.MustCompile(`\d\d:\d\d:\d\dZ +\d+\.\d\ds ✓ switch`).MatchString(pushed) {
		t.Error("the lines have no time of day")
	}
	r.serves("8081", second)

	r.list.Runs = []webhook.Run{{Name: "CI / linters", Status: "completed", Conclusion: "failure"}}
	r.MustMage("release", "v1.0.0")
	inputs := map[string]string{"tag": "v1.0.0", "waive": "notified: nobody is there; backup: nothing is stored"}
	refused, err := r.run("workflow_dispatch", "deploy-production.yml", inputs)
	if err == nil {
		t.Error("production was deployed although CI is red")
	}
	r.said(refused, "::error title=mage deploy%3Aproduction%3A failed::")
	r.said(refused, "Summary - ### mage deploy:production: failed")
	r.list.Runs[0].Conclusion = "success"
	released := r.mustRun("workflow_dispatch", "deploy-production.yml", inputs)
	r.said(released, "✓ ci          the one check of commit")
	r.said(released, "promoted from "+second)
	r.said(released, "Summary - ### production: deployed")
	r.serves("8082", "v1.0.0")

	r.mustRun("workflow_dispatch", "rollback.yml", map[string]string{"environment": "staging", "version": first})
	r.serves("8081", first)
	unknown, err := r.run("workflow_dispatch", "rollback.yml", map[string]string{"environment": "staging", "version": "v0.0.9"})
	if err == nil {
		t.Error("a version that nobody knows was gone back to")
	}
	r.said(unknown, "::warning::GitHub's list of deployments was not told: the commit of v0.0.9 is not known")
	r.said(unknown, "::error title=mage rollback%3A refused::no release v0.0.9 is recorded")
	r.serves("8081", first)
	r.recorded(r.list, "mage deploy:staging "+second, "in_progress", "success", "mage deploy:production v1.0.0", "in_progress", "success",
		"mage rollback "+first, "in_progress", "success")
	r.noSecret()
	if strings.Contains(r.output.String(), "##[") {
		t.Error("what a build printed is a command to a runner")
	}
}

// runner carries workflows out for a shop's repository.
type runner struct {
	*shop
	list *webhook.GitHub
	// act is the program, arguments those of all its runs, and environment what
	// its jobs have of this machine.
	act         string
	arguments   []string
	environment []string
	output      strings.Builder
}

func newRunner(t *testing.T) *runner {
	t.Helper()
	r := &runner{shop: newShop(t), list: webhook.NewGitHub(t)}
	for _, environment := range []string{"staging", "production"} {
		r.ask(environment)
	}
	r.Env = append(r.Env, "STAGING_HOST="+r.ssh.Host, "PRODUCTION_HOST="+r.ssh.Host)
	tools, home := t.TempDir(), t.TempDir()
	r.build(tools)
	write := func(name, content string) string {
		t.Helper()
		path := filepath.Join(home, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	login, err := os.ReadFile(filepath.Join(r.Home, ".docker", "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(".docker/config.json", string(login))
	write("setup-go/action.yml", standIn)
	r.environment = []string{
		"HOME=" + home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir(),
		"GOCACHE=" + goEnv(t, "GOCACHE"), "GOMODCACHE=" + goEnv(t, "GOMODCACHE"), "GOPROXY=" + goEnv(t, "GOPROXY"),
	}
	if engine := os.Getenv("DOCKER_HOST"); engine != "" {
		r.environment = append(r.environment, "DOCKER_HOST="+engine)
	}
	r.arguments = []string{
		"--platform", "ubuntu-latest=-self-hosted", "--concurrent-jobs", "1", "--no-cache-server",
		"--local-repository", r.pinned("actions/setup-go") + "=" + filepath.Join(home, "setup-go"),
		"--env", "GITHUB_REPOSITORY=" + r.list.Repository, "--env", "GITHUB_API_URL=" + r.list.Address,
		// What it would hide, the test could not find.
		"--insecure-secrets",
		"--secret-file", write("secrets.yml", asJSON(t, map[string]string{"DEPLOY_SSH_KEY": string(r.ssh.Key), "GITHUB_TOKEN": r.list.Token})),
		"--var-file", write("vars.yml", asJSON(t, map[string]string{
			"DEPLOY_SSH_KNOWN_HOSTS": string(r.ssh.KnownHosts), "REGISTRY": r.registry.Address,
			"STAGING_HOST": r.ssh.Host, "PRODUCTION_HOST": r.ssh.Host,
		})),
	}
	return r
}

// standIn is in the place of an action that sets Go up.
const standIn = `name: stand-in
description: Go is there; shows what an action is given
inputs: {go-version-file: {required: true}}
runs:
  using: composite
  steps: [{run: env, shell: bash}]
`

// ask has an environment's Compose file name its host as the workflows do, and
// production ask for the whole checklist.
func (r *runner) ask(environment string) {
	r.T.Helper()
	name := "compose/docker-compose." + environment + ".yml"
	content, err := os.ReadFile(filepath.Join(r.Root, name))
	if err != nil {
		r.T.Fatal(err)
	}
	replaced := strings.NewReplacer(
		`["${VPS}", "${SECOND_VPS:-}"]`, `["${`+strings.ToUpper(environment)+`_HOST}"]`,
		`github: "${TELL_GITHUB:-false}", `, "", "${PUBLIC}", deploytest.Registry(r.T),
	).Replace(string(content))
	if environment == "production" {
		replaced = strings.Replace(replaced, "x-deploy:\n", "x-deploy:\n  checklist: {items: [ci, staging, backup, notified, changelog, rollback]}\n", 1)
	}
	r.WriteFile(name, replaced)
}

// build builds the runner.
func (r *runner) build(folder string) {
	r.T.Helper()
	ctx, cancel := context.WithTimeout(r.T.Context(), 15*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, "go", "install", actVersion)
	install.Env = append(os.Environ(), "GOBIN="+folder, "GOFLAGS=")
	if output, err := install.CombinedOutput(); err != nil {
		r.T.Fatalf("build %s: %v\n%s", actVersion, err, output)
	}
	r.act = filepath.Join(folder, "act")
}

// pinned is an action with the commit that the workflows name.
func (r *runner) pinned(action string) string {
	r.T.Helper()
	content, err := os.ReadFile(filepath.Join(deploytest.Root(r.T), ".github", "workflows", "ci.yml"))
	if err != nil {
		r.T.Fatal(err)
	}
	return regexp.MustCompile(regexp.QuoteMeta(action) + `@[0-9a-f]{40}`).FindString(string(content))
}

// project makes the shop's repository one with targets, workflows and tests, and
// pushes that as a version.
func (r *runner) project() string {
	r.T.Helper()
	root := deploytest.Root(r.T)
	workflows, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yml"))
	if err != nil || len(workflows) == 0 {
		r.T.Fatalf("no workflows: %v", err)
	}
	read := func(path string) string {
		r.T.Helper()
		content, err := os.ReadFile(path)
		if err != nil {
			r.T.Fatal(err)
		}
		return string(content)
	}
	for _, path := range workflows {
		r.WriteFile(".github/workflows/"+filepath.Base(path), read(path))
	}
	// What is shipped is compiled from what is in the project, and so this one's
	// module is, as a folder with a go.mod of its own.
	own := regexp.MustCompile(`(?m)^module (.*)$`)
	modules := read(filepath.Join(root, "go.mod"))
	name := own.FindStringSubmatch(modules)[1]
	r.WriteFile("go.mod", own.ReplaceAllString(modules, "module shop.example/shop")+
		"\nrequire "+name+" v0.0.0\n\nreplace "+name+" => ./webshop-deploy\n")
	r.WriteFile("go.sum", read(filepath.Join(root, "go.sum")))
	r.WriteFile("magefile.go", read(filepath.Join(root, "magefile.go")))
	r.WriteFile("webshop-deploy/go.mod", modules)
	for _, folder := range []string{"mage", "deploy", "scripts"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil || entry.IsDir() && entry.Name() != "testdata":
				return err
			case entry.IsDir():
				return filepath.SkipDir
			case strings.HasSuffix(path, "_test.go"):
				return nil
			}
			below, err := filepath.Rel(root, path)
			r.WriteFile(filepath.Join("webshop-deploy", below), read(path))
			return err
		})
		if err != nil {
			r.T.Fatal(err)
		}
	}
	r.WriteFile("shop/shop.go", "// Package shop adds up.\npackage shop\n\n// Sum adds.\nfunc Sum(a, b int) int { return a + b }\n")
	r.WriteFile("shop/shop_test.go", "package shop\n\nimport \"testing\"\n\nfunc TestSum(t *testing.T) {\n\tif Sum(1, 2) != 3 {\n\t\tt.Error(\"it does not\")\n\t}\n}\n")
	r.WriteFile("mage/own_test.go", "//go:build integration\n\npackage mage_test\n\nimport \"testing\"\n\nfunc TestTheWebshopsOwnTests(*testing.T) {}\n")
	r.WriteFile(".ci/run", "#!/bin/sh\nexec go tool mage test\n")
	r.WriteFile("web/Dockerfile", shopDockerfile+"COPY page.txt /##[error]no.txt\n")
	r.WriteFile("CHANGELOG.md", "# Changes\n\n## v1.0.0\n\nBreaking: none\n")
	return r.page("two")
}

// run carries a workflow out for an event, and gives what was printed.
func (r *runner) run(event, workflow string, inputs map[string]string) (string, error) {
	r.T.Helper()
	path := filepath.Join(r.T.TempDir(), "event.json")
	if err := os.WriteFile(path, []byte(asJSON(r.T, map[string]any{"ref": "refs/heads/main", "inputs": inputs})), 0o600); err != nil {
		r.T.Fatal(err)
	}
	arguments := append([]string{event, "--workflows", ".github/workflows/" + workflow, "--eventpath", path}, r.arguments...)
	ctx, cancel := context.WithTimeout(r.T.Context(), 15*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, r.act, arguments...)
	command.Dir, command.Env = r.Root, r.environment
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 30 * time.Second
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	began := time.Now()
	err := command.Run()
	r.T.Logf("%s of %s: %v after %s\n%s", event, workflow, err, time.Since(began).Round(time.Second), output.String())
	r.output.Write(output.Bytes())
	return output.String(), err
}

func (r *runner) mustRun(event, workflow string, inputs map[string]string) string {
	r.T.Helper()
	output, err := r.run(event, workflow, inputs)
	if err != nil {
		r.T.FailNow()
	}
	return output
}

// said fails the test unless a run printed a text.
func (r *runner) said(output, text string) {
	r.T.Helper()
	if !strings.Contains(output, text) {
		r.T.Errorf("it does not say %q", text)
	}
}

// noSecret looks for what the runner was given in all that was printed: by the
// targets, and by the action, which shows its variables.
func (r *runner) noSecret() {
	r.T.Helper()
	if !strings.Contains(r.output.String(), "GITHUB_ACTIONS=true") {
		r.T.Error("the action has not shown its variables: it would show nothing")
	}
	secrets := []string{r.list.Token, canaryPassword, canarySecret}
	for line := range strings.Lines(string(r.ssh.Key)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") && line != "" {
			secrets = append(secrets, line)
		}
	}
	for _, secret := range secrets {
		if strings.Contains(r.output.String(), secret) {
			r.T.Errorf("%.12s… was printed", secret)
		}
	}
}

// asJSON is a map in JSON, which is YAML, too.
func asJSON(t testing.TB, values any) string {
	t.Helper()
	content, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(output))
}
