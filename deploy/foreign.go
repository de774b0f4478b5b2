package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// markForeign finds the containers that no deploy has made, where there may be
// any: no release serves yet, or an adoption is recorded.
func (h *Host) markForeign(state *State) error {
	adoption, err := h.Store.Adoption()
	if err != nil || adoption == nil && state.Serving != nil {
		return err
	}
	since, ok := h.Store.firstRecorded()
	var snapshots []Snapshot
	if adoption != nil {
		since, ok = adoption.Since, true
		if snapshots, err = h.Store.Snapshots(); err != nil {
			return err
		}
	}
	for at := range state.Containers {
		c := &state.Containers[at]
		restored := slices.ContainsFunc(snapshots, func(s Snapshot) bool { return s.of(*c) })
		c.Foreign = !c.OneOff && (restored || !ok || c.Created.Before(since))
	}
	return nil
}

// foreign gives the containers that no deploy has made.
func (s State) foreign() []Container {
	return slices.DeleteFunc(slices.Clone(s.Containers), func(c Container) bool { return !c.Foreign })
}

// refuseForeign keeps a deploy from taking what somebody else started for its
// own leftovers.
func (h *Host) refuseForeign(state State) error {
	adoption, err := h.Store.Adoption()
	if err != nil {
		return err
	}
	if adoption != nil && adoption.Unfinished {
		return &Failure{
			Err: fmt.Errorf("the adoption by %s is not finished: nothing was touched", adoption.Version),
			Hint: fmt.Sprintf("Finish it: mage host:adopt %[1]s -version=%[2]s, or go back to what stood before: mage host:adopt %[1]s -undo",
				h.Store.Environment, adoption.Version),
		}
	}
	var names []string
	for _, c := range state.foreign() {
		if c.Running() && state.Serving == nil {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return &Failure{
		Err: fmt.Errorf("no deploy has started what runs in the project: %s; nothing was touched", strings.Join(names, ", ")),
		Hint: fmt.Sprintf("Take over what `docker compose up` has started, with its data: mage host:adopt %s -version=VERSION",
			h.Store.Environment),
	}
}

// adoptable says why a running stack cannot be taken over, before anything is
// touched.
func (h *Host) adoptable(ctx context.Context, state State, want *Release) error {
	project := want.Environment.Project
	neighbours, err := h.Parking.Neighbours(ctx, project.Name)
	if err != nil {
		return err
	}
	adoption, err := h.Store.Adoption()
	if err != nil {
		return err
	}
	resumed := adoption != nil && adoption.Unfinished
	running := slices.ContainsFunc(state.foreign(), Container.Running)
	switch {
	case resumed && state.Serving != nil && state.Serving.Version != want.Version:
		return &Failure{
			Status: ExitUsage,
			Err:    fmt.Errorf("%s serves already, and its adoption is not finished: nothing was touched", state.Serving),
			Hint:   fmt.Sprintf("Finish it first: mage host:adopt %s -version=%s", h.Store.Environment, state.Serving),
		}
	case !resumed && !running:
		return nothingToAdopt(project.Name, neighbours)
	}
	if err := h.Engine.Check(ctx, want); err != nil {
		return err
	}
	if err := refuseLoss(state, want); err != nil {
		return err
	}
	if err := refuseTaken(want, neighbours); err != nil {
		return err
	}
	for _, c := range state.foreign() {
		if _, err := h.Parking.Snapshot(ctx, c.Name); err != nil {
			return fmt.Errorf("nothing was touched: %w", err)
		}
	}
	return nil
}

func nothingToAdopt(project string, neighbours []Neighbour) error {
	failure := &Failure{
		Status: ExitUsage,
		Err:    fmt.Errorf("nothing to adopt: no container of the Compose project %s runs", project),
		Hint:   "Where nothing runs yet, a deploy is enough.",
	}
	projects := map[string][]string{}
	for _, n := range neighbours {
		projects[n.Project] = append(projects[n.Project], n.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(projects)) {
		of := "without a project"
		if name != "" {
			of = "project " + name
		}
		slices.Sort(projects[name])
		failure.Err = fmt.Errorf("%w\n  %s: %s", failure.Err, of, strings.Join(projects[name], ", "))
	}
	delete(projects, "")
	if len(projects) > 0 {
		failure.Hint = fmt.Sprintf("If one of them is the shop, say so in the Compose file: `name: %s`.", slices.Sorted(maps.Keys(projects))[0])
	}
	return failure
}

// proxyPorts are the host's ports that the release's proxy publishes.
func proxyPorts(want *Release) map[int]bool {
	ports := map[int]bool{}
	proxy := want.Environment.Proxy()
	if proxy == nil {
		return ports
	}
	for _, port := range want.Environment.Project.Services[proxy.Name].Ports {
		if number, err := strconv.Atoi(port.Published); err == nil {
			ports[number] = true
		}
	}
	return ports
}

func refuseTaken(want *Release, neighbours []Neighbour) error {
	ports := proxyPorts(want)
	for _, n := range neighbours {
		for _, port := range n.Published {
			if !ports[port.Host] {
				continue
			}
			of := "which is of no Compose project"
			if n.Project != "" {
				of = "which is of the project " + n.Project
			}
			return &Failure{
				Err:  fmt.Errorf("port %d is published by %s, %s, and the proxy is to publish it: nothing was touched", port.Host, n.Name, of),
				Hint: "Stop it, or give the proxy another port in the Compose file.",
			}
		}
	}
	return nil
}

// refuseLoss refuses to start a service on other data than it has now.
func refuseLoss(state State, want *Release) error {
	for _, c := range state.foreign() {
		service, ok := want.Service(c.Service)
		if !ok {
			continue
		}
		config := want.Environment.Project.Services[c.Service]
		for _, mount := range c.Mounts {
			if wanted := mountAt(want, config, mount.Target); loses(mount, wanted) {
				return lossError(c, mount, wanted)
			}
		}
		if service.Kind != KindKept {
			continue
		}
		for _, volume := range config.Volumes {
			wanted := mountAt(want, config, volume.Target)
			here := slices.ContainsFunc(c.Mounts, func(m Mount) bool { return m.Target == volume.Target })
			if !here && wanted.Volume != "" {
				return lossError(c, Mount{Target: volume.Target}, wanted)
			}
		}
	}
	return nil
}

// mountAt is what a service of the release has at a path; the zero Mount where
// it has nothing there.
func mountAt(want *Release, config types.ServiceConfig, target string) Mount {
	for _, volume := range config.Volumes {
		if volume.Target != target {
			continue
		}
		mount := Mount{Target: target, ReadOnly: volume.ReadOnly}
		switch {
		case volume.Type == types.VolumeTypeBind:
			mount.Path = volume.Source
		case volume.Source != "":
			mount.Volume = volume.Source
			if named := want.Environment.Project.Volumes[volume.Source].Name; named != "" {
				mount.Volume = named
			}
		}
		return mount
	}
	return Mount{}
}

// loses says whether what is in a mount would not be there any more.
func loses(mount, wanted Mount) bool {
	switch {
	case mount.Anonymous:
		return wanted.Volume != mount.Volume && wanted.Volume+wanted.Path != ""
	case mount.Volume != "":
		return wanted.Volume != mount.Volume
	default:
		return !mount.ReadOnly && (wanted.Volume != "" || wanted.Path != "" && !wanted.ReadOnly && wanted.Path != mount.Path)
	}
}

func lossError(c Container, mount, wanted Mount) error {
	from, there := "", ""
	switch {
	case mount.Anonymous:
		from = fmt.Sprintf("a volume without a name, %s", mount.Volume)
	case mount.Volume != "":
		from = "the volume " + mount.Volume
	case mount.Path != "":
		from = "the folder " + mount.Path
	default:
		from = "the container itself"
	}
	switch {
	case wanted.Volume != "":
		there = "the volume " + wanted.Volume
	case wanted.Path != "":
		there = "the folder " + wanted.Path
	default:
		there = "nothing"
	}
	failure := &Failure{
		Err: fmt.Errorf("%s keeps %s in %s, and the Compose file mounts %s there: its data would seem lost, so nothing was touched", c.Name, mount.Target, from, there),
	}
	switch {
	case mount.Volume != "" && wanted.Volume != "":
		failure.Hint = fmt.Sprintf("Mount that very volume: in the Compose file, volumes: {NAME: {external: true, name: %[2]s}}.\n"+
			"Or move the data: docker stop %[1]s; docker run --rm -v %[2]s:/from -v %[3]s:/to --entrypoint cp %[4]s -a /from/. /to/; then mount %[3]s in the Compose file that started it too, and docker compose up -d.",
			c.Name, mount.Volume, wanted.Volume, c.Image)
	case mount.Volume != "" || mount.Path != "":
		failure.Hint = fmt.Sprintf("Mount the same at %s of %s in the Compose file.", mount.Target, c.Service)
	default:
		failure.Hint = fmt.Sprintf("Copy it out (docker cp %[1]s:%[2]s .) and into %[3]s. If none of it is needed: docker rm -f %[1]s, which interrupts.", c.Name, mount.Target, there)
	}
	return failure
}
