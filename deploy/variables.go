package deploy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
)

// VersionVariable is the one variable that the deploy sets itself: what people
// type after `mage deploy:here`. All others come from the host's .env, which
// `docker compose` by hand reads as well.
const VersionVariable = "VERSION"

// versionPattern finds $VERSION, ${VERSION} and the forms with a default, and
// the dollar that escapes one before it.
var versionPattern = regexp.MustCompile(`(\$?)\$(?:\{` + VersionVariable + `(?::?[-?+][^}]*)?\}|` + VersionVariable + `\b)`)

// setVersion writes the version into every string of a Compose model, so that
// the rendered file says which release it is without being told.
func setVersion(model any, version string) any {
	switch value := model.(type) {
	case string:
		return versionPattern.ReplaceAllStringFunc(value, func(match string) string {
			if strings.HasPrefix(match, "$$") {
				return match
			}
			return version
		})
	case map[string]any:
		for key, entry := range value {
			value[key] = setVersion(entry, version)
		}
	case []any:
		for at, entry := range value {
			value[at] = setVersion(entry, version)
		}
	}
	return model
}

// variableUse is a variable without a value and the first place that uses it.
type variableUse struct{ Name, Path string }

// inBuild says whether a place is one that a build reads.
func inBuild(path string) bool {
	parts := strings.Split(path, ".")
	return len(parts) > 2 && parts[0] == "services" && (parts[2] == "build" || parts[2] == "image")
}

func anywhere(string) bool { return true }

// missingVariables finds the variables that a model needs in the places that
// count and that have neither a value nor a default. Compose itself would go
// on with an empty string, and so they are set to one here, to find what else
// is wrong.
func missingVariables(model map[string]any, variables map[string]string, counts func(path string) bool) []variableUse {
	var missing []variableUse
	walkStrings("", model, func(path, value string) {
		if !counts(path) {
			return
		}
		found := template.ExtractVariables(map[string]any{"": value}, template.DefaultPattern)
		for _, name := range slices.Sorted(maps.Keys(found)) {
			variable := found[name]
			if _, ok := variables[name]; ok || variable.DefaultValue != "" || variable.PresenceValue != "" || hasEmptyDefault(value, name) {
				continue
			}
			variables[name] = ""
			missing = append(missing, variableUse{Name: name, Path: path})
		}
	})
	return missing
}

// hasEmptyDefault says whether the value gives the variable an empty default
// on purpose: ${NAME:-} or ${NAME-}.
func hasEmptyDefault(value, name string) bool {
	return strings.Contains(value, "${"+name+":-}") || strings.Contains(value, "${"+name+"-}")
}

// walkStrings visits every string of a model with its path.
func walkStrings(path string, model any, visit func(path, value string)) {
	join := func(key string) string {
		if path == "" {
			return key
		}
		return path + "." + key
	}
	switch value := model.(type) {
	case string:
		visit(path, value)
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			walkStrings(join(key), value[key], visit)
		}
	case []any:
		for at, entry := range value {
			walkStrings(fmt.Sprintf("%s[%d]", path, at), entry, visit)
		}
	}
}
