package show

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// Switched prints what came of switching a maintenance.
func Switched(out io.Writer, switched *session.Switched) {
	m := switched.Maintenance
	switch {
	case m != nil:
		fmt.Fprintf(out, "maintenance is on: visitors get 503 and Retry-After: %d\n", int(m.RetryAfter.Seconds()))
		for at, line := range wrap(m.Message, 79-len("  page   ")) {
			fmt.Fprintf(out, "  %-6s %s\n", []string{"page", ""}[min(at, 1)], line)
		}
		for at, line := range wrap(admitted(m), 79-len("  admits ")) {
			fmt.Fprintf(out, "  %-6s %s\n", []string{"admits", ""}[min(at, 1)], line)
		}
		fmt.Fprintln(out, "  end it with: mage maintenance off")
	case switched.Before != nil:
		fmt.Fprintf(out, "maintenance is off, after %s\n", age(time.Since(switched.Before.Since)))
	default:
		fmt.Fprintln(out, "maintenance is off, as it was")
	}
	if !switched.Running {
		fmt.Fprintln(out, "! the proxy does not answer: it will be so once it starts")
	}
}

// admitted says who is let through.
func admitted(m *deploy.Maintenance) string {
	if len(m.Admins) == 0 {
		return "nobody but the deployer; -allow=203.0.113.7 would"
	}
	var texts []string
	for _, admin := range m.Admins {
		texts = append(texts, strings.TrimSuffix(strings.TrimSuffix(admin.String(), "/32"), "/128"))
	}
	text := strings.Join(texts, ", ")
	if m.Forwarded {
		text += ", by the last X-Forwarded-For of what stands before the proxy"
	}
	return text
}

// maintained prints, in a status, what of a maintenance there is to know.
func maintained(out io.Writer, status *session.Status) {
	m := status.Maintenance
	switch {
	case m != nil:
		fmt.Fprintf(out, "maintenance is on since %s, by %s: visitors get 503\n", m.Since.Local().Format("2006-01-02 15:04"), m.By)
		for at, line := range wrap(admitted(m), 79-len("  admits ")) {
			fmt.Fprintf(out, "  %-6s %s\n", []string{"admits", ""}[min(at, 1)], line)
		}
		if status.State.Proxy.Up && !status.State.Proxy.Maintained {
			fmt.Fprintln(out, "  ! the proxy does not show the page: mage maintenance on")
		}
		fmt.Fprintln(out, "  end it with: mage maintenance off")
		fmt.Fprintln(out)
	case status.State.Proxy.Maintained:
		fmt.Fprintf(out, "! the proxy shows a maintenance's page that is to be off: mage maintenance off\n\n")
	}
}
