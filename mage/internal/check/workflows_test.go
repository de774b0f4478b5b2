package check

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

type workflow struct {
	Permissions map[string]string
	Env         map[string]string
	Jobs        map[string]job
}

type job struct {
	Uses        string
	Timeout     int `yaml:"timeout-minutes"`
	Permissions map[string]string
	Environment string
	Env         map[string]string
	Concurrency struct {
		Group  string
		Cancel *bool `yaml:"cancel-in-progress"`
	}
	Steps []step
}

type step struct {
	Uses, Run string
	With, Env map[string]any
}

// TestWorkflows holds the workflows to what no linter asks.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", ".github", "workflows", "*"))
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	rights := map[string]map[string]string{
		"ci.yml unit": {"contents": "read"}, "ci.yml lint": {"contents": "read"}, "ci.yml webshop": {"contents": "read"},
		"deploy-staging.yml ci":        {"contents": "read"},
		"deploy-staging.yml deploy":    {"contents": "read", "deployments": "write", "packages": "write"},
		"deploy-production.yml deploy": {"checks": "read", "contents": "read", "deployments": "write", "packages": "write", "statuses": "read"},
		"rollback.yml rollback":        {"contents": "read", "deployments": "write", "packages": "read"},
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(content, &w); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if w.Permissions == nil || len(w.Permissions) > 0 || len(w.Env) > 0 {
			t.Errorf("%s gives all jobs rights or variables", file)
		}
		for name, job := range w.Jobs {
			name = filepath.Base(file) + " " + name
			if want := rights[name]; want == nil || !slices.Equal(pairs(want), pairs(job.Permissions)) {
				t.Errorf("%s has the rights %v, not %v", name, job.Permissions, want)
			}
			job.check(t, name)
		}
		pinned(t, string(content))
	}
}

func pairs(of map[string]string) []string {
	var all []string
	for key, value := range of {
		all = append(all, key+": "+value)
	}
	slices.Sort(all)
	return all
}

func (j job) check(t *testing.T, name string) {
	t.Helper()
	if j.Uses != "" {
		return // a workflow of ours
	}
	if j.Timeout == 0 || len(j.Env) > 0 {
		t.Errorf("%s has no limit of time, or variables that each of its steps sees", name)
	}
	if j.Environment != "" && (j.Concurrency.Group != "deploy-"+j.Environment || j.Concurrency.Cancel == nil || *j.Concurrency.Cancel) {
		t.Errorf("%s does not wait for other deploys to %s, or cancels one: %+v", name, j.Environment, j.Concurrency)
	}
	for _, step := range j.Steps {
		if step.Uses != "" && len(step.Env) > 0 {
			t.Errorf("%s gives variables to %s", name, step.Uses)
		}
		if strings.HasPrefix(step.Uses, "actions/checkout@") && step.With["persist-credentials"] != false {
			t.Errorf("%s leaves a login in the checkout", name)
		}
		if step.Uses == "" && (!strings.HasPrefix(step.Run, "go tool mage ") || strings.Contains(step.Run, "${{")) {
			t.Errorf("%s runs something else than a target, or puts an expression into a shell: %s", name, step.Run)
		}
	}
}

var pin = regexp.MustCompile(`uses: (\./\.github/workflows/[a-z-]+\.yml|actions/(checkout|setup-go)@[0-9a-f]{40} # v\d+\.\d+\.\d+)$`)

// pinned sees that each action is named by its commit, with its version beside it.
func pinned(t *testing.T, content string) {
	t.Helper()
	for line := range strings.Lines(content) {
		if line = strings.TrimRight(line, "\n"); strings.Contains(line, " uses:") && !pin.MatchString(line) {
			t.Errorf("not pinned: %s", line)
		}
	}
}
