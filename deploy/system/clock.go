package system

import (
	"fmt"
	"strings"
	"time"
)

const (
	// skewWarning is noticed in logs; skewFailed breaks certificates and
	// tokens.
	skewWarning = 2 * time.Second
	skewFailed  = 2 * time.Minute
)

// judgeClock compares the host's clock, when the request arrived, with the
// laptop's, when it asked. How long the request took counts as the host's being
// ahead. Synchronized is what timedatectl says: "yes", "no", or nothing.
func judgeClock(now, received time.Time, synchronized string) Item {
	item := Item{Name: itemClock, State: Already}
	var found []string
	if now.IsZero() || received.IsZero() {
		found = append(found, "not compared")
	} else {
		skew := received.Sub(now).Round(10 * time.Millisecond)
		how := "ahead of"
		if skew < 0 {
			how = "behind"
		}
		switch {
		case skew.Abs() > skewFailed:
			item.State = Failed
		case skew.Abs() > skewWarning:
			item.State = Warning
		}
		found = append(found, fmt.Sprintf("%s %s the asking machine's", skew.Abs(), how))
	}
	switch synchronized {
	case "yes":
		found = append(found, "synchronized")
	case "no":
		found = append(found, "not synchronized with a time server")
		if item.State == Already {
			item.State = Warning
		}
	}
	item.Text = strings.Join(found, ", ")
	if item.State != Already {
		item.Hint = "Find out which of the two is wrong with date -u; on this host: sudo apt-get install systemd-timesyncd && sudo timedatectl set-ntp true"
	}
	return item
}
