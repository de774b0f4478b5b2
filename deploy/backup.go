package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Backup is one backup of a database as it lies in its bucket, with what is
// recorded of it.
type Backup struct {
	// Name is what people type: the object's name below the prefix, without
	// ".dump".
	Name string `json:"name"`
	// Origin says what the rest is worth.
	Origin BackupOrigin `json:"origin"`
	// Taken is when the database was as the backup has it; of one that is not
	// recorded, when its object was written.
	Taken time.Time `json:"taken"`
	// Size is the object's, in bytes.
	Size int64 `json:"size"`
	// Record is nil but where Origin is BackupRecorded.
	Record *BackupRecord `json:"record,omitempty"`
	// Drill is the last trial restore; nil where there was none.
	Drill *BackupDrill `json:"drill,omitempty"`
}

// BackupOrigin is how much is known of a backup.
type BackupOrigin string

const (
	// BackupRecorded has a record beside it, which was written last.
	BackupRecorded BackupOrigin = "recorded"
	// BackupUnfinished is named as a backup of ours and has no record: whoever
	// took it was killed at the very end.
	BackupUnfinished BackupOrigin = "not finished"
	// BackupForeign was made by something else.
	BackupForeign BackupOrigin = "made by something else"
)

// BackupRecord is what a backup's taker knows of it.
type BackupRecord struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Release is the version that served.
	Release  string `json:"release"`
	Database string `json:"database"`
	// Postgres is the server's version.
	Postgres string `json:"postgres"`
	// Rows are those of each table, by its quoted name: `public.orders`. They
	// were counted in the snapshot that was dumped.
	Rows  map[string]int64 `json:"rows"`
	Taken time.Time        `json:"taken"`
	By    string           `json:"by,omitempty"`
}

// BackupDrill is one trial restore.
type BackupDrill struct {
	At   time.Time     `json:"at"`
	Took time.Duration `json:"took"`
	// Failed says what was wrong; empty where all of it came back.
	Failed string `json:"failed,omitempty"`
	// Tables and Rows are what came back.
	Tables int    `json:"tables"`
	Rows   int64  `json:"rows"`
	By     string `json:"by,omitempty"`
}

// BackupFinding is one thing that does not hold of the backups.
type BackupFinding struct {
	// Backup is the one that it is about; empty where it is about all.
	Backup string `json:"backup,omitempty"`
	// Text says what is wrong, Hint what to type.
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

// String is the finding for people.
func (f BackupFinding) String() string {
	if f.Backup == "" {
		return f.Text
	}
	return f.Backup + ": " + f.Text
}

const (
	// backupsCompared is how many of the last backups make the usual size.
	backupsCompared = 7
	// clockTolerance is how far two clocks may differ.
	clockTolerance = 10 * time.Minute
)

// NewestBackup gives the newest that counts: what is not finished does not.
func NewestBackup(backups []Backup) (Backup, bool) {
	counted := countedBackups(backups)
	if len(counted) == 0 {
		return Backup{}, false
	}
	return counted[0], true
}

// countedBackups are those that can be relied on to be whole, newest first.
func countedBackups(backups []Backup) []Backup {
	counted := slices.DeleteFunc(slices.Clone(backups), func(b Backup) bool { return b.Origin == BackupUnfinished })
	slices.SortStableFunc(counted, func(a, b Backup) int { return b.Taken.Compare(a.Taken) })
	return counted
}

// CheckBackups says everything that does not hold of the backups that there
// are now: the newest is at most two intervals old, not empty, as large as its
// record says, not less than half as large as the last ones usually are, and a
// restore was tried within the last DrillWithin and did not fail. Whether a
// backup can be read is asked of Postgres, and not here.
func (b *Backups) CheckBackups(backups []Backup, now time.Time) []BackupFinding {
	var findings []BackupFinding
	add := func(backup, hint, format string, args ...any) {
		findings = append(findings, BackupFinding{Backup: backup, Text: fmt.Sprintf(format, args...), Hint: hint})
	}
	for _, one := range backups {
		if one.Origin == BackupUnfinished {
			add(one.Name, "Remove it from the bucket, and take another one: mage backup:take", "it has no record, so that its taker was interrupted; it does not count")
		}
	}
	const take = "Take one: mage backup:take"
	counted := countedBackups(backups)
	if len(counted) == 0 {
		add("", take, "there is no backup in bucket %s below %q", b.Bucket, b.Prefix)
		return findings
	}
	newest := counted[0]
	switch age := now.Sub(newest.Taken); {
	case age > 2*b.Interval:
		add(newest.Name, take, "the newest backup is %s old; one is expected every %s, and twice that is allowed", inWords(age), inWords(b.Interval))
	case age < -clockTolerance:
		add(newest.Name, "Compare the clocks: date -u", "it is said to be taken %s from now, so that its age is not known", inWords(-age))
	}
	usual, compared := usualSize(counted[1:])
	switch {
	case newest.Size == 0:
		add(newest.Name, take, "it is empty")
	case newest.Record != nil && newest.Record.Size != newest.Size:
		add(newest.Name, take, "it has %s, and its record says %s", inBytes(newest.Size), inBytes(newest.Record.Size))
	case newest.Size < usual/2:
		add(newest.Name, "Compare the rows with the backup before it: mage backup:list", "it has %s, less than half of the %s that the %d before it usually have",
			inBytes(newest.Size), inBytes(usual), compared)
	}
	return append(findings, b.checkDrills(counted, now)...)
}

// checkDrills asks for a trial restore that is young enough and did not fail.
func (b *Backups) checkDrills(backups []Backup, now time.Time) []BackupFinding {
	var last, good Backup
	for _, one := range backups {
		if one.Drill == nil {
			continue
		}
		if last.Drill == nil || one.Drill.At.After(last.Drill.At) {
			last = one
		}
		if one.Drill.Failed == "" && (good.Drill == nil || one.Drill.At.After(good.Drill.At)) {
			good = one
		}
	}
	const drill = "Try to restore the newest one: mage backup:drill"
	var findings []BackupFinding
	if last.Drill != nil && last.Drill.Failed != "" {
		findings = append(findings, BackupFinding{Backup: last.Name, Hint: drill, Text: fmt.Sprintf(
			"the last trial restore, %s ago, failed: %s", inWords(now.Sub(last.Drill.At)), last.Drill.Failed)})
	}
	switch {
	case b.DrillWithin == 0:
	case good.Drill == nil:
		findings = append(findings, BackupFinding{Hint: drill, Text: fmt.Sprintf(
			"no backup was ever restored on trial; within %s is asked for", inWords(b.DrillWithin))})
	case now.Sub(good.Drill.At) > b.DrillWithin:
		findings = append(findings, BackupFinding{Hint: drill, Text: fmt.Sprintf(
			"the last trial restore that went well is %s old; within %s is asked for", inWords(now.Sub(good.Drill.At)), inWords(b.DrillWithin))})
	}
	return findings
}

// usualSize is the median of the last backups, and of how many; 0 without any.
// Empty ones do not count: they are not usual.
func usualSize(before []Backup) (median int64, of int) {
	var sizes []int64
	for _, one := range before {
		if one.Size > 0 && len(sizes) < backupsCompared {
			sizes = append(sizes, one.Size)
		}
	}
	if len(sizes) == 0 {
		return 0, 0
	}
	slices.Sort(sizes)
	middle := len(sizes) / 2
	if len(sizes)%2 == 1 {
		return sizes[middle], len(sizes)
	}
	return sizes[middle-1]/2 + sizes[middle]/2, len(sizes)
}

// CompareRows says where the rows that came back differ from those that were
// backed up; nothing where they are the same.
func CompareRows(recorded, restored map[string]int64) []string {
	var differences []string
	for _, table := range slices.Sorted(maps.Keys(recorded)) {
		switch rows, there := restored[table]; {
		case !there:
			differences = append(differences, fmt.Sprintf("table %s is missing, with %d rows", table, recorded[table]))
		case rows != recorded[table]:
			differences = append(differences, fmt.Sprintf("table %s has %d rows instead of %d", table, rows, recorded[table]))
		}
	}
	for _, table := range slices.Sorted(maps.Keys(restored)) {
		if _, known := recorded[table]; !known {
			differences = append(differences, fmt.Sprintf("table %s was not backed up and is there", table))
		}
	}
	return differences
}

// inWords is a time as people say it: "3 days", "5h20m".
func inWords(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	if d < time.Minute {
		return d.Round(time.Second).String()
	}
	text := strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// inBytes is a size as people say it, "12.3 MB", and exact where it is small.
func inBytes(size int64) string {
	switch {
	case size >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(size)/1e9)
	case size >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(size)/1e6)
	case size >= 1e4:
		return fmt.Sprintf("%.1f kB", float64(size)/1e3)
	default:
		return fmt.Sprintf("%d bytes", size)
	}
}
