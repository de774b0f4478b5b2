package starter

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"github.com/google/shlex"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// facts are what a Compose file says of one service, in the forms that guesses
// are made from.
type facts struct {
	name string
	// raw is the service as it is written.
	raw map[string]any
	// image is the reference with the defaults of its variables; software its
	// last part: "postgres" of "docker.io/library/postgres:17".
	image, software string
	built           bool
	// process is the entrypoint and the command, and where the file has
	// neither, those of its Dockerfile; small letters.
	process string
	// environment has the values as they are written; nil for those that come
	// from the host.
	environment map[string]any
	ports       []port
	expose      []int
	// fromDockerfile says that the Compose file itself exposes nothing.
	fromDockerfile bool
	mounts         []mount
	// markers are files in the build context that say what is built.
	markers []string
	// checked says whether the service or its Dockerfile has a health check.
	checked bool
	// checkURL is what that asks, if it asks HTTP.
	checkURL string
}

// markerFiles say which framework a build context is of.
var markerFiles = []string{
	"manage.py", "artisan", "bin/rails", "alembic.ini", "prisma/schema.prisma", "mix.exs",
}

func newFacts(project *Project, name string) *facts {
	raw := project.service(name)
	f := &facts{name: name, raw: raw, environment: environmentOf(raw["environment"])}
	f.image = expand(text(raw["image"]))
	f.software = path.Base(deploy.Repository(f.image))
	f.process = strings.TrimSpace(words(raw["entrypoint"]) + " " + words(raw["command"]))
	for _, entry := range list(raw["ports"]) {
		if one, ok := parsePort(entry); ok {
			f.ports = append(f.ports, one)
		}
	}
	for _, entry := range list(raw["expose"]) {
		if number, err := strconv.Atoi(strings.TrimSuffix(expand(text(entry)), "/tcp")); err == nil {
			f.expose = append(f.expose, number)
		}
	}
	for _, entry := range list(raw["volumes"]) {
		f.mounts = append(f.mounts, parseMount(asMap(entry)))
	}
	if build := asMap(raw["build"]); build != nil {
		f.built = true
		f.readContext(project, build)
	}
	check := asMap(raw["healthcheck"])
	if test := words(check["test"]); test != "" || text(check["disable"]) == "true" {
		f.checked, f.checkURL = true, test // whoever wants none is left without
	}
	f.process = strings.ToLower(f.process)
	return f
}

var (
	dockerExpose = regexp.MustCompile(`(?im)^\s*EXPOSE\s+(\d+)`)
	dockerStart  = regexp.MustCompile(`(?im)^\s*(?:CMD|ENTRYPOINT)\s+(.+)$`)
	dockerCheck  = regexp.MustCompile(`(?im)^\s*HEALTHCHECK\s+(?:--\S+\s+|\\\s*)*CMD\s+(.+)$`)
)

// readContext takes from a build context what the Compose file leaves to it.
func (f *facts) readContext(project *Project, build map[string]any) {
	context := path.Clean(expand(text(build["context"])))
	for _, marker := range markerFiles {
		if project.has(path.Join(context, marker)) {
			f.markers = append(f.markers, marker)
		}
	}
	dockerfile := expand(text(build["dockerfile"]))
	if dockerfile == "" {
		dockerfile = "Dockerfile"
	}
	content := project.read(path.Join(context, dockerfile))
	if len(f.expose) == 0 && len(f.ports) == 0 {
		if found := dockerExpose.FindStringSubmatch(content); found != nil {
			number, _ := strconv.Atoi(found[1]) // digits
			f.expose, f.fromDockerfile = append(f.expose, number), true
		}
	}
	if f.process == "" {
		for _, found := range dockerStart.FindAllStringSubmatch(content, -1) {
			f.process += " " + strings.NewReplacer(`"`, "", ",", " ", "[", "", "]", "").Replace(found[1])
		}
	}
	if found := dockerCheck.FindStringSubmatch(content); found != nil {
		f.checked, f.checkURL = true, strings.NewReplacer(`"`, "", ",", " ", "]", "").Replace(found[1])
	}
}

// runs says whether one of the words stands in the process, as words of its own.
func (f *facts) runs(anyOf ...string) (word string, found bool) {
	for _, word := range anyOf {
		for at := 0; ; {
			next := strings.Index(f.process[at:], word)
			if next < 0 {
				break
			}
			start, end := at+next, at+next+len(word)
			if (start == 0 || !wordPart(f.process[start-1])) && (end == len(f.process) || !wordPart(f.process[end])) {
				return word, true
			}
			at = end
		}
	}
	return "", false
}

func wordPart(c byte) bool {
	return c == '_' || c == '-' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
}

// value is a variable of the service's environment, with defaults expanded.
func (f *facts) value(key string) string { return expand(text(f.environment[key])) }

// publishes says whether it has ports of the host.
func (f *facts) publishes() bool {
	return slices.ContainsFunc(f.ports, func(p port) bool { return p.published != "" })
}

// dependencies are the services it depends on, and on what condition.
func (f *facts) dependencies() map[string]string {
	conditions := map[string]string{}
	for name, entry := range asMap(f.raw["depends_on"]) {
		conditions[name] = text(asMap(entry)["condition"])
	}
	return conditions
}

// environmentOf reads both forms of an environment.
func environmentOf(value any) map[string]any {
	environment := map[string]any{}
	for _, entry := range list(value) {
		key, value, found := strings.Cut(text(entry), "=")
		environment[key] = nil
		if found {
			environment[key] = value
		}
	}
	maps.Copy(environment, asMap(value))
	return environment
}

// expand puts the defaults of variables in their place; those without one are
// left out.
func expand(value string) string {
	done, err := template.SubstituteWithOptions(value, func(string) (string, bool) { return "", false }, template.WithoutLogging)
	if err != nil {
		return value
	}
	return done
}

func asMap(value any) map[string]any {
	found, _ := value.(map[string]any)
	return found
}

func list(value any) []any {
	found, _ := value.([]any)
	return found
}

func text(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// words is a command in either form as one line.
func words(value any) string {
	if entries := list(value); entries != nil {
		var all []string
		for _, entry := range entries {
			all = append(all, text(entry))
		}
		return strings.Join(all, " ")
	}
	return text(value)
}

// arguments is a command in either form as a list; none where it is not clear.
func arguments(value any) []string {
	if line, ok := value.(string); ok {
		split, err := shlex.Split(line)
		if err != nil {
			return nil
		}
		return split
	}
	var all []string
	for _, entry := range list(value) {
		all = append(all, text(entry))
	}
	return all
}
