//go:build integration

package engine

import (
	"strings"
	"testing"
)

func TestDiffIDs(t *testing.T) {
	engine := openEngine(t)
	name := "engine-test-layers-" + strings.ToLower(t.Name()) + ":v1"
	importImage(t, engine, name)
	inspected, err := engine.docker.ImageInspect(t.Context(), name)
	must(t, err)
	known, err := engine.DiffIDs(t.Context())
	must(t, err)
	if len(inspected.RootFS.Layers) == 0 {
		t.Fatal("the image has no layers")
	}
	for _, layer := range inspected.RootFS.Layers {
		if !known[layer] {
			t.Errorf("the layer %s is missing", layer)
		}
	}
	if known[inspected.ID] || known["sha256:"+strings.Repeat("0", 64)] {
		t.Error("what is no layer is said to be here")
	}
}
