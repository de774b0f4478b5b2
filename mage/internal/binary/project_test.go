//go:build integration

package binary

import (
	"testing"
	"time"
)

// TestProject compiles this project itself, twice.
func TestProject(t *testing.T) {
	isolate(t)
	p := &project{t: t, root: "../../.."}
	began := time.Now()
	first := p.compile()
	cold := time.Since(began)
	if !first.Built {
		t.Errorf("%+v", first)
	}
	began = time.Now()
	second, err := For(t.Context(), p.root, here)
	warm := time.Since(began)
	if err != nil {
		t.Fatal(err)
	}
	if second.Built || second.SHA256 != first.SHA256 {
		t.Errorf("%+v after %+v", second, first)
	}
	t.Logf("%d MB, compiled in %s, checked in %s", first.Size>>20, cold.Round(time.Millisecond), warm.Round(time.Millisecond))
	if warm > 2*time.Second {
		t.Errorf("it took %s to see that nothing changed", warm)
	}
	p.run(first, "-l")
}
