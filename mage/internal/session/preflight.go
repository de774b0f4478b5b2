package session

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// CheckOptions say what is looked at before a rollout.
type CheckOptions struct {
	Env string
	// Now is the other end's clock, and Received this one's when that was
	// said; zero where there is no other end.
	Now, Received time.Time
}

// Check looks whether a rollout could begin, before there is anything to roll
// out, and gives each finding to report. It changes nothing.
func Check(ctx context.Context, options CheckOptions, report func(deploy.Finding)) error {
	s, err := Open(ctx, Options{Env: options.Env})
	if err != nil {
		report(deploy.Finding{Name: "host", State: deploy.FindingFailed, Text: err.Error()})
		return nil
	}
	defer s.Close()
	facts, err := s.facts(ctx, nil)
	if mistakes, ok := errors.AsType[*deploy.Mistakes](err); ok {
		for _, finding := range s.unfit(mistakes) {
			report(finding)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if facts.Holder, err = s.Host.Store.Holder(); err != nil {
		return err
	}
	if !options.Now.IsZero() {
		facts.Compared, facts.Skew = true, options.Received.Sub(options.Now)
	}
	for _, finding := range slices.Concat(deploy.Preflight(facts), s.configuration(ctx)) {
		report(finding)
	}
	return nil
}

// configuration looks whether the Compose file and the host's .env fit.
func (s *Session) configuration(ctx context.Context) []deploy.Finding {
	_, err := s.Model.Load(ctx, deploy.LoadOptions{
		Name: s.Name, Directory: s.Host.Store.Directory, Version: "v0", Variables: s.Host.Variables,
	})
	if mistakes, ok := errors.AsType[*deploy.Mistakes](err); ok {
		return s.unfit(mistakes)
	}
	if err != nil {
		return []deploy.Finding{{Name: "configuration", State: deploy.FindingFailed, Text: err.Error()}}
	}
	return []deploy.Finding{{Name: "configuration", State: deploy.FindingFine, Text: deploy.Plural(len(s.Host.Variables), "variable") + " in .env, nothing missing"}}
}

// unfit makes a finding of each mistake, and says once what to do.
func (s *Session) unfit(mistakes *deploy.Mistakes) []deploy.Finding {
	var findings []deploy.Finding
	for _, mistake := range mistakes.List {
		findings = append(findings, deploy.Finding{Name: "configuration", State: deploy.FindingFailed, Text: mistake.String()})
	}
	findings[len(findings)-1].Hint = "Correct the Compose file, or fill in the variables: mage env:push " + s.Name
	return findings
}

// ready refuses a rollout that this host has no room for, before anything is
// touched. The lock is held, so nobody else is running.
func (s *Session) ready(ctx context.Context, release *deploy.Release, accepted ...string) error {
	facts, err := s.facts(ctx, release)
	if err == nil {
		err = s.forgetOwnPorts(ctx, release, &facts)
	}
	if err != nil {
		return err
	}
	return deploy.FailedFindings(deploy.Accepted(deploy.Preflight(facts), accepted...), "nothing was touched")
}

// facts gathers what a preflight judges; release is nil where its images do
// not exist yet.
func (s *Session) facts(ctx context.Context, release *deploy.Release) (deploy.Facts, error) {
	facts := deploy.Facts{Layers: -1}
	var err error
	if facts.Engine, err = s.Engine.Version(ctx); err != nil {
		return facts, err
	}
	if facts.Free, err = s.Engine.FreeDisk(ctx); err != nil {
		return facts, err
	}
	if facts.Memory, err = s.Engine.Memory(ctx); err != nil {
		return facts, err
	}
	serving, err := s.Host.Serving(ctx)
	if err != nil {
		return facts, err
	}
	if serving != nil {
		facts.Serving = serving.Version
		if facts.Lost, err = s.lost(ctx, serving); err != nil {
			return facts, err
		}
	} else if facts.Taken, err = s.takenPorts(ctx); err != nil {
		return facts, err
	}
	if release != nil {
		facts.Layers = s.missingLayers(ctx, release)
	}
	return facts, nil
}

// lost gives the images of the release that serves that are not on the host.
func (s *Session) lost(ctx context.Context, serving *deploy.Release) ([]string, error) {
	var lost []string
	for _, image := range serving.Images {
		here, err := s.Engine.HasImage(ctx, image)
		if err != nil {
			return nil, err
		}
		if !here && !slices.Contains(lost, image.Pinned()) {
			lost = append(lost, image.Pinned())
		}
	}
	slices.Sort(lost)
	return lost, nil
}

// missingLayers is what is to be pulled for a release, compressed; -1 where
// the registry does not say, which the pull itself will explain.
func (s *Session) missingLayers(ctx context.Context, release *deploy.Release) int64 {
	var images []deploy.Image
	for _, image := range release.Images {
		images = append(images, image)
	}
	present, err := s.Engine.Present(ctx, images)
	if err != nil {
		return -1
	}
	here := map[string]bool{}
	var sum int64
	for _, image := range images {
		if present[image.Pinned()] {
			continue
		}
		if len(here) == 0 {
			if here, err = s.Engine.DiffIDs(ctx); err != nil {
				return -1
			}
		}
		layers, err := s.Images.Layers(ctx, image, "")
		if err != nil {
			return -1
		}
		for _, layer := range layers {
			if !here[layer.DiffID] {
				here[layer.DiffID] = true
				sum += layer.Compressed
			}
		}
	}
	return sum
}

// takenPorts finds the ports that the proxy is to publish on this host and
// that somebody else has. Once it runs, they are its own.
func (s *Session) takenPorts(ctx context.Context) (map[int]string, error) {
	taken := map[int]string{}
	environment, err := s.Model.Load(ctx, deploy.LoadOptions{
		Name: s.Name, Directory: s.Host.Store.Directory, Version: "v0", Variables: s.Host.Variables,
	})
	if err != nil || environment.Proxy() == nil {
		return taken, nil //nolint:nilerr // what is wrong with the configuration is another finding
	}
	project := environment.Project
	own, _, err := s.Engine.Observe(ctx, project.Name)
	if err != nil || slices.ContainsFunc(own, func(c deploy.Container) bool { return c.Service == environment.Proxy().Name && c.Running() }) {
		return taken, err
	}
	for _, port := range project.Services[environment.Proxy().Name].Ports {
		number, err := strconv.Atoi(port.Published)
		if err != nil || port.Protocol == "udp" {
			continue
		}
		if holder := publisher(own, number); holder != "" {
			taken[number] = holder + ", which no deploy has started"
		} else if holder := portHolder(ctx, net.JoinHostPort(port.HostIP, port.Published)); holder != "" {
			taken[number] = holder
		}
	}
	return taken, nil
}

// portHolder says that an address cannot be listened on; empty where it can.
func portHolder(ctx context.Context, address string) string {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err == nil {
		_ = listener.Close()
		return ""
	}
	if strings.Contains(err.Error(), "permission denied") {
		return "" // a port below 1024 is the engine's to open
	}
	return "another program"
}
