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
	for _, one := range []struct {
		options Options
		want    []string
	}{
		{Options{Unit: true}, []string{"gofmt", "go vet", "unit tests"}},
		{Options{Lint: true}, []string{"golangci-lint", "shellcheck", "actionlint", "other systems"}},
		{Options{Webshop: true}, []string{"the webshop's own checks and tests"}},
	} {
		var names []string
		for _, stage := range stages(one.options) {
			for _, part := range stage {
				names = append(names, part.name)
			}
		}
		if !slices.Equal(names, one.want) {
			t.Errorf("%v run, not %v", names, one.want)
		}
	}
	all := stages(Options{})
	for _, stage := range all[len(all)-2:] {
		if len(stage) != 1 {
			t.Errorf("%s has not the engine to itself", stage[0].name)
		}
	}
}
