package show

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/deploy/backup"
)

// Backups prints the backups that there are, the newest first.
func Backups(out io.Writer, backups []deploy.Backup) {
	if len(backups) == 0 {
		fmt.Fprintln(out, "There is no backup. Take one: mage backup:take")
		return
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tTAKEN\tSIZE\tRELEASE\tRESTORED ON TRIAL")
	for _, one := range backups {
		release := string(one.Origin)
		if one.Record != nil {
			release = one.Record.Release
		}
		fmt.Fprintf(table, "%s\t%s ago\t%s\t%s\t%s\n", one.Name, age(time.Since(one.Taken)), size(one.Size), release, drilled(one.Drill))
	}
	_ = table.Flush() // there is nowhere to report it
}

func drilled(drill *deploy.BackupDrill) string {
	switch {
	case drill == nil:
		return "never"
	case drill.Failed != "":
		return "FAILED " + age(time.Since(drill.At)) + " ago"
	default:
		return age(time.Since(drill.At)) + " ago"
	}
}

// Kept prints the databases that restores have put aside.
func Kept(out io.Writer, kept []backup.Kept) {
	for _, one := range kept {
		fmt.Fprintf(out, "Put aside by a restore: database %s, %s; mage backup:forget %s drops it.\n", one.Name, size(one.Size), one.Name)
	}
}

// Taken prints a new backup.
func Taken(out io.Writer, taken deploy.Backup, took time.Duration) {
	rows := int64(0)
	if taken.Record != nil {
		for _, count := range taken.Record.Rows {
			rows += count
		}
		fmt.Fprintf(out, "%s: %s, %s, in %s\n", taken.Name, size(taken.Size), held(rows, len(taken.Record.Rows)), seconds(took))
	}
}

// held says how much a backup has.
func held(rows int64, tables int) string {
	return deploy.Plural(int(rows), "row") + " in " + deploy.Plural(tables, "table")
}

// Drilled prints a trial that went well.
func Drilled(out io.Writer, tried deploy.Backup) {
	drill := tried.Drill
	fmt.Fprintf(out, "%s came back whole: %s, in %s\n", tried.Name, held(drill.Rows, drill.Tables), seconds(drill.Took))
}

// Restored prints what serves now, and what can be typed next.
func Restored(out io.Writer, restored backup.Restored) {
	if restored.Backup.Name != "" {
		fmt.Fprintf(out, "%s serves as database %s: %s, in %s\n", restored.Backup.Name, restored.Database, held(restored.Rows, restored.Tables), seconds(restored.Took))
	} else {
		fmt.Fprintf(out, "database %s serves again\n", restored.Database)
	}
	fmt.Fprintf(out, "Nobody could connect for %s.\n", seconds(restored.Gap))
	if next := restored.Next(); next != "" {
		fmt.Fprintln(out, next)
	}
}

// Bytes says how far something long has come, every few seconds.
type Bytes struct {
	out   io.Writer
	what  string
	began time.Time

	mu   sync.Mutex
	said time.Time
}

// NewBytes begins: what says what is done with them, "restored".
func NewBytes(out io.Writer, what string) *Bytes {
	return &Bytes{out: out, what: what, began: time.Now(), said: time.Now()}
}

// Update is told how many bytes are done, and of how many; 0 for unknown.
func (b *Bytes) Update(done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.said) < patience {
		return
	}
	b.said = time.Now()
	of := ""
	if total > 0 {
		of = " of " + size(total)
	}
	fmt.Fprintf(b.out, "%6.2fs … %s\n", time.Since(b.began).Seconds(), strings.TrimSpace(size(done)+of+" "+b.what))
}

// size is bytes in words.
func size(bytes int64) string {
	switch {
	case bytes >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
	case bytes >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	default:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	}
}
