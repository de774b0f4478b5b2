package binary

import (
	"context"
	"debug/buildinfo"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

func TestCompiledOnceUntilTheSourcesChange(t *testing.T) {
	p := newProject(t)
	first := p.compile()
	if !first.Built || p.run(first, "greet") != "hello" {
		t.Errorf("%+v", first)
	}
	if help := p.run(first, "-h", "greet"); !strings.Contains(help, "\tmage greet\n") {
		t.Errorf("the name of a file in the cache is shown:\n%s", help)
	}

	unchanged := func(why string) {
		t.Helper()
		if again := p.compile(); again.Built || again.Path != first.Path || again.SHA256 != first.SHA256 {
			t.Errorf("%s: %+v", why, again)
		}
	}
	unchanged("nothing happened")
	later := time.Now().Add(time.Hour)
	for _, name := range []string{"magefile.go", "greeting/greeting.go", "go.mod"} {
		if err := os.Chtimes(filepath.Join(p.root, name), later, later); err != nil {
			t.Fatal(err)
		}
	}
	unchanged("touched")
	p.write("README.md", "more about it\n")
	p.write("greeting/greeting_test.go", "package greeting\n\nvar x = 1\n")
	p.write("other/other.go", "package other\n\nvar x = 1\n")
	p.write("greeting/notes.txt", "not embedded")
	p.write(mainfile, "package main\n")
	unchanged("what is not compiled changed")

	for _, change := range []struct{ name, content, says string }{
		{"greeting/texts/hello.txt", "HELLO", "HELLO"}, // as long as before
		{"greeting/more.go", "package greeting\n\nimport \"os\"\n\nfunc init() { os.Stdout.WriteString(\"more \") }\n", "more HELLO"},
		{"go.mod", "", ""},
	} {
		before := p.compile()
		if change.name == "go.mod" {
			content, _ := os.ReadFile(filepath.Join(p.root, "go.mod"))
			change.content, change.says = string(content)+"\ngodebug panicnil=1\n", "more HELLO"
		}
		p.write(change.name, change.content)
		after := p.compile()
		if !after.Built || after.SHA256 == before.SHA256 || p.run(after, "greet") != change.says {
			t.Errorf("%s: %+v", change.name, after)
		}
		if _, err := os.Stat(before.Path); err != nil {
			t.Errorf("the one before is gone: %v", err)
		}
	}
	if _, err := os.Stat(first.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the first one is left: %v", err)
	}
}

func TestNewFileIsEmbedded(t *testing.T) {
	p := newProject(t)
	before := p.compile()
	p.write("greeting/texts/other.txt", "other")
	if after := p.compile(); !after.Built || after.SHA256 == before.SHA256 {
		t.Errorf("%+v", after)
	}
	if err := os.Remove(filepath.Join(p.root, "greeting/texts/other.txt")); err != nil {
		t.Fatal(err)
	}
	if again := p.compile(); !again.Built || again.SHA256 != before.SHA256 {
		t.Errorf("the same sources gave %s and %s", before.SHA256, again.SHA256)
	}
}

func TestImportedPackageIsWatched(t *testing.T) {
	p := newProject(t)
	p.compile()
	p.write("greeting/more.go", "package greeting\n\nimport _ \"shop.example/small/other\"\n")
	p.compile()
	p.write("other/other.go", "package other\n\nfunc init() { print(1) }\n")
	if after := p.compile(); !after.Built {
		t.Errorf("%+v", after)
	}
}

func TestSettingsCount(t *testing.T) {
	p := newProject(t)
	before := p.compile()
	t.Setenv("GOFLAGS", "-v") // not taken over
	t.Setenv("MAGEFILE_DEBUG", "true")
	if again := p.compile(); again.Built {
		t.Errorf("%+v", again)
	}
	t.Setenv("GOFIPS140", "latest")
	if after := p.compile(); !after.Built || after.SHA256 == before.SHA256 {
		t.Errorf("%+v", after)
	}
}

func TestOtherFolderAndPlatform(t *testing.T) {
	p := newProject(t)
	first := p.compile()
	moved := &project{t: t, root: filepath.Join(t.TempDir(), "moved")}
	if err := os.CopyFS(moved.root, os.DirFS(p.root)); err != nil {
		t.Fatal(err)
	}
	if second := moved.compile(); second.SHA256 != first.SHA256 || second.Path == first.Path {
		t.Errorf("%+v and %+v", first, second)
	}
	for _, platform := range []string{"linux/arm64", "linux/arm64/v8"} {
		compiled, err := For(t.Context(), p.root, platform)
		if err != nil {
			t.Fatal(err)
		}
		if why := unfit(compiled.Path, target{"linux", "arm64"}); why != "" {
			t.Errorf("%+v %s", compiled, why)
		}
		if why := unfit(compiled.Path, target{"linux", "riscv64"}); why != "is for linux/arm64" {
			t.Errorf("%+v %s", compiled, why)
		}
	}
	info, err := buildinfo.ReadFile(first.Path)
	if err != nil {
		t.Fatal(err)
	}
	if text := info.String(); strings.Contains(text, p.root) || strings.Contains(text, "vcs") {
		t.Errorf("what differs elsewhere is in it:\n%s", text)
	}
}

func TestDamagedFileIsMadeAgain(t *testing.T) {
	p := newProject(t)
	first := p.compile()
	if err := os.Truncate(first.Path, first.Size/2); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(filepath.Dir(first.Path), building+"killed")
	if err := os.MkdirAll(filepath.Join(left, "source"), 0o700); err != nil {
		t.Fatal(err)
	}
	if again := p.compile(); !again.Built || again.SHA256 != first.SHA256 {
		t.Errorf("%+v", again)
	}
	if found, _ := filepath.Glob(filepath.Join(filepath.Dir(first.Path), building+"*")); len(found) != 0 {
		t.Errorf("left: %q", found)
	}
	labels, _ := filepath.Glob(filepath.Join(filepath.Dir(first.Path), "*.json"))
	if len(labels) != 1 || os.WriteFile(labels[0], []byte("{"), 0o600) != nil {
		t.Fatalf("labels %q", labels)
	}
	if again := p.compile(); !again.Built || again.SHA256 != first.SHA256 {
		t.Errorf("%+v", again)
	}
}

func TestTwoAtOnce(t *testing.T) {
	p := newProject(t)
	var compiled [4]Compiled
	var group sync.WaitGroup
	for at := range compiled {
		group.Go(func() {
			var err error
			if compiled[at], err = For(t.Context(), p.root, here); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	built := 0
	for _, one := range compiled {
		if one.Built {
			built++
		}
		if one.SHA256 != compiled[0].SHA256 {
			t.Errorf("%+v", one)
		}
	}
	if built != 1 {
		t.Errorf("compiled %d times", built)
	}
	if _, err := os.Stat(filepath.Join(p.root, mainfile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("mage's file in the project: %v", err)
	}
}

func TestBrokenSourcesAreShown(t *testing.T) {
	p := newProject(t)
	p.write("greeting/greeting.go", "package greeting\n\nfunc Text() string { return 1 }\n")
	_, err := For(t.Context(), p.root, here)
	failure, ok := errors.AsType[*deploy.Failure](err)
	if !ok || !strings.Contains(strings.Join(failure.Logs, "\n"), "greeting.go:3") {
		t.Errorf("got %v", err)
	}
}

func TestInterrupted(t *testing.T) {
	p := newProject(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("ctrl-c")
	cancel(reason)
	if _, err := For(ctx, p.root, here); !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
}

func TestRefusals(t *testing.T) {
	p := newProject(t)
	refused := func(root, platform string, words ...string) {
		t.Helper()
		_, err := For(t.Context(), root, platform)
		failure, ok := errors.AsType[*deploy.Failure](err)
		if !ok || failure.ExitStatus() != deploy.ExitUsage || failure.Hint == "" {
			t.Fatalf("got %v", err)
		}
		for _, word := range words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%q is not said in:\n%v", word, err)
			}
		}
	}
	for _, platform := range []string{"", "linux", "linux/amd64/v3", "linux/../x", "-o/x"} {
		refused(p.root, platform, "is no platform")
	}
	refused(t.TempDir(), here, "has no Go sources", "not a compiled magefile", "go.dev/dl")
	content, _ := os.ReadFile(filepath.Join(p.root, "go.mod"))
	p.write("go.mod", string(content)+"\nreplace github.com/magefile/mage => ../mage\n")
	refused(p.root, here, "outside the project", "-dropreplace=github.com/magefile/mage")
	p.write("go.mod", string(content))
	os.Remove(filepath.Join(p.root, "magefile.go"))
	refused(p.root, here, "has no magefile")
	t.Setenv("PATH", t.TempDir())
	refused(p.root, here, "Go is missing", "go.dev/dl")
}

func TestReplacedModuleInsideTheProject(t *testing.T) {
	p := newProject(t)
	content, _ := os.ReadFile(filepath.Join(p.root, "go.mod"))
	p.write("go.mod", string(content)+"\nrequire shop.example/own v0.0.0\nreplace shop.example/own => ./own\n")
	p.write("own/go.mod", "module shop.example/own\n\ngo 1.26\n")
	p.write("own/own.go", "package own\n\nconst Text = \"own \"\n")
	p.write("greeting/more.go", "package greeting\n\nimport \"shop.example/own\"\n\nfunc init() { print(own.Text) }\n")
	if says := p.run(p.compile(), "greet"); says != "own hello" {
		t.Errorf("says %q", says)
	}
	p.write("own/own.go", "package own\n\nconst Text = \"OWN \"\n")
	if says := p.run(p.compile(), "greet"); says != "OWN hello" {
		t.Errorf("says %q", says)
	}
}

func TestOrphansAreSwept(t *testing.T) {
	p := newProject(t)
	gone := &project{t: t, root: filepath.Join(t.TempDir(), "gone")}
	if err := os.CopyFS(gone.root, os.DirFS(p.root)); err != nil {
		t.Fatal(err)
	}
	orphan := gone.compile()
	os.RemoveAll(gone.root)
	p.compile()
	if _, err := os.Stat(orphan.Path); err != nil {
		t.Fatalf("removed while it may be in use: %v", err)
	}
	s := &shelf{folder: filepath.Dir(orphan.Path), name: strings.ReplaceAll("mage-"+here, "/", "-")}
	l := s.label()
	content, _ := os.ReadFile(s.labelFile())
	old := strings.Replace(string(content), l.Made.Format(time.RFC3339Nano), "2020-01-01T00:00:00Z", 1)
	if err := replace(s.labelFile(), []byte(old)); err != nil {
		t.Fatal(err)
	}
	p.write("greeting/texts/hello.txt", "again")
	p.compile()
	if _, err := os.Stat(s.folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
}
