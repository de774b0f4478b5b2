package image

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/distribution/reference"
	buildkit "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"github.com/moby/buildkit/util/staticfs"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// solve is the request in BuildKit's words. "dockerfile.v0" is the frontend
// inside the builder; the engine's prefers images that are there to those of a
// registry.
func (b *Builder) solve(request *request) (buildkit.SolveOpt, error) {
	exports, err := b.exports(request)
	if err != nil {
		return buildkit.SolveOpt{}, err
	}
	opt := buildkit.SolveOpt{
		Exports:             exports,
		Frontend:            "dockerfile.v0",
		FrontendAttrs:       request.attrs,
		LocalMounts:         map[string]fsutil.FS{},
		CacheImports:        b.caches(request.cacheFrom),
		CacheExports:        b.caches(request.cacheTo),
		AllowedEntitlements: request.entitlements,
		// The builder keeps what it got of a context by this key, and the next
		// build sends only what changed.
		SharedKey: request.context + "\x00" + request.dockerfile,
		Session: []session.Attachable{
			buildLogins(b.Keychain),
			secretsprovider.FromMap(request.secrets),
		},
	}
	for name, folder := range map[string]string{"context": request.context, "dockerfile": request.dockerfile} {
		if folder == "" {
			continue
		}
		mounted, err := fsutil.NewFS(folder)
		if err != nil {
			return buildkit.SolveOpt{}, fmt.Errorf("read the build's %s: %w", name, err)
		}
		opt.LocalMounts[name] = mounted
	}
	if request.inline != "" {
		file := staticfs.NewFS()
		file.Add("Dockerfile", &fstypes.Stat{Mode: 0o644}, []byte(request.inline))
		opt.LocalMounts["dockerfile"] = file
	}
	if len(request.agents) > 0 {
		agents, err := sshprovider.NewSSHAgentProvider(request.agents)
		if err != nil {
			return buildkit.SolveOpt{}, fmt.Errorf("forward the ssh agent: %w", err)
		}
		opt.Session = append(opt.Session, agents)
	}
	return opt, nil
}

// exports say where the image goes: into the engine's own store under all its
// names, or straight to its repositories. There it is pushed by digest: which
// tag it gets, and whether it may, is decided when it is whole.
func (b *Builder) exports(request *request) ([]buildkit.ExportEntry, error) {
	familiar := slices.Concat(request.references, request.tags)
	if b.Address != "" {
		familiar = request.references
	}
	var names, plain []string
	for _, one := range familiar {
		named, err := reference.ParseNormalizedNamed(one)
		if err != nil {
			return nil, fmt.Errorf("read image reference %q: %w", one, err)
		}
		switch {
		case b.Address == "":
			names = append(names, named.String())
		case loopback(reference.Domain(named)):
			plain = union(plain, named.Name())
		default:
			names = union(names, named.Name())
		}
	}
	if b.Address == "" {
		return []buildkit.ExportEntry{{Type: "moby", Attrs: map[string]string{"name": strings.Join(names, ",")}}}, nil
	}
	var entries []buildkit.ExportEntry
	for _, one := range [][]string{names, plain} {
		if len(one) == 0 {
			continue
		}
		entry := buildkit.ExportEntry{Type: buildkit.ExporterImage, Attrs: map[string]string{
			"name": strings.Join(one, ","), "push": "true", "push-by-digest": "true",
		}}
		if loopback(strings.SplitN(one[0], "/", 2)[0]) {
			entry.Attrs["registry.insecure"] = "true"
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// caches lets the builder at an Address speak plain HTTP to loopback
// registries; the engine does so by itself.
func (b *Builder) caches(entries []buildkit.CacheOptionsEntry) []buildkit.CacheOptionsEntry {
	if b.Address == "" {
		return entries
	}
	entries = slices.Clone(entries)
	for at, entry := range entries {
		named, err := reference.ParseNormalizedNamed(entry.Attrs["ref"])
		if entry.Type != "registry" || err != nil || !loopback(reference.Domain(named)) {
			continue
		}
		entries[at].Attrs = maps.Clone(entry.Attrs)
		entries[at].Attrs["registry.insecure"] = "true"
	}
	return entries
}
