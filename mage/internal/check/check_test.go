package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The parts of a stage run side by side, what they say stays apart, and each
// that fails is named.
func TestStage(t *testing.T) {
	t.Parallel()
	met := make(chan struct{})
	say := func(text string, meet func(), err error) func(*checker, context.Context) error {
		return func(c *checker, _ context.Context) error {
			for range 3 {
				fmt.Fprintln(c.Out, text)
				meet()
			}
			return err
		}
	}
	broken := errors.New("it is broken")
	var out bytes.Buffer
	var failed []string
	for _, one := range runStage(t.Context(), Options{Out: &out}, []part{
		{"first", say("one", func() { met <- struct{}{} }, nil)},
		{"second", say("two", func() { <-met }, broken)},
		{"third", say("three", func() {}, broken)},
	}) {
		failed = append(failed, one.name)
	}
	if want := []string{"second", "third"}; !slices.Equal(failed, want) {
		t.Errorf("failed are %v, not %v", failed, want)
	}
	at := 0
	for _, want := range []string{
		"== first\none\none\none\n== first passed", "== second\ntwo\ntwo\ntwo\n== second FAILED: it is broken", "== third\nthree\nthree\nthree\n== third FAILED",
	} {
		found := strings.Index(out.String()[at:], want)
		if found < 0 {
			t.Fatalf("no %q in its place:\n%s", want, out.String())
		}
		at += found
	}
}

func TestStages(t *testing.T) {
	t.Parallel()
	var names []string
	for _, stage := range stages(true, false) {
		for _, part := range stage {
			names = append(names, part.name)
		}
	}
	if want := []string{"gofmt", "go vet", "unit tests"}; !slices.Equal(names, want) {
		t.Errorf("without an engine %v run, not %v", names, want)
	}
	all := stages(false, false)
	for _, stage := range all[len(all)-2:] {
		if len(stage) != 1 {
			t.Errorf("%s has not the engine to itself", stage[0].name)
		}
	}
}
