package backup

import (
	"regexp"
	"strings"
	"time"
)

// What lies in the bucket is named <time>-<release> with these endings.
const (
	dumpEnding   = ".dump"
	recordEnding = ".json"
	drillEnding  = ".drill.json"
)

// stamp is the form of the time in names; it sorts.
const stamp = "20060102T150405Z"

var ourName = regexp.MustCompile(`^\d{8}T\d{6}Z-[A-Za-z0-9_.-]+$`)

// newName names a backup.
func newName(at time.Time, release string) string {
	return at.UTC().Format(stamp) + "-" + release
}

// ours says whether an object is named as our backups are.
func ours(object string) bool {
	name, dump := strings.CutSuffix(object, dumpEnding)
	return dump && ourName.MatchString(name)
}
