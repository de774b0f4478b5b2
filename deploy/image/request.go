package image

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
)

// request is one image to build: everything that decides its content, and
// under which names and for which services.
type request struct {
	content
	services []string
	// references are the images' own names, tags all further ones.
	references, tags []string
}

// content decides what is built; requests with equal content are one build.
type content struct {
	// attrs are the Dockerfile frontend's options, named in BuildKit's
	// frontend/dockerui/config.go and attr.go.
	attrs map[string]string
	// context and dockerfile are folders; context is empty for a remote one.
	context, dockerfile string
	// inline is a Dockerfile that stands in the Compose file.
	inline string
	// secrets are the values, by the name under which a step mounts them.
	secrets      map[string][]byte
	secretNames  []string
	agents       []sshprovider.AgentConfig
	cacheFrom    []client.CacheOptionsEntry
	cacheTo      []client.CacheOptionsEntry
	entitlements []string
}

// requests reads the services' build sections; services with the same one,
// such as a web process and its worker, share a build. No services means all
// that have a build section.
func requests(project *types.Project, services []string, options Options) ([]*request, error) {
	selected, err := chosen(project, services)
	if err != nil {
		return nil, err
	}
	trees := newTrees(options.Tree)
	var all []*request
	builtBy := map[string]*request{}
	for _, service := range selected {
		name := service.Name
		content, err := contentOf(project, service, options)
		if err == nil {
			err = content.identify(trees)
		}
		if err == nil {
			content.secrets, err = secrets(project, service.Build.Secrets)
		}
		if err != nil {
			return nil, fmt.Errorf("build %s: %w", name, err)
		}
		image, err := normalize(cmp.Or(service.Image, project.Name+"-"+name))
		if err != nil {
			return nil, fmt.Errorf("build %s: %w", name, err)
		}
		at := slices.IndexFunc(all, func(r *request) bool { return reflect.DeepEqual(r.content, content) })
		if at < 0 {
			all = append(all, &request{content: content})
			at = len(all) - 1
		}
		one := all[at]
		if other, taken := builtBy[image]; taken && other != one {
			return nil, fmt.Errorf("build %s: %s has another build section for the same image, %s; make both sections equal or the images' names different",
				name, strings.Join(other.services, ", "), image)
		}
		builtBy[image] = one
		one.services = append(one.services, name)
		one.references = union(one.references, image)
		for _, tag := range service.Build.Tags {
			if tag, err = normalize(tag); err != nil {
				return nil, fmt.Errorf("build %s: %w", name, err)
			}
			one.tags = union(one.tags, tag)
		}
	}
	return all, nil
}

// chosen gives the named services, or all with a build section, by name.
func chosen(project *types.Project, names []string) ([]types.ServiceConfig, error) {
	if len(names) == 0 {
		for name, service := range project.Services {
			if service.Build != nil {
				names = append(names, name)
			}
		}
	}
	names = slices.Clone(names)
	slices.Sort(names)
	var all []types.ServiceConfig
	for _, name := range slices.Compact(names) {
		service, err := project.GetService(name)
		if err != nil {
			return nil, fmt.Errorf("build %s: the Compose file has no such service", name)
		}
		if service.Build == nil {
			return nil, fmt.Errorf("build %s: the service has no build section", name)
		}
		service.Name = name
		all = append(all, service)
	}
	return all, nil
}

func union(list []string, value string) []string {
	if slices.Contains(list, value) {
		return list
	}
	return append(list, value)
}

// normalize gives a name the tag that the engine would, and refuses a digest:
// nobody can build one.
func normalize(image string) (string, error) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return "", fmt.Errorf("read image reference %q: %w", image, err)
	}
	if _, pinned := named.(reference.Canonical); pinned {
		return "", fmt.Errorf("the image %s is pinned by digest, so it cannot be built; give it a tag", image)
	}
	return reference.FamiliarString(reference.TagNameOnly(named)), nil
}

// contentOf turns a build section into what BuildKit is asked for. What it
// cannot do it refuses by name, rather than leave it out in silence.
func contentOf(project *types.Project, service types.ServiceConfig, options Options) (content, error) {
	build := service.Build
	if err := supported(build); err != nil {
		return content{}, err
	}
	c := content{
		attrs:        map[string]string{},
		inline:       build.DockerfileInline,
		entitlements: slices.Clone(build.Entitlements),
	}
	c.locate(project, build)
	if err := c.platform(service, options.Platform); err != nil {
		return content{}, err
	}
	c.set("target", build.Target)
	for key, value := range build.Args {
		if value != nil {
			c.attrs["build-arg:"+key] = *value
		} else if inherited, found := project.Environment[key]; found {
			c.attrs["build-arg:"+key] = inherited
		}
	}
	for key, value := range labels(build.Labels, options) {
		c.attrs["label:"+key] = value
	}
	if build.NoCache || options.NoCache {
		c.attrs["no-cache"] = "" // empty: for every stage
	} else if len(build.NoCacheFilter) > 0 {
		c.attrs["no-cache"] = strings.Join(build.NoCacheFilter, ",")
	}
	if build.Pull {
		c.attrs["image-resolve-mode"] = "pull"
	}
	if hosts := build.ExtraHosts.AsList("="); len(hosts) > 0 {
		slices.Sort(hosts)
		c.attrs["add-hosts"] = strings.Join(hosts, ",")
	}
	switch build.Network {
	case "", "default":
	case "host":
		c.attrs["force-network-mode"] = "host"
		c.entitlements = union(c.entitlements, "network.host")
	case "none":
		c.attrs["force-network-mode"] = "none"
	default:
		return content{}, fmt.Errorf("build.network is %q; BuildKit knows default, host and none", build.Network)
	}
	if build.Privileged {
		c.entitlements = union(c.entitlements, "security.insecure")
	}
	if build.ShmSize > 0 {
		c.attrs["shm-size"] = strconv.FormatInt(int64(build.ShmSize), 10)
	}
	c.limits(build.Ulimits)
	c.cacheFrom = caches(build.CacheFrom)
	c.cacheTo = caches(build.CacheTo)
	for _, key := range build.SSH {
		agent := sshprovider.AgentConfig{ID: key.ID}
		if key.Path != "" {
			agent.Paths = []string{key.Path}
		}
		c.agents = append(c.agents, agent)
	}
	slices.SortFunc(c.agents, func(a, b sshprovider.AgentConfig) int { return strings.Compare(a.ID, b.ID) })
	for _, secret := range build.Secrets {
		c.secretNames = append(c.secretNames, cmp.Or(secret.Target, secret.Source))
	}
	slices.Sort(c.secretNames)
	return c, nil
}

func supported(build *types.BuildConfig) error {
	for key, asked := range map[string]bool{
		"additional_contexts": len(build.AdditionalContexts) > 0,
		"isolation":           build.Isolation != "" && build.Isolation != "default",
		"provenance":          build.Provenance != "" && build.Provenance != "false",
		"sbom":                build.SBOM != "" && build.SBOM != "false",
	} {
		if asked {
			return fmt.Errorf("build.%s is not supported by the builder inside the engine; leave it out, or build the image elsewhere and deploy its tag", key)
		}
	}
	return nil
}

func (c *content) set(attr, value string) {
	if value != "" {
		c.attrs[attr] = value
	}
}

// locate finds the build context and the Dockerfile. A remote context (a Git
// repository or an archive's address) is fetched by the engine itself.
func (c *content) locate(project *types.Project, build *types.BuildConfig) {
	file := cmp.Or(build.Dockerfile, "Dockerfile")
	if c.inline != "" {
		file = "Dockerfile"
	}
	if fetched(build.Context) {
		c.attrs["context"] = build.Context
		if c.inline != "" {
			c.attrs["dockerfilekey"] = "dockerfile"
		}
		c.attrs["filename"] = file
		return
	}
	c.context = build.Context
	if !filepath.IsAbs(c.context) {
		c.context = filepath.Join(project.WorkingDir, c.context)
	}
	c.attrs["filename"] = filepath.Base(file)
	if c.inline != "" {
		return
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(c.context, file)
	}
	c.dockerfile = filepath.Dir(file)
}

// fetched says whether the engine gets the build context from the network.
func fetched(context string) bool {
	for _, prefix := range []string{"https://", "http://", "git://", "ssh://", "github.com/", "git@"} {
		if strings.HasPrefix(context, prefix) {
			return true
		}
	}
	return false
}

// platform is the service's own, or the build section's, or the one that the
// build was told. A build makes one at a time.
func (c *content) platform(service types.ServiceConfig, told string) error {
	platform, offered := service.Platform, service.Build.Platforms
	switch {
	case platform != "":
	case len(offered) == 1:
		platform = offered[0]
	case len(offered) == 0 || slices.Contains(offered, told):
		platform = told
	}
	if platform == "" && len(offered) > 0 || len(offered) > 1 && !slices.Contains(offered, platform) {
		return fmt.Errorf("build.platforms names %d platforms and the engine builds one; set the service's platform to one of %s",
			len(offered), strings.Join(offered, ", "))
	}
	if platform == "" {
		return nil
	}
	parsed, err := platforms.Parse(platform)
	if err != nil {
		return fmt.Errorf("read platform %q: %w; it is written like linux/arm64", platform, err)
	}
	c.attrs["platform"] = platforms.Format(platforms.Normalize(parsed))
	return nil
}

func (c *content) limits(ulimits map[string]*types.UlimitsConfig) {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(ulimits)) {
		limit := ulimits[name]
		soft, hard := limit.Soft, limit.Hard
		if limit.Single != 0 {
			soft, hard = limit.Single, limit.Single
		}
		all = append(all, fmt.Sprintf("%s=%d:%d", name, soft, hard))
	}
	c.set("ulimit", strings.Join(all, ","))
}
