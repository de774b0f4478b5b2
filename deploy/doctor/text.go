package doctor

import (
	"fmt"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// lines are the lines of a text that say something.
func lines(text string) []string {
	var found []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(deploy.Plain(line)); line != "" {
			found = append(found, line)
		}
	}
	return found
}

// bytes says an amount as people do.
func bytes[T int64 | uint64](count T) string {
	switch {
	case count < 1e6:
		return fmt.Sprintf("%d kB", count/1e3)
	case count < 1e9:
		return fmt.Sprintf("%d MB", count/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(count)/1e9)
}

// age is a duration as people say it.
func age(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return fmt.Sprintf("%d min", int(d.Minutes()))
}

func percent(ratio float64) string { return fmt.Sprintf("%.0f %%", ratio*100) }
