package django

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestRequestSaysTheSettings(t *testing.T) {
	r := release()
	*r.Environment.Migrations = deploy.Migrations{
		Service: "backend", Manage: []string{"python", "src/manage.py"}, Database: "second",
		LockTimeout: 250 * time.Millisecond, Attempts: 2,
	}
	engine := &printing{text: `MARKER{"event":"answer","answer":null}`}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(New(engine).Apply(t.Context(), r, []deploy.MigrationID{{App: "a", Name: "0001_ü<'\""}}, nil))
	if !slices.Equal(engine.command[:6], []string{"python", "src/manage.py", "shell", "--verbosity", "0", "-c"}) {
		t.Errorf("command: %q", engine.command[:6])
	}
	quoted := regexp.MustCompile(`main\((.*)\)\n$`).FindStringSubmatch(engine.command[6])
	var text string
	must(json.Unmarshal([]byte(quoted[1]), &text))
	var asked request
	must(json.Unmarshal([]byte(text), &asked))
	first := asked.Marker
	asked.Marker = ""
	want := request{
		Do: "apply", Migrations: []deploy.MigrationID{{App: "a", Name: "0001_ü<'\""}}, Database: "second",
		LockTimeout: 0.25, Attempts: 2, Wait: 600, Pause: 1,
	}
	if fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("asked %+v, want %+v", asked, want)
	}
	must(New(engine).Status(t.Context(), r, nil))
	if strings.Contains(engine.command[6], first) {
		t.Error("two runs have one marker")
	}
}

// TestProgramFitsIntoAnArgument leaves room for the migrations of a large
// application's first deploy.
func TestProgramFitsIntoAnArgument(t *testing.T) {
	asked := request{Do: "apply", Marker: "m"}
	command, err := asked.command([]string{"manage"})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the program has %d bytes", len(command[len(command)-1]))
	for n := range 600 {
		asked.Migrations = append(asked.Migrations, deploy.MigrationID{App: "an_application", Name: fmt.Sprintf("%04d_alter_something_of_something_else", n)})
	}
	if _, err := asked.command([]string{"manage"}); err != nil {
		t.Errorf("600 migrations: %v", err)
	}
	asked.Migrations = slices.Repeat(asked.Migrations, 10)
	if _, err := asked.command([]string{"manage"}); !errors.Is(err, errTooMany) {
		t.Errorf("6000 migrations: %v", err)
	}
}

func TestNothingAskedIsNothingDone(t *testing.T) {
	engine := &printing{err: errors.New("it ran")}
	if err := New(engine).Revert(t.Context(), release(), nil, nil); err != nil {
		t.Error(err)
	}
	if _, err := New(engine).Inspect(t.Context(), &deploy.Release{}); err == nil {
		t.Error("an environment without migrations was inspected")
	}
}
