package starter

import (
	"slices"
	"strings"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// image is the image's name where the environments say another one.
func (d *drafter) image(f *facts) string {
	if builder := d.builder(f); builder != nil {
		return d.images[flow(builder.raw["build"])]
	}
	return ""
}

// builder is the service that builds what a service runs: itself, or another
// one with the same name for its image. Whoever runs what another service
// builds gets its versions, too.
func (d *drafter) builder(f *facts) *facts {
	if f.built {
		return f
	}
	for _, name := range d.project.services() {
		if other := d.kinds[name].facts; other.built && other.image != "" && other.image == f.image {
			return other
		}
	}
	return nil
}

// nameImages gives every build a name in the registry, with the version.
func (d *drafter) nameImages(kept []*guess) {
	var builds []string
	for _, one := range kept {
		if build := flow(one.facts.raw["build"]); one.facts.built && !slices.Contains(builds, build) {
			builds = append(builds, build)
		}
	}
	for _, one := range kept {
		f := one.facts
		build := flow(f.raw["build"])
		if !f.built || d.images[build] != "" {
			continue
		}
		name := d.Name
		if len(builds) > 1 {
			name += "-" + f.name
		}
		written := text(f.raw["image"])
		d.images[build] = imageName(written, f.software, name)
		at := "services." + f.name
		switch {
		case written == "":
			d.find(Changed, at+".build", "is built and has no name, so that nothing could be pushed or gone back to", "The environments call the image "+d.images[build]+".")
		case !strings.Contains(written, versionText):
			d.find(Changed, at+".image", "has a tag that is the same for every version", "The environments call the image "+d.images[build]+".")
		}
	}
}

// versionText is how a file names the version, with or without a default.
const versionText = "${" + deploy.VersionVariable

// imageName is the name of an image in the registry, with the version for its
// tag: the one that is written where that has a registry, and with one that a
// variable names otherwise.
func imageName(written, last, otherwise string) string {
	const registry, tag = "${REGISTRY}/", ":${" + deploy.VersionVariable + "}"
	if written == "" {
		return registry + otherwise + tag
	}
	placed := strings.Contains(anyVariable.ReplaceAllString(written, ""), "/")
	switch {
	case placed && strings.Contains(written, versionText):
		return written
	case !placed:
		return registry + last + tag
	}
	// The registry's port stays: only what is behind the last / is a tag.
	repository := written
	parts := splitOutside(written)
	if last := parts[len(parts)-1]; len(parts) > 1 && !strings.Contains(last, "/") {
		repository = strings.TrimSuffix(written, ":"+last)
	}
	return repository + tag
}

// lookAtImage finds what keeps an image from being a release's.
func (d *drafter) lookAtImage(g *guess) {
	f := g.facts
	at := "services." + f.name
	build := asMap(f.raw["build"])
	if target := text(build["target"]); strings.HasPrefix(target, "dev") {
		d.find(Blocks, at+".build.target", "is "+target+", which is for developers", "Say build: {target: …} with the stage for production in the environments.")
	}
	arguments := environmentOf(build["args"])
	for _, key := range sortedKeys(arguments) {
		if secretName(key) && text(arguments[key]) != "" {
			d.find(Judge, at+".build.args."+key, "is a secret that stays in the image's layers", "Use build: {secrets: […]}, which leaves no trace.")
		}
	}
	if f.built {
		return
	}
	if builder := d.builder(f); builder != nil {
		if d.leaves[builder.name] {
			d.find(Blocks, at+".image", "is built by "+builder.name+", which the environments leave out", "Say build in this service, too.")
		}
		return
	}
	written := text(f.raw["image"])
	tag := strings.TrimPrefix(written, deploy.Repository(written))
	switch {
	case strings.Contains(written, "@"), strings.Contains(written, versionText):
	case strings.Contains(written, "$"):
		if g.software == nil && strings.Contains(tag, "$") {
			d.find(Judge, at+".image", "has a variable for its tag that a deploy does not set", "Where it is a release of this project's, write ${VERSION} for the tag.")
		}
	case deploy.Tag(written) == "latest":
		d.find(Judge, at+".image", "has no tag but latest: nobody can say which version runs, and the next pull may be another one", "Name the version that runs now.")
	}
}
