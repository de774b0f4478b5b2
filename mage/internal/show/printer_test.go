package show

import (
	"regexp"
	"strings"
	"testing"
)

// In a CI job each line has the time of day.
func TestPrinterInAJob(t *testing.T) {
	for ci, form := range map[string]string{
		"true": `^\d\d:\d\d:\d\dZ   0\.0\ds   v1 of main\n$`,
		"":     `^  0\.0\ds   v1 of main\n$`,
	} {
		t.Setenv("CI", ci)
		var out strings.Builder
		p := NewPrinter(&out)
		p.Section("a section that only a job's log has")
		p.Say("%s of %s", "v1", "main")
		p.Close()
		if !regexp.MustCompile(form).MatchString(out.String()) {
			t.Errorf("with CI=%q it prints %q", ci, out.String())
		}
	}
}
