package reference

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// place is one value below an x-deploy of a document.
type place struct {
	// path leads to it: names, and numbers in lists.
	path  []any
	shape shape
	value any
	// field is its key's: "Watch.Requests".
	field string
}

func (p place) String() string {
	var out strings.Builder
	for _, step := range p.path {
		fmt.Fprintf(&out, ".%v", step)
	}
	return out.String()[1:]
}

// places finds all values of a document, sections and lists included.
func places(from *extension, document map[string]any) []place {
	var found []place
	walk := func(of *section, value any, path ...any) {
		if value != nil {
			found = append(found, below(place{path: path, shape: shape{kind: kindMapping, section: of}, value: value})...)
		}
	}
	walk(from.top, document[deploy.ExtensionKey], deploy.ExtensionKey)
	services := document["services"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(services)) {
		service := services[name].(map[string]any)
		walk(from.service, service[deploy.ExtensionKey], "services", name, deploy.ExtensionKey)
	}
	return found
}

func below(at place) []place {
	found := []place{at}
	switch value := at.value.(type) {
	case []any:
		if at.shape.kind == kindList {
			for number, element := range value {
				found = append(found, below(place{path: deeper(at.path, number), shape: *at.shape.of, value: element})...)
			}
		}
	case map[string]any:
		if at.shape.kind == kindMapping {
			for _, key := range at.shape.section.keys {
				if inner, ok := value[key.name]; ok {
					found = append(found, below(place{
						path: deeper(at.path, key.name), shape: key.shape, value: inner, field: at.shape.section.name + "." + key.name,
					})...)
				}
			}
		}
	}
	return found
}

func deeper(path []any, step any) []any { return append(slices.Clone(path), step) }

// parsed reads a document.
func parsed(t *testing.T, text string) map[string]any {
	t.Helper()
	var document map[string]any
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// with is a document with another value at a place.
func with(t *testing.T, text string, path []any, value any) map[string]any {
	t.Helper()
	document := parsed(t, text)
	var at any = document
	for _, step := range path[:len(path)-1] {
		switch step := step.(type) {
		case string:
			at = at.(map[string]any)[step]
		case int:
			at = at.([]any)[step]
		}
	}
	switch step := path[len(path)-1].(type) {
	case string:
		at.(map[string]any)[step] = value
	case int:
		at.([]any)[step] = value
	}
	return document
}
