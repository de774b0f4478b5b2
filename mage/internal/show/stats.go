package show

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// statsName is how wide a name may be for a line of 80 columns.
const statsName = 22

// Stats prints one look as a table: a line for each service with a route, and
// one for each container. Containers of another release are marked.
func Stats(out io.Writer, look *session.Look) {
	fmt.Fprintf(out, "%s %s  %s  over %.1f s", look.Environment, look.Release, look.At.Local().Format("15:04:05"), look.Seconds)
	if look.HostMemoryBytes > 0 {
		fmt.Fprintf(out, "  host %d of %d MB free", look.HostMemoryAvailableBytes/1e6, look.HostMemoryBytes/1e6)
	}
	fmt.Fprintln(out)
	if look.Maintenance {
		fmt.Fprintln(out, "maintenance is on: visitors get 503")
	}
	if !look.ProxyUp {
		fmt.Fprintln(out, "the proxy does not answer: nothing is known of requests")
	}
	fmt.Fprintf(out, "\n%-*s  %-9s %7s %6s %7s %5s %5s  %s\n", statsName, "", "STATE", "REQ/S", "5XX/S", "MEAN", "OPEN", "CPU", "MEMORY")
	for _, service := range look.Services {
		if service.Traffic != nil {
			fmt.Fprintf(out, "%-*s  %-9s%s\n", statsName, cut(service.Service), "", flow(service.Traffic))
		}
		for _, c := range service.Containers {
			name := c.Container
			if at := strings.Index(name, "-"+service.Service+"-"); at >= 0 {
				name = name[at+1:] // as in the Compose file, without the project
			}
			if service.Traffic != nil {
				name = "  " + name
			}
			if !c.Serving {
				name += " (old)"
			}
			line := fmt.Sprintf("%-*s  %-9s%s %4.0f%%  %s", statsName, cut(name), c.State, flow(c.Traffic), c.CPUPercent, memory(c))
			fmt.Fprintln(out, strings.TrimRight(line, " "))
		}
		if len(service.Containers) == 0 {
			fmt.Fprintf(out, "%-*s  %s\n", statsName, cut(service.Service), "none runs")
		}
	}
}

// flow is 29 wide, with or without.
func flow(t *session.Traffic) string {
	if t == nil {
		return fmt.Sprintf("%29s", "")
	}
	return fmt.Sprintf(" %7.1f %6.1f %7s %5d", t.RequestsPerSecond, t.ErrorsPerSecond, milliseconds(t.ResponseMilliseconds), t.InFlight)
}

func milliseconds(ms float64) string {
	if ms < 1000 {
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f s", ms/1000)
}

// memory is short: in MB, with the limit.
func memory(c session.ContainerLook) string {
	if c.MemoryBytes == 0 {
		return ""
	}
	if c.MemoryLimitBytes == 0 {
		return fmt.Sprintf("%dM", c.MemoryBytes/1e6)
	}
	return fmt.Sprintf("%d/%dM", c.MemoryBytes/1e6, c.MemoryLimitBytes/1e6)
}

func cut(name string) string {
	if utf8.RuneCountInString(name) > statsName {
		return string([]rune(name)[:statsName-1]) + "…"
	}
	return name
}

// What a terminal does at these: it goes to its upper left corner, it forgets
// what is right of the cursor, and what is below.
const (
	screenHome = "\x1b[H"
	screenRest = "\x1b[K"
	screenDown = "\x1b[J"
	screenAll  = "\x1b[2J"
)

// Redraw prints a text in place of the one before, in one write so that it does
// not flicker; lines below the terminal's height are left out.
func Redraw(out io.Writer, text string, height uint, first bool) error {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if most := int(max(height, 2)) - 1; len(lines) > most { //nolint:gosec // lines of a terminal
		lines = lines[:most]
	}
	drawn := screenHome + strings.Join(lines, screenRest+"\n") + screenRest + "\n" + screenDown
	if first {
		drawn = screenAll + drawn
	}
	_, err := io.WriteString(out, drawn)
	return err
}
