package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// What everything stands on.
const (
	CauseEngine        Cause = "engine-unreachable"
	CauseCompose       Cause = "compose-invalid"
	CauseVariableUnset Cause = "variable-unset"
	CauseRecords       Cause = "records-damaged"
	CauseInterrupted   Cause = "deploy-interrupted"
	CausePortTaken     Cause = "port-taken"
	CauseHostMemory    Cause = "host-memory-low"
	CauseImageLost     Cause = "image-lost"
)

// groundRules are about the host, the engine and the configuration.
var groundRules = []rule{
	{CauseEngine, "nothing works: the Docker engine does not answer", ground, engineAway},
	{CauseCompose, "a deploy is refused: the Compose file has mistakes", ground, composeInvalid},
	{CauseVariableUnset, "a deploy is refused: .env lacks a variable that the Compose file needs", ground, variableUnset},
	{CauseRecords, "commands refuse to work: a file under .deploy is damaged", ground, recordsDamaged},
	{CauseInterrupted, "a command was killed and left things half done", ground, interrupted},
	{CausePortTaken, "the proxy does not start: another process has its port", ground, portTaken},
	{CauseHostMemory, "all is slow, or the kernel kills processes: the host's memory is used up", ground, hostMemory},
}

func engineAway(e *Evidence) []Finding {
	if e.Engine == "" {
		return nil
	}
	finding := Finding{
		Title: "the Docker engine does not answer", Evidence: lines(e.Engine),
		Fix: "sudo systemctl start docker; why it ended: journalctl -u docker -n 50",
	}
	if strings.Contains(e.Engine, "permission") {
		finding.Title = "this user may not use the Docker engine"
		finding.Fix = "sudo usermod -aG docker $USER, then log in again"
	}
	return []Finding{finding}
}

// isVariable says whether a mistake is a variable that has no value.
func isVariable(mistake deploy.Mistake) bool {
	return strings.HasPrefix(mistake.Text, "the variable ")
}

func composeInvalid(e *Evidence) []Finding {
	wrong := slices.DeleteFunc(slices.Clone(e.Mistakes), isVariable)
	if len(wrong) == 0 {
		return nil
	}
	return []Finding{{
		Title:    fmt.Sprintf("%s has %s", e.File, deploy.Plural(len(wrong), "mistake")),
		Evidence: mistakes(wrong),
		Fix:      "Correct " + e.File + "; what is still wrong is said by: mage deploy:plan " + e.Environment + " VERSION",
	}}
}

func variableUnset(e *Evidence) []Finding {
	unset := slices.DeleteFunc(slices.Clone(e.Mistakes), func(m deploy.Mistake) bool { return !isVariable(m) })
	if len(unset) == 0 {
		return nil
	}
	var names []string
	for _, mistake := range unset {
		if name, _, ok := strings.Cut(strings.TrimPrefix(mistake.Text, "the variable "), " "); ok {
			names = union(names, []string{name})
		}
	}
	return []Finding{{
		Title: ".env lacks " + strings.Join(names, ", "), Evidence: mistakes(unset),
		Fix: "Write it into .env; from a laptop: mage env:push " + e.Environment,
	}}
}

func mistakes(list []deploy.Mistake) []string {
	var lines []string
	for _, mistake := range list {
		lines = append(lines, mistake.String())
	}
	return lines
}

func recordsDamaged(e *Evidence) []Finding {
	if e.State == "" {
		return nil
	}
	return []Finding{{Title: "the deploy directory's own files cannot be read", Evidence: lines(e.State), Fix: "Do what the line above says; then: mage status"}}
}

func interrupted(e *Evidence) []Finding {
	if !e.Interrupted || e.Busy {
		return nil
	}
	return []Finding{{
		Severity: Warning, Title: "the last command was killed before it was done",
		Fix: "mage recover -env=" + e.Environment + " (the next command does it first as well)",
	}}
}

func portTaken(e *Evidence) []Finding {
	var findings []Finding
	for _, port := range slices.Sorted(maps.Keys(e.Taken)) {
		findings = append(findings, Finding{
			Title:    fmt.Sprintf("port %d is taken, and the proxy is to publish it", port),
			Evidence: []string{fmt.Sprintf("port %d: %s", port, e.Taken[port])},
			Fix:      fmt.Sprintf("See who has it: sudo ss -ltnp 'sport = :%d'. Stop that, or give the proxy another port.", port),
		})
	}
	return findings
}

// memoryReserve is what a host needs to breathe.
const memoryReserve = 64 << 20

func hostMemory(e *Evidence) []Finding {
	memory := e.Host.Memory
	if memory.Total == 0 || memory.Available == 0 || memory.Available > max(memoryReserve, memory.Total/50) {
		return nil
	}
	finding := Finding{
		Title:    fmt.Sprintf("the host has %s of %s memory left", bytes(memory.Available), bytes(memory.Total)),
		Evidence: nil,
		Fix:      "See what takes it: docker stats --no-stream. Limit it with deploy.resources.limits.memory, or take a larger host.",
	}
	containers := slices.Clone(e.Containers)
	slices.SortFunc(containers, func(a, b Container) int { return int(b.memory()>>20) - int(a.memory()>>20) })
	for _, container := range containers[:min(3, len(containers))] {
		if container.memory() > 0 {
			finding.Evidence = append(finding.Evidence, fmt.Sprintf("%s takes %s", container.Name, bytes(container.memory())))
		}
	}
	return []Finding{finding}
}

func (c Container) memory() uint64 { return max(c.Usage.Memory, c.MemoryBytes) }
