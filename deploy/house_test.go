package deploy_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/freezedesign/webshop-deploy"

// coreModules are all that the domain may import beside the standard library.
var coreModules = []string{
	"github.com/compose-spec/compose-go/v2",
	"go.yaml.in/yaml/v4",
	"github.com/go-viper/mapstructure/v2",
	"github.com/agnivade/levenshtein",
}

// imports gives what each Go file of the module imports, by its path.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); name != ".." && strings.HasPrefix(name, ".") || name == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, "../"))
		found[name] = nil
		for _, one := range file.Imports {
			imported, err := strconv.Unquote(one.Path.Value)
			if err != nil {
				return err
			}
			found[name] = append(found[name], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestArrowsPointDown holds the picture of docs: mage imports everything,
// adapters import the domain and never each other, the domain imports nobody.
func TestArrowsPointDown(t *testing.T) {
	for file, imported := range imports(t) {
		test := strings.HasSuffix(file, "_test.go")
		for _, one := range imported {
			if why := misplaced(filepath.ToSlash(filepath.Dir(file)), one, test); why != "" {
				t.Errorf("%s imports %s: %s", file, one, why)
			}
		}
	}
}

// misplaced says why a package may not import another.
func misplaced(folder, imported string, test bool) string {
	inside, ours := strings.CutPrefix(imported, module+"/")
	demonstrated := folder == "mage/internal/demo" && inside == "deploy/deploytest/load" // under the tests' own load
	if strings.HasPrefix(inside, "deploy/deploytest") && !test && !strings.HasPrefix(folder, "deploy/deploytest") && !demonstrated {
		return "what tests need is for tests"
	}
	if test && !ours {
		return ""
	}
	adapter, isAdapter := strings.CutPrefix(folder, "deploy/")
	switch {
	case folder == "deploy" && ours && (!test || !strings.HasPrefix(inside, "deploy/deploytest") && inside != "deploy"):
		return "the domain imports nothing of the project"
	case folder == "deploy" && !ours && outside(imported) && !slices.ContainsFunc(coreModules, func(core string) bool {
		return imported == core || strings.HasPrefix(imported, core+"/")
	}):
		return "the domain imports the standard library and compose-go"
	case isAdapter && ours && strings.HasPrefix(inside, "mage"):
		return "arrows point down"
	case isAdapter && ours && !test && !strings.HasPrefix(adapter, "deploytest"):
		first, _, _ := strings.Cut(adapter, "/")
		other, isOther := strings.CutPrefix(inside, "deploy/")
		if second, _, _ := strings.Cut(other, "/"); isOther && first != second {
			return "adapters never import each other"
		}
	}
	return ""
}

// outside says whether a package is not of the standard library.
func outside(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return strings.Contains(first, ".")
}

func TestMisplacedImportsAreSeen(t *testing.T) {
	for _, test := range []struct {
		folder, imported string
		test, wrong      bool
	}{
		{"deploy", "context", false, false},
		{"deploy", "github.com/compose-spec/compose-go/v2/types", false, false},
		{"deploy", "github.com/docker/docker/client", false, true},
		{"deploy", module + "/deploy/engine", false, true},
		{"deploy", module + "/deploy/engine", true, true},
		{"deploy", module + "/deploy/deploytest/fake", true, false},
		{"deploy/engine", module + "/deploy", false, false},
		{"deploy/engine", module + "/deploy/proxy", false, true},
		{"deploy/engine", module + "/deploy/engine/inner", false, false},
		{"deploy/engine", module + "/mage", false, true},
		{"deploy/engine", module + "/deploy/deploytest/conformance", false, true},
		{"deploy/engine", module + "/deploy/deploytest/conformance", true, false},
		{"mage", module + "/deploy/engine", false, false},
		{"mage", module + "/deploy/deploytest/fake", false, true},
		{"mage/internal/demo", module + "/deploy/deploytest/load", false, false},
		{"mage/internal/demo", module + "/deploy/deploytest/fake", false, true},
		{"deploy/deploytest/fake", module + "/deploy", false, false},
	} {
		if why := misplaced(test.folder, test.imported, test.test); (why != "") != test.wrong {
			t.Errorf("%s imports %s: %q", test.folder, test.imported, why)
		}
	}
}
