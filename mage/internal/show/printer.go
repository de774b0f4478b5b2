// Package show prints what happens: the one place that knows a terminal.
package show

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/github"
	"github.com/freezedesign/webshop-deploy/mage/internal/terminal"
)

// patience is how long a step may take before the printer says that it still
// goes on.
const patience = 5 * time.Second

// Printer prints a rollout's events as lines, each with the seconds since the
// command began, and in a CI job, whose log is read later, with the time of day.
type Printer struct {
	out   io.Writer
	began time.Time
	clock bool

	mu      sync.Mutex
	running map[string]*running
	stop    chan struct{}
	stopped sync.WaitGroup
}

// running is a step that has begun.
type running struct {
	step    deploy.Step
	began   time.Time
	said    time.Time
	current int64
	total   int64
}

// InJob says whether a CI job's log is what is printed to.
func InJob(out io.Writer) bool {
	file, ok := out.(*os.File)
	return os.Getenv("CI") == "true" && (!ok || !terminal.Is(file))
}

// NewPrinter prints to out until Close.
func NewPrinter(out io.Writer) *Printer {
	p := &Printer{out: out, began: time.Now(), clock: InJob(out), running: map[string]*running{}, stop: make(chan struct{})}
	p.stopped.Go(p.tick)
	return p
}

// Close ends the printer.
func (p *Printer) Close() {
	close(p.stop)
	p.stopped.Wait()
}

// Event prints one event.
func (p *Printer) Event(event deploy.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch event.Kind {
	case deploy.EventPlan:
		fmt.Fprint(p.out, event.Text)
	case deploy.EventStart:
		p.running[event.Step.String()] = &running{step: *event.Step, began: event.At, said: event.At}
	case deploy.EventProgress:
		if r := p.running[event.Step.String()]; r != nil {
			r.current, r.total = event.Current, event.Total
		}
	case deploy.EventDone:
		delete(p.running, event.Step.String())
		p.line("✓", "%-9s %s  %s", event.Step.Action, shorten(event.Step.Subject()), seconds(event.Elapsed))
	case deploy.EventFail:
		delete(p.running, event.Step.String())
		p.line("✗", "%-9s %s  %s", event.Step.Action, shorten(event.Step.Subject()), seconds(event.Elapsed))
	case deploy.EventCut:
		delete(p.running, event.Step.String())
		p.line("-", "%-9s %s  ended with the stage", event.Step.Action, shorten(event.Step.Subject()))
	case deploy.EventNote:
		p.line(" ", "%s", event.Text)
	case deploy.EventBack:
		p.line("!", "going back: %s", firstLine(event.Text))
	case deploy.EventOutcome:
	}
}

// Say prints a line of the command's own.
func (p *Printer) Say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line(" ", format, args...)
}

// Section folds what follows under a title in a job's log, until the next one;
// without a title, what follows is open.
func (p *Printer) Section(title string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if title == "" {
		github.EndGroup(p.out)
		return
	}
	github.Group(p.out, title)
}

func (p *Printer) line(mark, format string, args ...any) {
	now, text := time.Now(), fmt.Sprintf(format, args...)
	if p.clock {
		fmt.Fprint(p.out, now.UTC().Format("15:04:05Z "))
	}
	fmt.Fprintf(p.out, "%6.2fs %s %s\n", now.Sub(p.began).Seconds(), mark, text)
	if warning, ok := strings.CutPrefix(text, "warning: "); ok {
		github.Warn(p.out, "", warning)
	}
}

// tick says, for each step that takes long, that it still goes on.
func (p *Printer) tick() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case now := <-ticker.C:
			p.mu.Lock()
			for _, r := range p.running {
				if now.Sub(r.said) >= patience {
					r.said = now
					p.line("…", "%-9s %s  since %s%s", r.step.Action, shorten(r.step.Subject()), seconds(now.Sub(r.began)), r.progress())
				}
			}
			p.mu.Unlock()
		}
	}
}

func (r *running) progress() string {
	if r.total == 0 {
		return ""
	}
	return fmt.Sprintf(", %d of %d MB", r.current/1e6, r.total/1e6)
}

// subjectWidth keeps a line within 80 columns.
const subjectWidth = 48

func shorten(text string) string {
	if runes := []rune(text); len(runes) > subjectWidth {
		return string(runes[:subjectWidth-1]) + "…"
	}
	return text
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func seconds(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
