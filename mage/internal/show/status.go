package show

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
	"github.com/freezedesign/webshop-deploy/mage/internal/session"
)

// Status prints what an environment is doing.
func Status(out io.Writer, status *session.Status) {
	if status.Holder != nil {
		fmt.Fprintf(out, "%s is running since %s, started by %s\n\n",
			status.Holder.What, status.Holder.Since.Local().Format("15:04:05"), status.Holder.Who)
	}
	if status.Adoption != nil {
		fmt.Fprintf(out, "%[1]s: the adoption by %[2]s is not finished\nFinish it: mage host:adopt %[1]s -version=%[2]s, or go back: mage host:adopt %[1]s -undo\n\n",
			status.Environment, status.Adoption.Version)
	}
	if status.Serving == nil {
		fmt.Fprintf(out, "%s: nothing was deployed yet\n", status.Environment)
		return
	}
	maintained(out, status)
	fmt.Fprintf(out, "%s: %s, made %s ago by %s\n\n", status.Environment, status.Serving,
		age(time.Since(status.Serving.Created)), status.Serving.By)
	containers(out, status)
	servers(out, status.State.Proxy)
	memory := status.State.Memory
	fmt.Fprintf(out, "\nmemory: %d of %d MB free\n", memory.Available/1e6, memory.Total/1e6)
}

func containers(out io.Writer, status *session.Status) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CONTAINER\tRELEASE\tSTATUS\tAGE\tMEMORY")
	for _, service := range status.Serving.Environment.Services {
		found := status.State.Of(service.Name)
		for _, container := range found {
			release := "another"
			if container.ConfigHash == service.Hash {
				release = status.Serving.Version
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d MB\n", container.Name, release, state(container),
				age(time.Since(container.Started)), container.MemoryBytes/1e6)
		}
		if running := len(found); running < service.Replicas {
			fmt.Fprintf(table, "%s\t\t%d of %d run\t\t\n", service.Name, running, service.Replicas)
		}
	}
	_ = table.Flush() // the writer below reports
}

func state(container deploy.Container) string {
	text := string(container.Status)
	if container.Running() && container.Health != deploy.HealthNone {
		text = string(container.Health)
	}
	if container.Restarts > 0 {
		text += fmt.Sprintf(", %d restarts", container.Restarts)
	}
	return text
}

func servers(out io.Writer, proxy deploy.ProxyState) {
	if !proxy.Up {
		fmt.Fprintln(out, "\nproxy: does not answer")
		return
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nPROXIED TO\tSTATE\tOPEN\tREQUESTS\t5XX\tRETRIES\tMEAN")
	for _, server := range proxy.Servers {
		if server.Container == "" {
			continue
		}
		word := string(server.State)
		if server.State == deploy.ServerReady && !server.Up {
			word += ", down"
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%d\t%s\n", server.Container, word, server.InFlight,
			server.Requests, server.Failed, server.Retries+server.Redispatches, seconds(server.ResponseTime))
	}
	_ = table.Flush() // as above
}

// age is a duration as people say it.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}
