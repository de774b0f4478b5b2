package reference

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"
)

// The project's own Compose files are right, and tell editors of the schema.
func TestOwnComposeFilesAreTaken(t *testing.T) {
	judges := newJudges(t)
	paths, err := filepath.Glob(filepath.Join(root, "compose", "*.yml"))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := judges.schema.Validate(parsed(t, string(content))); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		lines := bufio.NewScanner(strings.NewReader(string(content)))
		lines.Scan()
		named, _ := strings.CutPrefix(lines.Text(), "# yaml-language-server: $schema=")
		if filepath.Join(filepath.Dir(path), named) != filepath.Join(root, Schema) {
			t.Errorf("%s begins with %q, which leads no editor to %s", path, lines.Text(), Schema)
		}
	}
}

// Whatever Compose file a test of the project has, and the loader takes, the
// schema takes, too.
func TestComposeFilesOfTestsAreTaken(t *testing.T) {
	judges := newJudges(t)
	taken := 0
	for where, text := range composeTexts(t) {
		var document map[string]any
		if yaml.Unmarshal([]byte(text), &document) != nil || document["services"] == nil {
			continue // a part of one, or one with a mistake
		}
		variables := map[string]string{}
		for name, variable := range template.ExtractVariables(document, template.DefaultPattern) {
			if variable.DefaultValue == "" {
				variables[name] = "1"
			}
		}
		if load(t, document, variables) != nil {
			continue
		}
		taken++
		if err := judges.schema.Validate(document); err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
	if t.Logf("%d Compose files", taken); taken < 20 {
		t.Errorf("only %d Compose files were looked at", taken)
	}
}

// composeTexts gives the literal texts in the project's Go files that may be
// Compose files, by where they stand.
func composeTexts(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING && strings.Contains(literal.Value, "services:") {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					found[files.Position(literal.Pos()).String()] = text
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
