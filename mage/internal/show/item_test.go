package show

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/freezedesign/webshop-deploy/deploy/system"
)

func TestItemsFitATerminal(t *testing.T) {
	var out strings.Builder
	Item(&out, system.Item{
		Name: "log rotation", State: system.Done,
		Text: "json-file, 10m × 3; applies from the next restart of the engine, to containers that are made after it",
		Hint: "Restart it when nothing runs: sudo systemctl restart docker",
	})
	want := `+ log rotation         done     json-file, 10m × 3; applies from the next
                               restart of the engine, to containers that are
                               made after it
                               Restart it when nothing runs: sudo systemctl
                               restart docker
`
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
	for line := range strings.Lines(out.String()) {
		if width := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); width > 80 {
			t.Errorf("%d columns: %s", width, line)
		}
	}
}
