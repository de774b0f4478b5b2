package binary

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// here is the platform that tests compile for, so that they can run it.
const here = runtime.GOOS + "/" + runtime.GOARCH

// isolate gives a test a cache of its own; go keeps its caches.
func isolate(t *testing.T) {
	t.Helper()
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv(name, strings.TrimSpace(string(out)))
	}
	cache := t.TempDir()
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(name, cache)
	}
}

// project is a small module with a magefile.
type project struct {
	t    *testing.T
	root string
}

// newProject makes one that needs nothing that is not in go's cache.
func newProject(t *testing.T) *project {
	t.Helper()
	isolate(t)
	t.Setenv("GOPROXY", "off")
	p := &project{t: t, root: filepath.Join(t.TempDir(), "small shop")}
	real, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	mage := regexp.MustCompile(`github.com/magefile/mage v\S+`).FindString(string(real))
	sums, err := os.ReadFile("../../../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	p.write("go.mod", "module shop.example/small\n\ngo 1.26\n\ntool github.com/magefile/mage\n\nrequire "+mage+"\n")
	p.write("go.sum", string(sums))
	p.write("magefile.go", `//go:build mage

package main

import (
	"fmt"

	"shop.example/small/greeting"
)

// Greet greets.
func Greet() { fmt.Print(greeting.Text()) }
`)
	p.write("greeting/greeting.go", `package greeting

import "embed"

//go:embed texts/*.txt
var texts embed.FS

func Text() string {
	content, _ := texts.ReadFile("texts/hello.txt")
	return string(content)
}
`)
	p.write("greeting/texts/hello.txt", "hello")
	p.write("README.md", "about it\n")
	p.write("greeting/greeting_test.go", "package greeting\n")
	p.write("other/other.go", "package other\n")
	return p
}

func (p *project) write(name, content string) {
	p.t.Helper()
	path := filepath.Join(p.root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *project) compile() Compiled {
	p.t.Helper()
	compiled, err := For(p.t.Context(), p.root, here)
	if err != nil {
		p.t.Fatal(err)
	}
	hash, size, err := weigh(compiled.Path)
	if err != nil || hash != compiled.SHA256 || size != compiled.Size {
		p.t.Fatalf("%+v is %s with %d bytes, %v", compiled, hash, size, err)
	}
	return compiled
}

// run runs a compiled magefile.
func (p *project) run(compiled Compiled, args ...string) string {
	p.t.Helper()
	command := exec.Command(compiled.Path, args...)
	command.Dir = p.root
	output, err := command.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%v\n%s", err, output)
	}
	return string(output)
}
