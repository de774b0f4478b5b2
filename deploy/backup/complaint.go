package backup

import (
	"errors"
	"strings"
)

// complaint is what one of Postgres's programs found wrong, in one line, and
// whether it ended by itself for that: not for want of memory, not because it
// is not there.
func complaint(err error) (string, bool) {
	ended, ok := errors.AsType[exit](err)
	if !ok || ended.ExitCode() > 125 {
		return "", false
	}
	why := ended.Error()
	for _, line := range ended.LastLines() {
		if _, said, found := strings.Cut(line, "error: "); found {
			why = said
			break
		}
		if _, said, found := strings.Cut(line, "ERROR:  "); found {
			why = said
			break
		}
	}
	return why, true
}
