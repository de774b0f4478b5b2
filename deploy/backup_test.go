package deploy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/freezedesign/webshop-deploy/deploy"
)

var backupNow = time.Date(2026, 9, 21, 8, 0, 0, 0, time.UTC)

// aged makes a recorded backup that old and that large.
func aged(age time.Duration, size int64) Backup {
	return Backup{
		Name: "taken-" + age.String() + "-ago", Origin: BackupRecorded, Taken: backupNow.Add(-age),
		Size: size, Record: &BackupRecord{Size: size, SHA256: "0"},
	}
}

// drilled adds a trial restore.
func drilled(backup Backup, age time.Duration, failed string) Backup {
	backup.Drill = &BackupDrill{At: backupNow.Add(-age), Failed: failed}
	return backup
}

// foreign takes the record away.
func foreign(backup Backup, origin BackupOrigin) Backup {
	backup.Origin, backup.Record = origin, nil
	return backup
}

func TestCheckBackups(t *testing.T) {
	const day = 24 * time.Hour
	settings := Backups{Bucket: "shop", Prefix: "live", Interval: day}
	asks := settings
	asks.DrillWithin = 30 * day
	wrongSize := aged(time.Hour, 900)
	wrongSize.Record.Size = 1000
	for name, test := range map[string]struct {
		settings Backups
		backups  []Backup
		want     []string
	}{
		"none":                        {settings, nil, []string{`there is no backup in bucket shop below "live"`}},
		"one":                         {settings, []Backup{aged(time.Hour, 1000)}, nil},
		"two intervals old":           {settings, []Backup{aged(2*day, 1000)}, nil},
		"older":                       {settings, []Backup{aged(2*day+time.Minute, 1000)}, []string{"taken-48h1m0s-ago: the newest backup is 2 days old; one is expected every 24h, and twice that is allowed"}},
		"hours older":                 {Backups{Interval: time.Hour}, []Backup{aged(150*time.Minute, 1000)}, []string{"taken-2h30m0s-ago: the newest backup is 2h30m old; one is expected every 1h, and twice that is allowed"}},
		"the order does not matter":   {settings, []Backup{aged(3*day, 1000), aged(time.Hour, 1000), aged(2*day, 1000)}, nil},
		"from tomorrow":               {settings, []Backup{aged(-day, 1000)}, []string{"taken--24h0m0s-ago: it is said to be taken 24h from now, so that its age is not known"}},
		"from a clock just before":    {settings, []Backup{aged(-time.Minute, 1000)}, nil},
		"empty":                       {settings, []Backup{aged(time.Hour, 0), aged(day, 1000)}, []string{"taken-1h0m0s-ago: it is empty"}},
		"cut off":                     {settings, []Backup{wrongSize}, []string{"taken-1h0m0s-ago: it has 900 bytes, and its record says 1000 bytes"}},
		"half as large":               {settings, []Backup{aged(time.Hour, 500), aged(day, 1000)}, nil},
		"less than half":              {settings, []Backup{aged(time.Hour, 499), aged(day, 1000)}, []string{"taken-1h0m0s-ago: it has 499 bytes, less than half of the 1000 bytes that the 1 before it usually have"}},
		"median of an even number":    {settings, []Backup{aged(time.Hour, 1e6), aged(day, 1e6), aged(2*day, 5e6)}, []string{"taken-1h0m0s-ago: it has 1.0 MB, less than half of the 3.0 MB that the 2 before it usually have"}},
		"one outlier says nothing":    {settings, []Backup{aged(time.Hour, 1000), aged(day, 9000), aged(2*day, 1000), aged(3*day, 1000)}, nil},
		"only the last seven count":   {settings, []Backup{aged(1, 40), aged(2, 50), aged(3, 50), aged(4, 50), aged(5, 50), aged(6, 50), aged(7, 50), aged(8, 50), aged(9, 5000), aged(10, 5000), aged(11, 5000), aged(12, 5000), aged(13, 5000), aged(14, 5000), aged(15, 5000), aged(16, 5000)}, nil},
		"empty ones are not usual":    {settings, []Backup{aged(time.Hour, 1000), aged(day, 0), aged(2*day, 0)}, nil},
		"of another tool":             {settings, []Backup{foreign(aged(time.Hour, 1000), BackupForeign)}, nil},
		"unfinished does not count":   {settings, []Backup{foreign(aged(time.Hour, 1000), BackupUnfinished), aged(3*day, 1000)}, []string{"taken-1h0m0s-ago: it has no record, so that its taker was interrupted; it does not count", "taken-72h0m0s-ago: the newest backup is 3 days old; one is expected every 24h, and twice that is allowed"}},
		"only unfinished":             {settings, []Backup{foreign(aged(time.Hour, 1000), BackupUnfinished)}, []string{"taken-1h0m0s-ago: it has no record, so that its taker was interrupted; it does not count", `there is no backup in bucket shop below "live"`}},
		"never drilled":               {asks, []Backup{aged(time.Hour, 1000)}, []string{"no backup was ever restored on trial; within 30 days is asked for"}},
		"drilled":                     {asks, []Backup{aged(time.Hour, 1000), drilled(aged(20*day, 1000), 30*day, "")}, nil},
		"drilled long ago":            {asks, []Backup{aged(time.Hour, 1000), drilled(aged(40*day, 1000), 31*day, "")}, []string{"the last trial restore that went well is 31 days old; within 30 days is asked for"}},
		"the last drill failed":       {asks, []Backup{drilled(aged(time.Hour, 1000), time.Hour, "it is damaged"), drilled(aged(2*day, 1000), day, "")}, []string{"taken-1h0m0s-ago: the last trial restore, 1h ago, failed: it is damaged"}},
		"one after it went well":      {asks, []Backup{drilled(aged(time.Hour, 1000), time.Minute, ""), drilled(aged(2*day, 1000), day, "it is damaged")}, nil},
		"all that is wrong":           {asks, []Backup{drilled(aged(3*day, 10), day, "x"), aged(4*day, 1000)}, []string{"taken-72h0m0s-ago: the newest backup is 3 days old; one is expected every 24h, and twice that is allowed", "taken-72h0m0s-ago: it has 10 bytes, less than half of the 1000 bytes that the 1 before it usually have", "taken-72h0m0s-ago: the last trial restore, 24h ago, failed: x", "no backup was ever restored on trial; within 30 days is asked for"}},
		"no drill asked, none needed": {settings, []Backup{drilled(aged(time.Hour, 1000), 300*day, "")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, finding := range test.settings.CheckBackups(test.backups, backupNow) {
				got = append(got, finding.String())
				if finding.Hint == "" {
					t.Errorf("no hint: %s", finding)
				}
			}
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestNewestBackup(t *testing.T) {
	backups := []Backup{aged(time.Hour, 1), foreign(aged(time.Minute, 1), BackupUnfinished), foreign(aged(2*time.Minute, 1), BackupForeign)}
	if newest, ok := NewestBackup(backups); !ok || newest.Name != "taken-2m0s-ago" {
		t.Errorf("newest %+v", newest)
	}
	if _, ok := NewestBackup(backups[1:2]); ok {
		t.Error("what is not finished is the newest")
	}
}

func TestCompareRows(t *testing.T) {
	recorded := map[string]int64{"public.a": 3, "public.b": 0, "public.c": 7}
	if differences := CompareRows(recorded, map[string]int64{"public.a": 3, "public.b": 0, "public.c": 7}); differences != nil {
		t.Errorf("the same: %q", differences)
	}
	got := fmt.Sprint(CompareRows(recorded, map[string]int64{"public.a": 2, "public.c": 7, "public.d": 1}))
	want := "[table public.a has 2 rows instead of 3 table public.b is missing, with 0 rows table public.d was not backed up and is there]"
	if got != want {
		t.Errorf("got %s", got)
	}
}
