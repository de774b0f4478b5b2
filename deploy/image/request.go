package image

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
)

// The label names of the Open Container Initiative's image specification,
// annotations.md.
const (
	labelVersion  = "org.opencontainers.image.version"
	labelRevision = "org.opencontainers.image.revision"
	labelCreated  = "org.opencontainers.image.created"
	labelSource   = "org.opencontainers.image.source"
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
	inline       string
	secrets      map[string][]byte
	agents       []sshprovider.AgentConfig
	cacheFrom    []client.CacheOptionsEntry
	cacheTo      []client.CacheOptionsEntry
	entitlements []string
}

// requests reads the services' build sections; services with the same one,
// such as a web process and its worker, share a build. No services means all
// that have a build section.
func requests(project *types.Project, services []string, options Options) ([]*request, error) {
	if len(services) == 0 {
		for name, service := range project.Services {
			if service.Build != nil {
				services = append(services, name)
			}
		}
	}
	services = slices.Clone(services)
	slices.Sort(services)
	var all []*request
	builtBy := map[string]*request{}
	for _, name := range slices.Compact(services) {
		service, err := project.GetService(name)
		if err != nil {
			return nil, fmt.Errorf("build %s: the Compose file has no such service", name)
		}
		if service.Build == nil {
			return nil, fmt.Errorf("build %s: the service has no build section", name)
		}
		content, err := contentOf(project, service, options)
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
	if err := c.platform(service); err != nil {
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
	var err error
	c.secrets, err = secrets(project, build.Secrets)
	return c, err
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

// platform is the service's own where the build section names none. The
// engine's builder makes one at a time.
func (c *content) platform(service types.ServiceConfig) error {
	platforms := service.Build.Platforms
	switch {
	case len(platforms) > 1 && !slices.Contains(platforms, service.Platform):
		return fmt.Errorf("build.platforms names %d platforms and the engine builds one; set the service's platform to one of %s",
			len(platforms), strings.Join(platforms, ", "))
	case service.Platform != "":
		c.attrs["platform"] = service.Platform
	case len(platforms) == 1:
		c.attrs["platform"] = platforms[0]
	}
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

// labels are the build section's own, which win, and those that say what the
// image is. They are set on the finished image, so a new version of unchanged
// sources still comes from the cache.
func labels(own types.Labels, options Options) map[string]string {
	all := map[string]string{}
	for key, value := range map[string]string{
		labelVersion:  options.Version,
		labelRevision: options.Revision,
		labelSource:   options.Source,
	} {
		if value != "" {
			all[key] = value
		}
	}
	if !options.Created.IsZero() {
		all[labelCreated] = options.Created.UTC().Format(time.RFC3339)
	}
	maps.Copy(all, own)
	return all
}

// caches reads cache_from and cache_to: "type=registry,ref=…", or the name of
// an image alone.
func caches(list []string) []client.CacheOptionsEntry {
	var entries []client.CacheOptionsEntry
	for _, text := range list {
		if !strings.Contains(text, "=") {
			entries = append(entries, client.CacheOptionsEntry{
				Type:  "registry",
				Attrs: map[string]string{"ref": text},
			})
			continue
		}
		entry := client.CacheOptionsEntry{Type: "registry", Attrs: map[string]string{}}
		for field := range strings.SplitSeq(text, ",") {
			key, value, _ := strings.Cut(field, "=")
			if key = strings.TrimSpace(key); key == "type" {
				entry.Type = value
			} else {
				entry.Attrs[key] = value
			}
		}
		entries = append(entries, entry)
	}
	return entries
}

// secrets reads the values that the build may mount. They go to BuildKit over
// the build's session, when a step asks, and nowhere else.
func secrets(project *types.Project, wanted []types.ServiceSecretConfig) (map[string][]byte, error) {
	values := map[string][]byte{}
	for _, one := range wanted {
		id := cmp.Or(one.Target, one.Source)
		secret, declared := project.Secrets[one.Source]
		value, err := []byte(nil), error(nil)
		switch {
		case !declared:
			return nil, fmt.Errorf("read secret %s: it is not declared under secrets", one.Source)
		case secret.Content != "":
			value = []byte(secret.Content)
		case secret.Environment != "":
			text, set := project.Environment[secret.Environment]
			if !set {
				return nil, fmt.Errorf("read secret %s: the variable %s is not set; export it or put it in .env", one.Source, secret.Environment)
			}
			value = []byte(text)
		case secret.File != "":
			if value, err = os.ReadFile(secret.File); err != nil {
				return nil, fmt.Errorf("read secret %s: %w", one.Source, err)
			}
		default:
			return nil, fmt.Errorf("read secret %s: a build takes secrets with file or environment", one.Source)
		}
		if len(value) > secretsprovider.MaxSecretSize {
			return nil, fmt.Errorf("read secret %s: it has %d bytes, BuildKit takes %d at most", one.Source, len(value), secretsprovider.MaxSecretSize)
		}
		values[id] = bytes.Clone(value)
	}
	return values, nil
}
